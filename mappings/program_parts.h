/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Inside programs and mappers: the texts of programs (program.c), what a mapper keeps and rules of
 * our own (mapper.c), and libjq's interpreters (program_run.c).
 */
#ifndef NATSWAY_MAPPINGS_PROGRAM_PARTS_H
#define NATSWAY_MAPPINGS_PROGRAM_PARTS_H

#include "base/buffer.h"
#include "mappings/deadline.h"
#include "mappings/program.h"

/* A distinct text that was found to be a program. */
struct nw_known_program {
    size_t number;
    char *text;
    struct nw_program_uses uses;
    struct nw_rule *rule; /* NULL: libjq alone runs it */
};

struct nw_program {
    const struct nw_known_program *known;
};

/* A program in one mapper. */
struct nw_interpreter {
    jq_state *jq; /* NULL: not yet */
    unsigned abandoned;
};

struct nw_mapper {
    struct nw_interpreter *interpreters; /* by number of the program */
    size_t count;
    struct nw_rule_space *space;
    uint64_t indexed; /* payloads so far; the latest is in space */
    struct nw_buffer text;
    struct nw_deadline deadline;
    int64_t limit_ms;
    struct nw_error *error; /* where messages of the interpreter go while it runs */
    struct nw_avro_fetcher *fetcher;
};

/* libjq's callback for errors; context: a struct nw_error, which keeps the first message, or NULL.
 * The first is the useful one; jq's own prefix tells a user nothing. */
void nw_program_keep_message(void *context, jv message);

#endif
