/* SPDX-License-Identifier: Apache-2.0 */
#include "hub/carry.h"

#include <stdio.h>
#include <time.h>

#include "base/base64.h"
#include "base/clock.h"

/* RFC 9110's token. */
static bool is_token_char(char c)
{
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
           (c != '\0' && strchr("!#$%&'*+-.^_`|~", c) != NULL);
}

static bool name_fits(struct nw_slice name)
{
    for (size_t i = 0; i < name.len; i++) {
        if (!is_token_char(name.data[i])) {
            return false;
        }
    }
    return name.len > 0 && name.data[0] != '~';
}

static bool is_edge(char c)
{
    return c == ' ' || c == '\t' || c == '\v' || c == '\f';
}

static bool value_fits(struct nw_slice value)
{
    if (value.len == 0) {
        return true;
    }
    if (is_edge(value.data[0]) || is_edge(value.data[value.len - 1])) {
        return false;
    }
    return memchr(value.data, '\0', value.len) == NULL &&
           memchr(value.data, '\r', value.len) == NULL &&
           memchr(value.data, '\n', value.len) == NULL;
}

bool nw_carry_fits(struct nw_slice name, struct nw_slice value)
{
    return name_fits(name) && value_fits(value);
}

/* Base64 to base64url without padding, in place from `from`. */
static void make_url_safe(struct nw_buffer *b, size_t from)
{
    for (size_t i = from; i < b->len; i++) {
        b->data[i] = b->data[i] == '+' ? '-' : b->data[i] == '/' ? '_' : b->data[i];
    }
    while (b->len > from && b->data[b->len - 1] == '=') {
        b->data[--b->len] = '\0';
    }
}

void nw_carry_encode(struct nw_buffer *b, struct nw_slice name, struct nw_slice value,
                     bool as_base64)
{
    if (!as_base64) {
        nw_buffer_add_slice(b, name);
        nw_buffer_add_char(b, '\0');
        nw_buffer_add_slice(b, value);
        nw_buffer_add_char(b, '\0');
        return;
    }
    nw_buffer_add_text(b, NW_CARRY_B64);
    if (name_fits(name)) {
        nw_buffer_add_slice(b, name);
    } else {
        nw_buffer_add_char(b, '~');
        size_t from = b->len;
        nw_base64_encode(b, name);
        make_url_safe(b, from);
    }
    nw_buffer_add_char(b, '\0');
    nw_base64_encode(b, value);
    nw_buffer_add_char(b, '\0');
}

static int decode_name(struct nw_slice text, struct nw_buffer *name)
{
    char plain[1024];

    if (text.len >= sizeof plain) {
        return NW_EINVAL;
    }
    for (size_t i = 0; i < text.len; i++) {
        char c = text.data[i];
        plain[i] = (char)(c == '-' ? '+' : c == '_' ? '/' : c);
    }
    return nw_base64_decode(name, (struct nw_slice){plain, text.len}, NULL);
}

int nw_carry_decode(struct nw_slice header, struct nw_slice text, struct nw_buffer *name,
                    struct nw_buffer *value)
{
    size_t name_before = name->len;
    int rc;

    if (!nw_slice_starts(header, NW_LITERAL(NW_CARRY_B64)) ||
        header.len == sizeof NW_CARRY_B64 - 1) {
        return NW_EINVAL;
    }
    header.data += sizeof NW_CARRY_B64 - 1;
    header.len -= sizeof NW_CARRY_B64 - 1;
    if (header.data[0] == '~') {
        rc = decode_name((struct nw_slice){header.data + 1, header.len - 1}, name);
        if (rc != 0) {
            return rc;
        }
    } else {
        nw_buffer_add_slice(name, header);
    }
    rc = nw_base64_decode(value, text, NULL);
    if (rc != 0 && name->data != NULL) {
        name->len = name_before;
        name->data[name_before] = '\0';
    }
    return rc != 0 ? rc : name->failed || value->failed ? NW_ENOMEM : 0;
}

/* ---- time ---- */

void nw_carry_format_time(int64_t real_ns, char out[NW_CARRY_TIME])
{
    int64_t seconds = real_ns / NW_SECOND_NS, fraction = real_ns % NW_SECOND_NS;
    time_t t;
    struct tm utc;
    size_t n;

    if (fraction < 0) {
        fraction += NW_SECOND_NS;
        seconds--;
    }
    t = (time_t)seconds;
    (void)gmtime_r(&t, &utc);
    n = strftime(out, NW_CARRY_TIME, "%Y-%m-%dT%H:%M:%S", &utc);
    if (fraction > 0) {
        n += (size_t)snprintf(out + n, NW_CARRY_TIME - n, ".%09lld", (long long)fraction);
        while (out[n - 1] == '0') {
            n--;
        }
    }
    out[n] = 'Z';
    out[n + 1] = '\0';
}

/* Exactly `digits` digits at the head of s, between low and high; s moves behind them. */
static bool take_number(struct nw_slice *s, size_t digits, int low, int high, int *out)
{
    int n = 0;

    if (s->len < digits) {
        return false;
    }
    for (size_t i = 0; i < digits; i++) {
        if (s->data[i] < '0' || s->data[i] > '9') {
            return false;
        }
        n = n * 10 + (s->data[i] - '0');
    }
    s->data += digits;
    s->len -= digits;
    *out = n;
    return n >= low && n <= high;
}

static bool take_char(struct nw_slice *s, const char *one_of)
{
    if (s->len == 0 || s->data[0] == '\0' || strchr(one_of, s->data[0]) == NULL) {
        return false;
    }
    s->data++;
    s->len--;
    return true;
}

static bool take_date_time(struct nw_slice *s, struct tm *utc)
{
    bool ok = take_number(s, 4, 0, 9999, &utc->tm_year) && take_char(s, "-") &&
              take_number(s, 2, 1, 12, &utc->tm_mon) && take_char(s, "-") &&
              take_number(s, 2, 1, 31, &utc->tm_mday) && take_char(s, "Tt ") &&
              take_number(s, 2, 0, 23, &utc->tm_hour) && take_char(s, ":") &&
              take_number(s, 2, 0, 59, &utc->tm_min) && take_char(s, ":") &&
              take_number(s, 2, 0, 60, &utc->tm_sec);

    utc->tm_year -= 1900;
    utc->tm_mon -= 1;
    return ok;
}

static int64_t take_fraction(struct nw_slice *s)
{
    int64_t fraction = 0, unit = NW_SECOND_NS;
    int digit;

    if (!take_char(s, ".,")) {
        return 0;
    }
    while (s->len > 0 && s->data[0] >= '0' && s->data[0] <= '9') {
        (void)take_number(s, 1, 0, 9, &digit);
        unit /= 10;
        fraction += digit * unit;
    }
    return fraction;
}

/* Seconds east of UTC. */
static bool take_zone(struct nw_slice *s, int *east)
{
    bool west = s->len > 0 && s->data[0] == '-';
    int hours, minutes;

    if (take_char(s, "Zz")) {
        *east = 0;
        return s->len == 0;
    }
    if (!take_char(s, "+-") || !take_number(s, 2, 0, 23, &hours) || !take_char(s, ":") ||
        !take_number(s, 2, 0, 59, &minutes)) {
        return false;
    }
    *east = (west ? -1 : 1) * (hours * 3600 + minutes * 60);
    return s->len == 0;
}

int nw_carry_parse_time(struct nw_slice text, int64_t *real_ns)
{
    struct tm utc = {0};
    int64_t fraction;
    time_t seconds;
    int east;

    if (!take_date_time(&text, &utc)) {
        return NW_EINVAL;
    }
    fraction = take_fraction(&text);
    if (!take_zone(&text, &east)) {
        return NW_EINVAL;
    }
    seconds = timegm(&utc) - east;
    if (seconds > INT64_MAX / NW_SECOND_NS - 1 || seconds < INT64_MIN / NW_SECOND_NS + 1) {
        return NW_EINVAL;
    }
    *real_ns = (int64_t)seconds * NW_SECOND_NS + fraction;
    return 0;
}
