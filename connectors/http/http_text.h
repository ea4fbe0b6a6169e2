/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The small texts of HTTP: endpoint addresses, percent encoding, header names, status lists. Pure
 * functions on bytes of the caller; any thread.
 */
#ifndef NATSWAY_HTTP_TEXT_H
#define NATSWAY_HTTP_TEXT_H

#include <natsway/connector.h>
#include <string.h>

/* The bytes of a C string. */
static inline struct nw_slice http_slice(const char *text)
{
    return (struct nw_slice){text, strlen(text)};
}

/* "POST /path" or "POST https://…": the methods (one, or several joined by '|'; empty if left
 * out) and what they are used on. Both point into text. */
struct http_address {
    struct nw_slice methods;
    const char *target;
};
struct http_address http_address_parse(const char *text);
/* By its form: is the target a URL to be called? Else it is, or should be, a path served here. */
bool http_address_is_called(const char *text);

/* Decode %XX of in into out, which has room for in.len bytes. Returns the length, or a negative
 * number if an escape is cut short, is not hexadecimal, or gives a NUL. */
ptrdiff_t http_unescape(struct nw_slice in, char *out);

/* Compare without case, as header names do. */
bool http_name_equal(struct nw_slice a, struct nw_slice b);
/* May a request's header become a message's? Not hop-by-hop, credentials or NATS's own names. */
bool http_header_comes_in(struct nw_slice name);
/* May a message's header be sent, as request or response? Not hop-by-hop, framing or NATS's. */
bool http_header_goes_out(struct nw_slice name);
/* Bytes that a header name, a header value may have on the wire. */
bool http_header_name_valid(struct nw_slice name);
bool http_header_value_valid(struct nw_slice value);

/* Does a payload without a Content-Type begin like JSON's object or array? */
const char *http_content_type_guess(struct nw_slice payload);

/* A set of status codes, from texts like "2xx" and "404". */
struct http_codes {
    unsigned char bits[640 / 8]; /* codes up to 639 */
};
/* NW_EINVAL with the reason if one of them is neither a code nor a class. */
int http_codes_parse(const struct nw_list *list, struct http_codes *out, struct nw_error *error);
bool http_codes_has(const struct http_codes *codes, long status);

/* The usual phrase of a status, "" for an unusual one. */
const char *http_phrase(long status);

#endif
