/* SPDX-License-Identifier: Apache-2.0 */
/* Values that the state's writer collects by itself. */
#include <criterion/criterion.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#include "base/slice.h"
#include "store/state.h"

static char folder[] = "/tmp/natsway-collect-XXXXXX";
static atomic_int value, collections;

static void make_folder(void)
{
    cr_assert(mkdtemp(folder) != NULL);
    atomic_store(&value, 0);
    atomic_store(&collections, 0);
}

static void remove_folder(void)
{
    char command[sizeof folder + 16];

    (void)snprintf(command, sizeof command, "rm -rf '%s'", folder);
    cr_assert(system(command) == 0);
}

TestSuite(collect, .init = make_folder, .fini = remove_folder);

static void collect(void *context, bool failed, struct nw_state_writer *to)
{
    char text[16];
    int n = snprintf(text, sizeof text, "%d", atomic_load(&value));

    cr_expect_not(failed);
    atomic_fetch_add((atomic_int *)context, 1);
    nw_state_put(to, "a", "count", text, (size_t)n);
    nw_state_put(to, "b", "count", "7", 1);
}

static struct nw_state_store *open_store(void)
{
    struct nw_state_store *s = NULL;
    struct nw_error error;

    cr_assert_eq(nw_state_open(folder, &s, &error), 0, "%s", error.text);
    nw_state_collect(s, collect, &collections);
    return s;
}

/* "OWNER=VALUE " of each. */
static void note(void *context, const char *owner, struct nw_slice found)
{
    char *text = context;
    size_t used = strlen(text);

    (void)snprintf(text + used, 100 - used, "%s=%.*s ", owner, (int)found.len, found.data);
}

static void expect_stored(struct nw_state_store *s, const char *want)
{
    char text[100] = "";

    cr_assert_eq(nw_state_each(s, "count", note, text), 0);
    cr_expect_str_eq(text, want);
}

static bool wait_for_collections(int n)
{
    for (int i = 0; i < 5000 && atomic_load(&collections) < n; i++) {
        struct timespec pause = {0, 2000000}; /* polls a condition, with a deadline */
        (void)nanosleep(&pause, NULL);
    }
    return atomic_load(&collections) >= n;
}

Test(collect, nothing_without_a_touch)
{
    struct nw_state_store *s = open_store();

    nw_state_hurry(s);
    cr_assert_eq(nw_state_set(s, "x", "y", "z", 1), 0);
    nw_state_flush(s);
    nw_state_close(s);
    cr_expect_eq(atomic_load(&collections), 0);
}

Test(collect, what_was_touched_last_is_there_after_a_restart)
{
    struct nw_state_store *s = open_store();

    for (int i = 1; i <= 1000; i++) {
        atomic_store(&value, i);
        nw_state_touch(s);
    }
    nw_state_close(s);
    cr_expect_leq(atomic_load(&collections), 3, "%d times", atomic_load(&collections));
    s = open_store();
    expect_stored(s, "a=1000 b=7 ");
    nw_state_close(s);
}

Test(collect, a_second_time_at_once_when_somebody_is_in_a_hurry)
{
    struct nw_state_store *s = open_store();

    nw_state_touch(s);
    cr_assert(wait_for_collections(1));
    atomic_store(&value, 2);
    nw_state_touch(s);
    nw_state_hurry(s);
    cr_assert(wait_for_collections(2));
    nw_state_close(s);
    s = open_store();
    expect_stored(s, "a=2 b=7 ");
    nw_state_close(s);
}
