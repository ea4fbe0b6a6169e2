/* SPDX-License-Identifier: Apache-2.0 */
/* What the checks of finished texts share: fill_check.c and, for URLs, fill_url.c. */
#ifndef NATSWAY_MAPPINGS_FILL_RULES_H
#define NATSWAY_MAPPINGS_FILL_RULES_H

#include "mappings/fill.h"

/* "the URL has no host" */
int nw_refuse(struct nw_error *error, size_t at, const char *what, const char *why);
/* "the URL must not contain a blank (byte 0x20)" */
int nw_refuse_byte(struct nw_error *error, size_t at, const char *what, char byte);

/* Where in "POST https://user@host:1/path?query" the URL starts, and its authority starts and
 * ends. Without a scheme, authority is start. */
struct nw_url_parts {
    size_t start, authority, end;
};
struct nw_url_parts nw_url_parts(struct nw_slice s);

/* How many "@" there are in its authority. */
size_t nw_url_count_ats(struct nw_slice s);

/* Is s a URL, with a method in front or not? ats: how many "@" the author wrote in front of the
 * host. Without with_authority scheme and host are not looked at. */
int nw_url_check(struct nw_slice s, bool with_authority, size_t ats, struct nw_error *error);

#endif
