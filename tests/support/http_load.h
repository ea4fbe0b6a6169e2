/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Many requests over many keep-alive connections: numbered payloads (numbered.h) posted to URL/N.
 * Each connection has every n-th number and sends one after the other, so that order holds among
 * the numbers that are equal modulo `connections`.
 */
#ifndef NATSWAY_TESTS_HTTP_LOAD_H
#define NATSWAY_TESTS_HTTP_LOAD_H

#include "support/numbered.h"
#include <stdatomic.h>
#include <stdbool.h>

struct nwt_http_load {
    const char *url;
    const struct nwt_numbered *numbers;
    unsigned connections;
    bool repeats;       /* what was not confirmed is sent again until it is */
    int64_t timeout_ms; /* of all of it */
    int64_t answer_ms;  /* of each request; 0: 20 s */
    /* Only the numbers below are sent, as it grows; it ends early when `ending`. NULL: all. */
    const atomic_size_t *allowed;
    const atomic_bool *ending;
    /* What came of it; may be read meanwhile. */
    uint8_t *confirmed_numbers; /* 1 for each number that had a 2xx */
    atomic_size_t confirmed;
    atomic_size_t refused; /* answers that were no 2xx */
    atomic_size_t broken;  /* no answer */
    int last_refusal;      /* a status */
};

/* Returns when every number was tried (or, repeating, confirmed), or the time is over. */
void nwt_http_load_run(struct nwt_http_load *load);
/* The same on a thread of its own; join waits for its end. */
void nwt_http_load_start(struct nwt_http_load *load, pthread_t *thread);
void nwt_http_load_join(struct nwt_http_load *load, pthread_t thread);
void nwt_http_load_done(struct nwt_http_load *load);

#endif
