/* SPDX-License-Identifier: Apache-2.0 */
/* The budget of memory: what lanes get of it, and that it is never more than there is. */
#include <criterion/criterion.h>
#include <pthread.h>
#include <stdlib.h>

#include "probe.h"
#include "pump/budget.h"

#define MIB ((size_t)1 << 20)

static struct nw_budget budget;

static struct nw_account *join(size_t lanes, size_t total)
{
    struct nw_account *accounts = calloc(lanes, sizeof *accounts);

    nw_budget_init(&budget, total);
    for (size_t i = 0; i < lanes; i++) {
        nw_budget_join(&budget, lanes, &accounts[i]);
    }
    return accounts;
}

static size_t borrow_all(struct nw_account *a, size_t chunk)
{
    size_t sum = 0, got;

    while ((got = nw_budget_borrow(a, chunk)) > 0) {
        sum += got;
    }
    return sum;
}

Test(budget, gives_each_of_any_number_of_lanes_a_share)
{
    static const size_t counts[] = {1, 10, 1000, 20000};

    for (size_t i = 0; i < sizeof counts / sizeof counts[0]; i++) {
        size_t n = counts[i];
        struct nw_account *a = join(n, 256 * MIB);
        cr_expect_gt(a[0].share, 0);
        cr_expect_leq(a[0].share, MIB);
        cr_expect_leq(n * (a[0].share + a[0].library) + nw_budget_free(&budget), 256 * MIB);
        cr_expect_geq(nw_budget_free(&budget), 64 * MIB, "%zu lanes leave too little to lend", n);
        free(a);
    }
}

Test(budget, lends_one_of_several_lanes_half_of_what_is_free)
{
    struct nw_account *a = join(2, 256 * MIB);
    size_t free_bytes = nw_budget_free(&budget), got = borrow_all(a, MIB);

    cr_expect_leq(got, free_bytes / 2);
    cr_expect_geq(got, free_bytes / 2 - MIB);
    free(a);
}

Test(budget, lends_the_only_lane_all)
{
    struct nw_account *a = join(1, 256 * MIB);

    cr_expect_eq(borrow_all(a, MIB), 256 * MIB - a->share - a->library);
    cr_expect_eq(nw_budget_free(&budget), 0);
    free(a);
}

Test(budget, leaves_something_for_one_more_lane_however_many_hold_on_to_theirs)
{
    struct nw_account *a = join(101, 1024 * MIB);
    size_t rounds = 0;

    while (rounds < 100) { /* all ask in turn, in chunks, and give nothing back */
        for (size_t i = 0; i < 100; i++) {
            (void)nw_budget_borrow(&a[i], 65536);
        }
        rounds++;
    }
    cr_expect_geq(borrow_all(&a[100], 65536), 2 * MIB);
    cr_expect_gt(nw_budget_free(&budget), 0);
    free(a);
}

Test(budget, asks_back_what_is_more_than_fair_when_others_come)
{
    struct nw_account *a = join(4, 256 * MIB);

    (void)borrow_all(&a[0], MIB);
    cr_expect_leq(a[0].granted, nw_budget_fair(&a[0]));
    for (size_t i = 1; i < 4; i++) {
        (void)borrow_all(&a[i], MIB);
    }
    cr_expect_gt(a[0].granted, nw_budget_fair(&a[0]));
    for (size_t round = 0; round < 100; round++) { /* as the messages of all settle */
        for (size_t i = 0; i < 4; i++) {
            nw_budget_return(&a[i], nw_budget_fair(&a[i]));
            (void)nw_budget_borrow(&a[i], MIB);
        }
    }
    for (size_t i = 1; i < 4; i++) {
        cr_expect_geq(a[i].granted, a[0].granted / 2, "lane %zu has %zu, the first %zu", i,
                      a[i].granted, a[0].granted);
    }
    free(a);
}

/* All take their new parts, and messages settle until nobody has more than is fair. */
static void settle_all(struct nw_account *a, size_t lanes)
{
    for (size_t round = 0; round < 20; round++) {
        for (size_t i = 0; i < lanes; i++) {
            nw_budget_share(&a[i], lanes);
            nw_budget_return(&a[i], nw_budget_fair(&a[i]));
        }
    }
}

static size_t given_out(const struct nw_account *a, size_t lanes)
{
    size_t sum = 0;

    for (size_t i = 0; i < lanes; i++) {
        sum += a[i].granted + a[i].library;
    }
    return sum;
}

Test(budget, becomes_more_or_less_while_it_is_lent)
{
    struct nw_account *a = join(4, 64 * MIB);

    for (size_t i = 0; i < 4; i++) {
        (void)borrow_all(&a[i], MIB);
    }
    nw_budget_change(&budget, 256 * MIB);
    settle_all(a, 4);
    cr_expect_eq(given_out(a, 4) + nw_budget_free(&budget), 256 * MIB);
    cr_expect_gt(borrow_all(&a[0], MIB), 32 * MIB, "what has come can be lent");
    nw_budget_change(&budget, 2 * MIB);
    cr_expect_eq(nw_budget_free(&budget), 0);
    cr_expect_eq(nw_budget_borrow(&a[1], 1), 0, "nothing is lent until enough has come back");
    settle_all(a, 4);
    cr_expect_eq(given_out(a, 4) + nw_budget_free(&budget), 2 * MIB);
    cr_expect_gt(a[3].granted, 0, "each lane can move");
    for (size_t i = 0; i < 4; i++) {
        nw_budget_leave(&a[i]);
    }
    cr_expect_eq(nw_budget_free(&budget), 2 * MIB);
    free(a);
}

static void *borrow_and_return(void *account)
{
    struct nw_account *a = account;
    unsigned seed = (unsigned)(uintptr_t)a;

    for (size_t i = 0; i < 20000; i++) {
        (void)nw_budget_borrow(a, (size_t)rand_r(&seed) % MIB);
        if (rand_r(&seed) % 4 == 0) {
            nw_budget_return(a, a->granted / 2);
        }
    }
    return NULL;
}

Test(budget, is_never_more_than_there_is_whoever_asks_at_once)
{
    struct nw_account *a = join(4, 64 * MIB);
    size_t before = nw_budget_free(&budget), sum = 0;
    pthread_t threads[4];

    for (size_t i = 0; i < 4; i++) {
        cr_assert_eq(pthread_create(&threads[i], NULL, borrow_and_return, &a[i]), 0);
    }
    for (size_t i = 0; i < 4; i++) {
        cr_assert_eq(pthread_join(threads[i], NULL), 0);
        sum += a[i].granted - a[i].share;
    }
    cr_expect_eq(nw_budget_free(&budget) + sum, before);
    for (size_t i = 0; i < 4; i++) {
        nw_budget_leave(&a[i]);
    }
    cr_expect_eq(nw_budget_free(&budget), 64 * MIB);
    free(a);
}

/* ---- in the pump ---- */

static uint64_t before;

static bool is_all_back(void)
{
    return probe_snapshot().memory == 0 && probe_memory_free() == before;
}

Test(budget, large_messages_stay_within_it_and_all_of_it_comes_back, .init = probe_reset)
{
    probe.max_in_flight = 4000;
    probe.payload_len = 100000;
    probe.memory = 8 * (int64_t)MIB;
    probe_start();
    before = probe_memory_free();
    probe_offer(10); /* until messages were seen they are thought to be small */
    probe_wait_settled(10);
    probe_offer(3000);
    probe_wait_settled(3000);
    cr_expect_leq(probe.most_in_flight, 8 * MIB / 100000);
    cr_expect_geq(probe.most_in_flight, 4 * MIB / 100000, "it got no more than its share");
    cr_expect(probe_wait(is_all_back));
    probe_stop(1000);
}
