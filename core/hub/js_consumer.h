/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The durable consumer of a JetStream source: find the stream, make the consumer or bring it to
 * what the route asks for, and get back at once what a killed process left unacknowledged.
 *
 * That would come back only after ack_wait, and behind what is new. Where nobody else pulls from
 * the consumer its ack_wait is lowered for a moment, so that the server takes those messages back
 * now, and its max_ack_pending to 1 until they have come, so that nothing new comes between. If we
 * are killed within that time, the next start finds the difference and sets it right.
 *
 * Loop thread.
 */
#ifndef NATSWAY_HUB_JS_CONSUMER_H
#define NATSWAY_HUB_JS_CONSUMER_H

#include "hub/js_api.h"

#define NW_JS_NAME 256

struct nw_js_source_options {
    const char *stream, *durable;
    struct nw_choice deliver;
    int64_t ack_wait_ms;
    int64_t max_deliver;
    int64_t max_ack_pending;
    int64_t batch;
    bool history; /* of a bucket */
};

extern const struct nw_option nw_js_source_rows[], nw_kv_source_rows[];

/* No I/O. */
void nw_js_source_check(const char *address, const void *options, const void *connection_options,
                        struct nw_check *check);

/* As above, of `bucket/pattern`. */
void nw_kv_source_check(const char *address, const void *options, const void *connection_options,
                        struct nw_check *check);

struct nw_js_consumer {
    struct nw_js_call call;
    struct nw_timer timer;
    struct nw_endpoint *endpoint;
    const struct nw_endpoint_config *config;
    const struct nw_js_source_options *options;
    char stream[NW_JS_NAME], durable[NW_JS_NAME];
    /* Of a bucket; empty: the address is the filter, and the stream may have to be found. */
    struct nw_buffer filter;

    bool leased; /* one process at a time reads: who still pulls had the lease before, and ends */

    /* What the source keeps: messages it holds unacknowledged, the highest sequence it ever got. */
    size_t in_flight;
    size_t taken_back; /* so many come again, at first, beside those in flight */
    unsigned steps;    /* of waiting: for others to go, or for the server to take back */
    bool acks_seen;    /* the server has dealt with what the predecessor acknowledged */
    bool narrowed;     /* the server delivers nothing new */
    unsigned rounds;   /* after which not all of it had come */
    unsigned asked;    /* whether the server still takes back */
    int64_t asked_ns;  /* for the last time */
    uint64_t last_sequence;
    int64_t again_ms; /* the wait after the next failure */
    bool resume;      /* making the consumer again: go on behind last_sequence */
    jv there;         /* configuration of the consumer; invalid: not known */
    int64_t pending;  /* messages that wait in the stream */

    /* See js_seek.h; NULL: pull. */
    struct nw_seek *seek;
    bool sought; /* its done was called */
    int64_t seek_from, stream_first;
    int64_t start;    /* where a durable that is made begins, whatever `deliver` says; 0: nowhere */
    bool interrupted; /* start is that of a seek of before, whose mark is to be removed */

    /* failure NULL: pull. Otherwise why not; it is tried again by itself. */
    void (*done)(void *context, const char *failure);
    void *context;
};

/* 0, NW_ENOMEM, or NW_EINVAL: the names cannot be made. */
int nw_js_consumer_init(struct nw_js_consumer *c, struct nw_endpoint *endpoint,
                        const struct nw_endpoint_config *config,
                        void (*done)(void *context, const char *failure), void *context,
                        struct nw_error *error);
/* After init: the address is bucket/pattern. 0 or NW_ENOMEM. */
int nw_js_consumer_watch(struct nw_js_consumer *c, struct nw_error *error);
/* Begin after wait_ms; there is a session. Calls done some time later. */
void nw_js_consumer_begin(struct nw_js_consumer *c, int64_t wait_ms);
/* After what was taken back was waited for: whether all of it came. false: begin again, after
 * giving back what did come. */
bool nw_js_consumer_came_back(struct nw_js_consumer *c, bool all);
void nw_js_consumer_stop(struct nw_js_consumer *c);
/* Stop for good, and leave the consumer as others want it. */
void nw_js_consumer_leave(struct nw_js_consumer *c);
void nw_js_consumer_free(struct nw_js_consumer *c);

#endif
