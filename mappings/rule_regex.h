/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Oniguruma, as libjq uses it for test(). It is in the process because libjq needs it, and it is
 * found there: a program that links it itself gets its regcomp() and regexec() in place of the C
 * library's, and so does every other library in it.
 */
#ifndef NATSWAY_MAPPINGS_RULE_REGEX_H
#define NATSWAY_MAPPINGS_RULE_REGEX_H

#include <stdbool.h>

#include "base/slice.h"

struct nw_rule_regex; /* Oniguruma's own */

/* NULL: libjq must look for it. Read by any thread. */
struct nw_rule_regex *nw_rule_regex_compile(struct nw_slice pattern);
void nw_rule_regex_free(struct nw_rule_regex *regex);

/* Does libjq refuse pattern with these of its flags (g, i, x, s, n, p, l)? true with the reason in
 * why; false: it takes it, or that cannot be told here. */
#define NW_RULE_REGEX_WHY 200
bool nw_rule_regex_refused(struct nw_slice pattern, struct nw_slice flags,
                           char why[NW_RULE_REGEX_WHY]);

/* Is it in text, which is UTF-8? 1, 0, or -1: libjq must look. */
int nw_rule_regex_search(struct nw_rule_regex *regex, struct nw_slice text);

#endif
