/* SPDX-License-Identifier: Apache-2.0 */
/* The producers of a connection: found by what their sinks want of them, made, and stopped. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "kafka_producer.h"

static void free_pairs(struct nw_pairs *pairs)
{
    for (size_t i = 0; i < pairs->count; i++) {
        free((char *)pairs->names[i]);
        free((char *)pairs->texts[i]);
    }
    free((char **)pairs->names);
    free((char **)pairs->texts);
}

/* The options live as long as their endpoint; the producer may outlive it. */
static bool copy_pairs(const struct nw_pairs *from, struct nw_pairs *to)
{
    const char **names = calloc(from->count + 1, sizeof(char *));
    const char **texts = calloc(from->count + 1, sizeof(char *));
    bool ok = names != NULL && texts != NULL;

    *to = (struct nw_pairs){.names = names, .texts = texts};
    for (size_t i = 0; ok && i < from->count; i++) {
        names[i] = strdup(from->names[i]);
        texts[i] = strdup(from->texts[i]);
        to->count++;
        ok = names[i] != NULL && texts[i] != NULL;
    }
    return ok;
}

static void free_producer(struct kafka_producer *p)
{
    (void)pthread_mutex_destroy(&p->lock);
    free_pairs(&p->properties);
    free(p->partitioner);
    free(p);
}

static struct kafka_producer *allocate(struct kafka_connection *connection,
                                       const struct nw_pairs *properties, const char *partitioner)
{
    struct kafka_producer *p = calloc(1, sizeof *p);
    pthread_mutexattr_t attributes;

    if (p == NULL) {
        return NULL;
    }
    p->connection = connection;
    p->partitioner = strdup(partitioner);
    p->state = NW_STATE_CONNECTING;
    (void)pthread_mutexattr_init(&attributes);
    (void)pthread_mutexattr_settype(&attributes, PTHREAD_MUTEX_RECURSIVE);
    (void)pthread_mutex_init(&p->lock, &attributes);
    (void)pthread_mutexattr_destroy(&attributes);
    if (p->partitioner == NULL || !copy_pairs(properties, &p->properties)) {
        free_producer(p);
        return NULL;
    }
    return p;
}

static bool same_pairs(const struct nw_pairs *a, const struct nw_pairs *b)
{
    if (a->count != b->count) {
        return false;
    }
    for (size_t i = 0; i < a->count; i++) {
        if (strcmp(a->names[i], b->names[i]) != 0 || strcmp(a->texts[i], b->texts[i]) != 0) {
            return false;
        }
    }
    return true;
}

void nw_kafka_partitioner_name(int index, char *out, size_t size)
{
    const char *at = KAFKA_PARTITIONERS;

    for (; index > 0; index--) {
        at = strchr(at, '|') + 1;
    }
    (void)snprintf(out, size, "%.*s", (int)strcspn(at, "|"), at);
}

static struct kafka_producer *find(struct kafka_connection *connection,
                                   const struct nw_pairs *properties, const char *partitioner)
{
    struct kafka_producer *p = connection->producers;

    while (p != NULL &&
           (!same_pairs(&p->properties, properties) || strcmp(p->partitioner, partitioner) != 0)) {
        p = p->next;
    }
    return p;
}

int nw_kafka_producer_get(struct kafka_connection *connection, const struct kafka_sink_options *own,
                          struct kafka_producer **out, struct nw_error *error)
{
    char partitioner[32];
    struct kafka_producer *p;
    int rc = 0;

    nw_kafka_partitioner_name(own->partitioner.index, partitioner, sizeof partitioner);
    (void)pthread_mutex_lock(&connection->lock);
    p = find(connection, &own->properties, partitioner);
    if (p == NULL) {
        p = allocate(connection, &own->properties, partitioner);
        rc = p == NULL ? nw_error_set(error, NW_ENOMEM, "out of memory")
                       : nw_kafka_producer_start(p, error);
        if (rc == 0) {
            p->next = connection->producers;
            connection->producers = p;
        } else if (p != NULL) {
            free_producer(p);
        }
    }
    (void)pthread_mutex_unlock(&connection->lock);
    if (rc == 0) {
        *out = p;
    }
    return rc;
}

void nw_kafka_producers_stop(struct kafka_connection *connection)
{
    for (struct kafka_producer *p = connection->producers; p != NULL; p = p->next) {
        atomic_store(&p->stopping, true);
        nw_kafka_producer_wake(p);
    }
    while (connection->producers != NULL) {
        struct kafka_producer *p = connection->producers;
        connection->producers = p->next;
        (void)pthread_join(p->thread, NULL);
        free_producer(p);
    }
}
