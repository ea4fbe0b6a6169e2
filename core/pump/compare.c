/* SPDX-License-Identifier: Apache-2.0 */
#include "pump/compare.h"

#include "pump/bridge_state.h"

static bool same_text(const char *a, const char *b)
{
    return (a == NULL) == (b == NULL) && (a == NULL || strcmp(a, b) == 0);
}

int nw_compare_fixed(const struct nw_config *now, const struct nw_config *then,
                     struct nw_error *error)
{
    const struct {
        const char *name, *why;
        bool same;
    } list[] = {
        {"name", "consumers, groups and state are named by it", same_text(now->name, then->name)},
        {"instance", "this process is known by it", same_text(now->instance, then->instance)},
        {"state_dir", "positions are kept there", same_text(now->state_dir, then->state_dir)},
        {"workers", "the threads are there already", now->workers == then->workers},
        {"admin.listen", "it listens already", same_text(now->admin_listen, then->admin_listen)},
    };
    struct nw_buffer text = {0};

    for (size_t i = 0; i < sizeof list / sizeof list[0]; i++) {
        if (!list[i].same) {
            nw_buffer_add_format(&text, "%s%s (%s)", text.len == 0 ? "" : ", ", list[i].name,
                                 list[i].why);
        }
    }
    if (text.len == 0) {
        return 0;
    }
    (void)nw_error_set(error, NW_EINVAL, "a reload cannot change %s: stop and start it instead",
                       nw_buffer_text(&text));
    nw_buffer_done(&text);
    return NW_EINVAL;
}

bool nw_compare_connection(struct nw_bridge *bridge, const struct nw_connection_spec *spec)
{
    struct nw_connection *c = nw_connections_get(bridge, spec);

    return c == NULL || same_text(c->spec->meaning, spec->meaning);
}

static bool same_connections(struct nw_bridge *bridge, const struct nw_route_spec *then)
{
    bool same = nw_compare_connection(bridge, then->source.connection);

    for (size_t i = 0; i < then->sink_count; i++) {
        same = same && nw_compare_connection(bridge, then->sinks[i].connection);
    }
    return same && (then->dead_letter == NULL ||
                    nw_compare_connection(bridge, then->dead_letter->connection));
}

unsigned nw_compare_route(struct nw_bridge *bridge, const struct nw_route_spec *now,
                          const struct nw_route_spec *then)
{
    unsigned changes = same_connections(bridge, then) ? 0 : NW_CHANGED_CONNECTION;

    for (unsigned i = 0; i < NW_PARTS; i++) {
        changes |= same_text(now->meaning[i], then->meaning[i]) ? 0 : 1u << i;
    }
    return changes;
}

void nw_compare_say(unsigned changes, struct nw_buffer *out)
{
    static const char *const words[NW_CHANGES] = {"from", "map", "to", "options", "connection"};
    bool first = true;

    for (unsigned i = 0; i < NW_CHANGES; i++) {
        if ((changes & (1u << i)) != 0) {
            nw_buffer_add_format(out, "%s%s", first ? "" : ", ", words[i]);
            first = false;
        }
    }
}
