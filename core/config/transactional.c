/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Targets with `transactional: true` write where the route is in its stream together with the
 * messages, so that none is stored twice. What has no such place, or more than one, cannot be so.
 * Nor can a target be the only writer of its stream in more than one lane.
 */
#include "config/loader.h"
#include "config/options.h"

static bool is_on(const struct nw_sink_spec *sink, const char *option)
{
    const struct nw_option *row = nw_option_find(sink->kind->options, nw_slice_text(option));

    return row != NULL && row->type == NW_OPTION_BOOL &&
           *(const bool *)((const char *)sink->options + row->offset);
}

/* A step of that name, or one that sets that field. */
static const struct nw_item *find_step(const struct nw_node *map, const char *name,
                                       const char *field)
{
    for (size_t i = 0; map != NULL && map->kind == NW_NODE_LIST && i < map->count; i++) {
        const struct nw_item *step = nw_node_get(map->items[i].value, name);

        if (step != NULL && field != NULL) {
            step = nw_node_get(step->value, field);
        }
        if (step != NULL) {
            return step;
        }
    }
    return NULL;
}

static void check_target(const struct nw_reader *r, const struct nw_route_spec *spec,
                         const struct nw_mark *mark)
{
    if (strcmp(spec->source.connector->name, "jetstream") != 0) {
        nw_reader_error(r, mark,
                        "transactional: the position that goes into the transaction is one in a "
                        "stream: from: jetstream, not %s",
                        spec->source.connector->name);
    }
    if (spec->lanes > 1) {
        nw_reader_error(r, mark,
                        "transactional: the route has %u lanes, and one position in the stream: "
                        "lanes must be 1",
                        spec->lanes);
    }
}

static void check_steps(const struct nw_reader *r, const struct nw_node *map)
{
    const struct nw_item *split = find_step(map, "split", NULL);
    const struct nw_item *timestamp = find_step(map, "set", "timestamp");

    if (split != NULL) {
        nw_reader_error(r, &split->mark,
                        "split: the target is transactional, and the parts of a message have one "
                        "position in the stream: they could not be told apart");
    }
    if (timestamp != NULL) {
        nw_reader_error(r, &timestamp->mark,
                        "set.timestamp: the target is transactional, and tells by the timestamp "
                        "whether the stream was made anew");
    }
}

static void check_only_writer(const struct nw_reader *r, const struct nw_route_spec *spec,
                              const struct nw_node *target, const struct nw_mark *mark)
{
    const struct nw_item *given = nw_node_get(target, "only_writer");

    if (spec->lanes > 1) {
        nw_reader_error(r, given == NULL ? mark : &given->mark,
                        "only_writer: the route has %u lanes, and each of them writes: lanes must "
                        "be 1",
                        spec->lanes);
    }
}

void nw_check_transactional(const struct nw_reader *r, struct nw_route_spec *spec,
                            const struct nw_node *map, const struct nw_item *targets)
{
    for (size_t i = 0; i < spec->sink_count; i++) {
        const struct nw_item *given = nw_node_get(targets[i].value, "transactional");
        const struct nw_mark *mark = given == NULL ? &spec->sinks[i].mark : &given->mark;

        if (is_on(&spec->sinks[i], "only_writer")) {
            check_only_writer(r, spec, targets[i].value, &spec->sinks[i].mark);
        }
        if (!is_on(&spec->sinks[i], "transactional")) {
            continue;
        }
        if (spec->transactional) {
            nw_reader_error(r, mark, "transactional: another target of the route is; one can be");
            return;
        }
        spec->transactional = true;
        check_target(r, spec, mark);
        check_steps(r, map);
    }
}
