/* SPDX-License-Identifier: Apache-2.0 */
/* What the files of the host share. */
#ifndef NATSWAY_TESTS_CONTRACT_HOST_INTERNAL_H
#define NATSWAY_TESTS_CONTRACT_HOST_INTERNAL_H

#include <pthread.h>

#include "config/config.h"
#include "host.h"
#include "message/message.h"

/* A worker call that takes longer than this has waited for something. */
#define NWC_CALL_MS 5000

enum { MESSAGE_NEW, MESSAGE_TAKEN, MESSAGE_BACK }; /* nw_message.state */

struct nw_connection {
    const struct nw_connection_spec *spec;
    struct nw_connection_config config;
    void *state;
};

/* One opening of an endpoint. It stays until the test ends, so that late calls are seen. */
struct nw_endpoint {
    struct nw_endpoint *next;
    const struct nw_source_kind *source; /* one of the two */
    const struct nw_sink_kind *sink;
    void *state;
    struct nw_endpoint_config config;
    size_t window;
    enum nw_state status;
    bool opening, stopped, closing, closed;
    size_t in_flight; /* sink: sent and not done */
    size_t reserved;  /* source: credit that it holds */
    bool starved;     /* source: it was given none, and waits for credit() */
};

struct nwc_state_entry {
    struct nwc_state_entry *next;
    const char *route;
    char key[128];
    void *data;
    size_t len;
};

struct nwc_list {
    struct nw_message **items;
    size_t count, capacity;
};

struct nwc_host {
    struct nw_registry *registry;
    struct nw_config *config;
    const struct nwc_adapter *adapter;
    const struct nw_route_spec *route, *other;
    struct nw_connection connection;
    struct nw_endpoint *end;    /* the open one */
    struct nw_endpoint *beside; /* of the other route, or NULL */
    int64_t longest_close_ms;
    size_t alive; /* messages when the test began */

    pthread_mutex_t lock; /* guards all below, and the records and the endpoints */
    pthread_cond_t changed;
    struct nw_endpoint *ends; /* all of this test */
    struct nwc_state_entry *states;
    struct nwc_record records[NWC_MAX];
    /* Source. */
    size_t limit, used, stored;
    bool store_full, by_itself;
    struct nwc_list held; /* offered and not settled, in order */
    /* Sink. */
    size_t originals, released;
    struct nwc_list done;              /* kept until the test ends, so that a second done is seen */
    struct nw_message *again[NWC_MAX]; /* came back with NW_RETRY: the same object is sent again */
    int64_t longest_ms;
};
extern struct nwc_host nwc_host;

void nwc_lock(void);
void nwc_unlock(void);
/* Under the lock. */
void nwc_list_add(struct nwc_list *list, struct nw_message *m);
/* A fault if the endpoint is already closed; under the lock. */
void nwc_check_alive(const struct nw_endpoint *e, const char *call);

/* ---- host_worker.c ---- */

void nwc_worker_start(void);
void nwc_worker_end(void);
bool nwc_on_worker(void);
/* Run it on the worker and wait; a fault if it takes too long, the end of the program if it does
 * not return at all. */
void nwc_worker_call(const char *what, void (*run)(void *context), void *context);
/* Any thread: settle what is held (by_itself), or call credit(). */
void nwc_worker_wake(void);

/* ---- host_source.c: worker thread ---- */

void nwc_settle_on_worker(size_t n, enum nw_outcome outcome);
void nwc_feed(void);
/* The spool after the endpoint has gone: what it holds lives on without it. */
void nwc_spool_keep(void);
void nwc_source_forget(void);
void nwc_sink_forget(void);
void nwc_services_forget(void);

#endif
