/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Moving the position of a route: it is drained, its source is opened once with where to go
 * (struct nw_seek), which moves the position and offers nothing, and then the route starts again.
 *
 * Checkpoints of what a route has stored go before: whoever sets a position back wants what stands
 * there again, and they would have it passed over. Killed in between, or refused by the source, the
 * route is where it was, and begins its checkpoints anew there.
 */
#include <stdio.h>

#include "base/clock.h"
#include "hub/once_forget.h"
#include "log/log.h"
#include "pump/bridge_state.h"

#define SEEK_TIMEOUT_MS 30000

/* What came of it. The bridge's lock guards what follows the request. */
struct seeking {
    struct nw_seek seek; /* first: the one is the other */
    struct nw_bridge *bridge;
    bool done, moved;
    char text[400];
};

static void on_done(struct nw_seek *seek, bool moved, const char *text)
{
    struct seeking *s = (struct seeking *)(void *)seek;
    struct nw_bridge *bridge = s->bridge;

    (void)pthread_mutex_lock(&bridge->lock);
    s->done = true;
    s->moved = moved;
    (void)snprintf(s->text, sizeof s->text, "%s", text);
    (void)pthread_cond_broadcast(&bridge->changed);
    (void)pthread_mutex_unlock(&bridge->lock);
}

static struct nw_route *find(struct nw_bridge *bridge, const char *name)
{
    for (size_t i = 0; i < bridge->route_count; i++) {
        if (strcmp(bridge->routes[i]->spec->name, name) == 0) {
            return bridge->routes[i];
        }
    }
    return NULL;
}

/* See struct nw_seek in the contract. */
static bool can_seek(const struct nw_source_kind *kind)
{
    return (kind->has &
            (NW_HAS(NW_META_SEQUENCE) | NW_HAS(NW_META_OFFSET) | NW_HAS(NW_META_LINE))) != 0;
}

static int check(struct nw_route *route, const char *name, struct nw_error *error)
{
    if (route == NULL) {
        return nw_error_set(error, NW_ENOTFOUND, "there is no route %s", name);
    }
    if (!route->spec->enabled) {
        return nw_error_set(error, NW_EINVAL, "the route %s is not enabled", name);
    }
    if (!can_seek(route->spec->source.kind)) {
        return nw_error_set(error, NW_EINVAL,
                            "the source of %s (%s) keeps nothing that could be read again", name,
                            route->spec->source.connector->name);
    }
    return nw_gate_check(route, error);
}

static void wait_until_done(struct seeking *s, struct nw_route *route, bool (*hurry)(void))
{
    struct nw_bridge *bridge = s->bridge;
    int64_t until_ns = nw_clock_monotonic_ns() + SEEK_TIMEOUT_MS * NW_MILLISECOND_NS, now_ns;

    (void)pthread_mutex_lock(&bridge->lock);
    while (!s->done && !nw_route_is_closed(route) && (hurry == NULL || !hurry()) &&
           (now_ns = nw_clock_monotonic_ns()) < until_ns) {
        int64_t wake_ns = now_ns + NW_SECOND_NS / 10;
        struct timespec t = {wake_ns / NW_SECOND_NS, wake_ns % NW_SECOND_NS};
        (void)pthread_cond_timedwait(&bridge->changed, &bridge->lock, &t);
    }
    (void)pthread_mutex_unlock(&bridge->lock);
}

/* Why the source has not said anything. */
static void explain(struct seeking *s, struct nw_route *route)
{
    char text[256] = "no memory";

    if (route->lane_count > 0) {
        (void)nw_endpoint_status(&route->lanes[0].source, text, sizeof text);
    }
    (void)snprintf(s->text, sizeof s->text, "it could not be done in time: %.250s", text);
}

/* 0: the route is closed again. */
static int run(struct seeking *s, struct nw_route *route, bool (*hurry)(void),
               struct nw_error *error)
{
    int rc = nw_route_open_seek(route, &s->seek);

    if (rc != 0) {
        return nw_error_set(error, rc, "out of memory");
    }
    nw_route_start(route);
    wait_until_done(s, route, hurry);
    if (!s->done) {
        explain(s, route);
    }
    if (!nw_bridge_drain(s->bridge, &route, 1, NW_CLOSE_TIMEOUT_MS, hurry)) {
        return nw_error_set(error, NW_EIO, "an endpoint did not close in time");
    }
    nw_route_close(route);
    return s->moved ? 0 : nw_error_set(error, NW_EINVAL, "%s", s->text);
}

static int forget_checkpoints(struct nw_route *route, struct nw_error *error)
{
    struct nw_bridge *bridge = route->bridge;
    void *hub = nw_connections_find(bridge, route->generation->config->nats);

    if (hub == NULL || (route->spec->source.kind->has & NW_HAS(NW_META_PARTITION)) == 0) {
        return 0;
    }
    return nw_once_forget(hub, bridge->name, route->spec->name, error);
}

static int start_again(struct nw_route *route, struct nw_error *error)
{
    if (nw_route_open(route) != 0) {
        return nw_error_set(error, NW_ENOMEM, "out of memory: the route stands still");
    }
    nw_route_start(route);
    return 0;
}

int nw_bridge_seek(struct nw_bridge *bridge, const struct nw_seek_request *request,
                   bool (*hurry)(void), struct nw_buffer *report, struct nw_error *error)
{
    struct seeking s = {.seek = {request->to, request->value, on_done}, .bridge = bridge};
    struct nw_route *route = find(bridge, request->route);
    struct nw_error again;
    int rc = check(route, request->route, error);

    if (rc != 0) {
        return rc;
    }
    if (!nw_bridge_drain(bridge, &route, 1, bridge->config->shutdown_timeout_ms, hurry)) {
        return nw_error_set(error, NW_EIO, "an endpoint did not close in time");
    }
    if (hurry != NULL && hurry()) {
        return nw_error_set(error, NW_EAGAIN, "the process is ending");
    }
    nw_route_close(route);
    rc = forget_checkpoints(route, error);
    rc = rc != 0 ? rc : run(&s, route, hurry, error);
    if (route->lane_count == 0 && start_again(route, &again) != 0) {
        *error = again;
        return NW_ENOMEM;
    }
    if (rc == 0) {
        nw_buffer_add_format(report, "%s: moved: %s\n", request->route, s.text);
    }
    return rc;
}
