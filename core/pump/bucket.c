/* SPDX-License-Identifier: Apache-2.0 */
/* All but starting and stopping is on the hub's loop thread. */
#include "pump/bucket.h"

#include <stdio.h>
#include <stdlib.h>

#include "hub/kv_watch.h"
#include "log/log.h"

struct nw_bucket {
    struct nw_bucket *next;
    const struct nw_lookup_spec *spec;
    struct nw_kv_watch *watch;
    struct nw_values *loading; /* what is told anew, until all of it is there */
    bool has_table;            /* the lookup has one, of now or of before */
    struct nw_buffer scratch;
    char trouble[300]; /* that was said; "": none */
};

static void say(struct nw_bucket *b, enum nw_level level, const char *text)
{
    nw_log_write(level, NULL, "lookup: %s: %s", nw_lookup_name(b->spec->lookup), text);
}

static void on_begin(void *context)
{
    struct nw_bucket *b = context;

    nw_values_free(b->loading);
    b->loading = nw_values_new();
}

static void on_removed(void *context, struct nw_slice key)
{
    struct nw_bucket *b = context;

    if (b->loading != NULL) {
        nw_values_remove(b->loading, key);
    } else {
        nw_lookup_remove(b->spec->lookup, key);
    }
}

static void on_put(void *context, struct nw_slice key, struct nw_slice bytes)
{
    struct nw_bucket *b = context;
    struct nw_looked_up value;
    int rc;

    if (!nw_lookup_entry(bytes, b->spec->layout.take, &b->scratch, &value)) {
        on_removed(context, key);
        return;
    }
    rc = b->loading != NULL ? nw_values_put(b->loading, key, value)
                            : nw_lookup_put(b->spec->lookup, key, value);
    if (rc != 0) {
        say(b, NW_LOG_ERROR, "no memory for a value, it is missing");
    }
}

static void on_loaded(void *context)
{
    struct nw_bucket *b = context;
    char text[100];

    if (b->loading == NULL) {
        return; /* there was no memory */
    }
    (void)snprintf(text, sizeof text, "it is loaded, with %zu keys", nw_values_count(b->loading));
    say(b, NW_LOG_INFO, text);
    nw_lookup_replace(b->spec->lookup, b->loading);
    b->loading = NULL;
    b->has_table = true;
    b->trouble[0] = '\0';
}

static void on_trouble(void *context, const char *text)
{
    struct nw_bucket *b = context;
    char why[400];

    nw_values_free(b->loading);
    b->loading = NULL;
    if (strncmp(b->trouble, text, sizeof b->trouble - 1) == 0) {
        return;
    }
    (void)snprintf(b->trouble, sizeof b->trouble, "%s", text);
    (void)snprintf(why, sizeof why, "%s%s", text,
                   b->has_table ? "; what was loaded before stays" : "; messages wait for it");
    say(b, NW_LOG_WARNING, why);
    if (!b->has_table) {
        nw_lookup_waits(b->spec->lookup, text);
    }
}

int nw_bucket_start(const struct nw_lookup_spec *spec, void *hub, struct nw_bucket **list)
{
    struct nw_bucket *b = calloc(1, sizeof *b);
    struct nw_kv_watcher watcher = {b, on_begin, on_put, on_removed, on_loaded, on_trouble};

    if (b == NULL) {
        return NW_ENOMEM;
    }
    b->spec = spec;
    if (nw_kv_watch_start(hub, spec->bucket, &watcher, &b->watch) != 0) {
        free(b);
        return NW_ENOMEM;
    }
    b->next = *list;
    *list = b;
    return 0;
}

void nw_buckets_stop(struct nw_bucket *list)
{
    while (list != NULL) {
        struct nw_bucket *next = list->next;
        nw_kv_watch_stop(list->watch);
        nw_values_free(list->loading);
        nw_buffer_done(&list->scratch);
        free(list);
        list = next;
    }
}
