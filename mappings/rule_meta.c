/* SPDX-License-Identifier: Apache-2.0 */
/* What rules see as $meta: the same as meta.c gives to libjq. */
#include "base/json.h"
#include "base/timestamp.h"
#include "mappings/meta.h"
#include "mappings/rule_node.h"

typedef struct nw_rule_run_state state;
typedef struct nw_rule_node node;
typedef struct nw_rule_value value;
typedef enum nw_rule_outcome outcome;

static outcome give_text(struct nw_slice text, value *out)
{
    if (text.data == NULL) {
        *out = (value){.kind = NW_KIND_NULL};
        return NW_RULE_VALUE;
    }
    *out = nw_rule_string(text);
    return nw_utf8_valid(text) ? NW_RULE_VALUE : NW_RULE_UNSURE;
}

/* The first value of that name; the names are told apart byte by byte. */
static outcome give_pair(const struct nw_headers *pairs, struct nw_slice name, value *out)
{
    for (uint32_t i = 0; i < pairs->count; i++) {
        if (nw_slice_equal(pairs->items[i].name, name)) {
            return give_text(pairs->items[i].value, out);
        }
    }
    *out = (value){.kind = NW_KIND_NULL};
    return NW_RULE_VALUE;
}

static outcome give_timestamp(state *r, value *out)
{
    char *text = nw_rule_alloc(r->space, NW_TIMESTAMP_TEXT_MAX);

    if (text == NULL) {
        return NW_RULE_UNSURE;
    }
    (void)nw_timestamp_format(nw_message_timestamp(r->m), text);
    return give_text(nw_slice_text(text), out);
}

static outcome give_meta(state *r, enum nw_meta meta, value *out)
{
    int64_t n;

    if (meta >= NW_META_NUMBERS) {
        return give_text(nw_message_text(r->m, meta), out);
    }
    *out = (value){.kind = NW_KIND_NULL};
    if (nw_message_number(r->m, meta, &n)) {
        *out = meta == NW_META_RETAINED ? nw_rule_bool(n != 0) : nw_rule_number((double)n);
    }
    return NW_RULE_VALUE;
}

outcome nw_rule_meta(state *r, const node *n, value *out)
{
    switch (n->meta) {
    case NW_OF_ADDRESS:
        return give_text(nw_message_original(r->m)->address, out);
    case NW_OF_KEY:
        return give_text(r->m->key, out);
    case NW_OF_ID:
        return give_text(nw_message_id(r->m), out);
    case NW_OF_HEADERS:
        return give_pair(&r->m->headers, n->name, out);
    case NW_OF_PARAM:
        return give_pair(&r->m->params, n->name, out);
    case NW_OF_QUERY:
        return give_pair(&r->m->queries, n->name, out);
    case NW_OF_TIMESTAMP:
        return give_timestamp(r, out);
    default:
        return give_meta(r, (enum nw_meta)(n->meta - NW_OF_META), out);
    }
}
