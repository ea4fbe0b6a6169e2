/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The configuration as the rest of the program sees it: everything checked, defaults filled in,
 * templates and programs compiled, names resolved to pointers. It is immutable from the moment
 * nw_config_load() returns until nw_config_free().
 */
#ifndef NATSWAY_CONFIG_CONFIG_H
#define NATSWAY_CONFIG_CONFIG_H

#include <stdio.h>

#include "base/arena.h"
#include "base/backoff.h"
#include "base/table.h"
#include "mappings/map.h"

struct nw_registry;

/* Where something stands: line and column count from 1; line 0: nowhere in a file. */
struct nw_mark {
    const char *file; /* belongs to the configuration */
    size_t line, column;
};

/* What `meaning` is: the normal form of what was written, after includes, templates and ${…}, in
 * which place and order in the files do not count, with the paths it names and what is in the files
 * it needs. Two that are equal mean the same. It may hold secrets: it is never shown. */

struct nw_connection_spec {
    const char *name;
    const char *meaning;
    const struct nw_connector *connector;
    const struct nw_connection_kind *kind;
    void *options;
    struct nw_mark mark;
};

struct nw_source_spec {
    const struct nw_connector *connector;
    const struct nw_source_kind *kind;
    const struct nw_connection_spec *connection; /* NULL: none */
    const char *address;
    void *options;
    bool reply; /* somebody waits for the route's answer: HTTP, or NATS with `reply: true` */
    struct nw_template **templates; /* of option slots: templates[slot - 1] */
    size_t template_count;
    struct nw_mark mark;
};

struct nw_sink_spec {
    const struct nw_connector *connector;
    const struct nw_sink_kind *kind;
    const struct nw_connection_spec *connection;
    const char *address; /* the template's text */
    struct nw_template *address_template;
    struct nw_template **templates; /* of option slots: templates[slot - 1] */
    size_t template_count;
    uint32_t key_slot; /* of an option named `key`, or 0: its value is the outgoing message's key */
    void *options;
    struct nw_program *when; /* NULL: always */
    bool otherwise;          /* only what no other target took */
    bool several_at_once;    /* it has no order among what is under way */
    struct nw_mark mark;
};

/* KEEP is in no file: the message stays at its source, which is told why. */
enum nw_then { NW_THEN_DEAD_LETTER, NW_THEN_DROP, NW_THEN_STOP, NW_THEN_KEEP };

enum nw_part { NW_PART_FROM, NW_PART_MAP, NW_PART_TO, NW_PART_OPTIONS, NW_PARTS };

struct nw_route_spec {
    const char *name, *description;
    const char *meaning[NW_PARTS];
    struct nw_mark mark;
    struct nw_source_spec source;
    struct nw_map *map;
    struct nw_map *reply;
    struct nw_sink_spec *sinks;
    size_t sink_count;
    bool transactional; /* one of them is, so that one process runs the route */
    /* What `set: {subject}` may give the first target instead of its address. */
    struct nw_list subjects;
    bool subject_replaced; /* always: its own never counts */
    /* Where rejected messages go: a sink of the kind `dead_letter` of the hub; NULL: nowhere. */
    struct nw_sink_spec *dead_letter;
    enum nw_then then;
    bool
        on_error_given; /* the route itself sets on_error: also for messages that somebody awaits */
    int64_t retries;    /* -1: for ever */
    struct nw_backoff_range backoff;
    unsigned lanes;
    size_t max_in_flight;
    enum nw_order order;
    int64_t map_timeout_ms;
    int64_t spool_max_size, spool_max_age_ms; /* bytes; 0: no limit of age */
    bool spool_drop_oldest, spool_sync;
    bool spool_possible;  /* the source has a use for a spool */
    bool spool_used;      /* and with these options uses it */
    bool spool_in_outage; /* for what somebody waits for, when it cannot be delivered */
    bool enabled, trace;
    struct nw_template_scope scope;
};

/* ---- lookups: what the steps of that name look into ---- */

/* Which version of a file was read. */
struct nw_file_stamp {
    uint64_t device, inode;
    int64_t size, changed_ns;
};

/* Steps that name the same file, or bucket, in the same way share one. lookup and seen are the only
 * parts of a configuration that change: see config/lookup_file.h. */
struct nw_lookup_spec {
    struct nw_lookup_spec *next;
    struct nw_mark mark;
    struct nw_lookup_layout layout;
    const char *name;   /* as it was written */
    const char *path;   /* of the file, absolute; NULL: it is a bucket */
    const char *bucket; /* of NATS KV */
    struct nw_lookup *lookup;
    struct nw_file_stamp seen;
};

/* ---- tests: what `natsway test` runs ---- */

struct nw_test_pair {
    const char *name, *value; /* value NULL: null was written */
    struct nw_mark mark;
};

struct nw_test_pairs {
    struct nw_test_pair *items;
    size_t count;
};

struct nw_test_message {
    struct nw_mark mark;
    unsigned number;           /* in its test, from 1; 0 is 1 */
    const char *address, *key; /* NULL: not given */
    struct nw_slice payload;   /* absent: none */
    struct nw_test_pairs headers, meta;
};

enum nw_expect_kind { NW_EXPECT_SENT, NW_EXPECT_FILTERED, NW_EXPECT_REJECTED };

/* What is NULL or not given is not compared. */
struct nw_test_expect {
    struct nw_mark mark;
    enum nw_expect_kind kind;
    const char *reason; /* rejected: a part of it */
    const char *to, *address;
    bool key_given;
    const char *key;              /* NULL: there must be none */
    struct nw_test_pairs headers; /* value NULL: there must be none of that name */
    bool payload_given, payload_is_json;
    bool subset; /* an object may have more members */
    struct nw_slice payload;
};

/* A bucket, for the test that names it, or an entry of one. */
struct nw_test_entry {
    const char *bucket;
    struct nw_slice key, value; /* key absent: the bucket itself. value: JSON */
};

struct nw_test_spec {
    struct nw_mark mark;
    const char *name; /* NULL: none was given */
    const struct nw_route_spec *route;
    struct nw_test_message *messages;
    size_t message_count;
    struct nw_test_expect *expects;
    size_t expect_count;
    struct nw_test_entry *entries;
    size_t entry_count;
};

struct nw_log_spec {
    enum nw_level level;
    bool json;
};

struct nw_config {
    const char *name;
    bool name_given;      /* otherwise it is made of the file's */
    const char *instance; /* NULL: made once and kept in state_dir */
    const char *state_dir;
    const char *admin_listen; /* "127.0.0.1:8223"; NULL: off */
    bool admin_listen_given;
    const char *admin_token;
    int64_t shutdown_timeout_ms;
    int64_t memory; /* bytes of messages in flight, for the whole process */
    unsigned workers;
    struct nw_log_spec log;
    struct nw_connection_spec *nats; /* the hub; always there */
    struct nw_connection_spec **connections;
    size_t connection_count;
    struct nw_route_spec **routes;
    size_t route_count;
    struct nw_table routes_by_name;
    size_t avro_registries, avro_subjects; /* how many the steps name: see nw_avro_registry */
    struct nw_lookup_spec *lookups;
    struct nw_test_spec *tests;
    size_t test_count;
    struct nw_arena *arena; /* what everything above lives in, and the configuration itself */
};

/* One mistake or warning. */
struct nw_diagnostic {
    struct nw_mark mark;
    const char *route; /* NULL: of no route */
    const char *text;
    bool warning;
};

/* All of them; nw_config_load leaves them sorted by place. All that they name is copied, so that
 * they outlive the configuration. All zero is an empty list. */
struct nw_diagnostics {
    struct nw_diagnostic *items;
    size_t count, errors, capacity;
    struct nw_arena *arena;
};
void nw_diagnostics_done(struct nw_diagnostics *d);
/* mark and route may be NULL. */
void nw_diagnostics_add(struct nw_diagnostics *d, const struct nw_mark *mark, const char *route,
                        bool warning, const char *format, ...)
    __attribute__((format(printf, 5, 6)));
/* Writes "file:line:column: route: message\n" each, with "warning: " before a warning's message.
 * What is nowhere in a file has no place, what is of no route has no route. */
void nw_diagnostics_print(const struct nw_diagnostics *d, FILE *out);

struct nw_config_sources {
    const char *const *paths; /* files and folders */
    size_t count;
    const char *state_dir; /* from the command line, or NULL */
};

/*
 * Read, merge and check. Mistakes and warnings are appended to diagnostics. Returns 0 and *out,
 * which the caller frees; NW_EINVAL if there was any error; NW_ENOMEM. Touches no network.
 */
int nw_config_load(const struct nw_config_sources *sources, const struct nw_registry *registry,
                   struct nw_config **out, struct nw_diagnostics *diagnostics);
void nw_config_free(struct nw_config *config);

const struct nw_route_spec *nw_config_route(const struct nw_config *config, const char *name);

#endif
