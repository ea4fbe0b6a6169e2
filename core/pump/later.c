/* SPDX-License-Identifier: Apache-2.0 */
#include "pump/later.h"

#include <stdio.h>

#include "base/clock.h"
#include "pump/lane.h"

#define FIRST_WAIT_MS 20
#define LONGEST_WAIT_MS 1000
/* A schema that is fetched at its first message is no trouble that anybody is to hear of. */
#define TELL_AFTER_NS (200 * NW_MILLISECOND_NS)

static struct nw_message *unqueue(struct nw_later *later)
{
    struct nw_message *m = later->head;

    later->head = m->next;
    if (later->head == NULL) {
        later->tail = NULL;
    }
    m->next = NULL;
    later->count--;
    return m;
}

static void put_back(struct nw_later *later, struct nw_message *m)
{
    m->next = later->head;
    later->head = m;
    if (later->tail == NULL) {
        later->tail = m;
    }
    later->count++;
}

static bool is_awaited(const struct nw_lane *lane, const struct nw_message *m)
{
    return m->deadline_ns != 0 && !lane->route->on_error_given;
}

/* The next try, or before it the first deadline of those who wait for an answer. */
static void arm(struct nw_lane *lane)
{
    struct nw_later *later = &lane->later;
    int64_t due_ns = later->try_ns;

    for (const struct nw_message *m = later->head; m != NULL; m = m->next) {
        if (is_awaited(lane, m) && m->deadline_ns < due_ns) {
            due_ns = m->deadline_ns;
        }
    }
    if (nw_worker_arm(lane->worker, &later->timer, due_ns) != 0) {
        nw_later_return_all(lane); /* as when there is no memory for the map itself */
    }
}

/* Once when it begins, and the reason in /api/routes whenever it is another. */
static void tell(struct nw_lane *lane, const char *reason)
{
    struct nw_later *later = &lane->later;

    if (lane->worker->now_ns - later->since_ns < TELL_AFTER_NS) {
        return;
    }
    if (!later->told || strncmp(later->reason, reason, sizeof later->reason - 1) != 0) {
        (void)snprintf(later->reason, sizeof later->reason, "%s", reason);
        nw_lane_set_error(lane, reason);
    }
    if (!later->told) {
        later->told = true;
        nw_lane_log(lane, NW_LOG_WARNING, later->head, "holding: it cannot be mapped yet: %s",
                    reason);
    }
}

/* There is nothing left to wait for. */
static void end(struct nw_lane *lane)
{
    struct nw_later *later = &lane->later;

    nw_worker_disarm(lane->worker, &later->timer);
    nw_backoff_reset(&later->backoff);
    later->told = false;
    later->reason[0] = '\0';
}

static void try_again(struct nw_lane *lane)
{
    struct nw_later *later = &lane->later;

    while (later->head != NULL) {
        struct nw_message *m = unqueue(later);
        struct nw_error error;
        if (!nw_lane_map(lane, m, &error)) {
            put_back(later, m);
            later->try_ns = lane->worker->now_ns +
                            (int64_t)nw_backoff_next(&later->backoff) * NW_MILLISECOND_NS;
            tell(lane, error.text);
            return;
        }
        nw_backoff_reset(&later->backoff);
        later->since_ns = lane->worker->now_ns;
    }
    if (later->told) {
        nw_lane_log(lane, NW_LOG_INFO, NULL, "going on: what was missing is there");
    }
}

static void answer_late(struct nw_lane *lane)
{
    struct nw_later *later = &lane->later;
    size_t count = later->count;

    while (count-- > 0) { /* each once round, so that those that stay keep their order */
        struct nw_message *m = unqueue(later);
        if (is_awaited(lane, m) && lane->worker->now_ns >= m->deadline_ns) {
            nw_lane_answer_original(lane, m, "what its mapping needs was not there in time");
            continue;
        }
        m->next = NULL;
        if (later->tail == NULL) {
            later->head = m;
        } else {
            later->tail->next = m;
        }
        later->tail = m;
        later->count++;
    }
}

static void when_due(void *context)
{
    struct nw_lane *lane = context;
    struct nw_later *later = &lane->later;

    nw_lane_touch(lane);
    if (lane->phase >= NW_PHASE_RETURNING) {
        return; /* it is returned soon */
    }
    answer_late(lane);
    if (lane->worker->now_ns >= later->try_ns) {
        try_again(lane);
    }
    if (later->head == NULL) {
        end(lane);
    } else {
        arm(lane);
    }
}

void nw_later_init(struct nw_lane *lane)
{
    struct nw_later *later = &lane->later;

    later->timer = (struct nw_timer){.run = when_due, .context = lane};
    nw_backoff_init(&later->backoff, (struct nw_backoff_range){FIRST_WAIT_MS, LONGEST_WAIT_MS},
                    (uint64_t)nw_clock_monotonic_ns() ^ (uintptr_t)lane);
}

void nw_later_add(struct nw_lane *lane, struct nw_message *original)
{
    struct nw_later *later = &lane->later;

    if (later->head == NULL) {
        later->head = original;
        later->since_ns = lane->worker->now_ns;
        later->try_ns =
            lane->worker->now_ns + (int64_t)nw_backoff_next(&later->backoff) * NW_MILLISECOND_NS;
    } else {
        later->tail->next = original;
    }
    original->next = NULL;
    later->tail = original;
    later->count++;
    if (later->count == 1 ||
        (is_awaited(lane, original) && original->deadline_ns < later->timer.due_ns)) {
        arm(lane);
    }
}

void nw_later_return_all(struct nw_lane *lane)
{
    while (lane->later.head != NULL) {
        struct nw_message *m = unqueue(&lane->later);
        m->worst = NW_FATE_RETURNED;
        nw_lane_finish(lane, m);
    }
    end(lane);
}
