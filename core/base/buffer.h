/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A growing run of bytes, always ended by a NUL that does not count. Appending never reports: when
 * memory runs out the buffer is marked failed and stays as it was, and whoever takes the bytes asks
 * once, at the end.
 */
#ifndef NATSWAY_BASE_BUFFER_H
#define NATSWAY_BASE_BUFFER_H

#include "base/slice.h"

/* Invariant: data == NULL or len < capacity and data[len] == 0. All zero is an empty buffer. */
struct nw_buffer {
    char *data;
    size_t len, capacity;
    bool failed;
};

/* Free the bytes; b is empty and usable again. */
void nw_buffer_done(struct nw_buffer *b);

/* Keep the memory, forget the bytes and a failure. */
void nw_buffer_clear(struct nw_buffer *b);

/* Room for at least extra more bytes behind len; false and failed without memory. */
bool nw_buffer_reserve(struct nw_buffer *b, size_t extra);

void nw_buffer_add(struct nw_buffer *b, const void *data, size_t len);
void nw_buffer_add_slice(struct nw_buffer *b, struct nw_slice s);
void nw_buffer_add_text(struct nw_buffer *b, const char *text);
void nw_buffer_add_char(struct nw_buffer *b, char c);
void nw_buffer_add_format(struct nw_buffer *b, const char *format, ...)
    __attribute__((format(printf, 2, 3)));

/* The text so far, "" if empty; valid until the next change. */
const char *nw_buffer_text(const struct nw_buffer *b);

/* The bytes so far, never absent. */
struct nw_slice nw_buffer_slice(const struct nw_buffer *b);

/* Give the bytes to the caller, who frees them with free(); NULL if the buffer failed. */
char *nw_buffer_take(struct nw_buffer *b);

#endif
