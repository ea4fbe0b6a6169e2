/* SPDX-License-Identifier: Apache-2.0 */
#include "pump/budget.h"

#include "config/memory.h"

#define LIBRARY_MOST ((size_t)64 << 20)

void nw_budget_init(struct nw_budget *budget, size_t total)
{
    atomic_init(&budget->total, total);
    atomic_init(&budget->free, (long long)total);
}

void nw_budget_change(struct nw_budget *budget, size_t total)
{
    size_t before = atomic_exchange(&budget->total, total);

    atomic_fetch_add(&budget->free, (long long)total - (long long)before);
}

static size_t smaller(size_t a, size_t b)
{
    return a < b ? a : b;
}

static void set_parts(struct nw_account *account, size_t lanes)
{
    size_t total = atomic_load(&account->budget->total);

    account->library = smaller(total / 4 / lanes, LIBRARY_MOST);
    account->share = nw_memory_share(total, lanes);
    account->part = total / lanes - account->share - account->library;
    account->alone = lanes == 1;
}

void nw_budget_join(struct nw_budget *budget, size_t lanes, struct nw_account *account)
{
    account->budget = budget;
    set_parts(account, lanes);
    account->granted = account->share;
    atomic_fetch_sub(&budget->free, (long long)(account->share + account->library));
}

void nw_budget_share(struct nw_account *account, size_t lanes)
{
    size_t before = account->granted + account->library;

    if (account->budget == NULL) {
        return; /* it has left */
    }
    set_parts(account, lanes);
    if (account->granted < account->share) {
        account->granted = account->share;
    }
    atomic_fetch_add(&account->budget->free,
                     (long long)before - (long long)(account->granted + account->library));
}

void nw_budget_leave(struct nw_account *account)
{
    if (account->budget != NULL) {
        atomic_fetch_add(&account->budget->free, (long long)(account->granted + account->library));
    }
    account->budget = NULL;
}

size_t nw_budget_borrow(struct nw_account *account, size_t want)
{
    atomic_llong *free = &account->budget->free;
    long long has = atomic_load(free);

    for (;;) {
        long long borrowed = (long long)(account->granted - account->share);
        long long most = account->alone ? has : (has - borrowed) / 2;
        long long give = most < (long long)want ? most : (long long)want;
        if (give <= 0) {
            return 0;
        }
        if (atomic_compare_exchange_weak(free, &has, has - give)) {
            account->granted += (size_t)give;
            return (size_t)give;
        }
    }
}

void nw_budget_return(struct nw_account *account, size_t keep)
{
    keep = keep < account->share ? account->share : keep;
    if (account->granted > keep) {
        atomic_fetch_add(&account->budget->free, (long long)(account->granted - keep));
        account->granted = keep;
    }
}

size_t nw_budget_fair(const struct nw_account *account)
{
    size_t left = nw_budget_free(account->budget);

    return account->alone ? account->granted + left : account->share + left;
}

size_t nw_budget_free(const struct nw_budget *budget)
{
    long long has = atomic_load_explicit(&budget->free, memory_order_relaxed);

    return has < 0 ? 0 : (size_t)has;
}
