/* SPDX-License-Identifier: Apache-2.0 */
/* What a jq program sees as $meta. Only what it mentions is built: each value costs. */
#include "mappings/meta.h"

#include "base/suggest.h"
#include "base/timestamp.h"

static jv text(struct nw_slice s)
{
    return s.data == NULL ? jv_null() : jv_string_sized(s.data, (int)s.len);
}

/* Names to their first values; with all: to lists of all values. */
static jv pairs(const struct nw_headers *h, bool all)
{
    jv object = jv_object();

    for (uint32_t i = 0; i < h->count; i++) {
        jv name = text(h->items[i].name);
        bool seen = jv_object_has(jv_copy(object), jv_copy(name));
        if (all) {
            jv list = seen ? jv_object_get(jv_copy(object), jv_copy(name)) : jv_array();
            object = jv_object_set(object, name, jv_array_append(list, text(h->items[i].value)));
        } else if (!seen) {
            object = jv_object_set(object, name, text(h->items[i].value));
        } else {
            jv_free(name);
        }
    }
    return object;
}

static jv timestamp(const struct nw_message *m)
{
    char time[NW_TIMESTAMP_TEXT_MAX];

    (void)nw_timestamp_format(nw_message_timestamp(m), time);
    return jv_string(time);
}

static jv number(const struct nw_message *m, enum nw_meta meta)
{
    int64_t n;

    if (!nw_message_number(m, meta, &n)) {
        return jv_null();
    }
    return meta == NW_META_RETAINED ? jv_bool(n != 0) : jv_number((double)n);
}

static const struct {
    const char *name;
    int kind; /* of enum nw_meta_kind */
} names[] = {
    {"address", NW_OF_ADDRESS},
    {"key", NW_OF_KEY},
    {"id", NW_OF_ID},
    {"headers", NW_OF_HEADERS},
    {"header_values", NW_OF_HEADER_VALUES},
    {"param", NW_OF_PARAM},
    {"query", NW_OF_QUERY},
    {"timestamp", NW_OF_TIMESTAMP},
    {"partition", NW_OF_META + NW_META_PARTITION},
    {"offset", NW_OF_META + NW_META_OFFSET},
    {"sequence", NW_OF_META + NW_META_SEQUENCE},
    {"qos", NW_OF_META + NW_META_QOS},
    {"retained", NW_OF_META + NW_META_RETAINED},
    {"line", NW_OF_META + NW_META_LINE},
    {"status", NW_OF_META + NW_META_STATUS},
    {"stream", NW_OF_META + NW_META_STREAM},
    {"method", NW_OF_META + NW_META_METHOD},
    {"remote", NW_OF_META + NW_META_REMOTE},
};
#define NAMES (sizeof names / sizeof names[0])

static jv value_of(int kind, struct nw_message *m)
{
    switch (kind) {
    case NW_OF_ADDRESS:
        return text(nw_message_original(m)->address);
    case NW_OF_KEY:
        return text(m->key);
    case NW_OF_ID:
        return text(nw_message_id(m));
    case NW_OF_HEADERS:
        return pairs(&m->headers, false);
    case NW_OF_HEADER_VALUES:
        return pairs(&m->headers, true);
    case NW_OF_PARAM:
        return pairs(&m->params, false);
    case NW_OF_QUERY:
        return pairs(&m->queries, false);
    case NW_OF_TIMESTAMP:
        return timestamp(m);
    default:
        return kind - NW_OF_META < NW_META_NUMBERS
                   ? number(m, (enum nw_meta)(kind - NW_OF_META))
                   : text(nw_message_text(m, (enum nw_meta)(kind - NW_OF_META)));
    }
}

static size_t find(struct nw_slice name)
{
    size_t i = 0;

    while (i < NAMES && !nw_slice_equal(nw_slice_text(names[i].name), name)) {
        i++;
    }
    return i;
}

int nw_meta_kind(struct nw_slice name)
{
    size_t i = find(name);

    return i == NAMES ? -1 : names[i].kind;
}

uint32_t nw_meta_bit(struct nw_slice name)
{
    size_t i = find(name);

    return i == NAMES ? 0 : UINT32_C(1) << i;
}

const char nw_meta_names[] = "address, key, id, headers, header_values, param, query, timestamp, "
                             "partition, offset, sequence, qos, retained, line, status, stream, "
                             "method and remote";

const char *nw_meta_suggest(struct nw_slice name)
{
    struct nw_suggest suggest;

    nw_suggest_init(&suggest, name);
    for (size_t i = 0; i < NAMES; i++) {
        nw_suggest_offer(&suggest, names[i].name);
    }
    return nw_suggest_best(&suggest);
}

/* What the message has not is left out, but for address, key and id, which are null then. */
jv nw_meta_value(struct nw_message *m, uint32_t wanted)
{
    jv meta = jv_object();

    for (size_t i = 0; i < NAMES; i++) {
        jv value;
        if ((wanted & UINT32_C(1) << i) == 0) {
            continue;
        }
        value = value_of(names[i].kind, m);
        if (names[i].kind < NW_OF_META || jv_get_kind(value) != JV_KIND_NULL) {
            meta = jv_object_set(meta, jv_string(names[i].name), value);
        } else {
            jv_free(value);
        }
    }
    return meta;
}
