/* SPDX-License-Identifier: Apache-2.0 */
#include "base/clock.h"

#include <time.h>

static int64_t read_clock(clockid_t id)
{
    struct timespec t;

    (void)clock_gettime(id, &t);
    return (int64_t)t.tv_sec * NW_SECOND_NS + t.tv_nsec;
}

int64_t nw_clock_monotonic_ns(void)
{
    return read_clock(CLOCK_MONOTONIC);
}

int64_t nw_clock_real_ns(void)
{
    return read_clock(CLOCK_REALTIME);
}
