/* SPDX-License-Identifier: Apache-2.0 */
/* What the pump does for connectors beside moving messages: log, counters, state. Any thread. */
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include "log/log.h"
#include "pump/bridge_state.h"

static void log_line(enum nw_level level, const struct nw_log_field *fields, const char *format,
                     va_list args)
{
    char text[600];

    (void)vsnprintf(text, sizeof text, format, args);
    nw_log_write(level, fields, "%s", text);
}

void nw_log(struct nw_endpoint *endpoint, enum nw_level level, const char *format, ...)
{
    struct nw_log_field fields[] = {
        {"route", endpoint->lane->route->name},
        {endpoint->source != NULL ? "from" : "to", endpoint->type},
        {NULL, NULL},
    };
    va_list args;

    if (!nw_log_enabled(level)) {
        return;
    }
    va_start(args, format);
    log_line(level, fields, format, args);
    va_end(args);
}

void nw_connection_log(struct nw_connection *connection, enum nw_level level, const char *format,
                       ...)
{
    struct nw_log_field fields[] = {{"connection", connection->spec->name}, {NULL, NULL}};
    va_list args;

    if (!nw_log_enabled(level)) {
        return;
    }
    va_start(args, format);
    log_line(level, fields, format, args);
    va_end(args);
}

void nw_connection_state(struct nw_connection *c, enum nw_state state, const char *text)
{
    static const enum nw_level levels[] = {NW_LOG_INFO, NW_LOG_INFO, NW_LOG_WARNING, NW_LOG_ERROR};
    static const char *const words[] = {"connecting", "connected", "not connected", "failed"};
    bool changed;

    (void)pthread_mutex_lock(&c->lock);
    text = text == NULL ? "" : text;
    changed = c->status != state || strncmp(c->text, text, sizeof c->text - 1) != 0;
    c->status = state;
    (void)snprintf(c->text, sizeof c->text, "%s", text);
    (void)pthread_mutex_unlock(&c->lock);
    if (changed) {
        nw_connection_log(c, levels[state], "%s%s%s", words[state], *text == '\0' ? "" : ": ",
                          text);
    }
}

void nw_lost(struct nw_endpoint *source, uint64_t n, const char *why)
{
    if (n == 0) {
        return;
    }
    atomic_fetch_add(&source->lane->lost, n);
    nw_state_touch(source->lane->bridge->state);
    nw_lane_set_error(source->lane, why);
    nw_log(source, NW_LOG_WARNING, "messages were lost before they could be taken: %s", why);
}

void nw_lag(struct nw_endpoint *source, int64_t messages)
{
    atomic_store_explicit(&source->lane->lag, messages, memory_order_relaxed);
}

static struct nw_counter *find_counter(struct nw_endpoint *e, const char *name)
{
    struct nw_counter *c;

    for (c = e->counters; c != NULL && strcmp(c->name, name) != 0; c = c->next) {
    }
    if (c == NULL && (c = calloc(1, sizeof *c)) != NULL) {
        c->name = name;
        c->next = e->counters;
        e->counters = c;
    }
    return c;
}

void nw_metric_count(struct nw_endpoint *endpoint, const char *name, uint64_t n)
{
    struct nw_counter *c;

    (void)pthread_mutex_lock(&endpoint->lock);
    c = find_counter(endpoint, name);
    if (c != NULL) {
        atomic_fetch_add(&c->value, n);
    }
    (void)pthread_mutex_unlock(&endpoint->lock);
}

/* State belongs to the route and the lane. */
static void state_owner(struct nw_endpoint *e, char *owner, size_t size)
{
    (void)snprintf(owner, size, "%s#%u", e->lane->route->name, e->lane->index);
}

int nw_state_read(struct nw_endpoint *endpoint, const char *key, void **data, size_t *len)
{
    char owner[256];

    state_owner(endpoint, owner, sizeof owner);
    return nw_state_get(endpoint->lane->bridge->state, owner, key, data, len);
}

int nw_state_write(struct nw_endpoint *endpoint, const char *key, const void *data, size_t len)
{
    char owner[256];

    state_owner(endpoint, owner, sizeof owner);
    return nw_state_set(endpoint->lane->bridge->state, owner, key, data, len);
}

void nw_state_sync(struct nw_endpoint *endpoint)
{
    nw_state_flush(endpoint->lane->bridge->state);
}
