/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Waiting for a condition with a deadline: the only way a test waits. A deadline is written for a
 * machine at rest; NWT_PATIENCE times as long is allowed for a busy one, where what is right comes
 * late, and nothing that is right waits for it.
 */
#ifndef NATSWAY_TESTS_WAIT_H
#define NATSWAY_TESTS_WAIT_H

#include <stdbool.h>
#include <stdint.h>

#define NWT_PATIENCE 4

/* Milliseconds since an arbitrary point. */
int64_t nwt_now_ms(void);

/* Sleep one polling interval (2 to 25 ms); false, at once, when until_ms (of nwt_now_ms) has
 * passed. */
bool nwt_wait_step(int64_t until_ms);

/* Have a function called at each step of every wait of this thread; NULL: none. It may end the test
 * when what is waited for can no longer come. The last time, when it did not come, late is true,
 * and it may print what helps to find why. */
void nwt_wait_watch(void (*watch)(bool late));

/* True as soon as the expression is; false when it was not within timeout_ms (and the patience). It
 * is evaluated at least once, and once more after the deadline, on a machine that stood still. */
#define NWT_WAIT(timeout_ms, expression)                               \
    __extension__({                                                    \
        int64_t nwt_until_ = nwt_now_ms() + (timeout_ms)*NWT_PATIENCE; \
        bool nwt_true_ = (expression);                                 \
        while (!nwt_true_) {                                           \
            bool nwt_again_ = nwt_wait_step(nwt_until_);               \
            nwt_true_ = (expression);                                  \
            if (!nwt_again_) {                                         \
                break;                                                 \
            }                                                          \
        }                                                              \
        nwt_true_;                                                     \
    })

#endif
