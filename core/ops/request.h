/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What is asked of the running bridge by POST. The listener's thread takes the request and
 * suspends its connection; the main thread, which alone may change the bridge, does what is asked,
 * one after the other, and the connection goes on with the answer.
 */
#ifndef NATSWAY_OPS_REQUEST_H
#define NATSWAY_OPS_REQUEST_H

#include "base/buffer.h"

struct nw_admin;

enum nw_request_kind { NW_REQUEST_RELOAD, NW_REQUEST_PLAN, NW_REQUEST_SEEK, NW_REQUEST_KINDS };

struct nw_request {
    enum nw_request_kind kind;
    struct nw_buffer body; /* what was sent with it; may be empty */
    /* To be filled: what it is answered with. */
    unsigned status;
    struct nw_buffer answer; /* text, lines */
    /* The listener's. */
    struct nw_request *next;
    struct MHD_Connection *connection;
    bool waits; /* suspended, until it is answered */
};

/* The path of each kind. */
extern const char *const nw_request_paths[NW_REQUEST_KINDS];

/* A descriptor that is readable while there is a request. */
int nw_admin_descriptor(const struct nw_admin *admin);
/* Main thread: the next request, or NULL. */
struct nw_request *nw_admin_take(struct nw_admin *admin);
/* Main thread: it is answered; it is not to be touched any more. */
void nw_admin_answer(struct nw_admin *admin, struct nw_request *request);

#endif
