/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The router: which endpoint serves "POST /hooks/natsway".
 *
 * A pattern is a path of segments, each either a literal or {name}. A request's path is cut at its
 * slashes first and decoded segment by segment after, so that %2F never makes a level; ".", "..",
 * empty segments and NUL are refused and can never reach a target. A literal wins over a {name} at
 * the first segment where two patterns differ.
 *
 * Several targets under one pattern and owner are the lanes of one route: they take turns.
 * No lock in here: the listener holds its own around every call.
 */
#ifndef NATSWAY_HTTP_ROUTER_H
#define NATSWAY_HTTP_ROUTER_H

#include <natsway/connector.h>

#define HTTP_SEGMENTS 32
#define HTTP_METHODS 8

struct http_router;

struct http_router *http_router_new(void);
void http_router_free(struct http_router *r);

/* Are the methods ("POST", "GET|POST", "ANY") and the path something that can be served? */
int http_route_check(struct nw_slice methods, const char *path, struct nw_error *error);

/* Add target. NW_EINVAL: not a route, or one that another owner (a route's name, copied) serves
 * already; NW_ENOMEM. */
int http_router_add(struct http_router *r, struct nw_slice methods, const char *path,
                    const char *owner, void *target, struct nw_error *error);
/* Take target out again; nothing happens if it is not in. Its path is remembered until that time
 * (of any clock that find() uses too), so that a bridge that stops does not say that there never
 * was such a path. */
void http_router_remove(struct http_router *r, const void *target, int64_t remembered_until_ns);

enum http_found { HTTP_FOUND, HTTP_BAD_PATH, HTTP_NO_PATH, HTTP_NO_METHOD, HTTP_GONE };

struct http_match {
    char *scratch; /* set before: room for twice the path, for decoded bytes */
    void *target;
    struct nw_slice address; /* the path, normalised: decoded but for '/' and '%' */
    size_t param_count;
    struct nw_slice names[HTTP_SEGMENTS], values[HTTP_SEGMENTS];
    char allow[128]; /* HTTP_NO_METHOD: what would do, "GET, POST" */
};

/* Find who serves method on path (as it came, without query). The slices of out point into its
 * scratch, into path and into the router. HTTP_GONE: it was served until a while ago. */
enum http_found http_router_find(struct http_router *r, struct nw_slice method,
                                 struct nw_slice path, int64_t now_ns, struct http_match *out);

#endif
