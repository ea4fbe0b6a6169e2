/* SPDX-License-Identifier: Apache-2.0 */
#include "base/suggest.h"

/* Names of options, routes and connectors are shorter; longer words are not worth a guess. */
#define LONGEST 64

static char fold(char c)
{
    return c >= 'A' && c <= 'Z' ? (char)(c - 'A' + 'a') : c;
}

static size_t least(size_t a, size_t b)
{
    return a < b ? a : b;
}

/* Optimal string alignment: rows of the usual table, the last three kept. */
static size_t measure(struct nw_slice a, struct nw_slice b)
{
    size_t rows[3][LONGEST + 1];
    size_t *older = rows[0], *old = rows[1], *now = rows[2];

    for (size_t j = 0; j <= b.len; j++) {
        older[j] = 0; /* never read before it is a row */
        old[j] = j;
    }
    for (size_t i = 1; i <= a.len; i++) {
        size_t *spare = older;

        now[0] = i;
        for (size_t j = 1; j <= b.len; j++) {
            bool same = fold(a.data[i - 1]) == fold(b.data[j - 1]);

            now[j] = least(least(old[j], now[j - 1]) + 1, old[j - 1] + (same ? 0 : 1));
            if (i > 1 && j > 1 && fold(a.data[i - 1]) == fold(b.data[j - 2]) &&
                fold(a.data[i - 2]) == fold(b.data[j - 1])) {
                now[j] = least(now[j], older[j - 2] + 1);
            }
        }
        older = old;
        old = now;
        now = spare;
    }
    return old[b.len];
}

void nw_suggest_init(struct nw_suggest *s, struct nw_slice word)
{
    *s = (struct nw_suggest){.word = word, .best = NULL, .distance = SIZE_MAX};
}

void nw_suggest_offer(struct nw_suggest *s, const char *candidate)
{
    struct nw_slice other = nw_slice_text(candidate);
    size_t distance;

    if (s->word.len == 0 || s->word.len > LONGEST || other.len > LONGEST) {
        return;
    }
    distance = measure(s->word, other);
    if (distance < s->distance) {
        s->distance = distance;
        s->best = candidate;
    }
}

const char *nw_suggest_best(const struct nw_suggest *s)
{
    /* One slip in a short word, one for each three letters in a longer one. */
    size_t allowed = s->word.len < 3 ? 0 : (s->word.len < 6 ? 1 : s->word.len / 3);

    return s->best != NULL && s->distance <= allowed ? s->best : NULL;
}
