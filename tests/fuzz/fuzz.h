/* SPDX-License-Identifier: Apache-2.0 */
/* What the fuzzers share. A fuzzer ends the process when something does not hold. */
#ifndef NATSWAY_TEST_FUZZ_H
#define NATSWAY_TEST_FUZZ_H

#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/slice.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

#define FUZZ_HOLDS(condition)                                               \
    do {                                                                    \
        if (!(condition)) {                                                 \
            fprintf(stderr, "%s:%d: %s\n", __FILE__, __LINE__, #condition); \
            abort();                                                        \
        }                                                                   \
    } while (0)

/* The first byte of the input, below `most`; 0 without one. */
static inline unsigned fuzz_choice(struct nw_slice *input, unsigned most)
{
    unsigned char first = 0;

    if (input->len > 0) {
        first = (unsigned char)*input->data;
        *input = (struct nw_slice){input->data + 1, input->len - 1};
    }
    return first % most;
}

/* The input up to its first NUL, and the rest behind it. */
static inline struct nw_slice fuzz_part(struct nw_slice *input)
{
    struct nw_slice part = *input;

    for (part.len = 0; part.len < input->len && input->data[part.len] != '\0'; part.len++) {
    }
    *input = part.len == input->len
                 ? (struct nw_slice){input->data + part.len, 0}
                 : (struct nw_slice){input->data + part.len + 1, input->len - part.len - 1};
    return part;
}

#endif
