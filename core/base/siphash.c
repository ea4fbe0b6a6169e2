/* SPDX-License-Identifier: Apache-2.0 */
#include "base/siphash.h"

#include <string.h>

struct state {
    uint64_t a, b, c, d;
};

static inline uint64_t rotate(uint64_t x, unsigned n)
{
    return x << n | x >> (64 - n);
}

static inline void mix(struct state *s, unsigned rounds)
{
    for (unsigned i = 0; i < rounds; i++) {
        s->a += s->b;
        s->c += s->d;
        s->b = rotate(s->b, 13) ^ s->a;
        s->d = rotate(s->d, 16) ^ s->c;
        s->a = rotate(s->a, 32);
        s->c += s->b;
        s->a += s->d;
        s->b = rotate(s->b, 17) ^ s->c;
        s->d = rotate(s->d, 21) ^ s->a;
        s->c = rotate(s->c, 32);
    }
}

static inline void take(struct state *s, uint64_t word)
{
    s->d ^= word;
    mix(s, 2);
    s->a ^= word;
}

/* The words are those of the machine's byte order: hashes stay on it. */
struct nw_hash128 nw_siphash(struct nw_hash128 key, struct nw_slice bytes)
{
    struct state s = {key.words[0] ^ UINT64_C(0x736f6d6570736575),
                      key.words[1] ^ UINT64_C(0x646f72616e646f6d) ^ 0xee,
                      key.words[0] ^ UINT64_C(0x6c7967656e657261),
                      key.words[1] ^ UINT64_C(0x7465646279746573)};
    struct nw_hash128 hash;
    const char *at = bytes.data;
    size_t left = bytes.len;
    uint64_t word;

    for (; left >= sizeof word; at += sizeof word, left -= sizeof word) {
        memcpy(&word, at, sizeof word);
        take(&s, word);
    }
    word = 0;
    if (left > 0) {
        memcpy(&word, at, left);
    }
    take(&s, word | (uint64_t)bytes.len << 56);
    s.c ^= 0xee;
    mix(&s, 4);
    hash.words[0] = s.a ^ s.b ^ s.c ^ s.d;
    s.b ^= 0xdd;
    mix(&s, 4);
    hash.words[1] = s.a ^ s.b ^ s.c ^ s.d;
    return hash;
}
