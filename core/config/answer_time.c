/* SPDX-License-Identifier: Apache-2.0 */
/* How long whoever asked waits, and how long the targets may take: the one must hold the other. */
#include "config/loader.h"
#include "config/options.h"

/* The duration option of that name, or NULL: rows have none. */
static int64_t *find_duration(const struct nw_option *rows, void *options, const char *name)
{
    const struct nw_option *row = nw_option_find(rows, nw_slice_text(name));

    return row == NULL || row->type != NW_OPTION_DURATION
               ? NULL
               : (int64_t *)(void *)((char *)options + row->offset);
}

/* How long the target was given for its answer: request: 8s, or the timeout: of a call. NULL: its
 * usual time. */
static const struct nw_item *find_given(const struct nw_sink_spec *sink, const struct nw_node *node,
                                        int64_t *out_ms)
{
    static const char *const names[] = {"request", "timeout"};

    for (size_t i = 0; i < sizeof names / sizeof names[0]; i++) {
        const int64_t *ms = find_duration(sink->kind->options, sink->options, names[i]);
        const struct nw_item *item = ms == NULL ? NULL : nw_node_get(node, names[i]);

        if (item != NULL) {
            *out_ms = *ms;
            return item;
        }
    }
    return NULL;
}

void nw_load_answer_time(const struct nw_reader *r, struct nw_route_spec *spec,
                         const struct nw_node *from, const struct nw_item *targets)
{
    struct nw_source_spec *source = &spec->source;
    const struct nw_item *timeout = nw_node_get(from, "timeout");
    int64_t *timeout_ms = find_duration(source->kind->options, source->options, "timeout");
    int64_t longest_ms = 0, ms = 0;

    if (!source->reply || timeout_ms == NULL) {
        return;
    }
    for (size_t i = 0; i < spec->sink_count; i++) {
        const struct nw_item *given = find_given(&spec->sinks[i], targets[i].value, &ms);

        if (given != NULL && ms > *timeout_ms && timeout != NULL) {
            nw_reader_warning(r, &given->mark,
                              "%s: %s is longer than the source's timeout, %s: whoever asked waits "
                              "no longer than that",
                              given->key.data, given->value->text.data, timeout->value->text.data);
        }
        longest_ms = given != NULL && ms > longest_ms ? ms : longest_ms;
    }
    if (timeout == NULL && longest_ms > *timeout_ms) {
        *timeout_ms = longest_ms;
    }
}
