/* SPDX-License-Identifier: Apache-2.0 */
/* Waiting for a condition: a clock and a short sleep. */
#include "support/wait.h"

#include <time.h>

#define STEP_MS 5

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

bool nwt_wait_step(int64_t until_ms)
{
    bool late = nwt_now_ms() >= until_ms;

    if (watch_all != NULL) {
        watch_all(late);
    }
    if (late) {
        return false;
    }
    struct timespec step = {0, STEP_MS * 1000000L};
    nanosleep(&step, NULL);
    return true;
}
