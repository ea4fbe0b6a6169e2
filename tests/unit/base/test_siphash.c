/* SPDX-License-Identifier: Apache-2.0 */
#include <criterion/criterion.h>

#include "base/siphash.h"
#include "base/slice.h"

static const struct nw_hash128 key = {{UINT64_C(0x0706050403020100), UINT64_C(0x0f0e0d0c0b0a0908)}};

static void expect(size_t len, uint64_t first, uint64_t second)
{
    char bytes[64];
    struct nw_hash128 hash;

    for (size_t i = 0; i < sizeof bytes; i++) {
        bytes[i] = (char)i;
    }
    hash = nw_siphash(key, (struct nw_slice){bytes, len});
    cr_expect_eq(hash.words[0], first, "%zu bytes: %016llx", len,
                 (unsigned long long)hash.words[0]);
    cr_expect_eq(hash.words[1], second, "%zu bytes: %016llx", len,
                 (unsigned long long)hash.words[1]);
}

/* What `openssl mac -macopt hexkey:000102…0f -macopt size:16 SIPHASH` prints of the bytes 0, 1, 2 …
 */
Test(siphash, is_the_function_that_others_know)
{
    expect(0, UINT64_C(0xe6a825ba047f81a3), UINT64_C(0x930255c71472f66d));
    expect(1, UINT64_C(0x44af996bd8c187da), UINT64_C(0x45fc229b11597634));
    expect(7, UINT64_C(0x53c1dbd8beebf1a1), UINT64_C(0x3982f01fa64ab8c0));
    expect(8, UINT64_C(0x61f55862baa9623b), UINT64_C(0xb49714f364e2830f));
    expect(15, UINT64_C(0x11a8b03399e99354), UINT64_C(0xd9c3cf970fec087e));
    expect(16, UINT64_C(0xbb54b067caa4e26e), UINT64_C(0x77052385bf1533fd));
    expect(63, UINT64_C(0x4a83502f77d15051), UINT64_C(0x7cbd3f979a063e50));
}

Test(siphash, another_key_is_another_hash)
{
    struct nw_hash128 other = {{1, 2}};

    cr_expect_neq(nw_siphash(key, NW_LITERAL("a")).words[0],
                  nw_siphash(other, NW_LITERAL("a")).words[0]);
}
