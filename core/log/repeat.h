/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Repeated log lines are counted, not repeated. Lines are of one *kind* when they have the same
 * level, the same first field (the route or connection) and the same words, whatever the numbers in
 * them. Within ten seconds a kind says each text once and ten texts at most; the rest is counted
 * and told with the kind's next line, or when somebody asks for what is left.
 *
 * Between warnings and information about one route or connection there are no repeats: "lost",
 * "connected", "lost" are three lines. No lock in here: the log holds its own.
 */
#ifndef NATSWAY_LOG_REPEAT_H
#define NATSWAY_LOG_REPEAT_H

#include "log/log.h"

#define NW_REPEAT_TEXT 240
#define NW_REPEAT_KINDS 64

struct nw_repeat_kind {
    uint64_t hash;    /* 0: a free place */
    uint64_t subject; /* hash of the first field */
    uint64_t last;    /* hash of the last text */
    int64_t since_ns; /* begin of its ten seconds */
    uint64_t skipped;
    unsigned written;
    enum nw_level level;
    char text[NW_REPEAT_TEXT], name[32], value[96];
};

/* All zero is an empty one. */
struct nw_repeat {
    struct nw_repeat_kind kinds[NW_REPEAT_KINDS];
};

/* Shall this line be written now? *skipped: how many of its kind were left out before it. */
bool nw_repeat_pass(struct nw_repeat *r, enum nw_level level, const struct nw_log_field *fields,
                    const char *text, int64_t now_ns, uint64_t *skipped);

/* A kind that left lines out and whose time is over (at once with `all`): its place, with skipped
 * still set, for the caller to tell and to set skipped to 0. NULL: none. */
struct nw_repeat_kind *nw_repeat_left(struct nw_repeat *r, int64_t now_ns, bool all);

#endif
