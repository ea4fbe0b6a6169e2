/* SPDX-License-Identifier: Apache-2.0 */
/*
 * libjq's functions that go over whole values end, too: `map_timeout` can stop libjq between two
 * of its instructions, and `.a - .b`, `==`, `sort` and `index` are one each. Two arrays of 60,000
 * numbers are compared 3,600 million times, and a value that has itself in it many times
 * (`reduce range(60) as $i (.; [., .])`) is compared, and written, for years.
 *
 * Values that are nested deeper than the stack is (`reduce range(300000) as $i (.; [.])`) would end
 * the process, at the latest when they are freed.
 *
 * The program defines them in front of libjq's own (program_values.c), as it does with Oniguruma's
 * (regex_search.h). What they give is the same; when the message has had its time they give
 * anything at once, and the message is rejected.
 */
#ifndef NATSWAY_MAPPINGS_PROGRAM_VALUES_H
#define NATSWAY_MAPPINGS_PROGRAM_VALUES_H

#include <jv.h>

/* libjq's own, for tests. */
struct nw_value_library {
    int (*equal)(jv a, jv b);
    int (*compare)(jv a, jv b);
    int (*contains)(jv a, jv b);
    jv (*indexes)(jv a, jv b);
    jv (*merge)(jv a, jv b);
    jv (*write)(jv value, int flags);
    char *(*write_begin)(jv value, char *out, size_t size);
    void (*release)(jv value);
};

/* Looked for once. Any thread. */
const struct nw_value_library *nw_value_library(void);

#endif
