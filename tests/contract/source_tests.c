/* SPDX-License-Identifier: Apache-2.0 */
/* What every source has to keep. */
#include <signal.h>

#include "host.h"
#include "support/wait.h"

/* For the test that has `a`; enough to be more than any credit here. */
#define SOME (a->some == 0 ? (size_t)200 : a->some)
#define FEW 40
/* Of closing at moments that nobody knows beforehand. */
#define ROUNDS 100
#define ROUNDS_MS 3000

static bool waits_with_credit(const struct nwc_adapter *a)
{
    return a->under_way == 0 && a->at_once == 0 && !a->loses;
}

static bool comes_again(const struct nwc_adapter *a)
{
    return !a->loses;
}

static bool has_server(const struct nwc_adapter *a)
{
    return a->freeze != NULL;
}

static bool can_be_away(const struct nwc_adapter *a)
{
    return a->away != NULL;
}

/* What nobody holds has to find an ear that listens. */
static void wait_until_ready(void)
{
    NWC_AWAIT(nwc_state() == NW_STATE_READY, "it does not become ready");
}

static void put(const struct nwc_adapter *a, const char *name, size_t from, size_t to)
{
    if (a->put != NULL && from < to) {
        a->put(name, from, to);
    }
}

/* At most the credit at once: what nobody holds is lost without. */
static void put_all(const struct nwc_adapter *a, const char *name, size_t from, size_t to)
{
    size_t step = a->loses ? 20 : to - from;

    for (; from < to && !nwc_failed(); from += step) {
        size_t end = from + step < to ? from + step : to;
        put(a, name, from, end);
        NWC_AWAIT(!a->loses || nwc_count_settled(end) == end, "%zu of %zu messages came",
                  nwc_count_settled(end), end);
    }
}

/* ---- flow: everything comes, unchanged, once, with an origin of its own ---- */

static void flow(const struct nwc_adapter *a, const char *name)
{
    nwc_settle_by_itself(true);
    nwc_open();
    wait_until_ready();
    put_all(a, name, 0, SOME);
    NWC_AWAIT(nwc_count_settled(SOME) == SOME, "%zu of %zu messages came", nwc_count_settled(SOME),
              SOME);
    for (size_t i = 0; i < SOME && !nwc_failed(); i++) {
        NWC_CHECK(nwc_record(i).offered == 1, "message %zu came %u times", i,
                  nwc_record(i).offered);
    }
}

/* ---- credit: never more than granted, and on when there is some again ---- */

static void credit(const struct nwc_adapter *a, const char *name, size_t limit)
{
    nwc_open();
    wait_until_ready();
    put(a, name, 0, SOME);
    for (size_t settled = 0; settled < SOME && !nwc_failed();) {
        size_t left = SOME - settled, most = left < limit ? left : limit;
        size_t half = most / 2 + 1 < most ? most / 2 + 1 : most;
        NWC_AWAIT(nwc_held() >= most, "%zu are held, %zu of %zu settled, credit for %zu",
                  nwc_held(), settled, SOME, limit);
        /* It has asked for more and waits: nothing else would make it go on. */
        if (left > limit && a->put != NULL && settled == 0) {
            NWC_AWAIT(nwc_starved(), "it has not asked for more credit");
        }
        nwc_settle(half, NW_ACK);
        settled += half;
    }
    NWC_CHECK(nwc_failed() || nwc_count_settled(SOME) == SOME, "%zu of %zu settled",
              nwc_count_settled(SOME), SOME);
}

static void credit_1(const struct nwc_adapter *a, const char *name)
{
    credit(a, name, 1);
}

static void credit_2(const struct nwc_adapter *a, const char *name)
{
    credit(a, name, 2);
}

static void credit_64(const struct nwc_adapter *a, const char *name)
{
    credit(a, name, 64);
}

/* ---- the spool: told that it is full, the source leaves the rest where it is ---- */

static bool is_spooled(const struct nwc_adapter *a)
{
    return a->under_way > 0;
}

static void full_spool(const struct nwc_adapter *a, const char *name)
{
    nwc_open();
    wait_until_ready();
    put(a, name, 0, SOME);
    NWC_AWAIT(nwc_store_full(), "the spool does not become full");
    NWC_AWAIT(nwc_state() != NW_STATE_READY, "it stays ready though the spool is full");
    nwc_settle_by_itself(true);
    NWC_AWAIT(nwc_count_settled(SOME) == SOME, "%zu of %zu messages came", nwc_count_settled(SOME),
              SOME);
}

/* ---- retry: comes again, with the same origin ---- */

static size_t most_at_once(const struct nwc_adapter *a, size_t n)
{
    return a->at_once != 0 && a->at_once < n ? a->at_once : n;
}

static size_t count_offered_again(size_t n)
{
    size_t count = 0;

    for (size_t i = 0; i < n; i++) {
        count += nwc_record(i).offered > 1 ? 1 : 0;
    }
    return count;
}

static void retry_running(const struct nwc_adapter *a, const char *name)
{
    size_t n = most_at_once(a, FEW);

    nwc_open();
    wait_until_ready();
    put(a, name, 0, FEW);
    NWC_AWAIT(nwc_held() >= n, "%zu of %zu messages came", nwc_held(), n);
    nwc_settle(n / 2, NW_ACK);
    nwc_settle(n - n / 2, NW_RETRY);
    nwc_settle_by_itself(true);
    NWC_AWAIT(nwc_count_settled(FEW) == FEW, "%zu of %d messages are settled",
              nwc_count_settled(FEW), FEW);
    NWC_CHECK(nwc_failed() || count_offered_again(FEW) >= n - n / 2,
              "%zu messages were settled with RETRY, %zu came again", n - n / 2,
              count_offered_again(FEW));
}

/* ---- stop: what was confirmed stays so, what was not comes again after a restart ---- */

static void restart(const struct nwc_adapter *a, const char *name)
{
    size_t n = most_at_once(a, FEW), confirmed = n / 2;

    nwc_open();
    wait_until_ready();
    put(a, name, 0, SOME);
    NWC_AWAIT(nwc_held() >= n, "%zu of %zu messages came", nwc_held(), n);
    nwc_settle(confirmed, NW_ACK);
    nwc_shut();
    nwc_settle_by_itself(true);
    nwc_open();
    NWC_AWAIT(nwc_count_settled(SOME) == SOME, "%zu of %zu messages are settled",
              nwc_count_settled(SOME), SOME);
    /* A spooled source has confirmed before, and what its server has not seen confirmed may come
     * twice. */
    for (size_t i = 0; i < SOME && !is_spooled(a) && !nwc_failed(); i++) {
        NWC_CHECK(nwc_record(i).settled_ack == 1, "message %zu was confirmed and came again", i);
    }
}

/* ---- stop and close at any moment ---- */

/* Where a server holds messages only for who has been there (an MQTT session). */
static void be_there_once(const struct nwc_adapter *a)
{
    if (is_spooled(a)) {
        nwc_open();
        wait_until_ready();
        nwc_shut();
    }
}

static void stop_while_it_flows(const struct nwc_adapter *a, const char *name)
{
    be_there_once(a);
    nwc_open();
    nwc_shut(); /* before anything is connected */
    nwc_open();
    nwc_settle_by_itself(true);
    put(a, name, 0, SOME / 2);
    NWC_AWAIT(nwc_count_settled(SOME) > 0, "nothing came");
    nwc_shut(); /* in the middle, with whatever is under way */
    put(a, name, SOME / 2, SOME);
    nwc_open();
    nwc_shut(); /* at once again */
    nwc_settle_by_itself(true);
    nwc_open();
    NWC_AWAIT(nwc_count_settled(SOME) == SOME, "%zu of %zu messages are settled",
              nwc_count_settled(SOME), SOME);
}

/* At moments that nobody knows beforehand: before anything has come, while messages come, and while
 * they are settled. */
static void stop_in_the_middle(const struct nwc_adapter *a, const char *name)
{
    int64_t until_ms = nwt_now_ms() + ROUNDS_MS;
    size_t there = 0;

    be_there_once(a);
    for (size_t round = 0; round < ROUNDS && nwt_now_ms() < until_ms && !nwc_failed(); round++) {
        size_t more = there < SOME ? there + 1 : there;
        nwc_settle_by_itself(round % 3 == 1);
        nwc_open();
        put(a, name, there, more);
        if (round % 3 > 0 && more > there) {
            NWC_AWAIT(nwc_count_offered(more) > there || nwc_held() > 0,
                      "nothing came of %zu messages", more);
        }
        there = more;
        nwc_shut();
    }
    put(a, name, there, SOME);
    nwc_settle_by_itself(true);
    nwc_open();
    NWC_AWAIT(nwc_count_settled(SOME) == SOME, "%zu of %zu messages are settled",
              nwc_count_settled(SOME), SOME);
}

static bool can_be_two(const struct nwc_adapter *a)
{
    return !a->alone;
}

/* Two of one connection end at the same time, in both orders, one with messages. */
static void close_two_at_once(const struct nwc_adapter *a, const char *name)
{
    size_t n = most_at_once(a, FEW);

    nwc_open();
    wait_until_ready();
    put(a, name, 0, FEW);
    NWC_AWAIT(nwc_held() >= n, "%zu of %zu messages came", nwc_held(), n);
    nwc_open_beside();
    nwc_shut();
    for (int round = 0; round < 4; round++) {
        nwc_open();
        nwc_open_beside();
        nwc_shut_from(round % 2 == 1);
    }
    if (a->loses) {
        return;
    }
    nwc_settle_by_itself(true);
    nwc_open();
    nwc_open_beside();
    NWC_AWAIT(nwc_count_settled(FEW) == FEW, "%zu of %d messages are settled",
              nwc_count_settled(FEW), FEW);
    nwc_shut_from(true);
}

/* The same where nobody holds what does not find an ear: it must only end. */
static bool only_ends(const struct nwc_adapter *a)
{
    return a->loses;
}

static void stop_at_any_moment(const struct nwc_adapter *a, const char *name)
{
    nwc_open();
    nwc_shut();
    nwc_open();
    wait_until_ready();
    nwc_settle_by_itself(true);
    put(a, name, 0, SOME);
    nwc_shut();
    nwc_open();
    nwc_shut();
}

/* ---- outages ---- */

static bool can_be_disturbed(const struct nwc_adapter *a)
{
    return a->disturb != NULL;
}

/* What is held then is settled once, though it may have come a second time. */
static void disturbed(const struct nwc_adapter *a, const char *name)
{
    size_t n = most_at_once(a, FEW);

    nwc_open();
    wait_until_ready();
    put(a, name, 0, FEW);
    NWC_AWAIT(nwc_held() >= n, "%zu of %zu messages came", nwc_held(), n);
    a->disturb(name);
    nwc_settle(n, NW_ACK);
    nwc_settle_by_itself(true);
    put(a, name, FEW, SOME);
    NWC_AWAIT(nwc_count_settled(SOME) == SOME, "%zu of %zu messages came", nwc_count_settled(SOME),
              SOME);
}

static void disturbed_and_closed(const struct nwc_adapter *a, const char *name)
{
    size_t n = most_at_once(a, FEW);

    nwc_open();
    wait_until_ready();
    put(a, name, 0, FEW);
    NWC_AWAIT(nwc_held() >= n, "%zu of %zu messages came", nwc_held(), n);
    a->disturb(name);
    nwc_shut();
    nwc_settle_by_itself(true);
    nwc_open();
    NWC_AWAIT(nwc_count_settled(FEW) == FEW, "%zu of %d messages are settled",
              nwc_count_settled(FEW), FEW);
}

static bool gives_up(const struct nwc_adapter *a)
{
    return a->impatient != NULL;
}

/* Held for longer than the other side waits: it comes again before the first is settled. */
static void too_late(const struct nwc_adapter *a, const char *name)
{
    nwc_open();
    wait_until_ready();
    put(a, name, 0, FEW);
    NWC_AWAIT(nwc_held() >= FEW, "%zu of %d messages came", nwc_held(), FEW);
    NWC_AWAIT(count_offered_again(FEW) > 0, "none comes again");
    nwc_settle_by_itself(true);
    NWC_AWAIT(nwc_count_settled(FEW) == FEW, "%zu of %d messages are settled",
              nwc_count_settled(FEW), FEW);
}

static void away_at_open(const struct nwc_adapter *a, const char *name)
{
    be_there_once(a);
    put(a, name, 0, a->loses ? 0 : FEW);
    a->away();
    nwc_settle_by_itself(true);
    nwc_open();
    (void)NWT_WAIT(2000, nwc_state() == NW_STATE_DOWN);
    NWC_CHECK(nwc_state() != NW_STATE_READY && nwc_state() != NW_STATE_FAILED,
              "it says that it is %s, and its server is away",
              nwc_state() == NW_STATE_READY ? "ready" : "failed");
    a->back();
    wait_until_ready();
    put_all(a, name, a->loses ? 0 : FEW, SOME);
    NWC_AWAIT(nwc_count_settled(SOME) == SOME, "%zu of %zu messages came", nwc_count_settled(SOME),
              SOME);
}

static void away_and_closed(const struct nwc_adapter *a, const char *name)
{
    (void)name;
    a->away();
    nwc_open();
    nwc_shut();
    nwc_open();
    (void)NWT_WAIT(1000, nwc_state() == NW_STATE_DOWN);
    nwc_shut();
    a->back();
}

static void frozen(const struct nwc_adapter *a, const char *name)
{
    size_t n = most_at_once(a, FEW);

    nwc_open();
    wait_until_ready();
    put(a, name, 0, FEW);
    NWC_AWAIT(nwc_held() >= n, "%zu of %zu messages came", nwc_held(), n);
    a->freeze(); /* from here on a call that waits for the server waits for long */
    nwc_settle(n, NW_ACK);
    nwc_settle_by_itself(true);
    a->thaw();
    put_all(a, name, FEW, SOME);
    NWC_AWAIT(nwc_count_settled(SOME) == SOME, "%zu of %zu messages came", nwc_count_settled(SOME),
              SOME);
}

static void frozen_and_closed(const struct nwc_adapter *a, const char *name)
{
    size_t n = most_at_once(a, FEW);

    nwc_open();
    wait_until_ready();
    put(a, name, 0, FEW);
    NWC_AWAIT(nwc_held() >= n, "%zu of %zu messages came", nwc_held(), n);
    a->freeze();
    nwc_settle(n / 2, NW_ACK);
    nwc_shut(); /* nw_closed() comes though the server says nothing */
    nwc_open();
    nwc_shut();
    a->thaw();
}

const struct nwc_test nwc_source_tests[] = {
    {"everything comes once and unchanged", flow, 64, NULL, false},
    {"credit for 1", credit_1, 1, waits_with_credit, false},
    {"credit for 2", credit_2, 2, waits_with_credit, false},
    {"credit for 64", credit_64, 64, waits_with_credit, false},
    {"a full spool", full_spool, 64, is_spooled, false},
    {"what is settled with RETRY comes again", retry_running, 64, comes_again, false},
    {"a restart repeats what was not confirmed", restart, 64, comes_again, false},
    {"stop and close while it flows", stop_while_it_flows, 64, comes_again, false},
    {"stop and close in the middle, again and again", stop_in_the_middle, 64, comes_again, false},
    {"stop and close at any moment", stop_at_any_moment, 64, only_ends, false},
    {"two close at once", close_two_at_once, 64, can_be_two, false},
    {"something gets in the way", disturbed, 64, can_be_disturbed, false},
    {"closed while something gets in the way", disturbed_and_closed, 64, can_be_disturbed, false},
    {"settled too late", too_late, 64, gives_up, true},
    {"the server is away at first", away_at_open, 64, can_be_away, false},
    {"closed while the server is away", away_and_closed, 64, can_be_away, false},
    {"the server stands still", frozen, 64, has_server, false},
    {"closed while the server stands still", frozen_and_closed, 64, has_server, false},
    {NULL, NULL, 0, NULL, false}};
