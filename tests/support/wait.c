/* SPDX-License-Identifier: Apache-2.0 */
/* Waiting for a condition: a clock and short sleeps. */
#include "support/wait.h"

#include <time.h>

#define FIRST_STEP_US 2000
#define LAST_STEP_US 25000

static _Thread_local void (*watch_all)(bool late);

int64_t nwt_now_ms(void)
{
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (int64_t)now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

void nwt_wait_watch(void (*watch)(bool late))
{
    watch_all = watch;
}

/* Longer from step to step, so that asking is not most of what a busy machine does. */
static void sleep_step(int64_t until_ms)
{
    static _Thread_local int64_t wait_until_ms;
    static _Thread_local long step_us;

    step_us = until_ms != wait_until_ms ? FIRST_STEP_US : step_us + step_us / 4;
    step_us = step_us > LAST_STEP_US ? LAST_STEP_US : step_us;
    wait_until_ms = until_ms;
    nanosleep(&(struct timespec){0, step_us * 1000}, NULL);
}

bool nwt_wait_step(int64_t until_ms)
{
    bool late = nwt_now_ms() >= until_ms;

    if (watch_all != NULL) {
        watch_all(late);
    }
    if (late) {
        return false;
    }
    sleep_step(until_ms);
    return true;
}
