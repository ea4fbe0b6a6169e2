/* SPDX-License-Identifier: Apache-2.0 */
#include "probe.h"

#include <criterion/criterion.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>
#include <unistd.h>

#include "log/log.h"

struct probe probe;

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER; /* guards probe and what follows */
static pthread_cond_t changed = PTHREAD_COND_INITIALIZER;
static struct nw_endpoint *source, *sink;
static struct nw_message *held[PROBE_MAX];
static size_t held_count, in_flight, want;
static unsigned attempts[PROBE_MAX], step_attempts[PROBE_MAX];
static char folder[64];
static struct nw_bridge *bridge;

/* ---- the source ---- */

static int open_source(struct nw_endpoint *endpoint, const struct nw_endpoint_config *config,
                       void **state, struct nw_error *error)
{
    (void)config;
    (void)state;
    (void)error;
    (void)pthread_mutex_lock(&lock);
    source = endpoint;
    (void)pthread_cond_broadcast(&changed);
    (void)pthread_mutex_unlock(&lock);
    nw_endpoint_state(endpoint, NW_STATE_READY, NULL);
    return 0;
}

static struct nw_message *make(size_t number)
{
    struct nw_message *m = nw_message_new(source);
    char origin[32];
    int n = snprintf(origin, sizeof origin, "probe:%zu", number);

    nw_message_set_origin(m, nw_message_copy(m, origin, (size_t)n));
    nw_message_set_address(m, NW_LITERAL("a.b"));
    nw_message_set_payload(m, NW_LITERAL("{}"));
    if (probe.payload_len > 0) {
        nw_message_set_payload(
            m, (struct nw_slice){nw_message_alloc(m, probe.payload_len), probe.payload_len});
    }
    nw_message_set_number(m, NW_META_OFFSET, (int64_t)number);
    if (probe.awaited && (number == 0 || number != probe.unawaited)) {
        nw_message_set_deadline(m, nw_clock_monotonic_ns() + probe.deadline_ms * INT64_C(1000000));
    }
    return m;
}

static void offer_what_is_wanted(void)
{
    for (;;) {
        size_t number;
        struct nw_message *m;
        (void)pthread_mutex_lock(&lock);
        number = probe.offered;
        if (number >= want || nw_credit_take(source, 1) == 0) {
            (void)pthread_mutex_unlock(&lock);
            return;
        }
        probe.offered++;
        in_flight++;
        probe.most_in_flight = in_flight > probe.most_in_flight ? in_flight : probe.most_in_flight;
        m = make(number);
        nw_offer(source, &m, 1);
        (void)pthread_mutex_unlock(&lock);
    }
}

static void on_credit(void *state)
{
    (void)state;
    offer_what_is_wanted();
}

static size_t number_of(struct nw_message *m)
{
    int64_t number = -1;

    (void)nw_message_number(m, NW_META_OFFSET, &number);
    return (size_t)number;
}

static void copy_text(char *into, size_t size, struct nw_slice text)
{
    (void)snprintf(into, size, "%.*s", (int)text.len, text.data == NULL ? "" : text.data);
}

static void settle(void *state, const struct nw_result *results, size_t n)
{
    (void)state;
    (void)pthread_mutex_lock(&lock);
    for (size_t i = 0; i < n; i++) {
        size_t number = number_of(results[i].message);
        probe.settled[number]++;
        copy_text(probe.reason, sizeof probe.reason,
                  results[i].reason == NULL ? NW_ABSENT : nw_slice_text(results[i].reason));
        probe.outcome[number] = results[i].outcome;
        probe.cause[number] = results[i].cause;
        probe.settle_order[probe.settled_count++] = number;
        in_flight--;
    }
    (void)pthread_cond_broadcast(&changed);
    (void)pthread_mutex_unlock(&lock);
}

static void stop_source(void *state)
{
    (void)state;
    (void)pthread_mutex_lock(&lock);
    want = 0;
    (void)pthread_mutex_unlock(&lock);
}

static void close_source(void *state)
{
    (void)state;
    nw_closed(source);
}

static const struct nw_source_kind source_kind = {
    .address = NW_ADDRESS_SUBJECT,
    .has = NW_HAS(NW_META_OFFSET),
    .open = open_source,
    .credit = on_credit,
    .settle = settle,
    .stop = stop_source,
    .close = close_source,
};

/* ---- the sink ---- */

static int open_sink(struct nw_endpoint *endpoint, const struct nw_endpoint_config *config,
                     void **state, struct nw_error *error)
{
    (void)config;
    (void)state;
    (void)error;
    sink = endpoint;
    nw_endpoint_state(endpoint, NW_STATE_READY, NULL);
    return 0;
}

static struct nw_result act_on(struct nw_message *m, size_t number)
{
    struct nw_result r = {.message = m, .outcome = NW_ACK};

    switch (probe.act(number, ++attempts[number])) {
    case PROBE_ACK:
        probe.delivered[probe.delivered_count++] = number;
        r.reply = probe.answers ? nw_message_new(sink) : NULL;
        break;
    case PROBE_RETRY:
        r.outcome = NW_RETRY;
        r.cause = NW_CAUSE_OUTAGE;
        r.reason = "not now";
        break;
    case PROBE_TIMEOUT:
        r.outcome = NW_RETRY;
        r.cause = NW_CAUSE_TIMEOUT;
        break;
    case PROBE_REJECT:
        r.outcome = NW_REJECT;
        r.cause = NW_CAUSE_REFUSED;
        r.reason = "it is no good";
        break;
    default:
        held[held_count++] = m;
        r.message = NULL;
        break;
    }
    return r;
}

static void send(void *state, struct nw_message *const *messages, size_t n)
{
    (void)state;
    for (size_t i = 0; i < n; i++) {
        struct nw_result r;
        (void)pthread_mutex_lock(&lock);
        probe.sent[probe.sent_count++] = number_of(messages[i]);
        r = act_on(messages[i], number_of(messages[i]));
        (void)pthread_mutex_unlock(&lock);
        if (r.message != NULL) {
            nw_done(sink, &r, 1);
        }
    }
}

static void close_sink(void *state)
{
    (void)state;
    for (size_t i = 0; i < held_count; i++) {
        struct nw_result r = {.message = held[i], .outcome = NW_RETRY, .cause = NW_CAUSE_STOPPING};
        nw_done(sink, &r, 1);
    }
    held_count = 0;
    nw_closed(sink);
}

static const struct nw_sink_kind sink_kind = {
    .address = NW_FILL_SUBJECT, .open = open_sink, .send = send, .close = close_sink};

/* ---- the dead letters ---- */

static struct nw_endpoint *dead_sink;

static int open_dead(struct nw_endpoint *endpoint, const struct nw_endpoint_config *config,
                     void **state, struct nw_error *error)
{
    (void)config;
    (void)state;
    (void)error;
    dead_sink = endpoint;
    return 0;
}

static void send_dead(void *state, struct nw_message *const *messages, size_t n)
{
    (void)state;
    for (size_t i = 0; i < n; i++) {
        struct nw_result r = {.message = messages[i], .outcome = NW_ACK};
        (void)pthread_mutex_lock(&lock);
        probe.dead[probe.dead_count++] = number_of(messages[i]);
        copy_text(probe.dead_reason, sizeof probe.dead_reason,
                  nw_message_find_header(messages[i], NW_LITERAL("Natsway-Error")));
        copy_text(probe.dead_route, sizeof probe.dead_route,
                  nw_message_find_header(messages[i], NW_LITERAL("Natsway-Route")));
        copy_text(probe.dead_id, sizeof probe.dead_id, nw_message_id(messages[i]));
        (void)pthread_mutex_unlock(&lock);
        nw_done(dead_sink, &r, 1);
    }
}

static void close_dead(void *state)
{
    (void)state;
    nw_closed(dead_sink);
}

static const struct nw_sink_kind dead_kind = {
    .address = NW_FILL_SUBJECT, .open = open_dead, .send = send_dead, .close = close_dead};

/* ---- the route ---- */

static const struct nw_connector connector = {NW_CONNECTOR_HEAD, .name = "probe", .version = "1",
                                              .source = &source_kind, .sink = &sink_kind};
static struct nw_connection_spec nats = {.name = "nats", .connector = &connector};
static struct nw_sink_spec sinks[2];
static struct nw_route_spec route;
static struct nw_route_spec *routes[] = {&route};
static struct nw_config config;

static enum probe_act always_ack(size_t number, unsigned attempt)
{
    (void)number;
    (void)attempt;
    return PROBE_ACK;
}

void probe_reset(void)
{
    memset(&probe, 0, sizeof probe);
    probe.act = always_ack;
    probe.retries = -1;
    probe.max_in_flight = 1000;
    probe.deadline_ms = 200;
    probe.then = NW_THEN_DEAD_LETTER;
    memset(attempts, 0, sizeof attempts);
    memset(step_attempts, 0, sizeof step_attempts);
    held_count = in_flight = want = 0;
    source = NULL;
    nw_log_setup(NW_LOG_ERROR, false);
}

static int run_step(void *context, struct nw_message *m, struct nw_error *error)
{
    size_t number = number_of(m);
    int rc;

    (void)context;
    (void)pthread_mutex_lock(&lock);
    rc = probe.step(number, ++step_attempts[number]);
    (void)pthread_mutex_unlock(&lock);
    return rc == 0 ? 0 : nw_error_set(error, rc, "the table is not loaded");
}

static int never(void *context, struct nw_message *m, struct nw_error *error)
{
    (void)context;
    (void)m;
    return nw_error_set(error, NW_EAGAIN, "the table is not loaded");
}

static const struct nw_map_call step = {.run = run_step}, waits = {.run = never};

static void add_steps(void)
{
    struct nw_program *two;
    struct nw_error error;

    if (probe.splits) {
        cr_assert_eq(nw_program_compile(NW_LITERAL("1, 2"), &two, &error), 0);
        cr_assert_eq(nw_map_add_split(route.map, two, NULL), 0);
    }
    if (probe.step != NULL) {
        cr_assert_eq(nw_map_add_call(route.map, &step, NULL), 0);
    }
    if (probe.answers) {
        route.reply = nw_map_new();
        cr_assert_eq(nw_map_add_call(route.reply, &waits, NULL), 0);
    }
}

static void make_sink(struct nw_sink_spec *s, const struct nw_sink_kind *kind, const char *address)
{
    struct nw_error error;

    *s = (struct nw_sink_spec){.connector = &connector, .kind = kind, .address = address};
    cr_assert_eq(nw_template_compile(nw_slice_text(address), NW_FILL_SUBJECT, &route.scope,
                                     &s->address_template, &error),
                 0, "%s", error.text);
}

static void make_route(void)
{
    route = (struct nw_route_spec){
        .name = "r",
        .source = {.connector = &connector, .kind = &source_kind, .address = "a.b"},
        .map = nw_map_new(),
        .sinks = sinks,
        .sink_count = 1,
        .then = probe.then,
        .on_error_given = probe.on_error_given,
        .retries = probe.retries,
        .backoff = {probe.backoff_ms == 0 ? 1 : probe.backoff_ms,
                    probe.backoff_ms == 0 ? 4 : probe.backoff_ms},
        .lanes = 1,
        .max_in_flight = probe.max_in_flight,
        .order = probe.order,
        .enabled = true,
        .scope = {.bridge = "b", .route = "r", .address = NW_ADDRESS_SUBJECT, .pattern = "a.b"}};
    add_steps();
    make_sink(&sinks[0], &sink_kind, "out");
    if (probe.dead_letters) {
        make_sink(&sinks[1], &dead_kind, "dlq.{{route}}");
        route.dead_letter = &sinks[1];
    }
}

void probe_start(void)
{
    struct nw_error error = {.text = ""};

    (void)strcpy(folder, "/tmp/natsway-pump-XXXXXX");
    cr_assert(mkdtemp(folder) != NULL);
    make_route();
    config = (struct nw_config){.name = "b",
                                .state_dir = folder,
                                .memory = probe.memory == 0 ? 64 << 20 : probe.memory,
                                .workers = 1,
                                .nats = &nats,
                                .routes = routes,
                                .route_count = 1};
    cr_assert_eq(nw_bridge_start(&config, &bridge, &error), 0, "%s", error.text);
    probe_wait_state(NW_ROUTE_RUNNING);
}

void probe_offer(size_t count)
{
    (void)pthread_mutex_lock(&lock);
    want = count;
    (void)pthread_mutex_unlock(&lock);
    offer_what_is_wanted();
}

static struct timespec in_ten_seconds(void)
{
    struct timespec t;

    (void)clock_gettime(CLOCK_REALTIME, &t);
    t.tv_sec += 10;
    return t;
}

void probe_sink_leaves(void)
{
    nw_endpoint_state(sink, NW_STATE_DOWN, "away");
}

void probe_sink_returns(void)
{
    nw_endpoint_state(sink, NW_STATE_READY, NULL);
}

void probe_wait_settled(size_t count)
{
    struct timespec until = in_ten_seconds();
    size_t got;

    (void)pthread_mutex_lock(&lock);
    while (probe.settled_count < count && pthread_cond_timedwait(&changed, &lock, &until) == 0) {
    }
    got = probe.settled_count;
    (void)pthread_mutex_unlock(&lock);
    cr_assert_geq(got, count, "only %zu of %zu messages were settled", got, count);
}

struct nw_route_snapshot probe_snapshot(void)
{
    struct nw_bridge_snapshot s;
    struct nw_route_snapshot r;

    cr_assert_eq(nw_bridge_snapshot(bridge, &s), 0);
    r = s.routes[0];
    nw_bridge_snapshot_done(&s);
    return r;
}

uint64_t probe_memory_free(void)
{
    struct nw_bridge_snapshot s;
    uint64_t bytes;

    cr_assert_eq(nw_bridge_snapshot(bridge, &s), 0);
    bytes = s.memory_free;
    nw_bridge_snapshot_done(&s);
    return bytes;
}

bool probe_wait(bool (*condition)(void))
{
    for (int i = 0; i < 5000 && !condition(); i++) {
        struct timespec pause = {0, 2000000}; /* polls a condition, with a deadline */
        (void)nanosleep(&pause, NULL);
    }
    return condition();
}

void probe_wait_state(enum nw_route_state state)
{
    for (int i = 0; i < 5000 && probe_snapshot().state != state; i++) {
        struct timespec pause = {0, 2000000}; /* polls a condition, with a deadline */
        (void)nanosleep(&pause, NULL);
    }
    cr_assert_eq(probe_snapshot().state, state);
}

static void remove_folder(void)
{
    char command[128];

    (void)snprintf(command, sizeof command, "rm -r %s", folder);
    cr_assert_eq(system(command), 0);
}

void probe_stop(int64_t timeout_ms)
{
    (void)nw_bridge_stop(bridge, timeout_ms);
    nw_map_free(route.map);
    nw_map_free(route.reply);
    nw_template_free(sinks[0].address_template);
    if (probe.dead_letters) {
        nw_template_free(sinks[1].address_template);
    }
    remove_folder();
    cr_expect_eq(nw_message_alive(), 0, "%zu messages are left", nw_message_alive());
}
