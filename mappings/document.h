/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A JSON text (RFC 8259) where it stands: checked, and indexed by one item for each value, key and
 * bracket, in the order of the text. Nothing is copied and nothing is converted; a rule that looks
 * at two members of a payload pays for those two.
 *
 * It takes less than libjq does, which lets pass much that is no JSON (NaN, raw control characters)
 * and loses memory at some of it. So nothing goes to libjq that was not read here before.
 *
 * One thread at a time.
 */
#ifndef NATSWAY_MAPPINGS_DOCUMENT_H
#define NATSWAY_MAPPINGS_DOCUMENT_H

#include "base/slice.h"

#define NW_DOCUMENT_DEEPEST 200

/* In the order in which jq sorts. */
enum nw_kind {
    NW_KIND_NULL,
    NW_KIND_FALSE,
    NW_KIND_TRUE,
    NW_KIND_NUMBER,
    NW_KIND_STRING,
    NW_KIND_ARRAY,
    NW_KIND_OBJECT
};

struct nw_item {
    uint32_t at;   /* of its first byte; of a string's behind the quote */
    uint32_t len;  /* bytes, of a string without its quotes; elements of an array, members of an
                      object, each of which is a key and a value */
    uint32_t next; /* item behind this one and all that is in it */
    uint8_t kind;
    bool escaped; /* a string that is not written as it is: escapes, or a DEL, which jq escapes */
};

/* All zero is a document that was not read yet. */
struct nw_document {
    const char *text;
    struct nw_item *items; /* [0] is the whole */
    size_t count, capacity;
    /* After a failure: what is wrong, and where. */
    const char *why;
    size_t wrong_at;
};

/* Index text, which must stay as it is while the document is used. 0, or NW_EINVAL: why and
 * wrong_at are set, or NW_ENOMEM. */
int nw_document_read(struct nw_document *d, struct nw_slice text);
void nw_document_done(struct nw_document *d);

/* Write what the JSON string text (without quotes) stands for into out, which has room for text.len
 * bytes. Returns its length, or -1: an escape that is not one. */
long nw_document_unescape(struct nw_slice text, char *out);

#endif
