/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Text that is being written: it begins in a buffer of the caller's, usually on the stack, moves to
 * the message's arena when it outgrows that, and ends in the arena. Running out of memory marks it
 * failed; whoever takes the text asks once.
 */
#ifndef NATSWAY_MAPPINGS_TEXT_H
#define NATSWAY_MAPPINGS_TEXT_H

#include "message/message.h"

struct nw_text {
    char *data;
    size_t len, capacity;
    struct nw_message *message;
    char *first; /* the caller's buffer */
    bool failed;
};

static inline struct nw_text nw_text_begin(struct nw_message *m, char *buffer, size_t capacity)
{
    return (struct nw_text){buffer, 0, capacity, m, buffer, false};
}

/* Room for extra more bytes; false, and failed, without memory. */
bool nw_text_grow(struct nw_text *t, size_t extra);

static inline void nw_text_add(struct nw_text *t, const char *data, size_t len)
{
    if (len <= t->capacity - t->len || nw_text_grow(t, len)) {
        if (len > 0) {
            memcpy(t->data + t->len, data, len);
        }
        t->len += len;
    }
}

static inline void nw_text_add_char(struct nw_text *t, char c)
{
    nw_text_add(t, &c, 1);
}

/* What was written, in the message's arena: 0 or NW_ENOMEM. */
int nw_text_end(struct nw_text *t, struct nw_slice *out);

#endif
