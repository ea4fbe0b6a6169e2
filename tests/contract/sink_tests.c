/* SPDX-License-Identifier: Apache-2.0 */
/* What every sink has to keep. */
#include <stdio.h>
#include <string.h>

#include "host.h"
#include "support/wait.h"

/* For the test that has `a`; enough to be more than any credit here. */
#define SOME (a->some == 0 ? (size_t)200 : a->some)
#define FEW 40
/* Of closing at moments that nobody knows beforehand. */
#define ROUNDS 400
#define ROUNDS_MS 3000

static void collect(const struct nwc_adapter *a, const char *name)
{
    if (a->collect != NULL) {
        nwc_arrived_clear();
        a->collect(name);
    }
}

static size_t arrived(const struct nwc_adapter *a, const char *name, size_t n)
{
    collect(a, name);
    return nwc_arrived_count(n);
}

static void expect_arrived(const struct nwc_adapter *a, const char *name, size_t n)
{
    NWC_AWAIT(arrived(a, name, n) == n, "%zu of %zu messages arrived", nwc_arrived_count(n), n);
}

static void expect_all_acked(size_t n)
{
    NWC_CHECK(nwc_failed() || nwc_count_acked(n) == n, "%zu of %zu are done with ACK",
              nwc_count_acked(n), n);
}

/* Ready, where a sink knows that. */
static void open_ready(void)
{
    nwc_open();
    NWC_AWAIT(nwc_state() == NW_STATE_READY, "it does not become ready");
}

/* ---- flow ---- */

static bool looks_back(const struct nwc_adapter *a)
{
    return a->collect != NULL || a->begin != NULL;
}

static bool remembers(const struct nwc_adapter *a)
{
    return looks_back(a) && !a->forgets;
}

static bool same(const struct nwc_text *a, struct nwc_text b)
{
    return a->len == b.len && memcmp(a->data, b.data, b.len) == 0;
}

static void compare(const struct nwc_adapter *a, size_t number)
{
    struct nwc_text header = nwc_header(number);
    struct nwc_piece piece;

    if (!a->headers) {
        return;
    }
    if (!nwc_arrived_piece(header.data, &piece)) {
        nwc_fault("message %zu arrived without its header", number);
        return;
    }
    NWC_CHECK(same(&piece.payload, nwc_payload(number)), "message %zu arrived with %.*s", number,
              (int)piece.payload.len, piece.payload.data);
    NWC_CHECK(!a->keys || same(&piece.key, nwc_key(number)),
              "message %zu arrived with the key %.*s", number, (int)piece.key.len, piece.key.data);
}

static void flow(const struct nwc_adapter *a, const char *name)
{
    open_ready();
    nwc_deliver(SOME);
    expect_all_acked(SOME);
    if (!looks_back(a)) {
        return;
    }
    expect_arrived(a, name, SOME);
    for (size_t i = 0; i < SOME && !nwc_failed(); i++) {
        NWC_CHECK(nwc_record(i).retried > 0 || nwc_arrivals(i) == 1,
                  "message %zu arrived %zu times", i, nwc_arrivals(i));
        compare(a, i);
    }
}

static void flow_1(const struct nwc_adapter *a, const char *name)
{
    open_ready();
    nwc_deliver(FEW);
    expect_all_acked(FEW);
    if (looks_back(a)) {
        expect_arrived(a, name, FEW);
    }
}

/* ---- nothing is not empty ---- */

static void no_payload(struct nw_message *m)
{
    nw_message_set_payload(m, (struct nw_slice){NULL, 0});
}

static void empty_payload(struct nw_message *m)
{
    nw_message_set_payload(m, (struct nw_slice){"", 0});
}

static void no_key(struct nw_message *m)
{
    nw_message_set_key(m, (struct nw_slice){NULL, 0});
}

static void empty_key(struct nw_message *m)
{
    nw_message_set_key(m, (struct nw_slice){"", 0});
}

static bool passes_headers(const struct nwc_adapter *a)
{
    return a->headers && looks_back(a);
}

static bool all_there(const struct nwc_adapter *a, const char *name, size_t n)
{
    struct nwc_piece piece;
    size_t i = 0;

    collect(a, name);
    while (i < n && nwc_arrived_piece(nwc_header(i).data, &piece)) {
        i++;
    }
    return i == n;
}

/* The first that is not there. */
static const char *missing(size_t n)
{
    static const char *const names[] = {"no payload", "empty payload", "no key", "empty key"};
    struct nwc_piece piece;
    size_t i = 0;

    while (i < n && nwc_arrived_piece(nwc_header(i).data, &piece)) {
        i++;
    }
    return i < n ? names[i] : "none";
}

/* Without keys the second half has nothing to say. */
static void nothing_and_empty(const struct nwc_adapter *a, const char *name)
{
    static void (*const changes[])(struct nw_message *) = {no_payload, empty_payload, no_key,
                                                           empty_key};
    struct nwc_piece piece[4] = {0};
    size_t n = a->keys ? 4 : 2;

    open_ready();
    for (size_t i = 0; i < n; i++) {
        nwc_send_changed(i, changes[i]);
        NWC_AWAIT(nwc_in_flight() == 0, "message %zu is not done", i);
    }
    expect_all_acked(n);
    NWC_AWAIT(all_there(a, name, n), "not all have arrived: %s", missing(n));
    for (size_t i = 0; i < n && !nwc_failed(); i++) {
        (void)nwc_arrived_piece(nwc_header(i).data, &piece[i]);
    }
    NWC_CHECK(piece[0].payload.len == 0 && piece[1].payload.len == 0, "they have a payload");
    NWC_CHECK(piece[2].key.len == 0 && piece[3].key.len == 0, "they have a key");
    NWC_CHECK(!a->null_payload || (piece[0].payload_null && !piece[1].payload_null),
              "no payload and an empty payload became the same");
    NWC_CHECK(!a->null_key || (piece[2].key_null && !piece[3].key_null),
              "no key and an empty key became the same");
}

/* ---- poison ---- */

static bool can_refuse(const struct nwc_adapter *a)
{
    return a->spoil != NULL;
}

static void poison(const struct nwc_adapter *a, const char *name)
{
    open_ready();
    nwc_deliver(3);
    nwc_send_changed(3, a->spoil);
    NWC_AWAIT(nwc_in_flight() == 0, "the message that it can never take is not done");
    NWC_CHECK(nwc_record(3).rejected == 1, "it is not refused");
    nwc_deliver(FEW); /* passes over what was refused */
    NWC_CHECK(nwc_failed() || nwc_count_acked(FEW) == FEW - 1, "%zu of %d later ones went",
              nwc_count_acked(FEW), FEW - 1);
    if (looks_back(a)) {
        NWC_AWAIT(arrived(a, name, FEW) == FEW - 1, "%zu of %d arrived", nwc_arrived_count(FEW),
                  FEW - 1);
    }
}

/* In the middle of a window: the rest of it is done, too. */
static void poison_among(const struct nwc_adapter *a, const char *name)
{
    size_t n = 5, bad;

    open_ready();
    n = nwc_window() < n ? nwc_window() : n;
    bad = n / 2;
    nwc_send_among(0, n, bad, a->spoil);
    NWC_AWAIT(nwc_in_flight() == 0, "%zu messages are not done", nwc_in_flight());
    nwc_deliver(FEW);
    NWC_CHECK(nwc_record(bad).rejected == 1 && nwc_record(bad).acked == 0, "it is not refused");
    NWC_CHECK(nwc_failed() || nwc_count_acked(FEW) == FEW - 1, "%zu of %d others went",
              nwc_count_acked(FEW), FEW - 1);
    if (looks_back(a)) {
        NWC_AWAIT(arrived(a, name, FEW) == FEW - 1, "%zu of %d arrived", nwc_arrived_count(FEW),
                  FEW - 1);
    }
}

/* ---- closing ---- */

static size_t few_at_once(void)
{
    return nwc_window() < FEW ? nwc_window() : FEW;
}

static void close_at_any_moment(const struct nwc_adapter *a, const char *name)
{
    nwc_open();
    nwc_shut();
    nwc_open();
    nwc_send(0, few_at_once()); /* perhaps before it is connected */
    nwc_shut();
    nwc_open();
    nwc_shut();
    open_ready();
    nwc_deliver(FEW);
    nwc_send(FEW, FEW + few_at_once());
    nwc_shut(); /* what is not done comes back, and is sent again below */
    open_ready();
    nwc_deliver(2 * FEW);
    expect_all_acked(2 * FEW);
    if (looks_back(a)) {
        expect_arrived(a, name, 2 * FEW);
    }
}

/* The close comes while the sink is at work with what was sent right before, or with the answers to
 * it. Each message is done once, whatever of it has happened. */
static void close_in_the_middle(const struct nwc_adapter *a, const char *name)
{
    int64_t until_ms = nwt_now_ms() + ROUNDS_MS;

    (void)a;
    (void)name;
    for (int round = 0; round < ROUNDS && nwt_now_ms() < until_ms && !nwc_failed(); round++) {
        size_t n;
        nwc_open();
        n = few_at_once();
        if (round % 2 == 1) {
            NWC_AWAIT(nwc_state() == NW_STATE_READY, "it does not become ready");
            nwc_send(0, n);
            NWC_AWAIT(nwc_in_flight() < n, "none of %zu messages is done", n);
        } else {
            nwc_send(0, n);
        }
        nwc_shut();
    }
}

static bool can_be_two(const struct nwc_adapter *a)
{
    return !a->alone;
}

/* Two of one connection end at the same time, in both orders. */
static void close_two_at_once(const struct nwc_adapter *a, const char *name)
{
    for (int round = 0; round < 4; round++) {
        open_ready();
        nwc_open_beside();
        nwc_send(0, few_at_once());
        nwc_shut_from(round % 2 == 1);
    }
    open_ready();
    nwc_deliver(FEW);
    expect_all_acked(FEW);
    if (remembers(a)) {
        expect_arrived(a, name, FEW);
    }
}

/* ---- outages ---- */

static bool can_be_disturbed(const struct nwc_adapter *a)
{
    return a->disturb != NULL;
}

static void disturbed(const struct nwc_adapter *a, const char *name)
{
    open_ready();
    nwc_deliver(FEW);
    nwc_send(FEW, FEW + few_at_once());
    a->disturb(name);
    NWC_AWAIT(nwc_in_flight() == 0, "%zu messages are not done", nwc_in_flight());
    nwc_deliver(SOME);
    expect_all_acked(SOME);
    if (looks_back(a)) {
        expect_arrived(a, name, SOME);
    }
}

static void disturbed_and_closed(const struct nwc_adapter *a, const char *name)
{
    open_ready();
    nwc_deliver(FEW);
    nwc_send(FEW, FEW + few_at_once());
    a->disturb(name);
    nwc_shut();
    open_ready();
    nwc_deliver(SOME);
    expect_all_acked(SOME);
    if (looks_back(a)) {
        expect_arrived(a, name, SOME);
    }
}

static bool gives_up(const struct nwc_adapter *a)
{
    return a->impatient != NULL && a->freeze != NULL;
}

/* Nothing answers in time, so that what is under way comes back, or is tried anew by the sink
 * itself; the answer may come then. */
static void too_late(const struct nwc_adapter *a, const char *name)
{
    size_t n;

    open_ready();
    nwc_deliver(FEW);
    n = few_at_once();
    a->freeze();
    nwc_send(FEW, FEW + n);
    if (a->outlast_ms != 0) {
        (void)NWT_WAIT(a->outlast_ms, nwc_in_flight() == 0);
    } else {
        NWC_AWAIT(nwc_in_flight() == 0, "%zu messages are not done in time", nwc_in_flight());
    }
    NWC_CHECK(nwc_count_acked(FEW + n) == FEW, "done with ACK, and the server stands still");
    a->thaw();
    nwc_deliver(SOME);
    expect_all_acked(SOME);
    if (looks_back(a)) {
        expect_arrived(a, name, SOME);
    }
}

static bool can_be_away(const struct nwc_adapter *a)
{
    return a->away != NULL;
}

static bool has_server(const struct nwc_adapter *a)
{
    return a->freeze != NULL;
}

static void away_at_open(const struct nwc_adapter *a, const char *name)
{
    a->away();
    nwc_open();
    nwc_try_to_deliver(FEW, 500);
    NWC_CHECK(nwc_count_acked(FEW) == 0, "%zu are done with ACK, and the server is away",
              nwc_count_acked(FEW));
    a->back();
    nwc_deliver(FEW);
    expect_all_acked(FEW);
    if (remembers(a)) {
        expect_arrived(a, name, FEW);
    }
}

static void away_between(const struct nwc_adapter *a, const char *name)
{
    open_ready();
    nwc_deliver(FEW);
    a->away();
    nwc_try_to_deliver(SOME, 500);
    NWC_CHECK(nwc_count_acked(SOME) == FEW, "%zu are done with ACK, and the server is away",
              nwc_count_acked(SOME) - FEW);
    a->back();
    nwc_deliver(SOME);
    expect_all_acked(SOME);
    if (remembers(a)) {
        expect_arrived(a, name, SOME);
    }
}

static void away_and_closed(const struct nwc_adapter *a, const char *name)
{
    (void)name;
    a->away();
    nwc_open();
    nwc_try_to_deliver(FEW, 200);
    nwc_shut();
    NWC_CHECK(nwc_count_acked(FEW) == 0, "done with ACK, and the server is away");
    a->back();
}

static void frozen(const struct nwc_adapter *a, const char *name)
{
    open_ready();
    nwc_deliver(FEW);
    a->freeze();
    nwc_try_to_deliver(SOME, 500);
    NWC_CHECK(nwc_count_acked(SOME) == FEW, "%zu are done with ACK, and the server stands still",
              nwc_count_acked(SOME) - FEW);
    a->thaw();
    nwc_deliver(SOME);
    expect_all_acked(SOME);
    if (looks_back(a)) {
        expect_arrived(a, name, SOME);
    }
}

static void frozen_and_closed(const struct nwc_adapter *a, const char *name)
{
    open_ready();
    nwc_deliver(FEW);
    a->freeze();
    nwc_try_to_deliver(SOME, 300);
    nwc_shut(); /* the host sees that each came back once, and before nw_closed() */
    NWC_CHECK(nwc_count_acked(SOME) == FEW, "done with ACK, and the server stands still");
    a->thaw();
    open_ready();
    nwc_deliver(SOME);
    expect_all_acked(SOME);
    if (looks_back(a)) {
        expect_arrived(a, name, SOME);
    }
}

const struct nwc_test nwc_sink_tests[] = {
    {"everything arrives once and unchanged", flow, 64, NULL, false},
    {"one at a time", flow_1, 1, NULL, false},
    {"nothing is not empty", nothing_and_empty, 64, passes_headers, false},
    {"what can never be taken is refused", poison, 64, can_refuse, false},
    {"and what is in a window with it is done", poison_among, 64, can_refuse, false},
    {"close at any moment", close_at_any_moment, 64, NULL, false},
    {"close in the middle, again and again", close_in_the_middle, 64, NULL, false},
    {"two close at once", close_two_at_once, 64, can_be_two, false},
    {"something gets in the way", disturbed, 64, can_be_disturbed, false},
    {"closed while something gets in the way", disturbed_and_closed, 64, can_be_disturbed, false},
    {"no answer in time", too_late, 64, gives_up, true},
    {"the server is away at first", away_at_open, 64, can_be_away, false},
    {"the server goes and comes", away_between, 64, can_be_away, false},
    {"closed while the server is away", away_and_closed, 64, can_be_away, false},
    {"the server stands still", frozen, 64, has_server, false},
    {"closed while the server stands still", frozen_and_closed, 64, has_server, false},
    {NULL, NULL, 0, NULL, false}};
