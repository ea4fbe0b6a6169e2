/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Searches for regular expressions that end, libjq's too: `map_timeout` can stop libjq between two
 * of its instructions, and a search is one. Oniguruma tries again from each place of a text and
 * goes back over what it took, for x+x+[yz] in 2 KB some 1,300 million times. It can be given a
 * number of steps back after which it stops; how long one takes it does not say, it may go over the
 * whole text again.
 *
 * So a search first has few of them, which is enough for nearly all. One that needs more goes on
 * place by place, has twice as many at each try, and looks at the clock in between.
 *
 * libjq calls onig_new() and onig_search(), which the program defines itself in front of
 * Oniguruma's (regex_search.c).
 */
#ifndef NATSWAY_MAPPINGS_REGEX_SEARCH_H
#define NATSWAY_MAPPINGS_REGEX_SEARCH_H

#include <oniguruma.h>
#include <stdbool.h>

/* Oniguruma's functions; what is not in the process is NULL. */
struct nw_regex_library {
    int (*make)(OnigRegex *out, const OnigUChar *pattern, const OnigUChar *end,
                OnigOptionType options, OnigEncoding encoding, OnigSyntaxType *syntax,
                OnigErrorInfo *error);
    int (*search)(OnigRegex regex, const OnigUChar *text, const OnigUChar *end,
                  const OnigUChar *start, const OnigUChar *range, OnigRegion *region,
                  OnigOptionType options);
    int (*search_with)(OnigRegex regex, const OnigUChar *text, const OnigUChar *end,
                       const OnigUChar *start, const OnigUChar *range, OnigRegion *region,
                       OnigOptionType options, OnigMatchParam *limits);
    int (*match_with)(OnigRegex regex, const OnigUChar *text, const OnigUChar *end,
                      const OnigUChar *at, OnigRegion *region, OnigOptionType options,
                      OnigMatchParam *limits);
    OnigMatchParam *(*new_limits)(void);
    void (*free_limits)(OnigMatchParam *limits);
    int (*limit_match)(OnigMatchParam *limits, unsigned long steps);
    int (*limit_search)(OnigMatchParam *limits, unsigned long steps);
    void (*release)(OnigRegex regex);
    int (*explain)(OnigUChar *text, int code, ...);
    OnigEncoding utf8;
    OnigSyntaxType *syntax;
};

/* Looked for once. Any thread. */
const struct nw_regex_library *nw_regex_library(void);

/* Does the expression mean another thing when it is tried at one place after the other: \G, or the
 * longest of all matches? */
bool nw_regex_is_whole(const OnigUChar *pattern, const OnigUChar *end, OnigOptionType options);

/* As onig_search() from start to the end of the text, for an expression that is not whole. When the
 * thread's message has had its time: ONIGERR_RETRY_LIMIT_IN_SEARCH_OVER, and its deadline is over.
 */
int nw_regex_search(OnigRegex regex, const OnigUChar *text, const OnigUChar *end,
                    const OnigUChar *start, OnigRegion *region);

#endif
