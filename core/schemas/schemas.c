/* SPDX-License-Identifier: Apache-2.0 */
#include "schemas/schemas.h"

#include <pthread.h>
#include <stdlib.h>

#include "schemas/client.h"

struct nw_schemas {
    struct nw_avro_fetcher fetcher; /* first: the one is the other */
    pthread_mutex_t lock;           /* guards the making of clients */
    struct nw_client **clients;     /* by the registry's index; NULL: nobody has asked yet */
    size_t client_count;
    struct nw_subject_state *subjects; /* by the subject's index; guarded by its client's lock */
};

static struct nw_client *client_of(struct nw_schemas *s, const struct nw_avro_registry *registry)
{
    struct nw_client *c;

    (void)pthread_mutex_lock(&s->lock);
    if (s->clients[registry->index] == NULL) {
        s->clients[registry->index] = nw_client_new(registry);
    }
    c = s->clients[registry->index];
    (void)pthread_mutex_unlock(&s->lock);
    return c;
}

static int find_schema(struct nw_avro_fetcher *f, const struct nw_avro_registry *registry,
                       uint32_t id, struct nw_avro_schema **out, struct nw_error *error)
{
    struct nw_client *c = client_of((struct nw_schemas *)f, registry);

    return c == NULL ? nw_error_set(error, NW_EAGAIN, "out of memory")
                     : nw_client_schema(c, id, out, error);
}

static int find_id(struct nw_avro_fetcher *f, const struct nw_avro_subject *subject, uint32_t *out,
                   struct nw_error *error)
{
    struct nw_schemas *s = (struct nw_schemas *)f;
    struct nw_client *c = client_of(s, subject->registry);

    return c == NULL ? nw_error_set(error, NW_EAGAIN, "out of memory")
                     : nw_client_id(c, &s->subjects[subject->index], subject, out, error);
}

struct nw_schemas *nw_schemas_new(size_t registries, size_t subjects)
{
    struct nw_schemas *s = calloc(1, sizeof *s);

    if (s == NULL) {
        return NULL;
    }
    s->fetcher = (struct nw_avro_fetcher){.schema = find_schema, .id = find_id};
    (void)pthread_mutex_init(&s->lock, NULL);
    s->client_count = registries;
    s->clients = calloc(registries + 1, sizeof(struct nw_client *));
    s->subjects = calloc(subjects + 1, sizeof *s->subjects);
    if (s->clients == NULL || s->subjects == NULL) {
        nw_schemas_free(s);
        return NULL;
    }
    return s;
}

void nw_schemas_free(struct nw_schemas *s)
{
    if (s == NULL) {
        return;
    }
    for (size_t i = 0; s->clients != NULL && i < s->client_count; i++) {
        nw_client_free(s->clients[i]);
    }
    (void)pthread_mutex_destroy(&s->lock);
    free(s->clients);
    free(s->subjects);
    free(s);
}

struct nw_avro_fetcher *nw_schemas_fetcher(struct nw_schemas *s)
{
    return &s->fetcher;
}
