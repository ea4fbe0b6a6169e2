/* SPDX-License-Identifier: Apache-2.0 */
/*
 * How natsway gets into a NATS server: user and password, token, nkey, credentials file, TLS; and
 * what it says when it is not let in. A line of a file becomes a message of a stream: that takes a
 * publish, a PubAck through an inbox, and JetStream's API.
 */
#include "support/bridge.h"
#include "support/nats_server.h"
#include "support/wait.h"
#include <criterion/criterion.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* Made for these tests; they open nothing else. */
#define SEED "SUAACCAPCYOSIKZSHFAEOTSVLRRWU4LYP6DI3FE3UKU3BN56YXGNHWVCJA"
#define NKEY "UDSAGCMYZ7K22FZDYFU7SVVKBOPLQYM3LGJL2YJMFL2CR26HT6G7AGME"

#define ROUTE                                   \
    "routes:\n  r:\n    from: {file: in.txt}\n" \
    "    to: {jetstream: out, stream: {name: OUT, subjects: [out]}}\n"

static struct nwt_folder *folder;
static struct nwt_nats *nats;
static struct nwt_bridge *bridge;

static void set_up(void)
{
    char *in;

    folder = nwt_folder_new();
    in = nwt_folder_file(folder, "in.txt");
    nwt_file_write(in, "hello\n");
    free(in);
}

static void tear_down(void)
{
    nwt_bridge_free(bridge);
    nwt_nats_free(nats);
    nwt_folder_free(folder);
}

TestSuite(hub_login, .init = set_up, .fini = tear_down, .timeout = 600);

/* A bridge with `more` behind the URL in `nats:`. */
static void make_bridge(const char *scheme, const char *more)
{
    bridge = nwt_bridge_new(folder, "bridge", "nats: {url: \"%s://127.0.0.1:%d\"%s}\n" ROUTE,
                            scheme, nats->port, more);
}

static void expect_the_line(void)
{
    cr_assert(NWT_WAIT(20000, nwt_bridge_number(bridge, "r", "delivered") == 1), "%s",
              nwt_file_read(bridge->log, NULL));
    cr_assert(nwt_bridge_ready(bridge));
    cr_assert_eq(nwt_bridge_stop(bridge), 0);
}

static void lets_in(const char *server, const char *scheme, const char *ours)
{
    nats = nwt_nats_new(folder, server);
    make_bridge(scheme, ours);
    nwt_bridge_run(bridge);
    expect_the_line();
}

Test(hub_login, with_user_and_password)
{
    lets_in("authorization: {user: bridge, password: \"p@ss: w/rd\"}", "nats",
            ", user: bridge, password: \"p@ss: w/rd\"");
    cr_assert_not(nwt_bridge_logged(bridge, "p@ss"));
}

Test(hub_login, with_a_token)
{
    lets_in("authorization: {token: s3cret}", "nats", ", token: s3cret");
    cr_assert_not(nwt_bridge_logged(bridge, "s3cret"));
}

Test(hub_login, with_an_nkey)
{
    char *seed = nwt_folder_file(folder, "bridge.nk");

    nwt_file_write(seed, "%s\n", SEED);
    free(seed);
    lets_in("authorization: {users: [{nkey: " NKEY "}]}", "nats", ", nkey_seed_file: bridge.nk");
    cr_assert_not(nwt_bridge_logged(bridge, SEED));
}

Test(hub_login, with_a_credentials_file)
{
    char *operator_lines = nwt_file_read(NWT_DATA_FOLDER "/operator.conf", NULL);

    cr_assert_not_null(operator_lines);
    lets_in(operator_lines, "nats", ", credentials: " NWT_DATA_FOLDER "/user.creds");
    free(operator_lines);
}

/* A certificate for 127.0.0.1 that is its own authority, as NAME.pem with NAME.key. */
static void make_certificate(const char *name)
{
    char *log = nwt_folder_file(folder, "openssl.log");
    char *pem = nwt_folder_file(folder, "%s.pem", name);
    char *key = nwt_folder_file(folder, "%s.key", name);
    char *arguments[] = {"openssl",   "req",      "-x509",
                         "-newkey",   "rsa:2048", "-nodes",
                         "-days",     "2",        "-subj",
                         "/CN=tests", "-addext",  "subjectAltName=IP:127.0.0.1,DNS:localhost",
                         "-keyout",   key,        "-out",
                         pem,         NULL};
    struct nwt_process process;

    nwt_process_start(&process, arguments, NULL, log, log);
    cr_assert_eq(nwt_process_wait(&process, 60000), 0);
    free(log);
    free(pem);
    free(key);
}

/* The server's lines for TLS, which the caller frees. */
static char *tls_lines(const char *more)
{
    const char *path = nwt_folder_path(folder);
    char *text = NULL;

    cr_assert(asprintf(&text, "tls: {cert_file: \"%s/server.pem\", key_file: \"%s/server.key\"%s}",
                       path, path, more) > 0);
    return text;
}

Test(hub_login, over_tls_with_an_authority_of_its_own)
{
    char *lines;

    make_certificate("server");
    lines = tls_lines("");
    lets_in(lines, "tls", ", tls: {ca: server.pem}");
    free(lines);
}

Test(hub_login, over_tls_with_a_certificate_of_its_own)
{
    char *more = NULL, *lines;

    make_certificate("server");
    make_certificate("client");
    cr_assert(
        asprintf(&more, ", ca_file: \"%s/client.pem\", verify: true", nwt_folder_path(folder)) > 0);
    lines = tls_lines(more);
    lets_in(lines, "tls", ", tls: {ca: server.pem, cert: client.pem, key: client.key}");
    free(lines);
    free(more);
}

/* Nothing is moved to a server that cannot prove who it is. */
Test(hub_login, not_to_a_server_that_nobody_vouches_for)
{
    char *lines;

    make_certificate("server");
    make_certificate("other");
    lines = tls_lines("");
    nats = nwt_nats_new(folder, lines);
    free(lines);
    make_bridge("tls", ", tls: {ca: other.pem}");
    nwt_bridge_start(bridge, NULL);
    cr_assert(NWT_WAIT(20000, nwt_bridge_logged(bridge, "certificate verify failed") ||
                                  nwt_bridge_logged(bridge, "self-signed") ||
                                  nwt_bridge_logged(bridge, "SSL")),
              "%s", nwt_file_read(bridge->log, NULL));
    cr_assert_not(nwt_bridge_ready(bridge));
    cr_assert_eq(nwt_bridge_number(bridge, "r", "delivered"), 0);
    cr_assert_eq(nwt_bridge_stop(bridge), 0);
}

/* Refused again and again, which ends a connection of the library for good, and then let in. */
Test(hub_login, goes_on_trying_when_it_is_refused)
{
    nats = nwt_nats_new(folder, "authorization: {user: bridge, password: other}");
    make_bridge("nats", ", user: bridge, password: right");
    nwt_bridge_start(bridge, NULL);
    cr_assert(NWT_WAIT(20000, nwt_bridge_logged(bridge, "uthorization")), "%s",
              nwt_file_read(bridge->log, NULL));
    cr_assert_not(nwt_bridge_ready(bridge));
    nwt_nats_stop(nats);
    nwt_file_write(nats->config,
                   "listen: 127.0.0.1:%d\njetstream: {store_dir: \"%s/js\"}\n"
                   "authorization: {user: bridge, password: right}\n",
                   nats->port, nwt_folder_path(folder));
    nwt_nats_start(nats);
    expect_the_line();
}

/* The server says so later and beside the answer to the fence: it is no success. */
Test(hub_login, a_subject_that_is_not_allowed_is_an_error_of_the_route)
{
    nats = nwt_nats_new(folder, "authorization: {users: [{user: bridge, password: right,"
                                " permissions: {publish: {deny: \"secret.>\"}}}]}");
    bridge = nwt_bridge_new(folder, "bridge",
                            "nats: {url: \"%s\", user: bridge, password: right}\n"
                            "routes:\n  r:\n    from: {file: in.txt}\n    to: {nats: secret.x}\n",
                            nats->url);
    nwt_bridge_start(bridge, NULL);
    cr_assert(NWT_WAIT(20000, nwt_bridge_logged(bridge, "ermission")), "%s",
              nwt_file_read(bridge->log, NULL));
    cr_assert_eq(nwt_bridge_number(bridge, "r", "delivered"), 0);
    cr_assert(nwt_bridge_ledger_adds_up(bridge, "r"));
    cr_assert_eq(nwt_bridge_stop(bridge), 0);
}
