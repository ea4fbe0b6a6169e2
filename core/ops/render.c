/* SPDX-License-Identifier: Apache-2.0 */
#include "ops/render.h"

#include <inttypes.h>
#include <time.h>

#include "base/clock.h"
#include "base/json.h"

static const char *const state_words[] = {"connecting", "running", "holding", "stopped", "standby"};

/* ---- Prometheus ---- */

/* A label's value: backslash, quote and newline are escaped. */
static void add_label(struct nw_buffer *out, const char *value)
{
    for (; *value != '\0'; value++) {
        if (*value == '\n') {
            nw_buffer_add_text(out, "\\n");
            continue;
        }
        if (*value == '"' || *value == '\\') {
            nw_buffer_add_char(out, '\\');
        }
        nw_buffer_add_char(out, *value);
    }
}

static void add_sample(struct nw_buffer *out, const char *name, const char *label,
                       const char *value)
{
    nw_buffer_add_format(out, "%s{%s=\"", name, label);
    add_label(out, value);
    nw_buffer_add_text(out, "\"} ");
}

static void add_head(struct nw_buffer *out, const char *name, const char *type, const char *help)
{
    nw_buffer_add_format(out, "# HELP %s %s\n# TYPE %s %s\n", name, help, name, type);
}

static uint64_t number_at(const struct nw_route_snapshot *r, size_t offset)
{
    uint64_t n;

    memcpy(&n, (const char *)r + offset, sizeof n);
    return n;
}

static void add_counts(const struct nw_bridge_snapshot *s, struct nw_buffer *out)
{
    static const struct {
        const char *name, *type, *help;
        size_t offset;
    } list[] = {
        {"natsway_messages_received_total", "counter", "Messages taken from the source.",
         offsetof(struct nw_route_snapshot, taken)},
        {"natsway_messages_delivered_total", "counter", "Messages that all targets confirmed.",
         offsetof(struct nw_route_snapshot, delivered)},
        {"natsway_messages_filtered_total", "counter", "Messages that a rule left out.",
         offsetof(struct nw_route_snapshot, filtered)},
        {"natsway_messages_dead_lettered_total", "counter", "Messages in the dead letters.",
         offsetof(struct nw_route_snapshot, dead_lettered)},
        {"natsway_messages_dropped_total", "counter", "Messages given up.",
         offsetof(struct nw_route_snapshot, dropped)},
        {"natsway_messages_returned_total", "counter",
         "Messages given back to the source, or in flight when natsway was killed.",
         offsetof(struct nw_route_snapshot, returned)},
        {"natsway_retries_total", "counter", "Deliveries tried again.",
         offsetof(struct nw_route_snapshot, retries)},
        {"natsway_messages_in_flight", "gauge", "Messages taken and not yet settled.",
         offsetof(struct nw_route_snapshot, in_flight)},
        {"natsway_memory_bytes", "gauge", "Bytes of the messages in flight.",
         offsetof(struct nw_route_snapshot, memory)},
        {"natsway_ledger_mismatch", "gauge", "Times the ledger did not add up.",
         offsetof(struct nw_route_snapshot, mismatches)},
    };

    for (size_t i = 0; i < sizeof list / sizeof list[0]; i++) {
        add_head(out, list[i].name, list[i].type, list[i].help);
        for (size_t r = 0; r < s->route_count; r++) {
            add_sample(out, list[i].name, "route", s->routes[r].route->name);
            nw_buffer_add_format(out, "%" PRIu64 "\n", number_at(&s->routes[r], list[i].offset));
        }
    }
}

static void add_buckets(const struct nw_route_snapshot *r, struct nw_buffer *out)
{
    uint64_t sum = 0;

    for (size_t i = 0; i <= NW_DELIVERY_BUCKETS; i++) {
        sum += r->seconds_buckets[i];
        nw_buffer_add_text(out, "natsway_delivery_seconds_bucket{route=\"");
        add_label(out, r->route->name);
        if (i < NW_DELIVERY_BUCKETS) {
            nw_buffer_add_format(out, "\",le=\"%g\"} %" PRIu64 "\n", nw_delivery_bounds[i], sum);
        } else {
            nw_buffer_add_format(out, "\",le=\"+Inf\"} %" PRIu64 "\n", sum);
        }
    }
    add_sample(out, "natsway_delivery_seconds_sum", "route", r->route->name);
    nw_buffer_add_format(out, "%.9g\n", r->seconds_sum);
    add_sample(out, "natsway_delivery_seconds_count", "route", r->route->name);
    nw_buffer_add_format(out, "%" PRIu64 "\n", r->seconds_count);
}

static void add_connections(const struct nw_bridge_snapshot *s, struct nw_buffer *out)
{
    add_head(out, "natsway_connection_up", "gauge", "Whether the connection is up.");
    for (size_t i = 0; i < s->connection_count; i++) {
        add_sample(out, "natsway_connection_up", "connection", s->connections[i].name);
        nw_buffer_add_text(out, s->connections[i].up ? "1\n" : "0\n");
    }
}

static void add_lags(const struct nw_bridge_snapshot *s, struct nw_buffer *out)
{
    add_head(out, "natsway_source_lag", "gauge", "Messages that wait at the source.");
    for (size_t i = 0; i < s->route_count; i++) {
        if (s->routes[i].lag >= 0) {
            add_sample(out, "natsway_source_lag", "route", s->routes[i].route->name);
            nw_buffer_add_format(out, "%" PRId64 "\n", s->routes[i].lag);
        }
    }
}

static void add_leases(const struct nw_bridge_snapshot *s, struct nw_buffer *out)
{
    bool any = false;

    for (size_t i = 0; i < s->route_count; i++) {
        if (!s->routes[i].leased) {
            continue;
        }
        if (!any) {
            add_head(out, "natsway_lease_held", "gauge",
                     "Whether this process has the lease of the route, and runs it.");
        }
        any = true;
        add_sample(out, "natsway_lease_held", "route", s->routes[i].route->name);
        nw_buffer_add_text(out, s->routes[i].lease.phase == NW_LEASE_HELD ? "1\n" : "0\n");
    }
}

static void add_budget(const struct nw_bridge_snapshot *s, struct nw_buffer *out)
{
    add_head(out, "natsway_memory_budget_bytes", "gauge", "What `memory` allows all routes.");
    nw_buffer_add_format(out, "natsway_memory_budget_bytes %" PRIu64 "\n", s->memory);
    add_head(out, "natsway_memory_free_bytes", "gauge", "What of it can be lent to a route.");
    nw_buffer_add_format(out, "natsway_memory_free_bytes %" PRIu64 "\n", s->memory_free);
}

void nw_render_metrics(const struct nw_bridge_snapshot *s, struct nw_buffer *out)
{
    add_counts(s, out);
    add_head(out, "natsway_delivery_seconds", "histogram", "From offer to settle.");
    for (size_t i = 0; i < s->route_count; i++) {
        add_buckets(&s->routes[i], out);
    }
    add_connections(s, out);
    add_lags(s, out);
    add_leases(s, out);
    add_budget(s, out);
    for (size_t i = 0; i < s->counter_count; i++) {
        const struct nw_counter_snapshot *c = &s->counters[i];
        nw_buffer_add_format(out, "natsway_%s_total{route=\"", c->name);
        add_label(out, c->route);
        nw_buffer_add_format(out, "\"} %" PRIu64 "\n", c->value);
    }
}

/* ---- JSON ---- */

static void add_text(struct nw_buffer *out, const char *text)
{
    nw_json_add_string(out, nw_slice_text(text));
}

static void add_ends(const struct nw_route_spec *route, struct nw_buffer *out)
{
    nw_buffer_add_text(out, ",\"from\":");
    add_text(out, route->source.connector->name);
    nw_buffer_add_text(out, ",\"from_address\":");
    add_text(out, route->source.address);
    nw_buffer_add_text(out, ",\"to\":[");
    for (size_t i = 0; i < route->sink_count; i++) {
        nw_buffer_add_text(out, i == 0 ? "" : ",");
        add_text(out, route->sinks[i].connector->name);
    }
    nw_buffer_add_text(out, "]");
}

static void add_error(const struct nw_route_snapshot *r, struct nw_buffer *out)
{
    time_t seconds = (time_t)(r->error_time_ns / NW_SECOND_NS);
    char text[40];
    struct tm utc;

    if (r->error_time_ns == 0) {
        nw_buffer_add_text(out, ",\"last_error\":null");
        return;
    }
    (void)gmtime_r(&seconds, &utc);
    (void)strftime(text, sizeof text, "%Y-%m-%dT%H:%M:%SZ", &utc);
    nw_buffer_add_format(out, ",\"last_error\":{\"time\":\"%s\",\"text\":", text);
    add_text(out, r->error);
    nw_buffer_add_text(out, "}");
}

/* Of a route that one process at a time runs. */
static void add_lease(const struct nw_route_snapshot *r, struct nw_buffer *out)
{
    if (!r->leased) {
        return;
    }
    if (r->lease.phase != NW_LEASE_STANDBY) {
        nw_buffer_add_format(out, ",\"lease\":{\"held\":%s}",
                             r->lease.phase == NW_LEASE_HELD ? "true" : "false");
        return;
    }
    nw_buffer_add_text(out, ",\"lease\":{\"held\":false,\"holder\":");
    add_text(out, r->lease.holder.name);
    nw_buffer_add_text(out, ",\"since\":");
    add_text(out, r->lease.holder.since);
    nw_buffer_add_text(out, "}");
}

/* A counter that not every source has. */
static void add_source_counter(const struct nw_bridge_snapshot *s, const char *route,
                               const char *counter, const char *name, struct nw_buffer *out)
{
    for (size_t i = 0; i < s->counter_count; i++) {
        const struct nw_counter_snapshot *c = &s->counters[i];
        if (c->route == route && strcmp(c->name, counter) == 0) {
            nw_buffer_add_format(out, ",\"%s\":%" PRIu64, name, c->value);
            return;
        }
    }
}

static void add_route(const struct nw_bridge_snapshot *s, const struct nw_route_snapshot *r,
                      struct nw_buffer *out)
{
    nw_buffer_add_text(out, "{\"name\":");
    add_text(out, r->route->name);
    nw_buffer_add_format(out, ",\"state\":\"%s\"", state_words[r->state]);
    add_ends(r->route, out);
    nw_buffer_add_format(out,
                         ",\"received\":%" PRIu64 ",\"delivered\":%" PRIu64 ",\"filtered\":%" PRIu64
                         ",\"dead_lettered\":%" PRIu64 ",\"dropped\":%" PRIu64
                         ",\"in_flight\":%" PRIu64 ",\"retries\":%" PRIu64 ",\"lag\":",
                         r->received, r->delivered, r->filtered, r->dead_lettered, r->dropped,
                         r->in_flight, r->retries);
    if (r->lag >= 0) {
        nw_buffer_add_format(out, "%" PRId64, r->lag);
    } else {
        nw_buffer_add_text(out, "null");
    }
    nw_buffer_add_format(out, ",\"memory\":%" PRIu64, r->memory);
    add_source_counter(s, r->route->name, "source_gaps", "gaps", out);
    add_source_counter(s, r->route->name, "source_repeats", "repeats", out);
    add_lease(r, out);
    add_error(r, out);
    nw_buffer_add_text(out, "}");
}

void nw_render_routes(const struct nw_bridge_snapshot *s, const char *bridge, struct nw_buffer *out)
{
    nw_buffer_add_text(out, "{\"bridge\":");
    add_text(out, bridge);
    nw_buffer_add_text(out, ",\"routes\":[");
    for (size_t i = 0; i < s->route_count; i++) {
        nw_buffer_add_text(out, i == 0 ? "" : ",");
        add_route(s, &s->routes[i], out);
    }
    nw_buffer_add_text(out, "]}\n");
}

bool nw_render_ready(const struct nw_bridge_snapshot *s, struct nw_buffer *out)
{
    bool ready = true;

    for (size_t i = 0; i < s->route_count; i++) {
        const struct nw_route_snapshot *r = &s->routes[i];
        bool stopped = r->state == NW_ROUTE_STOPPED && r->route->enabled;
        if (stopped || !r->ready) {
            ready = false;
            nw_buffer_add_format(out, "%s: %s\n", r->route->name,
                                 r->waiting_for[0] != '\0' ? r->waiting_for : "stopped");
        } else if (r->state == NW_ROUTE_STANDBY) {
            nw_buffer_add_format(out, "%s: standing by: %s runs it\n", r->route->name,
                                 r->lease.holder.name);
        }
    }
    if (ready) {
        nw_buffer_add_text(out, "ready\n");
    }
    return ready;
}
