/* SPDX-License-Identifier: Apache-2.0 */
/* What a jq program sees as $meta. */
#include "base/timestamp.h"
#include "mappings/program.h"

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

static jv set(jv object, const char *name, jv value)
{
    return jv_object_set(object, jv_string(name), value);
}

jv nw_meta_value(struct nw_message *m)
{
    static const char *const numbers[NW_META_NUMBERS] = {
        [NW_META_PARTITION] = "partition", [NW_META_OFFSET] = "offset",
        [NW_META_SEQUENCE] = "sequence",   [NW_META_QOS] = "qos",
        [NW_META_RETAINED] = "retained",   [NW_META_LINE] = "line",
        [NW_META_STATUS] = "status"};
    static const char *const texts[] = {"stream", "method", "remote"};
    const struct nw_message *original = nw_message_original(m);
    char time[NW_TIMESTAMP_TEXT_MAX];
    jv meta = jv_object();

    meta = set(meta, "address", text(original->address));
    meta = set(meta, "key", text(m->key));
    meta = set(meta, "id", text(m->id.data != NULL ? m->id : m->origin));
    meta = set(meta, "headers", pairs(&m->headers, false));
    meta = set(meta, "header_values", pairs(&m->headers, true));
    meta = set(meta, "param", pairs(&m->params, false));
    meta = set(meta, "query", pairs(&m->queries, false));
    if (m->timestamp_ns != 0) {
        (void)nw_timestamp_format(m->timestamp_ns, time);
        meta = set(meta, "timestamp", jv_string(time));
    }
    for (enum nw_meta i = 0; i < NW_META_NUMBERS; i++) {
        int64_t n;
        if (nw_message_number(m, i, &n)) {
            meta = set(meta, numbers[i],
                       i == NW_META_RETAINED ? jv_bool(n != 0) : jv_number((double)n));
        }
    }
    for (size_t i = 0; i < sizeof texts / sizeof texts[0]; i++) {
        if (m->texts[i].data != NULL) {
            meta = set(meta, texts[i], text(m->texts[i]));
        }
    }
    return meta;
}
