/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Every order in which things may happen to messages on their way to their targets, with the
 * process killed at every point of it and started again with what that leaves.
 *
 * A state is reached by doing from a start what leads to it (the pump's state cannot be copied);
 * one that was seen is not followed again. What a kill leaves at any state is a further start,
 * once. So the number of kills is not limited. The first thing that is wrong ends the search with
 * what led to it.
 */
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/siphash.h"
#include "world.h"

#define DEPTH_MAX 200
#define STARTS_MAX 4096

/* clang-format off */
static const struct scenario scenarios[] = {
    /* name, how, order, messages, targets, credit, failures, refusals, stops, untold, single */
    {"plain, strict", PLAIN, NW_ORDER_STRICT, 2, 2, 2, 2, 0, false, false, false},
    {"plain, strict, stopped", PLAIN, NW_ORDER_STRICT, 2, 2, 2, 1, 0, true, false, false},
    {"plain, strict, refused", PLAIN, NW_ORDER_STRICT, 3, 1, 3, 2, 1, false, false, false},
    {"plain, relaxed", PLAIN, NW_ORDER_RELAXED, 2, 2, 2, 1, 0, true, false, false},
    {"keys", PLAIN, NW_ORDER_KEY, 3, 1, 3, 3, 0, false, false, false},
    {"keys, stopped", PLAIN, NW_ORDER_KEY, 3, 1, 3, 2, 0, true, false, false},
    {"keys, refused", PLAIN, NW_ORDER_KEY, 3, 1, 3, 2, 1, false, false, false},
    {"keys, one of each at once", PLAIN, NW_ORDER_KEY, 3, 1, 3, 2, 1, true, false, true},
    {"keys, two targets", PLAIN, NW_ORDER_KEY, 2, 2, 2, 1, 0, false, false, false},
    {"keys, spooled", SPOOLED, NW_ORDER_KEY, 3, 1, 2, 1, 0, false, false, false},
    {"spooled", SPOOLED, NW_ORDER_STRICT, 2, 2, 2, 1, 0, false, false, false},
    {"spooled, stopped", SPOOLED, NW_ORDER_STRICT, 2, 2, 2, 0, 0, true, false, false},
    {"spooled, one credit", SPOOLED, NW_ORDER_STRICT, 2, 2, 1, 1, 0, true, false, false},
    {"spooled, untold", SPOOLED, NW_ORDER_STRICT, 2, 2, 1, 0, 0, false, true, false},
    {"spool in an outage", OUTAGE, NW_ORDER_STRICT, 2, 2, 2, 1, 0, false, false, false},
    {"spool in an outage, one credit", OUTAGE, NW_ORDER_STRICT, 2, 2, 1, 1, 0, false, false, false},
};
/* clang-format on */

/* The states that were seen: a table of hashes. */
static struct nw_hash128 *seen;
static size_t seen_count, seen_capacity;

static struct lasting starts[STARTS_MAX];
static size_t start_count, start_now;
static const struct scenario *scenario;
static struct event path[DEPTH_MAX];
static size_t path_len, deepest;

_Noreturn void world_broken(const char *format, ...)
{
    static const char *const names[] = {"offer", "round",  "timer",  "ack",  "fail",   "refuse",
                                        "keep",  "replay", "remove", "stop", "give up"};
    const struct lasting *l = &starts[start_now];
    va_list args;

    va_start(args, format);
    (void)vprintf(format, args);
    va_end(args);
    (void)printf("\nscenario: %s\nstart: %d rows\n", scenario == NULL ? "" : scenario->name,
                 l->row_count);
    for (unsigned m = 0; m < MESSAGES; m++) {
        (void)printf("  message %u: told %d, confirmed %d %d, refused %d %d\n", m, l->told[m],
                     l->confirmed[0][m], l->confirmed[1][m], l->refused[0][m], l->refused[1][m]);
    }
    for (size_t i = 0; i < path_len; i++) {
        (void)printf("  %s %d %d\n", names[path[i].kind], path[i].target, path[i].index);
    }
    exit(1);
}

/* ---- what was seen ---- */

static bool insert(struct nw_hash128 *table, size_t capacity, struct nw_hash128 hash)
{
    size_t i = hash.words[0] & (capacity - 1);

    while (table[i].words[0] != 0 || table[i].words[1] != 0) {
        if (table[i].words[0] == hash.words[0] && table[i].words[1] == hash.words[1]) {
            return false;
        }
        i = (i + 1) & (capacity - 1);
    }
    table[i] = hash;
    return true;
}

static void grow(void)
{
    size_t capacity = seen_capacity == 0 ? 1 << 16 : seen_capacity * 2;
    struct nw_hash128 *more = calloc(capacity, sizeof *more);

    if (more == NULL) {
        world_broken("no memory");
    }
    for (size_t i = 0; i < seen_capacity; i++) {
        if (seen[i].words[0] != 0 || seen[i].words[1] != 0) {
            (void)insert(more, capacity, seen[i]);
        }
    }
    free(seen);
    seen = more;
    seen_capacity = capacity;
}

static bool is_new(void)
{
    static struct nw_buffer text;
    bool added;

    if (seen_count * 2 >= seen_capacity) {
        grow();
    }
    nw_buffer_clear(&text);
    world_describe(&text);
    added = insert(seen, seen_capacity,
                   nw_siphash((struct nw_hash128){{1, 2}}, (struct nw_slice){text.data, text.len}));
    seen_count += added ? 1 : 0;
    return added;
}

static void add_start(struct lasting l)
{
    for (size_t i = 0; i < start_count; i++) {
        if (memcmp(&starts[i], &l, sizeof l) == 0) {
            return;
        }
    }
    if (start_count == STARTS_MAX) {
        world_broken("more starts than there is room for");
    }
    starts[start_count++] = l;
}

/* ---- the search ---- */

/* From the start again, to the state that the path leads to. */
static void go_back(size_t len)
{
    world_end();
    world_begin(scenario, &starts[start_now]);
    for (size_t i = 0; i < len; i++) {
        world_apply(path[i]);
    }
}

static void note_kills(void)
{
    struct lasting l;

    add_start(world_lasting());
    if (world_untold(&l)) {
        add_start(l);
    }
}

/* The world is where path[0..len) leads; afterwards it may be anywhere. */
static void visit(size_t len) // NOLINT(misc-no-recursion)
{
    struct event events[EVENTS_MAX];
    size_t n;

    note_kills();
    if (!is_new()) {
        return;
    }
    deepest = len > deepest ? len : deepest;
    if (len == DEPTH_MAX) {
        world_broken("it does not end");
    }
    n = world_enabled(events);
    for (size_t i = 0; i < n; i++) {
        path_len = len;
        if (i > 0) {
            go_back(len);
        }
        path[len] = events[i];
        path_len = len + 1;
        world_apply(events[i]);
        visit(len + 1);
    }
}

static void explore(void)
{
    start_count = seen_count = 0;
    deepest = 0;
    memset(seen, 0, seen_capacity * sizeof *seen);
    add_start((struct lasting){.row_count = 0});
    for (start_now = 0; start_now < start_count; start_now++) {
        path_len = 0;
        world_begin(scenario, &starts[start_now]);
        visit(0);
        path_len = 0;
        world_end();
    }
    if (scenario->order == NW_ORDER_KEY && !world_has_passed()) {
        world_broken("no message of another key has gone on while one waits");
    }
    (void)world_has_passed();
    (void)printf("%-32s %8zu states, %4zu starts, up to %zu events\n", scenario->name, seen_count,
                 start_count, deepest);
    (void)fflush(stdout);
}

int main(void)
{
    size_t states = 0;

    grow();
    world_open();
    for (size_t i = 0; i < sizeof scenarios / sizeof scenarios[0]; i++) {
        scenario = &scenarios[i];
        explore();
        states += seen_count;
    }
    world_close();
    free(seen);
    (void)printf("%zu states; nothing is lost or out of order in any of them\n", states);
    return 0;
}
