/* SPDX-License-Identifier: Apache-2.0 */
/* Messages made from numbers, and the list of what has arrived in the foreign system. */
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "contract.h"

#define ARRIVALS_MAX 20000

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER; /* guards what follows */
static struct {
    struct nwc_piece piece;
    char header[64];
    size_t number; /* NWC_MAX: none */
} arrivals[ARRIVALS_MAX];
static size_t arrival_count;

struct nwc_text nwc_payload(size_t number)
{
    struct nwc_text t;

    t.len = (size_t)snprintf(t.data, sizeof t.data, "%zu of the contract \xc3\xa4 {\"n\":%zu}",
                             number, number);
    return t;
}

struct nwc_text nwc_key(size_t number)
{
    struct nwc_text t;

    t.len = (size_t)snprintf(t.data, sizeof t.data, "key/%zu", number);
    return t;
}

struct nwc_text nwc_header(size_t number)
{
    struct nwc_text t;

    t.len = (size_t)snprintf(t.data, sizeof t.data, "%zu", number);
    return t;
}

bool nwc_number(struct nw_slice payload, size_t *number)
{
    size_t n = 0, i = 0;

    while (i < payload.len && i < 6 && payload.data[i] >= '0' && payload.data[i] <= '9') {
        n = n * 10 + (size_t)(payload.data[i++] - '0');
    }
    if (i == 0 || n >= NWC_MAX) {
        return false;
    }
    *number = n;
    return true;
}

static struct nwc_text keep(struct nw_slice s)
{
    struct nwc_text t = {.len = s.len};

    if (s.len > 0) {
        memcpy(t.data, s.data, s.len < sizeof t.data ? s.len : sizeof t.data);
    }
    return t;
}

void nwc_arrived(struct nw_slice payload, struct nw_slice key, struct nw_slice header)
{
    (void)pthread_mutex_lock(&lock);
    if (arrival_count == ARRIVALS_MAX) {
        (void)pthread_mutex_unlock(&lock);
        nwc_fault("more than %d messages arrived", ARRIVALS_MAX);
        return;
    }
    arrivals[arrival_count].piece =
        (struct nwc_piece){keep(payload), keep(key), payload.data == NULL, key.data == NULL};
    (void)snprintf(arrivals[arrival_count].header, sizeof arrivals[0].header, "%.*s",
                   (int)header.len, header.data == NULL ? "" : header.data);
    arrivals[arrival_count].number = NWC_MAX;
    (void)nwc_number(payload, &arrivals[arrival_count].number);
    arrival_count++;
    (void)pthread_mutex_unlock(&lock);
}

void nwc_arrived_clear(void)
{
    (void)pthread_mutex_lock(&lock);
    arrival_count = 0;
    (void)pthread_mutex_unlock(&lock);
}

size_t nwc_arrivals(size_t number)
{
    size_t count = 0;

    (void)pthread_mutex_lock(&lock);
    for (size_t i = 0; i < arrival_count; i++) {
        count += arrivals[i].number == number ? 1 : 0;
    }
    (void)pthread_mutex_unlock(&lock);
    return count;
}

size_t nwc_arrived_count(size_t n)
{
    bool there[NWC_MAX] = {false};
    size_t count = 0;

    (void)pthread_mutex_lock(&lock);
    for (size_t i = 0; i < arrival_count; i++) {
        size_t number = arrivals[i].number;
        if (number < n && !there[number]) {
            there[number] = true;
            count++;
        }
    }
    (void)pthread_mutex_unlock(&lock);
    return count;
}

bool nwc_arrived_piece(const char *header, struct nwc_piece *piece)
{
    bool found = false;

    (void)pthread_mutex_lock(&lock);
    for (size_t i = 0; i < arrival_count; i++) {
        if (strcmp(arrivals[i].header, header) == 0) {
            *piece = arrivals[i].piece;
            found = true;
        }
    }
    (void)pthread_mutex_unlock(&lock);
    return found;
}
