/* SPDX-License-Identifier: Apache-2.0 */
#include "support/numbered.h"

#include "support/fail.h"
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct nwt_numbered *nwt_numbered_new(size_t count, size_t payload_size, bool binary)
{
    struct nwt_numbered *n = calloc(1, sizeof *n);
    if (n == NULL || (n->seen = calloc(count + 1, 1)) == NULL || payload_size < 16) {
        nwt_fail("no memory, or payloads too small for their number");
    }
    n->count = count;
    n->payload_size = payload_size;
    n->binary = binary;
    pthread_mutex_init(&n->lock, NULL);
    nwt_numbered_reset(n);
    return n;
}

void nwt_numbered_reset(struct nwt_numbered *n)
{
    pthread_mutex_lock(&n->lock);
    n->total = n->distinct = n->duplicates = n->wrong = n->disordered = 0;
    memset(n->seen, 0, n->count);
    for (size_t group = 0; group < NWT_GROUPS; group++) {
        n->last[group] = -1;
    }
    pthread_mutex_unlock(&n->lock);
}

void nwt_numbered_free(struct nwt_numbered *n)
{
    if (n != NULL) {
        pthread_mutex_destroy(&n->lock);
        free(n->seen);
        free(n);
    }
}

void nwt_numbered_payload(const struct nwt_numbered *n, size_t i, char *out)
{
    static const char letters[] =
        "abcdefghijklmnopqrstuvwxyzABCDEF0123456789-_GHIJKLMNOPQRSTUVWXYZ";
    char number[24];
    size_t len = (size_t)snprintf(number, sizeof number, "%zu:", i);
    memcpy(out, number, len);
    uint64_t state = i * UINT64_C(0x9E3779B97F4A7C15) + 1;
    for (; len < n->payload_size; len++) {
        state = state * UINT64_C(6364136223846793005) + UINT64_C(1442695040888963407);
        unsigned byte = (unsigned)(state >> 56);
        out[len] = n->binary ? (char)byte : letters[byte % 64];
    }
}

static void note(struct nwt_numbered *n, int64_t number, unsigned group)
{
    if (number < 0 || (size_t)number >= n->count) {
        n->wrong++;
    } else if (n->seen[number]) {
        n->duplicates++;
    } else {
        n->seen[number] = 1;
        n->distinct++;
        int64_t *last = &n->last[group % NWT_GROUPS];
        if (number < *last) {
            n->disordered++;
        } else {
            *last = number;
        }
    }
    n->total++;
}

void nwt_numbered_note(struct nwt_numbered *n, int64_t number, unsigned group)
{
    pthread_mutex_lock(&n->lock);
    note(n, number, group);
    pthread_mutex_unlock(&n->lock);
}

/* The number in front of the colon, if all of the payload is what belongs to it. */
static int64_t recognise(const struct nwt_numbered *n, const char *payload, size_t len)
{
    if (len != n->payload_size || memchr(payload, ':', 16) == NULL) {
        return -1;
    }
    size_t i = strtoul(payload, NULL, 10);
    char *expected = malloc(len);
    if (expected == NULL) {
        nwt_fail("no memory");
    }
    nwt_numbered_payload(n, i, expected);
    bool same = i < n->count && memcmp(expected, payload, len) == 0;
    free(expected);
    return same ? (int64_t)i : -1;
}

int64_t nwt_numbered_take(struct nwt_numbered *n, const void *payload, size_t len, unsigned group)
{
    int64_t number = recognise(n, payload, len);
    nwt_numbered_note(n, number, group);
    return number;
}

size_t nwt_numbered_distinct(struct nwt_numbered *n)
{
    pthread_mutex_lock(&n->lock);
    size_t distinct = n->distinct;
    pthread_mutex_unlock(&n->lock);
    return distinct;
}

size_t nwt_numbered_first_missing(struct nwt_numbered *n)
{
    pthread_mutex_lock(&n->lock);
    size_t i = 0;
    while (i < n->count && n->seen[i]) {
        i++;
    }
    pthread_mutex_unlock(&n->lock);
    return i;
}

bool nwt_numbered_complete(struct nwt_numbered *n, bool repeats)
{
    bool complete = nwt_numbered_distinct(n) == n->count && n->wrong == 0 && n->disordered == 0 &&
                    (repeats || n->duplicates == 0);
    if (!complete) {
        fprintf(stderr,
                "support: of %zu messages %zu arrived (first missing: %zu), %zu again, %zu wrong, "
                "%zu out of order\n",
                n->count, n->distinct, nwt_numbered_first_missing(n), n->duplicates, n->wrong,
                n->disordered);
    }
    return complete;
}
