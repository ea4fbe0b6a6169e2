/* SPDX-License-Identifier: Apache-2.0 */
#include "base/timestamp.h"

#include <stdio.h>
#include <time.h>

#include "base/clock.h"
#include "base/error.h"

size_t nw_timestamp_format(int64_t ns, char text[NW_TIMESTAMP_TEXT_MAX])
{
    int64_t fraction = ns % NW_SECOND_NS;
    time_t seconds = (time_t)(ns / NW_SECOND_NS);
    size_t len;
    struct tm t;

    if (fraction < 0) {
        fraction += NW_SECOND_NS;
        seconds--;
    }
    (void)gmtime_r(&seconds, &t);
    len = strftime(text, NW_TIMESTAMP_TEXT_MAX, "%Y-%m-%dT%H:%M:%S", &t);
    if (fraction != 0) {
        len += (size_t)snprintf(text + len, NW_TIMESTAMP_TEXT_MAX - len, ".%09d", (int)fraction);
        while (text[len - 1] == '0') {
            len--;
        }
    }
    text[len++] = 'Z';
    text[len] = '\0';
    return len;
}

/* n digits as a number, or -1. */
static int number(const char *at, size_t n)
{
    int value = 0;

    for (size_t i = 0; i < n; i++) {
        if (at[i] < '0' || at[i] > '9') {
            return -1;
        }
        value = value * 10 + (at[i] - '0');
    }
    return value;
}

/* month: from 0. */
static int days_of(int month, int year)
{
    bool leap = year % 4 == 0 && (year % 100 != 0 || year % 400 == 0);

    return month == 1                                              ? (leap ? 29 : 28)
           : month == 3 || month == 5 || month == 8 || month == 10 ? 30
                                                                   : 31;
}

/* The date and time of day of text, which has 19 characters. */
static bool read_date(const char *text, struct tm *t)
{
    *t = (struct tm){.tm_year = number(text, 4) - 1900,
                     .tm_mon = number(text + 5, 2) - 1,
                     .tm_mday = number(text + 8, 2),
                     .tm_hour = number(text + 11, 2),
                     .tm_min = number(text + 14, 2),
                     .tm_sec = number(text + 17, 2)};
    return text[4] == '-' && text[7] == '-' && (text[10] == 'T' || text[10] == 't') &&
           text[13] == ':' && text[16] == ':' && t->tm_year >= -1900 && t->tm_mon >= 0 &&
           t->tm_mon < 12 && t->tm_mday >= 1 &&
           t->tm_mday <= days_of(t->tm_mon, t->tm_year + 1900) && t->tm_hour >= 0 &&
           t->tm_hour < 24 && t->tm_min >= 0 && t->tm_min < 60 && t->tm_sec >= 0 && t->tm_sec <= 60;
}

static size_t read_fraction(const char *at, const char *end, int64_t *ns)
{
    const char *from = at;
    int64_t unit = NW_SECOND_NS / 10;

    *ns = 0;
    if (at == end || *at != '.') {
        return 0;
    }
    for (at++; at < end && *at >= '0' && *at <= '9'; at++) {
        *ns += (*at - '0') * unit;
        unit /= 10;
    }
    return (size_t)(at - from);
}

/* false: out of the range of nanoseconds since 1970 in 64 bits, as 9999-12-31 is. */
static bool add(int64_t seconds, int64_t fraction, int64_t *ns)
{
    int64_t sum;

    if (__builtin_mul_overflow(seconds, NW_SECOND_NS, &sum) ||
        __builtin_add_overflow(sum, fraction, &sum)) {
        return false;
    }
    *ns = sum;
    return true;
}

/* "Z" or "+01:00" in seconds; false if it is neither. */
static bool read_zone(const char *at, size_t len, int *seconds)
{
    int hours, minutes;

    *seconds = 0;
    if (len == 1 && (*at == 'Z' || *at == 'z')) {
        return true;
    }
    if (len != 6 || (*at != '+' && *at != '-') || at[3] != ':') {
        return false;
    }
    hours = number(at + 1, 2);
    minutes = number(at + 4, 2);
    *seconds = (hours * 60 + minutes) * 60 * (*at == '-' ? -1 : 1);
    return hours >= 0 && hours < 24 && minutes >= 0 && minutes < 60;
}

int nw_timestamp_parse(struct nw_slice text, int64_t *ns, struct nw_error *error)
{
    const char *end = text.data + text.len, *at;
    int64_t fraction;
    int zone;
    struct tm t;

    if (text.len >= 20 && read_date(text.data, &t)) {
        at = text.data + 19;
        at += read_fraction(at, end, &fraction);
        if (read_zone(at, (size_t)(end - at), &zone)) {
            return add((int64_t)timegm(&t) - zone, fraction, ns)
                       ? 0
                       : nw_error_set(error, NW_EINVAL,
                                      "expected a time from 1678 to 2261, found \"%.*s\"",
                                      (int)(text.len > 60 ? 60 : text.len), text.data);
        }
    }
    return nw_error_set(error, NW_EINVAL,
                        "expected a time like 2026-01-01T00:00:00Z, found \"%.*s\"",
                        (int)(text.len > 60 ? 60 : text.len), text.data == NULL ? "" : text.data);
}
