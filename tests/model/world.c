/* SPDX-License-Identifier: Apache-2.0 */
/* The lane with its source and its targets, and what may happen to them. */
#include "world.h"

#include "log/log.h"
#include "mappings/map.h"
#include "world_internal.h"

#define FOR_EVER (INT64_MAX / 4)
/* A kill between storing and telling makes another row; so many are enough to see what it does. */
#define UNTOLD_ROWS 2

struct world world;

static bool has_passed;
static struct nw_mapper *mapper;
static struct nw_endpoint *source_endpoint;
static struct nw_route_spec route;
static struct nw_sink_spec sinks[TARGETS];

/* ---- messages: the payload is the number ---- */

unsigned world_number_of(const struct nw_message *m)
{
    return (unsigned char)m->payload.data[0];
}

struct nw_message *world_message(unsigned number)
{
    static const char *const origins[MESSAGES] = {"model:0", "model:1", "model:2"};
    static const char *const keys[KEYS] = {"a", "b"};
    struct nw_message *m = nw_message_make();
    char text = (char)number;

    m->payload = nw_message_copy(m, &text, 1);
    m->address = NW_LITERAL("a.b");
    m->key = nw_slice_text(keys[number % KEYS]);
    m->origin = nw_slice_text(origins[number]);
    return m;
}

/* ---- the source ---- */

static int open_source(struct nw_endpoint *endpoint, const struct nw_endpoint_config *c,
                       void **state, struct nw_error *error)
{
    (void)c;
    (void)state;
    (void)error;
    source_endpoint = endpoint;
    nw_endpoint_state(endpoint, NW_STATE_READY, NULL);
    return 0;
}

static void give_credit(void *state)
{
    (void)state;
    world.starved = false;
}

bool world_is_over(unsigned target, unsigned number)
{
    return world.last.confirmed[target][number] || world.last.refused[target][number];
}

static void expect_over(unsigned number)
{
    for (unsigned t = 0; t < world.scenario->targets; t++) {
        if (!world_is_over(t, number)) {
            world_broken("message %u is settled without target %u", number, t);
        }
    }
}

static void settle_one(const struct nw_result *r)
{
    unsigned number = world_number_of(r->message);

    if (!world.outstanding[number]) {
        world_broken("message %u is settled, and was not offered", number);
    }
    world.outstanding[number] = false;
    if (r->outcome == NW_ACK) {
        expect_over(number);
        world.last.told[number] = true;
    } else if (world.scenario->mode == OUTAGE && r->cause == NW_CAUSE_OUTAGE) {
        world.kept[world.kept_count++] = nw_message_ref(r->message);
    }
}

static void settle(void *state, const struct nw_result *results, size_t n)
{
    (void)state;
    for (size_t i = 0; i < n; i++) {
        settle_one(&results[i]);
    }
}

static void stop_source(void *state)
{
    (void)state;
    world.stopped = true;
}

static void close_source(void *state)
{
    (void)state;
    nw_closed(source_endpoint);
}

static const struct nw_source_kind source_kind = {.address = NW_ADDRESS_SUBJECT,
                                                  .open = open_source,
                                                  .credit = give_credit,
                                                  .settle = settle,
                                                  .stop = stop_source,
                                                  .close = close_source};

/* The source knows that it is stored only after the call. */
static void store(struct nw_message *m)
{
    unsigned number = world_number_of(m);
    struct nw_error error;

    m->deadline_ns = 0;
    if (nw_store(source_endpoint, &m, 1, &error) != 0) {
        world_broken("nothing can be stored");
    }
    world.untold = world_lasting();
    world.has_untold = world.scenario->untold && world.untold.row_count <= UNTOLD_ROWS;
    world.last.told[number] = true;
}

static void offer_next(void)
{
    struct nw_message *m;
    unsigned number = world.next;

    if (world.scenario->mode != SPOOLED && nw_credit_take(source_endpoint, 1) == 0) {
        if (world.scenario->mode == OUTAGE) {
            world.kept[world.kept_count++] = world_message(number);
            world.next++;
        } else {
            world.starved = true;
        }
        return;
    }
    world.next++;
    m = world_message(number);
    if (world.scenario->mode == SPOOLED) {
        store(m);
        return;
    }
    if (world.scenario->mode == OUTAGE) {
        m->deadline_ns = FOR_EVER;
    }
    world.outstanding[number] = true;
    nw_offer(source_endpoint, &m, 1);
}

static void keep_next(void)
{
    struct nw_message *m = world.kept[0];

    world.kept_count--;
    memmove(world.kept, world.kept + 1, world.kept_count * sizeof world.kept[0]);
    store(m);
}

/* ---- the targets; their state is their number + 1 ---- */

static int open_sink(struct nw_endpoint *endpoint, const struct nw_endpoint_config *c, void **state,
                     struct nw_error *error)
{
    (void)error;
    *state = (void *)(uintptr_t)(c->address[0] - '0' + 1);
    nw_endpoint_state(endpoint, NW_STATE_READY, NULL);
    return 0;
}

static bool is_held(size_t t, unsigned number)
{
    for (size_t i = 0; i < world.held_count[t]; i++) {
        if (world_number_of(world.held[t][i]) == number) {
            return true;
        }
    }
    return false;
}

/* May it be sent, where an earlier one is not yet through? */
static void expect_order(size_t t, unsigned number)
{
    const struct scenario *s = world.scenario;

    for (unsigned earlier = 0; earlier < number; earlier++) {
        bool same = earlier % KEYS == number % KEYS, failed = world.failed[t][earlier];
        if (failed && s->mode == PLAIN &&
            (s->order == NW_ORDER_STRICT || (s->order == NW_ORDER_KEY && same))) {
            world_broken("message %u passes %u, which is to be sent again", number, earlier);
        }
        if (s->order == NW_ORDER_KEY && s->single && same &&
            (is_held(t, earlier) || !world_is_over((unsigned)t, earlier))) {
            world_broken("message %u is sent beside %u of its key", number, earlier);
        }
        has_passed |= failed && !same;
    }
}

static void send(void *state, struct nw_message *const *messages, size_t n)
{
    size_t t = (uintptr_t)state - 1;

    for (size_t i = 0; i < n; i++) {
        expect_order(t, world_number_of(messages[i]));
        world.failed[t][world_number_of(messages[i])] = false;
        world.held[t][world.held_count[t]++] = messages[i];
    }
}

static void done(size_t t, size_t index, enum nw_outcome outcome)
{
    struct nw_result r = {.message = world.held[t][index], .outcome = outcome};
    unsigned number = world_number_of(r.message);

    if (r.message->state != NW_MSG_SENT) {
        world_broken("message %u is with target %zu, and the pump says that it is not", number, t);
    }
    r.retry_after_ms = outcome == NW_RETRY ? number + 1 : 0; /* so keys are due one by one */
    r.cause = outcome == NW_ACK      ? NW_CAUSE_NONE
              : outcome == NW_REJECT ? NW_CAUSE_REFUSED
                                     : NW_CAUSE_OUTAGE;
    world.held_count[t]--;
    memmove(&world.held[t][index], &world.held[t][index + 1],
            (world.held_count[t] - index) * sizeof world.held[t][0]);
    world.last.confirmed[t][number] |= outcome == NW_ACK;
    world.last.refused[t][number] |= outcome == NW_REJECT;
    world.failed[t][number] = outcome == NW_RETRY;
    nw_done(&world.lane.targets[t].sink, &r, 1);
}

static void close_sink(void *state)
{
    size_t t = (uintptr_t)state - 1;

    while (world.held_count[t] > 0) {
        done(t, 0, NW_RETRY);
    }
    nw_closed(&world.lane.targets[t].sink);
}

static const struct nw_sink_kind sink_kind = {
    .address = NW_FILL_SUBJECT, .open = open_sink, .send = send, .close = close_sink};

static const struct nw_connector connector = {NW_CONNECTOR_HEAD, .name = "model", .version = "1",
                                              .source = &source_kind, .sink = &sink_kind};

/* ---- one life of the program ---- */

static void make_route(const struct scenario *scenario)
{
    route.order = scenario->order;
    route.sink_count = scenario->targets;
    for (size_t t = 0; t < TARGETS; t++) {
        sinks[t].several_at_once = scenario->single;
    }
    route.max_in_flight = scenario->credit;
    route.spool_possible = scenario->mode != PLAIN;
    route.spool_used = scenario->mode != PLAIN;
    route.spool_in_outage = scenario->mode == OUTAGE;
    route.spool_sync = true;
}

static void skip_told(void)
{
    while (world.next < world.scenario->messages && world.last.told[world.next]) {
        world.next++;
    }
}

void world_begin(const struct scenario *scenario, const struct lasting *lasting)
{
    world = (struct world){.scenario = scenario, .last = *lasting};
    make_route(scenario);
    world.bridge.name = "b";
    world.bridge.state_dir = "/nonexistent";
    world.worker.mapper = mapper;
    world.worker.now_ns = nw_clock_monotonic_ns();
    if (nw_lane_init(&world.lane, &world.bridge, &route, 0, &world.worker) != 0) {
        world_broken("no memory");
    }
    nw_budget_init(&world.bridge.budget, 64 << 20);
    nw_credit_init(&world.lane, &world.bridge.budget, 1);
    nw_lane_start(&world.lane);
    world_round();
    skip_told();
}

/* What was told is at all targets or on disk. */
static void check(void)
{
    for (unsigned m = 0; m < world.scenario->messages; m++) {
        bool lasts = true;
        for (unsigned t = 0; t < world.scenario->targets; t++) {
            lasts &= world_is_over(t, m);
        }
        for (unsigned r = 0; r < world.last.row_count; r++) {
            lasts |= world.last.rows[r].there && world.last.rows[r].number == m;
        }
        if (world.last.told[m] && !lasts) {
            world_broken("message %u would be lost by a kill", m);
        }
    }
    if (world.lane.ledger.mismatches != 0) {
        world_broken("the ledger does not add up");
    }
}

void world_apply(struct event e)
{
    world.has_untold = false;
    switch ((enum event_kind)e.kind) {
    case EVENT_OFFER:
        offer_next();
        skip_told();
        break;
    case EVENT_ROUND:
        world_round();
        break;
    case EVENT_TIMER:
        world_timer(e.index);
        break;
    case EVENT_FAIL:
        world.failures++;
        done(e.target, e.index, NW_RETRY);
        break;
    case EVENT_REFUSE:
        world.refusals++;
        done(e.target, e.index, NW_REJECT);
        break;
    case EVENT_ACK:
        done(e.target, e.index, NW_ACK);
        break;
    case EVENT_KEEP:
        keep_next();
        break;
    case EVENT_REPLAY:
        world.replay_wanted = false;
        nw_spooler_replay(&world.lane.spooler);
        break;
    case EVENT_REMOVE:
        for (unsigned r = 0; r < world.last.row_count; r++) {
            world.last.rows[r].there &= !world.last.rows[r].settled;
        }
        break;
    case EVENT_STOP:
        world.told_stop = true;
        nw_lane_stop(&world.lane);
        break;
    case EVENT_GIVE_UP:
        world.told_give_up = true;
        nw_lane_give_up(&world.lane);
        break;
    }
    check();
}

/* ---- what may happen ---- */

static void add(struct event *out, size_t *n, enum event_kind kind, size_t target, size_t index)
{
    out[(*n)++] = (struct event){(uint8_t)kind, (uint8_t)target, (uint8_t)index};
}

static void add_targets(struct event *out, size_t *n)
{
    for (size_t t = 0; t < TARGETS; t++) {
        for (size_t i = 0; i < world.held_count[t]; i++) {
            add(out, n, EVENT_ACK, t, i);
            if (world.failures < world.scenario->failures) {
                add(out, n, EVENT_FAIL, t, i);
            }
            if (world.refusals < world.scenario->refusals) {
                add(out, n, EVENT_REFUSE, t, i);
            }
        }
    }
}

static bool has_settled_rows(void)
{
    for (unsigned r = 0; r < world.last.row_count; r++) {
        if (world.last.rows[r].there && world.last.rows[r].settled) {
            return true;
        }
    }
    return false;
}

/* Nothing is left to happen but the end: then nothing is left to do. */
static void expect_finished(void)
{
    for (unsigned m = 0; m < world.scenario->messages; m++) {
        bool over = world.last.told[m];
        for (unsigned t = 0; t < world.scenario->targets; t++) {
            over = over && world_is_over(t, m);
        }
        if (!over) {
            world_broken("message %u waits for nothing", m);
        }
    }
    if (world.lane.ledger.in_flight != 0) {
        world_broken("something is in flight that nothing holds");
    }
}

size_t world_enabled(struct event out[EVENTS_MAX])
{
    size_t n = 0;

    if (world.closed) {
        return 0;
    }
    if (world_worker_has_work()) {
        add(out, &n, EVENT_ROUND, 0, 0);
    }
    add_targets(out, &n);
    for (size_t i = 0; i < world.timer_count; i++) {
        add(out, &n, EVENT_TIMER, 0, i);
    }
    if (world.next < world.scenario->messages && !world.starved && !world.stopped) {
        add(out, &n, EVENT_OFFER, 0, 0);
    }
    if (world.kept_count > 0) {
        add(out, &n, EVENT_KEEP, 0, 0);
    }
    if (world.replay_wanted) {
        add(out, &n, EVENT_REPLAY, 0, 0);
    }
    if (has_settled_rows()) {
        add(out, &n, EVENT_REMOVE, 0, 0);
    }
    if (n == 0 && !world.told_stop) {
        expect_finished();
    }
    if (!world.told_stop && world.scenario->stops) {
        add(out, &n, EVENT_STOP, 0, 0);
    } else if (!world.told_stop) {
        return n;
    } else if (!world.told_give_up) {
        add(out, &n, EVENT_GIVE_UP, 0, 0);
    }
    return n;
}

/* ---- what a kill leaves ---- */

struct lasting world_lasting(void)
{
    struct lasting l = world.last;

    l.row_count = 0;
    memset(l.rows, 0, sizeof l.rows);
    for (unsigned r = 0; r < world.last.row_count; r++) {
        if (world.last.rows[r].there) { /* what was not yet removed comes again */
            l.rows[l.row_count++] =
                (struct row){.number = world.last.rows[r].number, .there = true};
        }
    }
    return l;
}

bool world_untold(struct lasting *out)
{
    *out = world.untold;
    return world.has_untold;
}

bool world_has_passed(void)
{
    bool passed = has_passed;

    has_passed = false;
    return passed;
}

void world_end(void)
{
    if (!world.told_stop) {
        nw_lane_stop(&world.lane);
    }
    if (!world.told_give_up) {
        nw_lane_give_up(&world.lane);
    }
    for (unsigned i = 0; !world.closed && i < 50; i++) {
        world_round();
    }
    if (!world.closed) {
        world_broken("the lane does not close");
    }
    for (unsigned m = 0; m < MESSAGES; m++) {
        if (world.outstanding[m]) {
            world_broken("message %u is not settled at the end", m);
        }
    }
    for (size_t i = 0; i < world.kept_count; i++) {
        nw_message_unref(world.kept[i]);
    }
    nw_lane_done(&world.lane);
    if (nw_message_alive() != 0) {
        world_broken("%zu messages are left", nw_message_alive());
    }
}

/* ---- once ---- */

void world_open(void)
{
    static const char *const addresses[TARGETS] = {"0", "1"};
    struct nw_error error;

    nw_log_setup(NW_LOG_ERROR, false);
    mapper = nw_mapper_new();
    route = (struct nw_route_spec){
        .name = "r",
        .source = {.connector = &connector, .kind = &source_kind, .address = "a.b"},
        .map = nw_map_new(),
        .sinks = sinks,
        .sink_count = TARGETS,
        .retries = -1,
        .backoff = {0, 0}, /* a wait that is not by chance; see done() */
        .lanes = 1,
        .enabled = true,
        .scope = {.bridge = "b", .route = "r", .address = NW_ADDRESS_SUBJECT, .pattern = "a.b"}};
    for (size_t t = 0; t < TARGETS; t++) {
        sinks[t] = (struct nw_sink_spec){
            .connector = &connector, .kind = &sink_kind, .address = addresses[t]};
        if (nw_template_compile(nw_slice_text(addresses[t]), NW_FILL_SUBJECT, &route.scope,
                                &sinks[t].address_template, &error) != 0) {
            world_broken("%s", error.text);
        }
    }
}

void world_close(void)
{
    for (size_t t = 0; t < TARGETS; t++) {
        nw_template_free(sinks[t].address_template);
    }
    nw_map_free(route.map);
    nw_mapper_free(mapper);
}
