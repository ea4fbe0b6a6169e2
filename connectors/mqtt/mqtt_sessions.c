/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What the broker keeps for us while we are away: sessions and their subscriptions. A route whose
 * filter changed, or that is gone, would leave them behind, and the broker would go on filling
 * them. So each source remembers its subscriptions, and every endpoint of a connection remembers
 * the client ids of all of them; what nobody has any more is removed, at start and when a reload
 * has removed a route.
 */
#include <stdlib.h>
#include <string.h>

#include "mqtt.h"

/* How long after the last route opened, or was removed, it is certain that no other will open. */
#define QUIET_NS (3 * MQTT_SECOND_NS)

#define SESSION_KEY "mqtt.session"

/* ---- one source ---- */

void mqtt_session_done(struct mqtt_session *s)
{
    free(s->id);
    free(s->options);
    free(s->filter);
    free(s->stale);
    *s = (struct mqtt_session){0};
}

/* The next text of data, each ended by a NUL; "" after the last. */
static const char *next_text(const char *data, size_t len, size_t *at)
{
    const char *text = data + *at;

    if (*at >= len) {
        return "";
    }
    *at += strnlen(text, len - *at) + 1;
    return text;
}

int mqtt_session_read(struct nw_endpoint *e, struct mqtt_session *out)
{
    char **const fields[] = {&out->id, &out->options, &out->filter, &out->stale};
    void *data = NULL;
    size_t len = 0, at = 0;
    int rc = 0;

    *out = (struct mqtt_session){0};
    if (nw_state_read(e, SESSION_KEY, &data, &len) != 0 || len == 0) {
        free(data);
        return 0;
    }
    ((char *)data)[len - 1] = '\0'; /* it was */
    for (size_t i = 0; i < sizeof fields / sizeof fields[0]; i++) {
        *fields[i] = strdup(next_text(data, len, &at));
        rc = *fields[i] == NULL ? NW_ENOMEM : rc;
    }
    free(data);
    if (rc != 0) {
        mqtt_session_done(out);
    }
    return rc;
}

void mqtt_session_write(struct nw_endpoint *e, const struct mqtt_session *s)
{
    const char *const fields[] = {s->id, s->options, s->filter, s->stale};
    size_t lens[4], total = 0;
    char *data, *at;

    for (size_t i = 0; i < 4; i++) {
        lens[i] = (fields[i] == NULL ? 0 : strlen(fields[i])) + 1;
        total += lens[i];
    }
    data = malloc(total);
    if (data == NULL) {
        return; /* the subscriptions of before are asked for again */
    }
    at = data;
    for (size_t i = 0; i < 4; i++) {
        memcpy(at, fields[i] == NULL ? "" : fields[i], lens[i]);
        at += lens[i];
    }
    (void)nw_state_write(e, SESSION_KEY, data, total);
    free(data);
}

/* ---- all of a connection ---- */

static void key_of(const struct mqtt_connection *c, char *key, size_t size)
{
    static const char prefix[] = "mqtt.sessions.";
    size_t len = strlen(c->name);

    len = len > size - sizeof prefix ? size - sizeof prefix : len;
    memcpy(key, prefix, sizeof prefix - 1);
    memcpy(key + sizeof prefix - 1, c->name, len);
    key[sizeof prefix - 1 + len] = '\0';
}

static struct mqtt_known *find(const struct mqtt_connection *c, const char *id)
{
    struct mqtt_known *k = c->known;

    while (k != NULL && strcmp(k->id, id) != 0) {
        k = k->next;
    }
    return k;
}

/* route: of the source that has it now; NULL: it is one of before. */
static void add(struct mqtt_connection *c, const char *id, const char *route)
{
    struct mqtt_known *k = find(c, id);
    size_t size = strlen(id) + 1;

    if (k == NULL && (k = calloc(1, sizeof *k + size)) != NULL) {
        memcpy(k->id, id, size);
        k->next = c->known;
        c->known = k;
    }
    if (k != NULL && route != NULL) {
        k->live = true;
        free(k->route);
        k->route = strdup(route); /* NULL, without memory: the next start removes it */
    }
}

static void free_known(struct mqtt_known *k)
{
    free(k->route);
    free(k);
}

static char *write_list(const struct mqtt_connection *c, size_t *len)
{
    size_t total = 0;
    char *data, *at;

    for (const struct mqtt_known *k = c->known; k != NULL; k = k->next) {
        total += strlen(k->id) + 1;
    }
    data = at = malloc(total + 1);
    for (const struct mqtt_known *k = c->known; data != NULL && k != NULL; k = k->next) {
        size_t n = strlen(k->id) + 1;
        memcpy(at, k->id, n);
        at += n;
    }
    *len = total;
    return data;
}

/* Lock held. Into the state of every endpoint that has been started, and of e (may be NULL). */
static void tell_all(struct mqtt_connection *c, struct nw_endpoint *e)
{
    char key[200];
    size_t len = 0;
    char *data = write_list(c, &len);

    key_of(c, key, sizeof key);
    if (data != NULL && e != NULL) {
        (void)nw_state_write(e, key, len == 0 ? NULL : data, len);
    }
    for (struct mqtt_client *client = c->clients; data != NULL && client; client = client->next) {
        if (client->endpoint != NULL) {
            (void)nw_state_write(client->endpoint, key, len == 0 ? NULL : data, len);
        }
    }
    free(data);
}

/* The id has a source again: who removes its session ends. */
static void stop_cleaner(struct mqtt_connection *c, const char *id)
{
    struct mqtt_client *cleaner = mqtt_cleaner_of(c, id);
    struct mqtt_known *k = find(c, id);

    if (cleaner != NULL) {
        cleaner->closing = true;
        mqtt_connection_wake_locked(c);
    }
    if (k != NULL) {
        k->cleaning = false;
    }
}

void mqtt_sessions_open(struct mqtt_connection *c, struct nw_endpoint *e, const char *route,
                        const char *id)
{
    char key[200];
    void *data = NULL;
    size_t len = 0, at = 0;

    key_of(c, key, sizeof key);
    if (nw_state_read(e, key, &data, &len) == 0 && len > 0) {
        ((char *)data)[len - 1] = '\0';
        while (at < len) {
            add(c, next_text(data, len, &at), NULL);
        }
    }
    free(data);
    if (id != NULL) {
        stop_cleaner(c, id);
        add(c, id, route);
        tell_all(c, e); /* before there is a session that somebody will have to remove */
    }
    c->clean_at_ns = nw_clock_monotonic_ns() + QUIET_NS;
}

void mqtt_sessions_removed(void *connection, const char *route)
{
    struct mqtt_connection *c = connection;

    (void)pthread_mutex_lock(&c->lock);
    for (struct mqtt_known *k = c->known; k != NULL; k = k->next) {
        if (k->route != NULL && strcmp(k->route, route) == 0) {
            k->live = false;
            c->clean_at_ns = nw_clock_monotonic_ns() + QUIET_NS;
        }
    }
    mqtt_connection_wake_locked(c);
    (void)pthread_mutex_unlock(&c->lock);
}

/* Lock held: a session that nobody has, not yet being removed. */
static struct mqtt_known *orphan(const struct mqtt_connection *c)
{
    struct mqtt_known *k = c->known;

    while (k != NULL && (k->live || k->cleaning)) {
        k = k->next;
    }
    return k;
}

void mqtt_sessions_clean(struct mqtt_connection *c)
{
    struct mqtt_known *k;

    (void)pthread_mutex_lock(&c->lock);
    tell_all(c, NULL);
    while ((k = orphan(c)) != NULL) {
        k->cleaning = true;
        (void)pthread_mutex_unlock(&c->lock);
        if (mqtt_cleaner_start(c, k->id) != 0) {
            return;
        }
        (void)pthread_mutex_lock(&c->lock);
    }
    (void)pthread_mutex_unlock(&c->lock);
}

void mqtt_sessions_forget(struct mqtt_connection *c, const char *id)
{
    struct mqtt_known **at = &c->known;

    (void)pthread_mutex_lock(&c->lock);
    while (*at != NULL && strcmp((*at)->id, id) != 0) {
        at = &(*at)->next;
    }
    if (*at != NULL && !(*at)->live) {
        struct mqtt_known *gone = *at;
        *at = gone->next;
        free_known(gone);
        tell_all(c, NULL);
    }
    (void)pthread_mutex_unlock(&c->lock);
}

void mqtt_sessions_done(struct mqtt_connection *c)
{
    while (c->known != NULL) {
        struct mqtt_known *next = c->known->next;
        free_known(c->known);
        c->known = next;
    }
}
