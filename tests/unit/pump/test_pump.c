/* SPDX-License-Identifier: Apache-2.0 */
#include <criterion/criterion.h>

#include "probe.h"

static void expect_each_settled_once(size_t count)
{
    for (size_t i = 0; i < count; i++) {
        cr_assert_eq(probe.settled[i], 1, "message %zu was settled %u times", i, probe.settled[i]);
    }
}

static void expect_delivered_in_order(size_t count)
{
    cr_assert_eq(probe.delivered_count, count);
    for (size_t i = 0; i < count; i++) {
        cr_assert_eq(probe.delivered[i], i);
    }
}

Test(pump, delivers_each_message_once_and_in_order, .init = probe_reset)
{
    struct nw_route_snapshot r;

    probe_start();
    probe_offer(10000);
    probe_wait_settled(10000);
    r = probe_snapshot();
    cr_expect_eq(r.received, r.delivered + r.in_flight);
    cr_expect_eq(r.mismatches, 0);
    probe_stop(1000);
    expect_each_settled_once(10000);
    expect_delivered_in_order(10000);
}

Test(pump, never_holds_more_than_its_credit, .init = probe_reset)
{
    probe.max_in_flight = 10;
    probe_start();
    probe_offer(5000);
    probe_wait_settled(5000);
    probe_stop(1000);
    cr_expect_leq(probe.most_in_flight, 10);
    expect_delivered_in_order(5000);
}

static enum probe_act fail_every_tenth_twice(size_t number, unsigned attempt)
{
    return number % 10 == 3 && attempt <= 2 ? PROBE_RETRY : PROBE_ACK;
}

Test(pump, sends_again_what_failed_until_it_is_through, .init = probe_reset)
{
    probe.act = fail_every_tenth_twice;
    probe_start();
    probe_offer(200);
    probe_wait_settled(200);
    cr_expect_eq(probe_snapshot().retries, 40);
    probe_stop(1000);
    expect_each_settled_once(200);
    cr_expect_eq(probe.delivered_count, 200);
}

static enum probe_act down_for_the_first_tries(size_t number, unsigned attempt)
{
    return number == 0 && attempt <= 5    ? PROBE_RETRY
           : attempt == 1 && number < 100 ? PROBE_RETRY
                                          : PROBE_ACK;
}

Test(pump, keeps_the_order_through_an_outage_and_probes_with_one_message, .init = probe_reset)
{
    probe.act = down_for_the_first_tries;
    probe.max_in_flight = 100; /* the whole window fails */
    probe_start();
    probe_offer(1000);
    probe_wait_settled(1000);
    probe_stop(1000);
    expect_delivered_in_order(1000);
    /* From its first probe until it is through, nothing but number 0 is sent. */
    for (size_t i = 1, tries = 1; tries < 6; i++) {
        cr_assert(tries == 1 || probe.sent[i] == 0, "message %zu was sent past number 0",
                  probe.sent[i]);
        tries += probe.sent[i] == 0 ? 1 : 0;
    }
}

static enum probe_act fail_number_1_once(size_t number, unsigned attempt)
{
    return number == 1 && attempt == 1 ? PROBE_RETRY : PROBE_ACK;
}

/* It fails while a window is being handed over in batches: only its own batch is past it. */
Test(pump, sends_no_batch_past_one_that_has_failed, .init = probe_reset)
{
    size_t highest = 0, tries = 0;

    probe.act = fail_number_1_once;
    probe_start();
    probe_offer(1000);
    probe_wait_settled(1000);
    probe_stop(1000);
    for (size_t i = 0; tries < 2; i++) {
        highest = probe.sent[i] > highest ? probe.sent[i] : highest;
        tries += probe.sent[i] == 1 ? 1 : 0;
    }
    cr_assert_leq(highest, 256, "message %zu was sent past number 1", highest);
}

static enum probe_act reject_number_7(size_t number, unsigned attempt)
{
    (void)attempt;
    return number == 7 ? PROBE_REJECT : PROBE_ACK;
}

Test(pump, isolates_poison_in_the_dead_letters, .init = probe_reset)
{
    struct nw_route_snapshot r;

    probe.act = reject_number_7;
    probe.dead_letters = true;
    probe_start();
    probe_offer(100);
    probe_wait_settled(100);
    r = probe_snapshot();
    cr_expect_eq(r.dead_lettered, 1);
    probe_stop(1000);
    expect_each_settled_once(100);
    cr_assert_eq(probe.dead_count, 1);
    cr_expect_eq(probe.dead[0], 7);
    cr_expect_eq(probe.outcome[7], NW_ACK);
    cr_expect_str_eq(probe.dead_reason, "it is no good");
    cr_expect_str_eq(probe.dead_route, "r");
    cr_expect(strncmp(probe.dead_id, "dlq.probe:7", 11) == 0, "%s", probe.dead_id);
}

Test(pump, drops_with_a_count_when_told_to, .init = probe_reset)
{
    probe.act = reject_number_7;
    probe.then = NW_THEN_DROP;
    probe_start();
    probe_offer(10);
    probe_wait_settled(10);
    cr_expect_eq(probe_snapshot().dropped, 1);
    cr_expect_eq(probe_snapshot().delivered, 9);
    probe_stop(1000);
}

Test(pump, stops_the_route_when_told_to_and_gives_the_message_back, .init = probe_reset)
{
    probe.act = reject_number_7;
    probe.then = NW_THEN_STOP;
    probe_start();
    probe_offer(8);
    probe_wait_state(NW_ROUTE_STOPPED);
    cr_expect_eq(probe.outcome[7], NW_RETRY);
    probe_stop(1000);
    expect_each_settled_once(8);
}

static enum probe_act always_retry(size_t number, unsigned attempt)
{
    (void)number;
    (void)attempt;
    return PROBE_RETRY;
}

Test(pump, gives_up_after_the_retries_that_are_set, .init = probe_reset)
{
    probe.act = always_retry;
    probe.retries = 3;
    probe.dead_letters = true;
    probe_start();
    probe_offer(5);
    probe_wait_settled(5);
    probe_stop(1000);
    cr_expect_eq(probe.dead_count, 5);
}

Test(pump, says_that_it_holds, .init = probe_reset)
{
    probe.act = always_retry;
    probe_start();
    probe_offer(5);
    probe_wait_state(NW_ROUTE_HOLDING);
    cr_expect_str_eq(probe_snapshot().error, "not now");
    probe_stop(50);
    expect_each_settled_once(5);
    for (size_t i = 0; i < 5; i++) {
        cr_expect_eq(probe.outcome[i], NW_RETRY);
        cr_expect_eq(probe.cause[i], NW_CAUSE_STOPPING);
    }
}

static enum probe_act retry_once(size_t number, unsigned attempt)
{
    (void)number;
    return attempt == 1 ? PROBE_RETRY : PROBE_ACK;
}

/* The backoff is an hour. */
Test(pump, tries_at_once_when_the_target_is_there_again, .init = probe_reset)
{
    probe.act = retry_once;
    probe.backoff_ms = 3600000;
    probe_start();
    probe_offer(1);
    probe_wait_state(NW_ROUTE_HOLDING);
    probe_sink_leaves();
    probe_sink_returns();
    probe_wait_settled(1);
    probe_wait_state(NW_ROUTE_RUNNING);
    probe_stop(1000);
    expect_each_settled_once(1);
    cr_expect_eq(probe.outcome[0], NW_ACK);
}

/* What somebody waited for is answered and gone: the target is in trouble, but holds nothing. */
Test(pump, holds_nothing_when_nothing_is_left, .init = probe_reset)
{
    probe.awaited = true;
    probe.act = always_retry;
    probe.backoff_ms = 3600000;
    probe_start();
    probe_offer(1);
    probe_wait_settled(1);
    probe_wait_state(NW_ROUTE_RUNNING);
    cr_expect_str_eq(probe_snapshot().error, "not now");
    probe_stop(1000);
    expect_each_settled_once(1);
    cr_expect_eq(probe.outcome[0], NW_RETRY);
}

static enum probe_act always_hold(size_t number, unsigned attempt)
{
    (void)number;
    (void)attempt;
    return PROBE_HOLD;
}

Test(pump, gives_back_what_is_under_way_when_time_is_up, .init = probe_reset)
{
    probe.act = always_hold;
    probe_start();
    probe_offer(100);
    probe_stop(50);
    expect_each_settled_once(100);
    cr_expect_eq(probe.outcome[99], NW_RETRY);
    /* What was under way (the first: it goes alone) comes back before what was queued. */
    for (size_t i = 0; i < 100; i++) {
        cr_expect_eq(probe.settle_order[i], i, "%zu was given back as number %zu",
                     probe.settle_order[i], i);
    }
}

static enum probe_act timeout_once(size_t number, unsigned attempt)
{
    (void)number;
    (void)attempt;
    return PROBE_TIMEOUT;
}

Test(pump, who_waits_gets_the_answer_at_once, .init = probe_reset)
{
    probe.awaited = true;
    probe.act = timeout_once;
    probe.dead_letters = true;
    probe_start();
    probe_offer(1);
    probe_wait_settled(1);
    probe_stop(1000);
    cr_expect_eq(probe.outcome[0], NW_RETRY);
    cr_expect_eq(probe.cause[0], NW_CAUSE_TIMEOUT);
    cr_expect_eq(probe.dead_count, 0);
    cr_expect_eq(probe.sent_count, 1);
}

Test(pump, who_waits_is_told_of_a_rejection_instead_of_a_dead_letter, .init = probe_reset)
{
    probe.awaited = true;
    probe.act = reject_number_7;
    probe.dead_letters = true;
    probe_start();
    probe_offer(8);
    probe_wait_settled(8);
    probe_stop(1000);
    cr_expect_eq(probe.outcome[7], NW_REJECT);
    cr_expect_eq(probe.cause[7], NW_CAUSE_REFUSED);
    cr_expect_eq(probe.dead_count, 0);
}

Test(pump, who_waits_does_not_wait_beyond_the_deadline, .init = probe_reset)
{
    probe.awaited = true;
    probe.act = always_retry;
    probe_start();
    probe_offer(3);
    probe_wait_settled(3);
    probe_stop(1000);
    cr_expect_eq(probe.outcome[2], NW_RETRY);
    cr_expect_eq(probe.cause[2], NW_CAUSE_OUTAGE);
}

/* Deadline and backoff are an hour. */
Test(pump, who_waits_is_told_at_once_that_the_target_is_away, .init = probe_reset)
{
    probe.awaited = true;
    probe.deadline_ms = 3600000;
    probe.backoff_ms = 3600000;
    probe.act = always_retry;
    probe_start();
    probe_offer(1);
    probe_wait_state(NW_ROUTE_HOLDING);
    probe_sink_leaves();
    probe_offer(3);
    probe_wait_settled(3);
    probe_stop(1000);
    expect_each_settled_once(3);
    cr_expect_eq(probe.outcome[2], NW_RETRY);
    cr_expect_eq(probe.cause[2], NW_CAUSE_OUTAGE);
}

static enum probe_act retry_the_first(size_t number, unsigned attempt)
{
    (void)attempt;
    return number == 0 ? PROBE_RETRY : PROBE_ACK;
}

/* A request without a reply subject among others: it is not dropped with an answer to nobody. */
Test(pump, what_nobody_waits_for_is_kept_for_the_target_that_is_away, .init = probe_reset)
{
    probe.awaited = true;
    probe.unawaited = 2;
    probe.deadline_ms = 3600000;
    probe.backoff_ms = 3600000;
    probe.act = retry_the_first;
    probe_start();
    probe_offer(1);
    probe_wait_state(NW_ROUTE_HOLDING);
    probe_sink_leaves();
    probe_offer(3);
    probe_wait_settled(2);
    probe_sink_returns();
    probe_wait_settled(3);
    probe_stop(1000);
    expect_each_settled_once(3);
    cr_expect_eq(probe.outcome[1], NW_RETRY);
    cr_expect_eq(probe.outcome[2], NW_ACK);
}

static enum probe_act fail_one_for_long(size_t number, unsigned attempt)
{
    return number == 0 && attempt <= 3 ? PROBE_RETRY : PROBE_ACK;
}

Test(pump, lets_others_pass_when_the_order_is_relaxed, .init = probe_reset)
{
    probe.order = NW_ORDER_RELAXED;
    probe.act = fail_one_for_long;
    probe_start();
    probe_offer(100);
    probe_wait_settled(100);
    probe_stop(1000);
    expect_each_settled_once(100);
    cr_expect_neq(probe.delivered[0], 0);
}

/* Without a key all are of one. */
Test(pump, keeps_the_order_of_a_key, .init = probe_reset)
{
    probe.order = NW_ORDER_KEY;
    probe.act = fail_one_for_long;
    probe_start();
    probe_offer(100);
    probe_wait_settled(100);
    probe_stop(1000);
    expect_each_settled_once(100);
    expect_delivered_in_order(100);
}

Test(pump, gives_back_what_waits_for_its_key_when_time_is_up, .init = probe_reset)
{
    probe.order = NW_ORDER_KEY;
    probe.act = always_retry;
    probe_start();
    probe_offer(100);
    probe_stop(50);
    expect_each_settled_once(100);
    for (size_t i = 0; i < 100; i++) {
        cr_expect_eq(probe.outcome[i], NW_RETRY);
        cr_expect_eq(probe.settle_order[i], i);
    }
}
