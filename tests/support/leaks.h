/* SPDX-License-Identifier: Apache-2.0 */
/* LeakSanitizer passes over what is allocated between leaks_ignore() and leaks_notice(), in builds
 * that have it: libjq 1.6 loses memory with some errors, and that is not ours to find. Calls nest.
 */
#ifndef NATSWAY_TEST_LEAKS_H
#define NATSWAY_TEST_LEAKS_H

#include <stddef.h>

void __lsan_disable(void) __attribute__((weak));
void __lsan_enable(void) __attribute__((weak));

static inline void leaks_ignore(void)
{
    if (__lsan_disable != NULL) {
        __lsan_disable();
    }
}

static inline void leaks_notice(void)
{
    if (__lsan_enable != NULL) {
        __lsan_enable();
    }
}

#endif
