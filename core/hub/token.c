/* SPDX-License-Identifier: Apache-2.0 */
#include "hub/token.h"

#include <stddef.h>
#include <sys/random.h>

#include "base/clock.h"

static const char digits[] = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz-_";

void nw_token_random(char out[NW_TOKEN_RANDOM])
{
    unsigned char bytes[NW_TOKEN_RANDOM - 1];
    size_t have = 0;

    while (have < sizeof bytes) {
        ssize_t n = getrandom(bytes + have, sizeof bytes - have, 0);
        if (n < 0) {
            /* Only before the kernel knows getrandom; unique enough among the clients of a server.
             */
            int64_t now = nw_clock_real_ns() ^ nw_clock_monotonic_ns() * 31 ^ (intptr_t)out;
            for (; have < sizeof bytes; have++) {
                bytes[have] = (unsigned char)(now >> (have * 5 % 57));
            }
            break;
        }
        have += (size_t)n;
    }
    for (size_t i = 0; i < sizeof bytes; i++) {
        out[i] = digits[bytes[i] % 62];
    }
    out[NW_TOKEN_RANDOM - 1] = '\0';
}

void nw_token_write(char out[NW_TOKEN_LEN + 1], uint32_t index, uint32_t generation)
{
    uint64_t bits = (uint64_t)(generation & NW_TOKEN_GENERATIONS) << 24 | index;

    for (size_t i = 0; i < NW_TOKEN_LEN; i++) {
        out[i] = digits[bits & 63];
        bits >>= 6;
    }
    out[NW_TOKEN_LEN] = '\0';
}

static int value_of(char c)
{
    if (c >= '0' && c <= '9') {
        return c - '0';
    }
    if (c >= 'A' && c <= 'Z') {
        return c - 'A' + 10;
    }
    if (c >= 'a' && c <= 'z') {
        return c - 'a' + 36;
    }
    return c == '-' ? 62 : c == '_' ? 63 : -1;
}

bool nw_token_read(const char *text, uint32_t *index, uint32_t *generation)
{
    uint64_t bits = 0;

    for (size_t i = NW_TOKEN_LEN; i-- > 0;) {
        int value = value_of(text[i]);
        if (value < 0) {
            return false;
        }
        bits = bits << 6 | (uint64_t)value;
    }
    *index = (uint32_t)(bits & 0xffffff);
    *generation = (uint32_t)(bits >> 24);
    return true;
}
