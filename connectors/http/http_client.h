/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The client: one libcurl multi handle on one thread for everything this process calls.
 *
 * It exists while there is a caller: the first starts it, the last lets it end. A *caller* is a
 * called endpoint; lanes hand it work from their threads with http_client_wake(), everything else
 * about it happens on the client's thread. One epoll set carries all sockets, so an idle
 * keep-alive connection costs nothing and a thousand busy ones no scan.
 */
#ifndef NATSWAY_HTTP_CLIENT_H
#define NATSWAY_HTTP_CLIENT_H

#include <curl/curl.h>

#include "http.h"

struct http_client;

/* The first member of an endpoint that calls. All of it is the client's, but what is said. */
struct http_caller {
    struct http_client *client;
    /* Set by the endpoint before the first wake. Run on the client's thread, no lock held: `work`
     * after a wake, or when due_ns has come; `flush` at the end of a round in which it was
     * touched. `work` may leave the client and free the caller, as the last it does. */
    void (*work)(struct http_caller *caller);
    void (*flush)(struct http_caller *caller);
    int64_t due_ns;                          /* 0: none. May be set by work */
    struct http_caller *next_woken;          /* under the client's lock, as the next two */
    bool woken, ending;                      /* ending: the last wake has come */
    struct http_caller *next, *next_touched; /* the client's thread, as the rest */
    bool known, touched;
    bool ends; /* for work: nobody wakes it any more, so it may leave */
};

/* One request and its answer. */
struct http_transfer {
    CURL *easy;
    struct http_caller *caller;
    void (*finished)(struct http_transfer *transfer, CURLcode code);
    void *owner; /* the caller's use */
};

/* Join caller to the client, which is started if need be. Any thread. NW_EIO: it cannot be. */
int http_client_join(struct http_caller *caller, struct nw_error *error);
/* The caller is gone. On the client's thread, from `work`, as the last but freeing it. */
void http_client_leave(struct http_caller *caller);
/* Have `work` run soon. Any thread. */
void http_client_wake(struct http_caller *caller);
/* The same for the last time, with `ends`: the caller may be gone when this returns. */
void http_client_end(struct http_caller *caller);

/* ---- The client's thread only ---- */

/* Begin; `finished` is called when it is over. 0 or NW_EIO. */
int http_client_start(struct http_transfer *transfer);
/* Give up; `finished` is not called. */
void http_client_cancel(struct http_transfer *transfer);
/* Have `flush` run at the end of this round. */
void http_client_touch(struct http_caller *caller);

#endif
