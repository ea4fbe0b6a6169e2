/* SPDX-License-Identifier: Apache-2.0 */
/* The targets of a route, and what they, the source and the steps of an answer say of each other.
 */
#include "config/options.h"
#include "config/route_part.h"

static bool is_hub(const struct nw_sink_spec *sink)
{
    return sink->kind->address == NW_FILL_SUBJECT || sink->kind->address == NW_FILL_KV_KEY;
}

/* What source and target say of each other. */
static void check_pair(const struct nw_route_part *p, const struct nw_sink_spec *sink,
                       const struct nw_node *node)
{
    const struct nw_source_spec *source = &p->spec->source;

    if (p->source_good && source->kind->address != NW_ADDRESS_SUBJECT && !is_hub(sink)) {
        nw_reader_error(&p->reader, &node->mark,
                        "NATS is at one end of every route: %s to %s is two routes, with a subject "
                        "between them",
                        source->connector->name, sink->connector->name);
    }
}

/* Several requests at once have no order (CONFIG.md, Precisely 10). */
static void relax_order(const struct nw_route_part *p, struct nw_sink_spec *sink,
                        const struct nw_node *node)
{
    const struct nw_option *row = nw_option_find(sink->kind->options, NW_LITERAL("concurrency"));
    const struct nw_item *given = nw_node_get(node, "concurrency");

    sink->several_at_once = row != NULL;
    if (row == NULL || row->type != NW_OPTION_INT || given == NULL ||
        *(const int64_t *)(const void *)((const char *)sink->options + row->offset) <= 1 ||
        p->spec->order != NW_ORDER_STRICT) {
        return;
    }
    if (nw_route_option(p, NULL, "order") != NULL) {
        nw_reader_error(&p->reader, &given->mark,
                        "concurrency above 1 cannot keep order: strict; use key or relaxed");
    } else {
        p->spec->order = NW_ORDER_RELAXED;
    }
}

static int read_sink(struct nw_route_part *p, const struct nw_node *node, struct nw_sink_spec *out)
{
    struct nw_reader r = nw_loader_reader(p->loader, node, p->spec->name);
    bool good = false;
    int rc = nw_load_sink(p->loader, &r, node, nw_route_scope(p), out, &good);

    if (rc == 0 && out->kind != NULL) {
        check_pair(p, out, node);
    }
    if (rc == 0 && good) {
        relax_order(p, out, node);
    }
    return rc;
}

/* `otherwise` is for one target, and with one that takes everything never gets a message. */
static void check_otherwise(const struct nw_route_part *p)
{
    const struct nw_sink_spec *otherwise = NULL, *always = NULL;

    for (size_t i = 0; i < p->spec->sink_count; i++) {
        const struct nw_sink_spec *sink = &p->spec->sinks[i];

        if (sink->otherwise && otherwise != NULL) {
            nw_reader_error(&p->reader, &sink->mark,
                            "the target in line %zu has otherwise: true already; only one takes "
                            "what is left",
                            otherwise->mark.line);
        } else if (sink->otherwise) {
            otherwise = sink;
        } else if (sink->when == NULL) {
            always = sink;
        }
    }
    if (otherwise != NULL && always != NULL) {
        nw_reader_warning(&p->reader, &otherwise->mark,
                          "nothing is left for this target: the one in line %zu takes every "
                          "message",
                          always->mark.line);
    }
}

/* Does what is sent there come back with an answer? In doubt it does. */
static bool gives_answer(const struct nw_sink_spec *sink)
{
    const struct nw_option *row = nw_option_find(sink->kind->options, NW_LITERAL("request"));

    if (row != NULL && row->type == NW_OPTION_DURATION) {
        return *(const int64_t *)(const void *)((const char *)sink->options + row->offset) > 0;
    }
    return sink->kind->address == NW_FILL_URL || sink->kind->address == NW_FILL_TEXT;
}

/* An answer of a target is the response: nobody can be told of it before it is there, nor told
 * something else. */
static void check_respond(const struct nw_route_part *p, const struct nw_node *from,
                          const struct nw_item *targets)
{
    const struct nw_item *respond = nw_node_get(from, "respond");
    const struct nw_choice *choice = nw_route_respond(&p->spec->source);

    for (size_t i = 0; choice != NULL && i < p->spec->sink_count; i++) {
        const struct nw_item *request = nw_node_get(targets[i].value, "request");

        if (request == NULL) {
            continue;
        }
        if (choice->index == 1) {
            nw_reader_error(&p->reader, &request->mark,
                            "respond: accepted cannot be with request:, whose answer is the "
                            "response");
        } else if (respond != NULL && respond->value->kind == NW_NODE_MAP) {
            nw_reader_error(&p->reader, &request->mark,
                            "respond: says what is answered, and so does request:; use reply: to "
                            "change its answer");
        } else if (p->spec->spool_in_outage) {
            nw_reader_error(&p->reader, &request->mark,
                            "spool: cannot be with request:, whose answer somebody waits for");
        }
    }
}

/* Steps of an answer that there never is. */
static void check_reply(const struct nw_route_part *p)
{
    const struct nw_item *reply = nw_node_get(p->node, "reply");
    bool answered = false;

    if (reply == NULL || reply->value->count == 0 || !p->source_good) {
        return;
    }
    for (size_t i = 0; i < p->spec->sink_count; i++) {
        answered = answered || gives_answer(&p->spec->sinks[i]);
    }
    if (!p->spec->source.reply) {
        nw_reader_warning(&p->reader, &reply->mark,
                          "these steps never run: nobody waits for an answer at the source");
    } else if (!answered) {
        nw_reader_warning(&p->reader, &reply->mark,
                          "these steps never run: the target gives no answer, as a request would");
    }
}

int nw_route_read_targets(struct nw_route_part *p)
{
    const struct nw_item *to = nw_node_get(p->node, "to");
    struct nw_item single;
    const struct nw_item *items = &single;
    size_t count = 1, errors = p->reader.diagnostics->errors;
    int rc = 0;

    if (to == NULL) {
        if (!p->node->partial) {
            nw_reader_error(&p->reader, &p->spec->mark, "to is missing: {connector: address}");
        }
        return 0;
    }
    single = (struct nw_item){NW_ABSENT, to->mark, to->value};
    if (to->value->kind == NW_NODE_LIST) {
        items = to->value->items;
        count = to->value->count;
    }
    if (count == 0 || count > UINT16_MAX) {
        nw_reader_error(&p->reader, &to->value->mark, "to: expected from 1 to %d targets",
                        UINT16_MAX);
        return 0;
    }
    p->spec->sinks = nw_arena_alloc(p->reader.arena, count * sizeof *p->spec->sinks);
    if (p->spec->sinks == NULL) {
        return NW_ENOMEM;
    }
    p->spec->sink_count = count;
    for (size_t i = 0; rc == 0 && i < count; i++) {
        rc = read_sink(p, items[i].value, &p->spec->sinks[i]);
    }
    if (rc == 0 && p->reader.diagnostics->errors == errors) {
        check_otherwise(p);
        check_reply(p);
        if (p->source_good) {
            const struct nw_item *map = nw_node_get(p->node, "map");

            nw_check_transactional(&p->reader, p->spec, map == NULL ? NULL : map->value, items);
            check_respond(p, nw_node_get(p->node, "from")->value, items);
            nw_load_answer_time(&p->reader, p->spec, nw_node_get(p->node, "from")->value, items);
        }
    }
    return rc;
}
