/* SPDX-License-Identifier: Apache-2.0 */
/* Tokens of inbox subjects: random ones, and those that name a slot and its generation. */
#ifndef NATSWAY_HUB_TOKEN_H
#define NATSWAY_HUB_TOKEN_H

#include <stdbool.h>
#include <stdint.h>

#define NW_TOKEN_RANDOM 23 /* 22 characters and a NUL: 128 bits and a little */
void nw_token_random(char out[NW_TOKEN_RANDOM]);

/* Eight characters and a NUL: 24 bits of index, 24 of generation. */
#define NW_TOKEN_LEN 8
#define NW_TOKEN_GENERATIONS UINT32_C(0xffffff)
void nw_token_write(char out[NW_TOKEN_LEN + 1], uint32_t index, uint32_t generation);
/* Exactly NW_TOKEN_LEN characters are read. false: it is none of ours. */
bool nw_token_read(const char *text, uint32_t *index, uint32_t *generation);

#endif
