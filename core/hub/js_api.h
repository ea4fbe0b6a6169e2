/* SPDX-License-Identifier: Apache-2.0 */
/* Calls of the JetStream API: a JSON request to $JS.API.…, a JSON response. Loop thread. */
#ifndef NATSWAY_HUB_JS_API_H
#define NATSWAY_HUB_JS_API_H

#include <jv.h>

#include "hub/connection.h"

/* Error codes of JetStream that callers ask for. */
#define NW_JS_ERR_CONSUMER_NOT_FOUND 10014
#define NW_JS_ERR_STREAM_NOT_FOUND 10059

struct nw_js_response {
    bool ok;
    bool away; /* no answer: no JetStream, a timeout, the connection was lost */
    bool lost; /* away, and may be back in a moment: a timeout, the connection was lost */
    int code, error_code;
    char text[256]; /* of a failure */
    jv body;        /* an object, empty if there was no answer; valid during the call */
};

/* Embedded; one call at a time. done may begin the next one. */
struct nw_js_call {
    struct nw_requester_client client;
    struct nw_hub *hub;
    void *context;
    void (*done)(void *context, const struct nw_js_response *response);
    bool busy;
    bool is_bare; /* the answer is empty */
    char subject[600];
};

void nw_js_call_init(struct nw_js_call *call, struct nw_hub *hub, void *context);

/* Ask. method is what comes behind "$JS.API.", a format; body is taken. done is called once, from
 * the loop, also on every failure. Not while the call is busy. */
void nw_js_ask(struct nw_js_call *call, jv body,
               void (*done)(void *context, const struct nw_js_response *response),
               const char *format, ...) __attribute__((format(printf, 4, 5)));

/* The server takes acknowledgments from a queue of its own, beside the API. done is called when it
 * has dealt with all that it has received for the consumer, or as nw_js_ask calls it. */
void nw_js_ask_after_acks(struct nw_js_call *call,
                          void (*done)(void *context, const struct nw_js_response *response),
                          const char *stream, const char *consumer);

/* Forget the call; done is not called any more. */
void nw_js_cancel(struct nw_js_call *call);

/* Members of an object; object is not taken. Of what is no object, each is missing. */
jv nw_js_member(jv object, const char *name);
int64_t nw_js_number(jv object, const char *name, int64_t standard);
/* The text copied into out, "" if it is no string. Returns whether it was one. */
bool nw_js_text(jv object, const char *name, char *out, size_t size);

#endif
