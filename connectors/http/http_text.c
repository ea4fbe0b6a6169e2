/* SPDX-License-Identifier: Apache-2.0 */
#include "http_text.h"

#include <ctype.h>
#include <stdlib.h>
#include <strings.h>

struct http_address http_address_parse(const char *text)
{
    const char *blank = text + strcspn(text, " \t");

    /* Only letters and '|' before the first blank make a method: "{{method}} …" is not one. */
    for (const char *c = text; c < blank; c++) {
        if (!isalpha((unsigned char)*c) && *c != '|') {
            return (struct http_address){{text, 0}, text};
        }
    }
    if (*blank == '\0' || blank == text) {
        return (struct http_address){{text, 0}, text};
    }
    return (struct http_address){{text, (size_t)(blank - text)}, blank + strspn(blank, " \t")};
}

bool http_address_is_called(const char *text)
{
    return strstr(http_address_parse(text).target, "://") != NULL;
}

static int hex_digit(char c)
{
    if (c >= '0' && c <= '9') {
        return c - '0';
    }
    c = (char)(c | 0x20);
    return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

ptrdiff_t http_unescape(struct nw_slice in, char *out)
{
    size_t n = 0;

    for (size_t i = 0; i < in.len; i++) {
        char c = in.data[i];
        if (c == '%') {
            if (in.len - i < 3) {
                return -1;
            }
            int high = hex_digit(in.data[i + 1]), low = hex_digit(in.data[i + 2]);
            if (high < 0 || low < 0) {
                return -1;
            }
            c = (char)(high << 4 | low);
            i += 2;
        }
        if (c == '\0') {
            return -1;
        }
        out[n++] = c;
    }
    return (ptrdiff_t)n;
}

bool http_name_equal(struct nw_slice a, struct nw_slice b)
{
    return a.len == b.len && strncasecmp(a.data, b.data, a.len) == 0;
}

static bool starts(struct nw_slice name, const char *prefix)
{
    size_t len = strlen(prefix);
    return name.len >= len && strncasecmp(name.data, prefix, len) == 0;
}

static bool one_of(struct nw_slice name, const char *const *names, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        if (http_name_equal(name, http_slice(names[i]))) {
            return true;
        }
    }
    return false;
}

/* They describe the connection or the framing, not the message (RFC 9110, 7.6.1). */
static bool is_hop_by_hop(struct nw_slice name)
{
    static const char *const names[] = {"Connection", "Content-Length",    "Expect",
                                        "Host",       "HTTP2-Settings",    "Keep-Alive",
                                        "TE",         "Proxy-Connection",  "Proxy-Authenticate",
                                        "Trailer",    "Transfer-Encoding", "Proxy-Authorization",
                                        "Upgrade"};
    /* Most headers are told apart by the first letter alone. */
    return name.len > 0 && strchr("cehkptuCEHKPTU", name.data[0]) != NULL &&
           one_of(name, names, sizeof names / sizeof names[0]);
}

static bool is_ours(struct nw_slice name)
{
    return starts(name, "Nats-") || starts(name, "Natsway-") || starts(name, "KV-");
}

bool http_header_comes_in(struct nw_slice name)
{
    static const char *const secrets[] = {"Authorization", "Cookie"};
    return !is_hop_by_hop(name) && !is_ours(name) && !one_of(name, secrets, 2);
}

bool http_header_goes_out(struct nw_slice name)
{
    return !is_hop_by_hop(name) && !is_ours(name);
}

bool http_header_name_valid(struct nw_slice name)
{
    for (size_t i = 0; i < name.len; i++) {
        unsigned char c = (unsigned char)name.data[i];
        if (!isalnum(c) && (c == '\0' || strchr("!#$%&'*+-.^_`|~", c) == NULL)) {
            return false;
        }
    }
    return name.len > 0;
}

bool http_header_value_valid(struct nw_slice value)
{
    for (size_t i = 0; i < value.len; i++) {
        unsigned char c = (unsigned char)value.data[i];
        if ((c < 0x20 && c != '\t') || c == 0x7f) {
            return false;
        }
    }
    return true;
}

const char *http_content_type_guess(struct nw_slice payload)
{
    for (size_t i = 0; i < payload.len; i++) {
        char c = payload.data[i];
        if (c == '{' || c == '[') {
            return "application/json";
        }
        if (c != ' ' && c != '\t' && c != '\r' && c != '\n') {
            break;
        }
    }
    return "application/octet-stream";
}

static void add_codes(struct http_codes *codes, unsigned first, unsigned count)
{
    for (unsigned code = first; code < first + count; code++) {
        codes->bits[code / 8] = (unsigned char)(codes->bits[code / 8] | 1u << code % 8);
    }
}

int http_codes_parse(const struct nw_list *list, struct http_codes *out, struct nw_error *error)
{
    struct http_codes codes = {{0}};

    for (size_t i = 0; i < list->count; i++) {
        const char *text = list->items[i];
        if (strlen(text) == 3 && text[0] >= '1' && text[0] <= '5') {
            unsigned hundreds = (unsigned)(text[0] - '0') * 100;
            if (strcasecmp(text + 1, "xx") == 0) {
                add_codes(&codes, hundreds, 100);
                continue;
            }
            if (isdigit((unsigned char)text[1]) && isdigit((unsigned char)text[2])) {
                add_codes(&codes, (unsigned)atoi(text), 1);
                continue;
            }
        }
        return nw_error_set(error, NW_EINVAL,
                            "expected a status like 404 or a class like 2xx, found \"%s\"", text);
    }
    *out = codes;
    return 0;
}

bool http_codes_has(const struct http_codes *codes, long status)
{
    return status >= 100 && status < 640 && (codes->bits[status / 8] & 1u << status % 8) != 0;
}

const char *http_phrase(long status)
{
    static const struct {
        long status;
        const char *phrase;
    } known[] = {
        {200, "OK"},
        {201, "Created"},
        {202, "Accepted"},
        {204, "No Content"},
        {301, "Moved Permanently"},
        {302, "Found"},
        {303, "See Other"},
        {304, "Not Modified"},
        {307, "Temporary Redirect"},
        {308, "Permanent Redirect"},
        {400, "Bad Request"},
        {401, "Unauthorized"},
        {403, "Forbidden"},
        {404, "Not Found"},
        {405, "Method Not Allowed"},
        {408, "Request Timeout"},
        {409, "Conflict"},
        {410, "Gone"},
        {411, "Length Required"},
        {412, "Precondition Failed"},
        {413, "Content Too Large"},
        {414, "URI Too Long"},
        {415, "Unsupported Media Type"},
        {422, "Unprocessable Content"},
        {425, "Too Early"},
        {429, "Too Many Requests"},
        {431, "Request Header Fields Too Large"},
        {500, "Internal Server Error"},
        {501, "Not Implemented"},
        {502, "Bad Gateway"},
        {503, "Service Unavailable"},
        {504, "Gateway Timeout"},
    };
    for (size_t i = 0; i < sizeof known / sizeof known[0]; i++) {
        if (known[i].status == status) {
            return known[i].phrase;
        }
    }
    return "";
}
