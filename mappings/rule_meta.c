/* SPDX-License-Identifier: Apache-2.0 */
/* What rules see as $meta: the same as meta.c gives to libjq. */
#include "base/json.h"
#include "base/timestamp.h"
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

static outcome give_number(const state *r, enum nw_meta meta, value *out)
{
    int64_t n;

    *out = (value){.kind = NW_KIND_NULL};
    if (nw_message_number(r->m, meta, &n)) {
        *out = meta == NW_META_RETAINED ? nw_rule_bool(n != 0) : nw_rule_number((double)n);
    }
    return NW_RULE_VALUE;
}

static const struct {
    struct nw_slice name;
    enum nw_meta meta;
    bool number;
} metas[] = {
    {NW_LITERAL("partition"), NW_META_PARTITION, true},
    {NW_LITERAL("offset"), NW_META_OFFSET, true},
    {NW_LITERAL("sequence"), NW_META_SEQUENCE, true},
    {NW_LITERAL("qos"), NW_META_QOS, true},
    {NW_LITERAL("retained"), NW_META_RETAINED, true},
    {NW_LITERAL("line"), NW_META_LINE, true},
    {NW_LITERAL("status"), NW_META_STATUS, true},
    {NW_LITERAL("stream"), NW_META_STREAM, false},
    {NW_LITERAL("method"), NW_META_METHOD, false},
    {NW_LITERAL("remote"), NW_META_REMOTE, false},
};

outcome nw_rule_meta(state *r, const node *n, value *out)
{
    if (n->member.data != NULL) {
        switch (n->name.data[0]) {
        case 'h':
            return give_pair(&r->m->headers, n->member, out);
        case 'p':
            return give_pair(&r->m->params, n->member, out);
        default:
            return give_pair(&r->m->queries, n->member, out);
        }
    }
    if (nw_slice_equal(n->name, NW_LITERAL("address"))) {
        return give_text(nw_message_original(r->m)->address, out);
    }
    if (nw_slice_equal(n->name, NW_LITERAL("key"))) {
        return give_text(r->m->key, out);
    }
    if (nw_slice_equal(n->name, NW_LITERAL("id"))) {
        return give_text(nw_message_id(r->m), out);
    }
    if (nw_slice_equal(n->name, NW_LITERAL("timestamp"))) {
        return give_timestamp(r, out);
    }
    for (size_t i = 0; i < sizeof metas / sizeof metas[0]; i++) {
        if (nw_slice_equal(n->name, metas[i].name)) {
            return metas[i].number ? give_number(r, metas[i].meta, out)
                                   : give_text(nw_message_text(r->m, metas[i].meta), out);
        }
    }
    return NW_RULE_UNSURE;
}
