/* SPDX-License-Identifier: Apache-2.0 */
#include "base/size.h"

#include <stdio.h>

#include "base/error.h"

static const struct unit {
    const char *name;
    int64_t bytes;
} units[] = {
    {"TiB", INT64_C(1) << 40},
    {"GiB", INT64_C(1) << 30},
    {"MiB", INT64_C(1) << 20},
    {"KiB", INT64_C(1) << 10},
    {"TB", INT64_C(1000000000000)},
    {"GB", 1000000000},
    {"MB", 1000000},
    {"KB", 1000},
    {"kB", 1000},
    {"B", 1},
    {"", 1},
};
#define UNITS (sizeof units / sizeof units[0])
#define BINARY_UNITS 4

static const struct unit *find_unit(struct nw_slice name)
{
    for (size_t i = 0; i < UNITS; i++) {
        if (nw_slice_equal(nw_slice_text(units[i].name), name)) {
            return &units[i];
        }
    }
    return NULL;
}

int nw_size_parse(struct nw_slice text, int64_t *out_bytes, struct nw_error *error)
{
    const struct unit *unit;
    int64_t value = 0;
    size_t at = 0;
    bool fits = true;

    for (; at < text.len && text.data[at] >= '0' && text.data[at] <= '9'; at++) {
        fits = fits && !__builtin_mul_overflow(value, 10, &value) &&
               !__builtin_add_overflow(value, text.data[at] - '0', &value);
    }
    unit = at == 0 ? NULL : find_unit((struct nw_slice){text.data + at, text.len - at});
    if (unit == NULL || !fits || __builtin_mul_overflow(value, unit->bytes, &value)) {
        return nw_error_set(error, NW_EINVAL,
                            "expected a size like 65536, 64KiB or 1MiB, found \"%.*s\"",
                            (int)(text.len > 60 ? 60 : text.len), text.len == 0 ? "" : text.data);
    }
    *out_bytes = value;
    return 0;
}

const char *nw_size_format(int64_t bytes, char out[NW_SIZE_TEXT])
{
    for (size_t i = 0; i < BINARY_UNITS; i++) {
        if (bytes != 0 && bytes % units[i].bytes == 0) {
            (void)snprintf(out, NW_SIZE_TEXT, "%lld%s", (long long)(bytes / units[i].bytes),
                           units[i].name);
            return out;
        }
    }
    (void)snprintf(out, NW_SIZE_TEXT, "%lld", (long long)bytes);
    return out;
}
