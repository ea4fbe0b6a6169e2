/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What a finished URL must be. Who is called is the author's to say: no value may change scheme,
 * host, port or user unless it is `raw`, and then the whole must still be a URL of http or https,
 * and must not have got a user.
 */
#include <ctype.h>
#include <strings.h>

#include "base/error.h"
#include "mappings/fill_rules.h"

/* Letters and "|", then a blank: "POST https://…". What stands behind it is the URL. */
static size_t behind_method(struct nw_slice s)
{
    size_t n = 0;

    while (n < s.len && (isalpha((unsigned char)s.data[n]) || s.data[n] == '|')) {
        n++;
    }
    return n > 0 && n < s.len && s.data[n] == ' ' ? n + 1 : 0;
}

/* The length of "http://" at the head of s; 0: there is no scheme. */
static size_t scheme_length(struct nw_slice s)
{
    size_t n = 0;

    while (n < s.len && isalnum((unsigned char)s.data[n])) {
        n++;
    }
    return n > 0 && s.len - n >= 3 && memcmp(s.data + n, "://", 3) == 0 ? n + 3 : 0;
}

static size_t find_any(struct nw_slice s, size_t at, const char *bytes)
{
    while (at < s.len && (s.data[at] == '\0' || strchr(bytes, s.data[at]) == NULL)) {
        at++;
    }
    return at;
}

struct nw_url_parts nw_url_parts(struct nw_slice s)
{
    struct nw_url_parts parts = {.start = behind_method(s)};

    parts.authority =
        parts.start + scheme_length((struct nw_slice){s.data + parts.start, s.len - parts.start});
    parts.end = find_any(s, parts.authority, "/?#");
    return parts;
}

size_t nw_url_count_ats(struct nw_slice s)
{
    struct nw_url_parts parts = nw_url_parts(s);
    size_t ats = 0;

    for (size_t i = parts.authority; i < parts.end; i++) {
        ats += s.data[i] == '@' ? 1 : 0;
    }
    return ats;
}

static bool is_http(struct nw_slice s)
{
    return (s.len == 7 && strncasecmp(s.data, "http://", 7) == 0) ||
           (s.len == 8 && strncasecmp(s.data, "https://", 8) == 0);
}

/* ":8080" or nothing */
static int check_port(struct nw_slice s, size_t at, size_t end, struct nw_error *error)
{
    unsigned port = 0;

    if (at < end && s.data[at] != ':') {
        return nw_refuse_byte(error, at, "host of a URL", s.data[at]);
    }
    for (size_t i = at + 1; i < end; i++) {
        if (!isdigit((unsigned char)s.data[i])) {
            return nw_refuse_byte(error, i, "port of a URL", s.data[i]);
        }
        port = port * 10 + (unsigned)(s.data[i] - '0');
        if (port > 65535) {
            return nw_refuse(error, at, "URL", "must have a port up to 65535");
        }
    }
    return 0;
}

static bool is_of_host(char c)
{
    return (unsigned char)c >= 0x80 || isalnum((unsigned char)c) ||
           (c != '\0' && strchr(".-_~%", c) != NULL);
}

static int check_host(struct nw_slice s, size_t at, size_t end, struct nw_error *error)
{
    size_t start = at;

    if (at < end && s.data[at] == '[') { /* an address of IPv6 */
        at = find_any(s, at, "]/?#");
        return at < end ? check_port(s, at + 1, end, error)
                        : nw_refuse(error, start, "URL", "has no \"]\" behind its host");
    }
    while (at < end && is_of_host(s.data[at])) {
        at++;
    }
    return at == start ? nw_refuse(error, at, "URL", "has no host") : check_port(s, at, end, error);
}

static int check_authority(struct nw_slice s, const struct nw_url_parts *parts, size_t ats,
                           struct nw_error *error)
{
    size_t host = parts->authority;

    if (!is_http((struct nw_slice){s.data + parts->start, parts->authority - parts->start})) {
        return nw_refuse(error, parts->start, "URL", "must begin with http:// or https://");
    }
    for (size_t i = parts->authority, found = 0; i < parts->end; i++) {
        if (s.data[i] == '@' && ++found > ats) {
            return nw_refuse(error, i, "URL", "must not get a \"@\" in front of its host");
        }
        host = s.data[i] == '@' ? i + 1 : host;
    }
    return check_host(s, host, parts->end, error);
}

/* ---- the path ---- */

/* The length of one written dot at the head of s: "." or "%2e"; 0 if there is none. */
static size_t dot_length(struct nw_slice s)
{
    if (s.len >= 1 && s.data[0] == '.') {
        return 1;
    }
    return s.len >= 3 && s.data[0] == '%' && s.data[1] == '2' && (s.data[2] | 32) == 'e' ? 3 : 0;
}

static bool is_dot_segment(struct nw_slice s)
{
    size_t dots = 0, n;

    while ((n = dot_length(s)) > 0) {
        s.data += n;
        s.len -= n;
        dots++;
    }
    return s.len == 0 && (dots == 1 || dots == 2);
}

static int check_dot_segments(struct nw_slice s, size_t at, struct nw_error *error)
{
    while (at < s.len && s.data[at] == '/') {
        size_t end = find_any(s, at + 1, "/?#");
        if (is_dot_segment((struct nw_slice){s.data + at + 1, end - at - 1})) {
            return nw_refuse(error, at + 1, "URL", "must not have \".\" or \"..\" in its path");
        }
        at = end;
    }
    return 0;
}

int nw_url_check(struct nw_slice s, bool with_authority, size_t ats, struct nw_error *error)
{
    struct nw_url_parts parts = nw_url_parts(s);
    int rc = 0;

    for (size_t i = parts.start; i < s.len; i++) {
        unsigned char c = (unsigned char)s.data[i];
        if (c <= ' ' || c == 0x7f) {
            return nw_refuse_byte(error, i, "URL", s.data[i]);
        }
    }
    if (with_authority) {
        rc = check_authority(s, &parts, ats, error);
    }
    return rc == 0 ? check_dot_segments(s, parts.end, error) : rc;
}
