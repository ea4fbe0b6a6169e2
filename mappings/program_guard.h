/* SPDX-License-Identifier: Apache-2.0 */
/*
 * libjq 1.6 ends or hangs the whole process over some values: a date beyond all years, a remainder
 * of -1, a slice from not-a-number, an empty text that is looked for, an array's element number
 * 999999999. Payloads have such values, so what a program could meet them with is defined anew
 * around it, by functions that give an error (or what later versions of jq give) for these values
 * and leave all others to libjq's own.
 */
#ifndef NATSWAY_MAPPINGS_PROGRAM_GUARD_H
#define NATSWAY_MAPPINGS_PROGRAM_GUARD_H

#include "base/buffer.h"
#include "mappings/program_text.h"

/* The bits of what a function, or an operator at `at` in text, needs; 0: nothing. */
uint32_t nw_guard_of_word(struct nw_slice word);
uint32_t nw_guard_of_operator(const char *text, const char *at);
#define NW_GUARD_SLICE (UINT32_C(1) << 31)

/* May a program with these guards be in the middle of a path when it is ended? libjq cannot take
 * back what it has begun then: such a program is run to its end, or never used again. */
bool nw_guard_has_paths(uint32_t guards);

/* Append the definitions. */
void nw_guard_define(uint32_t guards, struct nw_buffer *out);

#endif
