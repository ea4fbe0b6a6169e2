/* SPDX-License-Identifier: Apache-2.0 */
#include "base/duration.h"

#include <stdio.h>

#include "base/error.h"

/* From the longest to the shortest: a joined duration goes down this table. */
static const struct unit {
    const char *name;
    int64_t ms;
} units[] = {{"d", 86400000}, {"h", 3600000}, {"m", 60000}, {"s", 1000}, {"ms", 1}};
#define UNITS (sizeof units / sizeof units[0])

static int refuse(struct nw_error *error, struct nw_slice text)
{
    return nw_error_set(error, NW_EINVAL,
                        "expected a duration like 250ms, 2s, 5m or 1h, found \"%.*s\"",
                        (int)(text.len > 60 ? 60 : text.len), text.len == 0 ? "" : text.data);
}

/* Digits at *at; false if there is none or the number does not fit. */
static bool read_number(struct nw_slice text, size_t *at, int64_t *out)
{
    size_t start = *at;
    int64_t value = 0;

    for (; *at < text.len && text.data[*at] >= '0' && text.data[*at] <= '9'; (*at)++) {
        if (__builtin_mul_overflow(value, 10, &value) ||
            __builtin_add_overflow(value, text.data[*at] - '0', &value)) {
            return false;
        }
    }
    *out = value;
    return *at > start;
}

/* Letters at *at: index of the unit, or UNITS. */
static size_t read_unit(struct nw_slice text, size_t *at)
{
    size_t start = *at, i;

    while (*at < text.len && text.data[*at] >= 'a' && text.data[*at] <= 'z') {
        (*at)++;
    }
    for (i = 0; i < UNITS; i++) {
        if (strlen(units[i].name) == *at - start &&
            memcmp(units[i].name, text.data + start, *at - start) == 0) {
            break;
        }
    }
    return i;
}

int nw_duration_parse(struct nw_slice text, int64_t *out_ms, struct nw_error *error)
{
    size_t at = 0, next_unit = 0;
    int64_t total = 0;

    if (text.len == 1 && text.data[0] == '0') {
        *out_ms = 0;
        return 0;
    }
    do {
        int64_t number;
        size_t unit;

        if (!read_number(text, &at, &number)) {
            return refuse(error, text);
        }
        unit = read_unit(text, &at);
        if (unit == UNITS || unit < next_unit ||
            __builtin_mul_overflow(number, units[unit].ms, &number) ||
            __builtin_add_overflow(total, number, &total)) {
            return refuse(error, text);
        }
        next_unit = unit + 1;
    } while (at < text.len);
    *out_ms = total;
    return 0;
}

const char *nw_duration_format(int64_t ms, char out[NW_DURATION_TEXT])
{
    size_t used = 0;

    for (size_t i = 0; i < UNITS; i++) {
        if (ms >= units[i].ms) {
            used += (size_t)snprintf(out + used, NW_DURATION_TEXT - used, "%lld%s",
                                     (long long)(ms / units[i].ms), units[i].name);
            ms %= units[i].ms;
        }
    }
    if (used == 0) {
        memcpy(out, "0", sizeof "0");
    }
    return out;
}
