/* SPDX-License-Identifier: Apache-2.0 */
/* Tables of bad configurations with all that is said of each. */
#ifndef NATSWAY_TESTS_CONFIG_BAD_H
#define NATSWAY_TESTS_CONFIG_BAD_H

#include <stddef.h>

struct bad {
    const char *what; /* what is wrong with it */
    const char *yaml; /* the file c.yaml */
    const char *says; /* the whole output; FOLDER stands for the file's folder */
};

void expect_bad(const struct bad *cases, size_t n);

#endif
