/* SPDX-License-Identifier: Apache-2.0 */
/* The two halves of `natsway test`: what came out against what was expected, and the report. */
#ifndef NATSWAY_CLI_TEST_H
#define NATSWAY_CLI_TEST_H

#include "cli/trial.h"

/* Append what does not fit, as indented lines; nothing if all is as expected. */
void nw_test_compare(struct nw_buffer *out, const struct nw_test_spec *test,
                     const struct nw_trial_end *found, size_t count);

struct nw_test_result {
    const struct nw_test_spec *test;
    char *failure; /* NULL: passed */
};

/* "telemetry: too cold (plant.yaml:12:5)": route, the test's name if it has one, and place. */
void nw_test_add_name(struct nw_buffer *out, const struct nw_test_spec *test);

/* Write all results to path as JUnit XML. 0, or the errno of the file. */
int nw_test_write_junit(const char *path, const struct nw_test_result *results, size_t count);

#endif
