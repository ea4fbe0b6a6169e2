/* SPDX-License-Identifier: Apache-2.0 */
#include "mappings/nats_functions.h"

#include "base/json.h"

uint32_t nw_partition_hash(uint32_t hash, struct nw_slice bytes)
{
    for (size_t i = 0; i < bytes.len; i++) {
        hash ^= (unsigned char)bytes.data[i];
        hash *= UINT32_C(16777619);
    }
    return hash;
}

static struct nw_slice part(struct nw_slice s, size_t from, size_t to)
{
    return (struct nw_slice){s.data + from, to - from};
}

/* Where the piece that begins at at ends, and how long the delimiter behind it is. */
static size_t piece_end(struct nw_slice token, struct nw_slice delimiter, size_t at,
                        size_t *delimiter_len)
{
    const char *found;

    if (delimiter.len == 0) {
        size_t n = nw_utf8_length(part(token, at, token.len));
        *delimiter_len = 0;
        return at + (n == 0 ? 1 : n);
    }
    found = memmem(token.data + at, token.len - at, delimiter.data, delimiter.len);
    *delimiter_len = found == NULL ? 0 : delimiter.len;
    return found == NULL ? token.len : (size_t)(found - token.data);
}

/* Empty pieces leave no empty tokens behind. out == NULL: only count. */
static size_t split(struct nw_slice token, struct nw_slice delimiter, struct nw_slice *out)
{
    size_t at = 0, count = 0;

    while (at < token.len) {
        size_t skip, end = piece_end(token, delimiter, at, &skip);
        if (end > at) {
            if (out != NULL) {
                out[count] = part(token, at, end);
            }
            count++;
        }
        at = end + skip;
    }
    return count;
}

static size_t slice(struct nw_slice token, size_t first, size_t n, struct nw_slice *out)
{
    size_t at = 0, count = 0, end = first == 0 ? n : first;

    while (at < token.len) {
        end = end < token.len ? end : token.len;
        if (out != NULL) {
            out[count] = part(token, at, end);
        }
        count++;
        at = end;
        end += n;
    }
    return count;
}

/* Two pieces at a place that lies within the token; otherwise the token. */
static size_t cut_once(struct nw_slice token, size_t at, struct nw_slice *out)
{
    bool inside = at > 0 && at < token.len;

    if (out != NULL) {
        out[0] = inside ? part(token, 0, at) : token;
        if (inside) {
            out[1] = part(token, at, token.len);
        }
    }
    return inside ? 2 : 1;
}

static size_t one(struct nw_slice piece, struct nw_slice *out)
{
    if (out != NULL) {
        out[0] = piece;
    }
    return 1;
}

static size_t cut(enum nw_cut how, struct nw_slice token, struct nw_slice delimiter, size_t n,
                  struct nw_slice *out)
{
    bool fits = n > 0 && n < token.len;

    switch (how) {
    case NW_CUT_SPLIT:
        return split(token, delimiter, out);
    case NW_CUT_SPLIT_FROM_LEFT:
        return cut_once(token, n, out);
    case NW_CUT_SPLIT_FROM_RIGHT:
        return cut_once(token, fits ? token.len - n : 0, out);
    case NW_CUT_SLICE_FROM_LEFT:
        return fits ? slice(token, 0, n, out) : one(token, out);
    case NW_CUT_SLICE_FROM_RIGHT:
        return fits ? slice(token, token.len % n, n, out) : one(token, out);
    case NW_CUT_LEFT:
        return one(fits ? part(token, 0, n) : token, out);
    default:
        return one(fits ? part(token, token.len - n, token.len) : token, out);
    }
}

int nw_cut(enum nw_cut how, struct nw_slice token, struct nw_slice delimiter, size_t n,
           struct nw_message *m, const struct nw_slice **pieces, size_t *count)
{
    size_t needed = cut(how, token, delimiter, n, NULL);
    struct nw_slice *out = nw_message_alloc(m, (needed == 0 ? 1 : needed) * sizeof *out);

    if (out == NULL) {
        return NW_ENOMEM;
    }
    if (needed == 0) { /* nothing but delimiters */
        out[needed++] = part(token, 0, 0);
    } else {
        (void)cut(how, token, delimiter, n, out);
    }
    *pieces = out;
    *count = needed;
    return 0;
}
