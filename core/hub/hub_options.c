/* SPDX-License-Identifier: Apache-2.0 */
#include "hub/hub_options.h"

#include <errno.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/buffer.h"
#include "hub/nkey.h"
#include "hub/subject.h"

#define PROBE_MS 5000
#define AT(member) offsetof(struct nw_hub_options, member)
#define TLS_AT(member) offsetof(struct nw_hub_tls, member)

static const struct nw_option tls_rows[] = {
    {.name = "ca",
     .type = NW_OPTION_PATH,
     .offset = TLS_AT(ca),
     .doc = "file with the certificates that may have signed the server's; default: the system's"},
    {.name = "cert",
     .type = NW_OPTION_PATH,
     .offset = TLS_AT(cert),
     .doc = "file with our certificate chain, for a server that verifies clients"},
    {.name = "key",
     .type = NW_OPTION_PATH,
     .offset = TLS_AT(key),
     .doc = "file with the private key of cert"},
    {.name = "server_name",
     .type = NW_OPTION_TEXT,
     .offset = TLS_AT(server_name),
     .doc = "name the server's certificate must have; default: the host in the URL"},
    {.name = "insecure",
     .type = NW_OPTION_BOOL,
     .offset = TLS_AT(insecure),
     .standard = "false",
     .doc = "do not verify the server's certificate; for tests only"},
    {.name = NULL},
};

const struct nw_option nw_hub_option_rows[] = {
    {.name = "url",
     .type = NW_OPTION_LIST,
     .offset = AT(url),
     .standard = "nats://127.0.0.1:4222",
     .doc = "URL of a server, or a list of them: nats://host:port or tls://host:port"},
    {.name = "credentials",
     .type = NW_OPTION_PATH,
     .offset = AT(credentials),
     .doc = "credentials file (JWT and nkey seed)"},
    {.name = "nkey_seed_file",
     .type = NW_OPTION_PATH,
     .offset = AT(nkey_seed_file),
     .doc = "file with an nkey user seed (SU…)"},
    {.name = "user", .type = NW_OPTION_TEXT, .offset = AT(user), .doc = "user name"},
    {.name = "password", .type = NW_OPTION_SECRET, .offset = AT(password), .doc = "its password"},
    {.name = "token", .type = NW_OPTION_SECRET, .offset = AT(token), .doc = "access token"},
    {.name = "name",
     .type = NW_OPTION_TEXT,
     .offset = AT(name),
     .doc = "name of the connection in the server's monitoring; default: natsway and the bridge"},
    {.name = "inbox_prefix",
     .type = NW_OPTION_TEXT,
     .offset = AT(inbox_prefix),
     .standard = "_INBOX",
     .doc = "first token of the subjects on which answers come, for accounts that restrict them"},
    {.name = "tls",
     .type = NW_OPTION_GROUP,
     .offset = AT(tls),
     .rows = tls_rows,
     .doc = "TLS; a tls:// URL is enough where the system's certificates are"},
    {.name = NULL},
};

static void check_url(const char *url, struct nw_check *check)
{
    static const char *const schemes[] = {"nats://", "tls://"};
    const char *scheme = strstr(url, "://");

    if (url[0] == '\0') {
        nw_check_error(check, "url", "the URL is empty");
    }
    if (scheme == NULL) {
        return; /* host:port */
    }
    for (size_t i = 0; i < sizeof schemes / sizeof schemes[0]; i++) {
        if (strncmp(url, schemes[i], strlen(schemes[i])) == 0) {
            return;
        }
    }
    nw_check_error(check, "url", "expected nats://host:port or tls://host:port, found \"%.*s://\"",
                   (int)(scheme - url), url);
}

void nw_hub_options_check(const void *options, struct nw_check *check)
{
    const struct nw_hub_options *o = options;
    int ways = (o->credentials != NULL) + (o->nkey_seed_file != NULL) + (o->user != NULL) +
               (o->token != NULL);

    for (size_t i = 0; i < o->url.count; i++) {
        check_url(o->url.items[i], check);
    }
    if (ways > 1) {
        nw_check_error(check, NULL,
                       "give one of credentials, nkey_seed_file, user and password, token");
    }
    if (o->password != NULL && o->user == NULL) {
        nw_check_error(check, "password", "a password needs a user");
    }
    if ((o->tls.cert == NULL) != (o->tls.key == NULL)) {
        nw_check_error(check, o->tls.cert == NULL ? "tls.key" : "tls.cert",
                       "cert and key belong together");
    }
    if (o->inbox_prefix != NULL &&
        (!nw_subject_is_name(o->inbox_prefix) || strlen(o->inbox_prefix) > 20)) {
        nw_check_error(check, "inbox_prefix", "expected one subject token of at most 20 bytes");
    }
}

/* What nats.c says, without the place in its source that it begins with. */
static const char *text_of(natsStatus s)
{
    const char *text = nats_GetLastError(NULL), *end;

    if (text == NULL || text[0] == '\0') {
        return natsStatus_GetText(s);
    }
    end = text[0] == '(' ? strstr(text, "): ") : NULL;
    return end == NULL ? text : end + 3;
}

static int failed(struct nw_error *error, const char *what, natsStatus s)
{
    return nw_error_set(error, s == NATS_NO_MEMORY ? NW_ENOMEM : NW_EINVAL, "%s: %s", what,
                        text_of(s));
}

/* host:port of a URL; what stands before an "@" is a secret. */
static const char *host_of(const char *url)
{
    const char *at = strrchr(url, '@'), *scheme = strstr(url, "://");

    return at != NULL ? at + 1 : scheme != NULL ? scheme + 3 : url;
}

void nw_hub_options_explain(const struct nw_hub_options *options, natsStatus s,
                            struct nw_error *error)
{
    struct nw_buffer hosts = {0};

    for (size_t i = 0; i < options->url.count; i++) {
        nw_buffer_add_format(&hosts, "%s%s", i == 0 ? "" : ", ", host_of(options->url.items[i]));
    }
    if (s == NATS_NO_SERVER) {
        (void)nw_error_set(error, NW_EIO, "no NATS server answers at %.300s",
                           nw_buffer_text(&hosts));
    } else {
        (void)nw_error_set(error, NW_EIO, "NATS server %.200s: %.250s", nw_buffer_text(&hosts),
                           text_of(s));
    }
    nw_buffer_done(&hosts);
}

static int check_readable(const char *path, struct nw_error *error)
{
    if (path != NULL && access(path, R_OK) != 0) {
        return nw_error_set(error, NW_EINVAL, "cannot read %s: %s", path, strerror(errno));
    }
    return 0;
}

static int set_servers(natsOptions *out, const struct nw_list *url, const char *const *more,
                       int more_count, struct nw_error *error)
{
    size_t count = url->count + (size_t)more_count;
    const char **servers = calloc(count + 1, sizeof *servers);
    natsStatus s = NATS_NO_MEMORY;

    if (servers != NULL) {
        for (size_t i = 0; i < url->count; i++) {
            servers[i] = url->items[i];
        }
        for (int i = 0; i < more_count; i++) {
            servers[url->count + (size_t)i] = more[i];
        }
        s = natsOptions_SetServers(out, servers, (int)count);
    }
    free(servers);
    return s == NATS_OK ? 0 : failed(error, "url", s);
}

static int set_nkey(natsOptions *out, const char *file, struct nw_error *error)
{
    char public_key[NW_NKEY_PUBLIC];
    int rc = nw_nkey_public_from_file(file, public_key, error);
    natsStatus s;

    if (rc != 0) {
        return rc;
    }
    s = natsOptions_SetNKeyFromSeed(out, public_key, file);
    return s == NATS_OK ? 0 : failed(error, "nkey_seed_file", s);
}

static int set_authentication(natsOptions *out, const struct nw_hub_options *o,
                              struct nw_error *error)
{
    natsStatus s = NATS_OK;
    int rc = check_readable(o->credentials, error);

    rc = rc != 0 ? rc : check_readable(o->nkey_seed_file, error);
    if (rc != 0) {
        return rc;
    }
    if (o->nkey_seed_file != NULL) {
        return set_nkey(out, o->nkey_seed_file, error);
    }
    if (o->credentials != NULL) {
        s = natsOptions_SetUserCredentialsFromFiles(out, o->credentials, NULL);
    } else if (o->token != NULL) {
        s = natsOptions_SetToken(out, o->token);
    } else if (o->user != NULL) {
        s = natsOptions_SetUserInfo(out, o->user, o->password == NULL ? "" : o->password);
    }
    return s == NATS_OK ? 0 : failed(error, "authentication", s);
}

static bool wants_tls(const struct nw_hub_options *o)
{
    if (o->tls.ca != NULL || o->tls.cert != NULL || o->tls.insecure || o->tls.server_name != NULL) {
        return true;
    }
    for (size_t i = 0; i < o->url.count; i++) {
        if (strncmp(o->url.items[i], "tls://", 6) == 0) {
            return true;
        }
    }
    return false;
}

static int set_tls(natsOptions *out, const struct nw_hub_options *o, struct nw_error *error)
{
    natsStatus s;
    int rc = check_readable(o->tls.ca, error);

    rc = rc != 0 ? rc : check_readable(o->tls.cert, error);
    rc = rc != 0 ? rc : check_readable(o->tls.key, error);
    if (rc != 0 || !wants_tls(o)) {
        return rc;
    }
    s = natsOptions_SetSecure(out, true);
    if (s == NATS_OK && o->tls.ca != NULL) {
        s = natsOptions_LoadCATrustedCertificates(out, o->tls.ca);
        rc = s == NATS_OK ? 0 : failed(error, o->tls.ca, s);
    }
    if (s == NATS_OK && o->tls.cert != NULL) {
        s = natsOptions_LoadCertificatesChain(out, o->tls.cert, o->tls.key);
        rc = s == NATS_OK ? 0 : failed(error, o->tls.cert, s);
    }
    if (s == NATS_OK && o->tls.server_name != NULL) {
        s = natsOptions_SetExpectedHostname(out, o->tls.server_name);
    }
    if (s == NATS_OK && o->tls.insecure) {
        s = natsOptions_SkipServerVerification(out, true);
    }
    return rc != 0 || s == NATS_OK ? rc : failed(error, "tls", s);
}

int nw_hub_options_make(const struct nw_hub_options *options, const char *name,
                        const char *const *more, int more_count, natsOptions **out,
                        struct nw_error *error)
{
    natsOptions *o = NULL;
    natsStatus s = natsOptions_Create(&o);
    int rc;

    if (s == NATS_OK) {
        s = natsOptions_SetName(o, name);
    }
    rc = s == NATS_OK ? 0 : failed(error, "NATS", s);
    rc = rc != 0 ? rc : set_servers(o, &options->url, more, more_count, error);
    rc = rc != 0 ? rc : set_authentication(o, options, error);
    rc = rc != 0 ? rc : set_tls(o, options, error);
    if (rc != 0) {
        natsOptions_Destroy(o);
        return rc;
    }
    *out = o;
    return 0;
}

int nw_hub_options_probe(const void *options, struct nw_error *error)
{
    natsOptions *o = NULL;
    natsConnection *nc = NULL;
    natsStatus s;

    if (nw_hub_options_make(options, "natsway check", NULL, 0, &o, error) != 0) {
        return NW_EINVAL;
    }
    s = natsOptions_SetTimeout(o, PROBE_MS);
    s = s == NATS_OK ? natsOptions_SetAllowReconnect(o, false) : s;
    s = s == NATS_OK ? natsConnection_Connect(&nc, o) : s;
    if (s != NATS_OK) {
        nw_hub_options_explain(options, s, error);
    }
    natsConnection_Destroy(nc);
    natsOptions_Destroy(o);
    return s == NATS_OK ? 0 : NW_EIO;
}
