/* SPDX-License-Identifier: Apache-2.0 */
/* Messages whose map cannot take them yet: they wait in order, and nothing is lost. */
#include <criterion/criterion.h>
#include <stdatomic.h>

#include "base/clock.h"
#include "probe.h"

static atomic_bool is_loaded;

static void reset(void)
{
    atomic_store(&is_loaded, false);
    probe_reset();
}

static int wait_until_loaded(size_t number, unsigned attempt)
{
    (void)number;
    (void)attempt;
    return atomic_load(&is_loaded) ? 0 : NW_EAGAIN;
}

static int number_5_waits(size_t number, unsigned attempt)
{
    (void)attempt;
    return number != 5 || atomic_load(&is_loaded) ? 0 : NW_EAGAIN;
}

static void expect_all_in_order(size_t count)
{
    cr_assert_eq(probe.delivered_count, count, "%zu", probe.delivered_count);
    for (size_t i = 0; i < count; i++) {
        cr_assert_eq(probe.delivered[i], i);
        cr_assert_eq(probe.settled[i], 1, "message %zu was settled %u times", i, probe.settled[i]);
        cr_assert_eq(probe.outcome[i], NW_ACK);
    }
}

Test(later, nothing_passes_what_waits_and_all_goes_on_in_order, .init = reset)
{
    struct nw_route_snapshot r;

    probe.step = number_5_waits;
    probe_start();
    probe_offer(500);
    probe_wait_state(NW_ROUTE_HOLDING);
    r = probe_snapshot();
    cr_expect_str_eq(r.error, "the table is not loaded");
    cr_expect_eq(r.in_flight, 495);
    atomic_store(&is_loaded, true);
    probe_wait_settled(500);
    probe_wait_state(NW_ROUTE_RUNNING);
    cr_expect_eq(probe_snapshot().mismatches, 0);
    probe_stop(1000);
    expect_all_in_order(500);
}

Test(later, what_waits_keeps_its_credit, .init = reset)
{
    probe.step = wait_until_loaded;
    probe.max_in_flight = 10;
    probe_start();
    probe_offer(100);
    probe_wait_state(NW_ROUTE_HOLDING);
    cr_expect_eq(probe_snapshot().in_flight, 10);
    atomic_store(&is_loaded, true);
    probe_wait_settled(100);
    probe_stop(1000);
    cr_expect_leq(probe.most_in_flight, 10);
    expect_all_in_order(100);
}

static int each_waits_twice(size_t number, unsigned attempt)
{
    (void)number;
    return attempt < 3 ? NW_EAGAIN : 0;
}

Test(later, each_may_wait_anew, .init = reset)
{
    probe.step = each_waits_twice;
    probe_start();
    probe_offer(10);
    probe_wait_settled(10);
    probe_stop(1000);
    expect_all_in_order(10);
}

/* The second part of the first message has to wait: then there is no first part either. */
static int the_second_part_waits(size_t number, unsigned attempt)
{
    return number == 0 && attempt == 2 ? NW_EAGAIN : 0;
}

Test(later, a_message_with_parts_waits_as_a_whole, .init = reset)
{
    probe.splits = true;
    probe.step = the_second_part_waits;
    probe_start();
    probe_offer(3);
    probe_wait_settled(3);
    probe_stop(1000);
    cr_assert_eq(probe.sent_count, 6);
    for (size_t i = 0; i < 6; i++) {
        cr_expect_eq(probe.sent[i], i / 2);
    }
}

/* The stop may take an hour, and it takes none of it. */
Test(later, what_waits_goes_back_to_its_source_at_once_when_the_route_stops, .init = reset)
{
    int64_t began_ns;

    probe.step = number_5_waits;
    probe_start();
    probe_offer(1000);
    probe_wait_state(NW_ROUTE_HOLDING);
    began_ns = nw_clock_monotonic_ns();
    probe_stop(3600000);
    cr_expect_lt(nw_clock_monotonic_ns() - began_ns, 600 * NW_SECOND_NS);
    cr_expect_eq(probe.delivered_count, 5);
    for (size_t i = 5; i < 1000; i++) {
        cr_assert_eq(probe.settled[i], 1);
        cr_assert_eq(probe.outcome[i], NW_RETRY);
        cr_assert_eq(probe.cause[i], NW_CAUSE_STOPPING);
        cr_assert_eq(probe.settle_order[i], i);
    }
}

static enum probe_act hold_number_4(size_t number, unsigned attempt)
{
    (void)attempt;
    return number == 4 ? PROBE_HOLD : PROBE_ACK;
}

/* Number 4 is under way until the end: what came behind it must not come back before it. */
Test(later, what_waits_goes_back_behind_what_is_under_way, .init = reset)
{
    probe.step = number_5_waits;
    probe.act = hold_number_4;
    probe_start();
    probe_offer(1000);
    probe_wait_state(NW_ROUTE_HOLDING);
    probe_stop(50);
    cr_expect_eq(probe.delivered_count, 4);
    for (size_t i = 4; i < 1000; i++) {
        cr_assert_eq(probe.settle_order[i], i);
        cr_assert_eq(probe.outcome[i], NW_RETRY);
    }
}

Test(later, who_waits_for_an_answer_is_told_at_the_deadline, .init = reset)
{
    probe.awaited = true;
    probe.unawaited = 1; /* it stays, between two that do not */
    probe.step = wait_until_loaded;
    probe.dead_letters = true;
    probe_start();
    probe_offer(3);
    probe_wait_settled(2);
    cr_expect_eq(probe.outcome[0], NW_RETRY);
    cr_expect_eq(probe.cause[0], NW_CAUSE_OUTAGE);
    cr_expect_eq(probe.cause[2], NW_CAUSE_OUTAGE);
    cr_expect_str_eq(probe.reason, "what its mapping needs was not there in time");
    atomic_store(&is_loaded, true);
    probe_wait_settled(3);
    probe_stop(1000);
    cr_expect_eq(probe.outcome[1], NW_ACK);
    cr_expect_eq(probe.delivered_count, 1);
    cr_expect_eq(probe.dead_count, 0);
}

/* The request was made and answered; only the answer cannot be mapped. */
Test(later, an_answer_that_cannot_be_mapped_yet_is_an_outage, .init = reset)
{
    probe.awaited = true;
    probe.deadline_ms = 3600000;
    probe.answers = true;
    probe_start();
    probe_offer(1);
    probe_wait_settled(1);
    cr_expect_str_eq(probe_snapshot().error, "the table is not loaded");
    probe_stop(1000);
    cr_expect_eq(probe.outcome[0], NW_RETRY);
    cr_expect_eq(probe.cause[0], NW_CAUSE_OUTAGE);
    cr_expect_str_eq(probe.reason, "the table is not loaded");
}
