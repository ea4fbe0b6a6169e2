/* SPDX-License-Identifier: Apache-2.0 */
/* What the host does for connectors beside moving messages. With NWC_VERBOSE set it says what they
 * log. */
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "host_internal.h"

static void say(enum nw_level level, const char *format, va_list args)
{
    static const char *const words[] = {"error", "warning", "info", "debug"};
    char text[600];

    if (getenv("NWC_VERBOSE") != NULL) {
        (void)vsnprintf(text, sizeof text, format, args);
        (void)fprintf(stderr, "    %s: %s\n", words[level], text);
    }
}

void nw_log(struct nw_endpoint *endpoint, enum nw_level level, const char *format, ...)
{
    va_list args;

    nwc_lock();
    nwc_check_alive(endpoint, "nw_log");
    nwc_unlock();
    va_start(args, format);
    say(level, format, args);
    va_end(args);
}

void nw_connection_log(struct nw_connection *connection, enum nw_level level, const char *format,
                       ...)
{
    va_list args;

    (void)connection;
    va_start(args, format);
    say(level, format, args);
    va_end(args);
}

static void say_state(const char *what, enum nw_state state, const char *text)
{
    static const char *const words[] = {"connecting", "ready", "down", "failed"};

    if (getenv("NWC_VERBOSE") != NULL) {
        (void)fprintf(stderr, "    %s: %s: %s\n", what, words[state], text == NULL ? "" : text);
    }
}

void nw_connection_state(struct nw_connection *connection, enum nw_state state, const char *text)
{
    say_state(connection->spec->name, state, text);
}

void nw_endpoint_state(struct nw_endpoint *endpoint, enum nw_state state, const char *text)
{
    nwc_lock();
    nwc_check_alive(endpoint, "nw_endpoint_state");
    endpoint->status = state;
    (void)pthread_cond_broadcast(&nwc_host.changed);
    nwc_unlock();
    say_state("endpoint", state, text);
}

void nw_metric_count(struct nw_endpoint *endpoint, const char *name, uint64_t n)
{
    (void)n;
    nwc_lock();
    nwc_check_alive(endpoint, "nw_metric_count");
    nwc_unlock();
    NWC_CHECK(name != NULL && name[0] != '\0', "a counter without a name");
}

/* ---- state: as good as a disk for as long as the test runs ---- */

static struct nwc_state_entry **find(const struct nw_endpoint *e, const char *key)
{
    struct nwc_state_entry **at = &nwc_host.states;

    while (*at != NULL && (strcmp((*at)->key, key) != 0 || (*at)->route != e->config.route)) {
        at = &(*at)->next;
    }
    return at;
}

int nw_state_read(struct nw_endpoint *endpoint, const char *key, void **data, size_t *len)
{
    struct nwc_state_entry *entry;
    void *copy = NULL;

    nwc_lock();
    nwc_check_alive(endpoint, "nw_state_read");
    entry = *find(endpoint, key);
    if (entry != NULL && (copy = malloc(entry->len + 1)) != NULL) {
        memcpy(copy, entry->data, entry->len);
        *len = entry->len;
        *data = copy;
    }
    nwc_unlock();
    return entry == NULL ? NW_ENOTFOUND : copy == NULL ? NW_ENOMEM : 0;
}

static int put(struct nwc_state_entry **at, const struct nw_endpoint *e, const char *key,
               const void *data, size_t len)
{
    struct nwc_state_entry *entry = *at;
    void *copy = malloc(len + 1);

    if (copy == NULL || (entry == NULL && (entry = calloc(1, sizeof *entry)) == NULL)) {
        free(copy);
        return NW_ENOMEM;
    }
    memcpy(copy, data, len);
    free(entry->data);
    (void)snprintf(entry->key, sizeof entry->key, "%s", key);
    entry->route = e->config.route;
    entry->data = copy;
    entry->len = len;
    *at = entry;
    return 0;
}

int nw_state_write(struct nw_endpoint *endpoint, const char *key, const void *data, size_t len)
{
    struct nwc_state_entry **at, *entry;
    int rc = 0;

    nwc_lock();
    nwc_check_alive(endpoint, "nw_state_write");
    NWC_CHECK(len <= 65536, "a state of %zu bytes", len);
    at = find(endpoint, key);
    entry = *at;
    if (data != NULL) {
        rc = put(at, endpoint, key, data, len);
    } else if (entry != NULL) {
        *at = entry->next;
        free(entry->data);
        free(entry);
    }
    nwc_unlock();
    return rc;
}

void nw_state_sync(struct nw_endpoint *endpoint)
{
    nwc_lock();
    nwc_check_alive(endpoint, "nw_state_sync");
    nwc_unlock();
}

void nwc_services_forget(void)
{
    while (nwc_host.states != NULL) {
        struct nwc_state_entry *next = nwc_host.states->next;
        free(nwc_host.states->data);
        free(nwc_host.states);
        nwc_host.states = next;
    }
}
