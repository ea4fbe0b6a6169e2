/* SPDX-License-Identifier: Apache-2.0 */
#include "cli/dlq_again.h"

#include <ftw.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "config/options.h"
#include "config/target_name.h"
#include "hub/hub.h"
#include "hub/token.h"
#include "message/letter.h"

/* ---- the configuration ---- */

/* A client id of the user's own is in use where the bridge runs; servers put out the older of two.
 */
static int change_client_id(struct nw_arena *arena, const struct nw_option *rows, void *options)
{
    const struct nw_option *row =
        rows == NULL ? NULL : nw_option_find(rows, NW_LITERAL("client_id"));
    const char **id;

    if (row == NULL || row->type != NW_OPTION_TEXT) {
        return 0;
    }
    id = (const char **)(void *)((char *)options + row->offset);
    if (*id == NULL) {
        return 0;
    }
    *id = nw_arena_format(arena, "%s-retry", *id);
    return *id == NULL ? NW_ENOMEM : 0;
}

/* The bridge, if it runs, writes to the stream as well. */
static void share_stream(const struct nw_sink_spec *sink)
{
    const struct nw_option *row = nw_option_find(sink->kind->options, NW_LITERAL("only_writer"));

    if (row != NULL && row->type == NW_OPTION_BOOL) {
        *(bool *)(void *)((char *)sink->options + row->offset) = false;
    }
}

/* What the targets may do without is not opened: a listener's port is taken where the bridge runs.
 */
static int prepare_sinks(struct nw_arena *arena, struct nw_route_spec *route)
{
    int rc = 0;

    for (size_t i = 0; rc == 0 && i < route->sink_count; i++) {
        struct nw_sink_spec *sink = &route->sinks[i];
        if (sink->connection != NULL && sink->connection->kind->optional) {
            sink->connection = NULL;
        }
        share_stream(sink);
        rc = change_client_id(arena, sink->kind->options, sink->options);
    }
    return rc;
}

static int prepare_connections(struct nw_config *config)
{
    int rc = 0;

    for (size_t i = 0; rc == 0 && i < config->connection_count; i++) {
        struct nw_connection_spec *c = config->connections[i];
        rc = change_client_id(config->arena, c->kind->options, c->options);
    }
    return rc;
}

static int prepare_route(struct nw_config *config, struct dlq_again_route *r)
{
    struct nw_route_spec *route = r->spec;

    r->kind = nw_hub_letter_source;
    r->kind.address = route->source.kind->address;
    r->kind.has = route->source.kind->has;
    route->source = (struct nw_source_spec){.connector = nw_hub_dead_letter(),
                                            .kind = &r->kind,
                                            .connection = config->nats,
                                            .address = route->source.address,
                                            .options = &r->options,
                                            .mark = route->source.mark};
    route->dead_letter = NULL;
    route->then = NW_THEN_KEEP;
    route->transactional = false; /* the bridge, if it runs, has the lease */
    route->lanes = 1;
    return prepare_sinks(config->arena, route);
}

int dlq_again_prepare(struct dlq *d, struct dlq_again_route *routes, size_t count,
                      const char *state_dir)
{
    struct nw_config *config = d->config;
    char token[NW_TOKEN_RANDOM];
    int rc = prepare_connections(config);

    config->routes = nw_arena_alloc(d->arena, (count + 1) * sizeof *config->routes);
    if (config->routes == NULL) {
        return NW_ENOMEM;
    }
    config->route_count = count;
    for (size_t i = 0; rc == 0 && i < count; i++) {
        config->routes[i] = routes[i].spec;
        rc = prepare_route(config, &routes[i]);
    }
    nw_token_random(token);
    config->instance = nw_arena_format(d->arena, "retry-%.10s", token);
    config->state_dir = state_dir;
    return rc != 0 || config->instance == NULL ? NW_ENOMEM : 0;
}

const char *dlq_again_refuses(const struct nw_route_spec *route)
{
    if (route == NULL) {
        return "its route is not in the configuration any more";
    }
    return route->enabled ? NULL : "its route is not enabled";
}

/* ---- one letter ---- */

static uint32_t number_of(struct nw_slice text)
{
    char copy[16];

    (void)snprintf(copy, sizeof copy, "%.*s", (int)(text.len > 10 ? 10 : text.len), text.data);
    return (uint32_t)strtoul(copy, NULL, 10);
}

/* It goes on behind its split, with the id that it had. */
static int restore_part(const struct nw_route_spec *route, const struct nw_letter *letter,
                        struct nw_message *m, struct nw_error *error)
{
    if (letter->subject.data != NULL) {
        return nw_error_set(error, NW_EINVAL,
                            "it is a part of a split, and its subject was set before it");
    }
    m->part = m->payload;
    m->split_index = number_of(letter->part);
    m->part_split = number_of(letter->split);
    return nw_message_make_part_id(m, route->name);
}

/* What letters of older versions and of sources without an origin do not say. */
static int complete(const struct nw_route_spec *route, const struct nw_letter_place *place,
                    struct nw_message *m)
{
    struct nw_slice pattern =
        route->source.address == NULL ? NW_ABSENT : nw_slice_text(route->source.address);
    char origin[300];

    if (m->address.len == 0 && pattern.len > 0 &&
        nw_template_scope_matches(&route->scope, pattern) == 1) {
        m->address = pattern;
    }
    if (m->origin.data == NULL) {
        (void)snprintf(origin, sizeof origin, "dlq:%s/%" PRIu64, place->stream, place->sequence);
        m->origin = nw_message_copy(m, origin, strlen(origin));
        return m->origin.data == NULL ? NW_ENOMEM : 0;
    }
    return 0;
}

int dlq_again_restore(const struct nw_route_spec *route, const struct nw_letter_place *place,
                      struct nw_message *m, struct nw_error *error)
{
    struct nw_letter letter;
    int rc = nw_letter_read(m, &letter);

    if (rc == 0 && letter.truncated.data != NULL) {
        return nw_error_set(error, NW_EINVAL,
                            "its payload was cut to fit into NATS, of %.*s bytes; `natsway dlq "
                            "edit` gives it another one",
                            (int)letter.truncated.len, letter.truncated.data);
    }
    rc = rc != 0 ? rc : complete(route, place, m);
    m->only = (uint16_t)(nw_target_find(route, letter.target) + 1); /* not found: for all */
    return rc == 0 && letter.part.data != NULL ? restore_part(route, &letter, m, error) : rc;
}

/* ---- the folder ---- */

static int remove_one(const char *path, const struct stat *stat, int type, struct FTW *ftw)
{
    (void)stat;
    (void)type;
    (void)ftw;
    return remove(path);
}

void dlq_again_remove_folder(const char *path)
{
    (void)nftw(path, remove_one, 8, FTW_DEPTH | FTW_PHYS);
}
