/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Time. The two clocks are part of the connector contract (nw_clock_monotonic_ns,
 * nw_clock_real_ns); here are the units.
 */
#ifndef NATSWAY_BASE_CLOCK_H
#define NATSWAY_BASE_CLOCK_H

#include <natsway/connector.h>

#define NW_MICROSECOND_NS INT64_C(1000)
#define NW_MILLISECOND_NS INT64_C(1000000)
#define NW_SECOND_NS INT64_C(1000000000)

#endif
