/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What a `dedupe` step remembers: the ids of a stretch of time, and which message had each first.
 *
 * An id that another message had within the window is a repeat. The same message again is none: it
 * was not settled, and comes again to be delivered.
 *
 * Entries of a fixed size follow each other in *areas* of memory, in the order of time; a table of
 * hashes finds them. The oldest are forgotten a few at a time with each new one, so that no call
 * takes long. Areas come from the caller: where they are mapped files, the ids outlive the process,
 * and an entry is there from the moment it is written. What does not look right in an area that was
 * found is left out.
 *
 * Ids are kept as keyed hashes of 128 bits; the key is in the areas. All functions may be called by
 * any thread; a lock is held for some hundred nanoseconds.
 */
#ifndef NATSWAY_MAPPINGS_WINDOW_H
#define NATSWAY_MAPPINGS_WINDOW_H

#include "base/siphash.h"
#include "message/message.h"

#define NW_WINDOW_AREA ((size_t)512 * 1024)

struct nw_window;

/* Where areas come from. take: NW_WINDOW_AREA bytes of zeros, aligned for anything, or NULL. give:
 * it is not needed any more. say: something a user should know of; without the window's lock. */
struct nw_window_memory {
    void *(*take)(void *context);
    void (*give)(void *context, void *area);
    void (*say)(void *context, const char *text);
    void *context;
};

/* length_ms: how long an id is remembered. most: how many at the same time. NULL: no memory. */
struct nw_window *nw_window_new(int64_t length_ms, size_t most);
void nw_window_free(struct nw_window *w);

/* Before the first id: use this memory, and what is in the areas that were found, in any order.
 * They belong to the window from now on. Returns how many entries could not be used. */
size_t nw_window_open(struct nw_window *w, const struct nw_window_memory *memory,
                      void *const *areas, size_t count, int64_t now_ms);
/* What has an area's head, or nothing at all in it. */
bool nw_window_is_area(const void *area);
/* Is all that is in the area older than its window was long? */
bool nw_window_is_over(const void *area, int64_t now_ms);
/* Forget everything and leave the caller's areas as they are. The window can be used on, with
 * memory of its own. */
void nw_window_close(struct nw_window *w);

/* An id together with the message that has it. */
struct nw_window_entry {
    struct nw_hash128 id;
    uint64_t owner;
};
struct nw_window_entry nw_window_entry(const struct nw_window *w, struct nw_slice id,
                                       const struct nw_message *m);

enum nw_window_answer {
    NW_WINDOW_NEW,
    NW_WINDOW_AGAIN, /* this very message was here */
    NW_WINDOW_REPEAT /* another one was */
};
/* What is it? A new one is remembered, if `enter`. */
enum nw_window_answer nw_window_ask(struct nw_window *w, const struct nw_window_entry *e,
                                    int64_t now_ms, bool enter);

/* Milliseconds since 1970, which do not go back while the process runs. */
int64_t nw_window_now(void);

/* Ids it remembers, some of which may be about to be forgotten. */
size_t nw_window_count(struct nw_window *w);

#endif
