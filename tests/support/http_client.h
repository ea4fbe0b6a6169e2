/* SPDX-License-Identifier: Apache-2.0 */
/* One HTTP request at a time, by libcurl. */
#ifndef NATSWAY_TESTS_HTTP_CLIENT_H
#define NATSWAY_TESTS_HTTP_CLIENT_H

#include <stddef.h>
#include <stdint.h>

struct nwt_http_answer {
    int status; /* 0: there was no answer */
    char *body; /* ended by a NUL that body_len does not count; never NULL */
    size_t body_len;
    char *headers; /* as received, lines and all; never NULL */
};

/* Send it and wait for the answer, up to timeout_ms. headers: "Name: value" texts ended by NULL, or
 * NULL. body NULL: none. Free the answer with nwt_http_done. */
struct nwt_http_answer nwt_http_request(const char *method, const char *url,
                                        const char *const *headers, const void *body,
                                        size_t body_len, int64_t timeout_ms);
void nwt_http_done(struct nwt_http_answer *answer);

/* GET; only the status. */
int nwt_http_status(const char *url);

#endif
