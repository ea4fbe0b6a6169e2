/* SPDX-License-Identifier: Apache-2.0 */
/* The time of windows: that of the day, which must not jump while ids are remembered by it. */
#include <pthread.h>

#include "base/clock.h"
#include "mappings/window.h"

static int64_t clock_base;
static pthread_once_t clock_once = PTHREAD_ONCE_INIT;

static void set_clock(void)
{
    clock_base = nw_clock_real_ns() - nw_clock_monotonic_ns();
}

int64_t nw_window_now(void)
{
    (void)pthread_once(&clock_once, set_clock);
    return (clock_base + nw_clock_monotonic_ns()) / NW_MILLISECOND_NS;
}
