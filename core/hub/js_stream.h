/* SPDX-License-Identifier: Apache-2.0 */
/* The `stream:` group of a JetStream sink: make the stream if it does not exist, and report where
 * one that exists differs from what is asked for. Loop thread. */
#ifndef NATSWAY_HUB_JS_STREAM_H
#define NATSWAY_HUB_JS_STREAM_H

#include "hub/js_api.h"

struct nw_js_stream_options {
    const char *name; /* NULL: nothing to do */
    struct nw_list subjects;
    struct nw_choice storage, retention, discard;
    int64_t replicas;
    int64_t max_age_ms, max_bytes, max_messages, max_message_size; /* 0: not given */
    int64_t duplicate_window_ms;
    const char *description;
};

extern const struct nw_option nw_js_stream_rows[];

/* No I/O. Rows are reported as "stream.NAME". */
void nw_js_stream_check(const struct nw_js_stream_options *options, struct nw_check *check);

struct nw_js_stream {
    struct nw_js_call call;
    struct nw_timer timer;
    struct nw_endpoint *endpoint;
    const struct nw_js_stream_options *options;
    /* failure NULL: the stream is there. Otherwise why not; it is tried again by itself. */
    void (*done)(void *context, const char *failure);
    void *context;
    bool reported; /* the difference was said */
};

void nw_js_stream_init(struct nw_js_stream *s, struct nw_hub *hub, struct nw_endpoint *endpoint,
                       const struct nw_js_stream_options *options,
                       void (*done)(void *context, const char *failure), void *context);
/* Begin; there is a session. */
void nw_js_stream_ensure(struct nw_js_stream *s);
void nw_js_stream_stop(struct nw_js_stream *s);

#endif
