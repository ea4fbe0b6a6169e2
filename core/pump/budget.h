/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The budget: the bytes of `memory:`, shared by the lanes of the process.
 *
 * A quarter is for what client libraries keep on behalf of lanes, in equal parts (`library`). Each
 * lane has a share of its own, which nobody can take: enough for a message of the usual largest
 * size where the budget allows it, so that every lane can always move. The rest is lent, in chunks,
 * to the lanes that have use for it.
 *
 * A lane may borrow as much as it leaves for the others. So one that has much to do gets a half of
 * it, two get a third each, and however many hold on to what they have (their targets are away)
 * some is left for one more. Who has more than that, because others have come, gives back as its
 * messages settle. Nobody is ever woken for a loan: who could use one has messages in flight, and
 * asks when they settle. The only lane of a process may borrow all.
 *
 *     total == library parts + free + granted of all accounts
 *
 * free is below zero only after lanes joined when others had borrowed what their shares are made
 * of, or the total became less: nothing is lent until it has come back.
 */
#ifndef NATSWAY_PUMP_BUDGET_H
#define NATSWAY_PUMP_BUDGET_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>

struct nw_budget {
    atomic_size_t total; /* written by the main thread */
    atomic_llong free;
};

/* What a lane has of the budget. Only its worker touches it. */
struct nw_account {
    struct nw_budget *budget;
    size_t share;   /* never less than this */
    size_t library; /* beside it: for the libraries of its endpoints */
    size_t part;    /* its equal part of what can be lent */
    size_t granted; /* share, and what is borrowed */
    bool alone;     /* the only lane */
};

void nw_budget_init(struct nw_budget *budget, size_t total);

/* Another total, while lanes have parts of the one before: each takes its new part with its next
 * nw_budget_share. Main thread. */
void nw_budget_change(struct nw_budget *budget, size_t total);

/* One of so many lanes begins, or ends. Main thread, or the lane's worker. */
void nw_budget_join(struct nw_budget *budget, size_t lanes, struct nw_account *account);
void nw_budget_leave(struct nw_account *account);

/* Its worker: there are so many lanes from now on, or there is another total. */
void nw_budget_share(struct nw_account *account, size_t lanes);

/* Borrow up to `want` bytes, as far as that is fair; returns how many it got. */
size_t nw_budget_borrow(struct nw_account *account, size_t want);
/* Give back what is above `keep` (and the share). */
void nw_budget_return(struct nw_account *account, size_t keep);
/* How much the lane may have now, so that others get theirs. */
size_t nw_budget_fair(const struct nw_account *account);

/* Any thread: what nobody has. */
size_t nw_budget_free(const struct nw_budget *budget);

#endif
