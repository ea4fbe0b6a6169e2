/* SPDX-License-Identifier: Apache-2.0 */
/* Slices: bytes with a length that belong to somebody else. data == NULL means absent. */
#ifndef NATSWAY_BASE_SLICE_H
#define NATSWAY_BASE_SLICE_H

#include <natsway/connector.h>
#include <string.h>

#define NW_ABSENT ((struct nw_slice){NULL, 0})
#define NW_LITERAL(text) ((struct nw_slice){(text), sizeof(text) - 1})

/* The bytes of a C string; NULL gives the absent slice. */
static inline struct nw_slice nw_slice_text(const char *text)
{
    return (struct nw_slice){text, text == NULL ? 0 : strlen(text)};
}

/* Absent and empty differ. */
static inline bool nw_slice_equal(struct nw_slice a, struct nw_slice b)
{
    return a.len == b.len && (a.data == NULL) == (b.data == NULL) &&
           (a.len == 0 || memcmp(a.data, b.data, a.len) == 0);
}

static inline bool nw_slice_starts(struct nw_slice s, struct nw_slice prefix)
{
    return s.len >= prefix.len && (prefix.len == 0 || memcmp(s.data, prefix.data, prefix.len) == 0);
}

#endif
