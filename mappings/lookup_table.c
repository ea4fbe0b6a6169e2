/* SPDX-License-Identifier: Apache-2.0 */
/* Tables of values, and the lookups that hold them. */
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/random.h>

#include "base/siphash.h"
#include "mappings/lookup.h"

/* Chained; at most as many entries as chains. */
struct entry {
    struct entry *next;
    uint64_t hash;
    uint32_t key_len, value_len;
    bool is_json;
    char bytes[]; /* the key, then the value */
};

struct nw_values {
    struct nw_hash128 key; /* of the hash: keys may come from anybody */
    struct entry **chains;
    size_t chain_count, count; /* a power of two, or 0 */
};

struct nw_values *nw_values_new(void)
{
    struct nw_values *t = calloc(1, sizeof *t);

    if (t != NULL && getrandom(&t->key, sizeof t->key, 0) != (ssize_t)sizeof t->key) {
        free(t);
        return NULL;
    }
    return t;
}

void nw_values_free(struct nw_values *t)
{
    if (t == NULL) {
        return;
    }
    for (size_t i = 0; i < t->chain_count; i++) {
        while (t->chains[i] != NULL) {
            struct entry *e = t->chains[i];
            t->chains[i] = e->next;
            free(e);
        }
    }
    free(t->chains);
    free(t);
}

size_t nw_values_count(const struct nw_values *t)
{
    return t->count;
}

/* The link to the entry of key, or to the end of its chain; there are chains. */
static struct entry **find(const struct nw_values *t, struct nw_slice key, uint64_t hash)
{
    struct entry **link = &t->chains[hash & (t->chain_count - 1)];

    while (*link != NULL && ((*link)->hash != hash || (*link)->key_len != key.len ||
                             (key.len > 0 && memcmp((*link)->bytes, key.data, key.len) != 0))) {
        link = &(*link)->next;
    }
    return link;
}

static bool grow(struct nw_values *t)
{
    size_t count = t->chain_count == 0 ? 16 : t->chain_count * 2;
    struct entry **chains = calloc(count, sizeof(struct entry *));

    if (chains == NULL) {
        return t->chain_count > 0; /* longer chains, then */
    }
    for (size_t i = 0; i < t->chain_count; i++) {
        while (t->chains[i] != NULL) {
            struct entry *e = t->chains[i];
            t->chains[i] = e->next;
            e->next = chains[e->hash & (count - 1)];
            chains[e->hash & (count - 1)] = e;
        }
    }
    free(t->chains);
    t->chains = chains;
    t->chain_count = count;
    return true;
}

int nw_values_put(struct nw_values *t, struct nw_slice key, struct nw_looked_up value)
{
    uint64_t hash = nw_siphash(t->key, key).words[0];
    struct entry **link, *e;

    if ((t->count >= t->chain_count && !grow(t)) || key.len > UINT32_MAX ||
        value.bytes.len > UINT32_MAX) {
        return NW_ENOMEM;
    }
    e = malloc(sizeof *e + key.len + value.bytes.len);
    if (e == NULL) {
        return NW_ENOMEM;
    }
    *e = (struct entry){NULL, hash, (uint32_t)key.len, (uint32_t)value.bytes.len, value.is_json};
    if (key.len > 0) {
        memcpy(e->bytes, key.data, key.len);
    }
    if (value.bytes.len > 0) {
        memcpy(e->bytes + key.len, value.bytes.data, value.bytes.len);
    }
    link = find(t, key, hash);
    if (*link != NULL) {
        e->next = (*link)->next;
        free(*link);
        t->count--;
    }
    *link = e;
    t->count++;
    return 0;
}

void nw_values_remove(struct nw_values *t, struct nw_slice key)
{
    struct entry **link, *e;

    if (t->chain_count == 0) {
        return;
    }
    link = find(t, key, nw_siphash(t->key, key).words[0]);
    e = *link;
    if (e != NULL) {
        *link = e->next;
        free(e);
        t->count--;
    }
}

bool nw_values_find(const struct nw_values *t, struct nw_slice key, struct nw_looked_up *out)
{
    const struct entry *e =
        t->chain_count == 0 ? NULL : *find(t, key, nw_siphash(t->key, key).words[0]);

    if (e == NULL) {
        return false;
    }
    *out = (struct nw_looked_up){{e->bytes + e->key_len, e->value_len}, e->is_json};
    return true;
}

/* ---- lookups ---- */

struct nw_lookup {
    char *name;
    pthread_mutex_t lock; /* guards what follows */
    struct nw_values *table;
    bool closed; /* without a table: none is to come */
    char why[300];
};

struct nw_lookup *nw_lookup_new(const char *name)
{
    struct nw_lookup *l = calloc(1, sizeof *l);

    if (l == NULL || (l->name = strdup(name)) == NULL) {
        free(l);
        return NULL;
    }
    (void)pthread_mutex_init(&l->lock, NULL);
    nw_lookup_waits(l, "it is not loaded yet");
    return l;
}

void nw_lookup_free(struct nw_lookup *l)
{
    if (l == NULL) {
        return;
    }
    nw_values_free(l->table);
    (void)pthread_mutex_destroy(&l->lock);
    free(l->name);
    free(l);
}

const char *nw_lookup_name(const struct nw_lookup *l)
{
    return l->name;
}

/* Takes table. What was there before is freed without the lock: it may be large. */
static void change(struct nw_lookup *l, struct nw_values *table, bool closed, const char *why)
{
    struct nw_values *before;

    (void)pthread_mutex_lock(&l->lock);
    before = l->table;
    l->table = table;
    l->closed = closed;
    (void)snprintf(l->why, sizeof l->why, "%s", why);
    (void)pthread_mutex_unlock(&l->lock);
    nw_values_free(before);
}

void nw_lookup_replace(struct nw_lookup *l, struct nw_values *table)
{
    change(l, table, false, "");
}

void nw_lookup_waits(struct nw_lookup *l, const char *why)
{
    change(l, NULL, false, why);
}

void nw_lookup_closed(struct nw_lookup *l, const char *why)
{
    change(l, NULL, true, why);
}

int nw_lookup_put(struct nw_lookup *l, struct nw_slice key, struct nw_looked_up value)
{
    int rc;

    (void)pthread_mutex_lock(&l->lock);
    rc = l->table == NULL ? 0 : nw_values_put(l->table, key, value);
    (void)pthread_mutex_unlock(&l->lock);
    return rc;
}

void nw_lookup_remove(struct nw_lookup *l, struct nw_slice key)
{
    (void)pthread_mutex_lock(&l->lock);
    if (l->table != NULL) {
        nw_values_remove(l->table, key);
    }
    (void)pthread_mutex_unlock(&l->lock);
}

static int find_locked(const struct nw_lookup *l, struct nw_slice key, struct nw_message *m,
                       struct nw_looked_up *out, struct nw_error *error)
{
    if (l->table == NULL) {
        return nw_error_set(error, l->closed ? NW_EINVAL : NW_EAGAIN, "lookup: %s: %s", l->name,
                            l->why);
    }
    if (!nw_values_find(l->table, key, out)) {
        return NW_ENOTFOUND;
    }
    out->bytes = nw_message_copy(m, out->bytes.data, out->bytes.len);
    return out->bytes.data == NULL ? nw_error_set(error, NW_ENOMEM, "out of memory") : 0;
}

int nw_lookup_find(struct nw_lookup *l, struct nw_slice key, struct nw_message *m,
                   struct nw_looked_up *out, struct nw_error *error)
{
    int rc;

    (void)pthread_mutex_lock(&l->lock);
    rc = find_locked(l, key, m, out, error);
    (void)pthread_mutex_unlock(&l->lock);
    return rc;
}
