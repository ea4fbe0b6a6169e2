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

/*
 * Brackets in brackets. libjq 1.6 takes 256 arrays or 128 objects, which need two places each on
 * its stack; one limit for all, and for templates, makes a payload that one rule takes good for
 * another.
 */
#define NW_DOCUMENT_DEEPEST 128
#define NW_DOCUMENT_TOO_DEEP "nested deeper than 128 levels"

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
    bool too_deep; /* it may be JSON */
};

/* Index text, which must stay as it is while the document is used. 0, or NW_EINVAL: why and
 * wrong_at are set, or NW_ENOMEM. */
int nw_document_read(struct nw_document *d, struct nw_slice text);
void nw_document_done(struct nw_document *d);

/* text without the byte order mark that editors put in front of UTF-8. */
struct nw_slice nw_document_behind_mark(struct nw_slice text);

/* Write what the JSON string text (without quotes) stands for into out, which has room for text.len
 * bytes. Returns its length, or -1: an escape that is not one. */
long nw_document_unescape(struct nw_slice text, char *out);

/* The character of \uXXXX, or of a pair of them, at *at, behind the first \u; *at moves behind it.
 * -1: it is none, as half a pair. */
long nw_document_take_unicode(const char **at, const char *end);

#endif
