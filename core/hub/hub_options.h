/* SPDX-License-Identifier: Apache-2.0 */
/* The `nats:` block: its option rows, their check, and natsOptions made of them. */
#ifndef NATSWAY_HUB_HUB_OPTIONS_H
#define NATSWAY_HUB_HUB_OPTIONS_H

#include <nats/nats.h>
#include <natsway/connector.h>

struct nw_hub_tls {
    const char *ca, *cert, *key;
    const char *server_name;
    bool insecure;
};

struct nw_hub_options {
    struct nw_list url;
    const char *credentials;
    const char *nkey_seed_file;
    const char *user, *password, *token;
    const char *name;
    const char *inbox_prefix;
    struct nw_hub_tls tls;
};

extern const struct nw_option nw_hub_option_rows[];

/* No I/O. */
void nw_hub_options_check(const void *options, struct nw_check *check);

/*
 * Make natsOptions: servers (more: also those the servers told of), authentication and TLS. Reads
 * the files that are named. 0 with *out for natsOptions_Destroy, or NW_EINVAL with the reason: it
 * will not go away by itself.
 */
int nw_hub_options_make(const struct nw_hub_options *options, const char *name,
                        const char *const *more, int more_count, natsOptions **out,
                        struct nw_error *error);

/* Connect once, within 5 s, and go away again. 0, or an error with the reason. */
int nw_hub_options_probe(const void *options, struct nw_error *error);

/* Why natsConnection_Connect failed, for people: error is filled from s and the last error that
 * nats.c had on this thread. */
void nw_hub_options_explain(const struct nw_hub_options *options, natsStatus s,
                            struct nw_error *error);

#endif
