/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The rows of what is no connector's: the top level of a file, a route, and the words that every
 * endpoint has. Keys that are no options (routes:, from:, map:) have rows too, so that they are
 * known, suggested and documented like the rest.
 */
#ifndef NATSWAY_CONFIG_ROWS_H
#define NATSWAY_CONFIG_ROWS_H

#include "config/config.h"

struct nw_settings {
    const char *name, *instance, *state_dir;
    int64_t shutdown_timeout_ms, memory, workers;
    struct {
        struct nw_choice level, format;
    } log;
};
extern const struct nw_option nw_settings_rows[];
/* Top-level keys that are read elsewhere. */
extern const struct nw_option nw_top_rows[];

struct nw_admin_settings {
    const char *listen, *token;
};
extern const struct nw_option nw_admin_rows[];

struct nw_route_options {
    const char *description;
    int64_t lanes, max_in_flight, map_timeout_ms;
    struct nw_choice order; /* index: enum nw_order */
    struct {
        int64_t max_size, max_age_ms;
        struct nw_choice full, sync; /* 1: drop_oldest; 1: none */
    } spool;
    struct {
        int64_t retries;
        const char *backoff, *dead_letter;
        struct nw_choice then; /* index: enum nw_then */
    } on_error;
    bool enabled, trace;
};
extern const struct nw_option nw_route_rows[];
/* Keys of a route that are read elsewhere. */
extern const struct nw_option nw_route_part_rows[];

struct nw_source_words {
    const char *connection;
};
extern const struct nw_option nw_source_word_rows[];

struct nw_sink_words {
    const char *connection, *when;
    bool otherwise;
};
extern const struct nw_option nw_sink_word_rows[];

struct nw_connection_words {
    const char *type;
};
extern const struct nw_option nw_connection_word_rows[];

/* The steps of `map:`. */
extern const struct nw_option nw_step_rows[];

/* Of `decode: {csv: …}` and `encode: {csv: …}`. */
struct nw_csv_words {
    const char *delimiter;
    bool header;
    struct nw_list columns;
};
extern const struct nw_option nw_csv_rows[];
/* Its `types:`, which is read elsewhere. */
extern const struct nw_option nw_csv_type_rows[];

/* Of `decode: {avro: …}` and `encode: {avro: …}`. */
struct nw_avro_words {
    const char *schema, *registry, *user, *password, *token, *name;
    struct {
        const char *ca;
    } tls;
    struct nw_choice subject; /* 1: record */
    bool registers;
};
extern const struct nw_option nw_avro_rows[];

struct nw_check_words {
    struct nw_list required;
};
extern const struct nw_option nw_check_rows[];
/* Its `types:`, which is read elsewhere: an unquoted null is a type. */
extern const struct nw_option nw_check_type_rows[];

struct nw_dedupe_words {
    const char *id; /* read elsewhere */
    int64_t window_ms, max_entries;
};
extern const struct nw_option nw_dedupe_rows[];

struct nw_lookup_words {
    const char *file, *kv, *key, *into, *by, *take, *delimiter;
    struct nw_choice format;
};
extern const struct nw_option nw_lookup_rows[];
/* Its `missing:`, which is read elsewhere: {value: …} may be anything. */
extern const struct nw_option nw_lookup_missing_rows[];

#endif
