/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A route's map: the steps between source and targets. Message in, messages out, or a rejection
 * with its reason; no I/O.
 *
 * struct nw_map is what the configuration said, compiled and checked; immutable, shared by all
 * lanes. What cannot be shared (libjq's interpreters) is in a struct nw_mapper, one for each worker
 * thread; programs with the same text are compiled once in it, whatever the number of routes.
 */
#ifndef NATSWAY_MAPPINGS_MAP_H
#define NATSWAY_MAPPINGS_MAP_H

#include "mappings/codec.h"
#include "mappings/lookup.h"
#include "mappings/template.h"
#include "mappings/window.h"

/* A jq program: text, checked when it is made. */
struct nw_program;
int nw_program_compile(struct nw_slice text, struct nw_program **out, struct nw_error *error);
void nw_program_free(struct nw_program *p);

struct nw_map;
struct nw_mapper;

struct nw_map *nw_map_new(void);
void nw_map_free(struct nw_map *map); /* with its steps */
bool nw_map_is_empty(const struct nw_map *map);

/* The name that stands in the ids of parts. Kept by reference. */
void nw_map_set_route(struct nw_map *map, const char *route);

/* What is added from here on is one more step, as the user counts them. Without it, each addition
 * is one. */
void nw_map_begin_step(struct nw_map *map);

/* Each appends one step; `when` may be NULL. Programs and templates are taken over, also on
 * failure. 0 or NW_ENOMEM. */
int nw_map_add_filter(struct nw_map *map, struct nw_program *program, struct nw_program *when);
int nw_map_add_payload(struct nw_map *map, struct nw_program *program, struct nw_program *when);
int nw_map_add_split(struct nw_map *map, struct nw_program *program, struct nw_program *when);
/* Codecs and rules are kept by reference. */
int nw_map_add_decode(struct nw_map *map, const struct nw_codec *codec, struct nw_program *when);
int nw_map_add_encode(struct nw_map *map, const struct nw_codec *codec, struct nw_program *when);
/* Also NW_EINVAL: a name is no path (mappings/check.h). */
int nw_map_add_check(struct nw_map *map, const struct nw_check_rule *rule, struct nw_program *when);
enum nw_map_field { NW_MAP_KEY, NW_MAP_SUBJECT, NW_MAP_TIMESTAMP, NW_MAP_ID, NW_MAP_HEADER };
/* One field of a `set` step; value NULL removes the field. name only for NW_MAP_HEADER. */
int nw_map_add_set(struct nw_map *map, enum nw_map_field field, struct nw_slice name,
                   struct nw_template *value, struct nw_program *when);
/* "Name" or "Prefix-*" */
int nw_map_add_remove(struct nw_map *map, struct nw_slice pattern, struct nw_program *when);
/* The window is the map's, and the only part of it that changes. window_ms and most: see
 * nw_window_new. */
int nw_map_add_dedupe(struct nw_map *map, struct nw_template *id, int64_t window_ms, size_t most,
                      struct nw_program *when);
/* The windows of a map, in the order of their steps; NULL: there are no more. map may be NULL. */
struct nw_window *nw_map_window(const struct nw_map *map, size_t index);
/* The rule, and what it names, is kept by reference. */
int nw_map_add_lookup(struct nw_map *map, struct nw_program *key, const struct nw_lookup_rule *rule,
                      struct nw_program *when);
/* Does a step of map look into l? map may be NULL. */
bool nw_map_looks_into(const struct nw_map *map, const struct nw_lookup *l);
int nw_map_add_drop(struct nw_map *map, struct nw_program *when);
int nw_map_add_reject(struct nw_map *map, struct nw_template *why, struct nw_program *when);
/*
 * A step of the program around, for what is not in here. run gets an outgoing message, which it may
 * change, and must not block: 0 goes on; NW_EAGAIN: what it needs is not there yet, the message is
 * to wait; all else rejects it. With the reason, but for 0. Kept by reference.
 */
struct nw_map_call {
    int (*run)(void *context, struct nw_message *m, struct nw_error *error);
    void *context;
};
int nw_map_add_call(struct nw_map *map, const struct nw_map_call *call, struct nw_program *when);

struct nw_mapper *nw_mapper_new(void);
void nw_mapper_free(struct nw_mapper *mapper);
/* Who fetches schemas for the maps that this mapper runs; it must outlive it. Without one nothing
 * is asked. */
struct nw_avro_fetcher;
void nw_mapper_set_fetcher(struct nw_mapper *mapper, struct nw_avro_fetcher *fetcher);

/* The next message begins: what is run for it may take so much processor time in all, and is
 * refused beyond that. 0, as for a new mapper: it may take as long as it wants. */
void nw_mapper_message(struct nw_mapper *mapper, int64_t limit_ms);

/* NW_MAP_LATER: what a step needs is not there yet (a schema is fetched, a table loaded). Nothing
 * came out; the whole map is to be run again, in a while. */
enum nw_map_outcome { NW_MAPPED, NW_MAP_FILTERED, NW_MAP_REJECTED, NW_MAP_LATER };

struct nw_mapped {
    enum nw_map_outcome outcome;
    /* NW_MAPPED: at least one, linked by next; the caller's. What came out of a split and was
     * refused by a later step has the outcome NW_REJECT and the reason. */
    struct nw_message *messages;
    unsigned step;         /* filtered, rejected: which step, from 1 */
    const char *step_name; /* rejected: its key; NULL where the reason is the user's own */
    struct nw_error error; /* rejected, later: the reason */
};

/*
 * Run map on original, which is not changed. An empty map gives one outgoing message. With `set:
 * subject` the outgoing message's address is that value and its flag in `numbers_set` bit 31 is
 * set, so that the first target uses it instead of its own template. Returns 0 with *out filled
 * (also for a rejection), or NW_ENOMEM.
 */
int nw_map_run(const struct nw_map *map, struct nw_mapper *mapper, struct nw_message *original,
               struct nw_mapped *out);
/* Why it was rejected and by which step, "step 2 (payload): not JSON: …", into text; what came out
 * of a split and was refused has that as its reason. */
void nw_mapped_reason(const struct nw_mapped *mapped, char *text, size_t size);
#define NW_MESSAGE_SUBJECT_SET (UINT32_C(1) << 31)

/* jq's truth of program for m: 1 or 0, or NW_EINVAL with the reason. NULL program: 1. */
int nw_mapper_test(struct nw_mapper *mapper, const struct nw_program *program, struct nw_message *m,
                   struct nw_error *error);

#endif
