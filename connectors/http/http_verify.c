/* SPDX-License-Identifier: Apache-2.0 */
#include "http_verify.h"

#include <ctype.h>
#include <openssl/crypto.h>
#include <openssl/evp.h>
#include <openssl/params.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* The longest HMAC as text: SHA-512 in hexadecimal. */
#define MAC_TEXT (2 * EVP_MAX_MD_SIZE + 1)

enum { SHA256, SHA1, SHA512 };
enum { HEX, BASE64 };

#define HMAC(member) offsetof(struct http_hmac_options, member)

static const struct nw_option hmac_rows[] = {
    {.name = "secret",
     .type = NW_OPTION_SECRETS,
     .offset = HMAC(secret),
     .flags = NW_OPTION_REQUIRED,
     .doc = "what the sender signs with; a list while it changes: [new, old]"},
    {.name = "header",
     .type = NW_OPTION_TEXT,
     .offset = HMAC(header),
     .flags = NW_OPTION_REQUIRED,
     .doc = "the header with the signature"},
    {.name = "algorithm",
     .type = NW_OPTION_CHOICE,
     .offset = HMAC(algorithm),
     .choices = "sha256|sha1|sha512",
     .standard = "sha256",
     .doc = "the hash of the HMAC"},
    {.name = "prefix",
     .type = NW_OPTION_TEXT,
     .offset = HMAC(prefix),
     .standard = "",
     .doc = "what stands before the signature in its header, like sha256="},
    {.name = "encoding",
     .type = NW_OPTION_CHOICE,
     .offset = HMAC(encoding),
     .choices = "hex|base64",
     .standard = "hex",
     .doc = "how the signature is written"},
    {.name = "signed",
     .type = NW_OPTION_TEXT,
     .offset = HMAC(signs),
     .standard = "{body}",
     .doc = "what is signed: a text with {body}, {timestamp} and {id}"},
    {.name = "timestamp",
     .type = NW_OPTION_TEXT,
     .offset = HMAC(timestamp),
     .doc = "the header with the time of sending, in seconds since 1970"},
    {.name = "window",
     .type = NW_OPTION_DURATION,
     .offset = HMAC(window_ms),
     .standard = "5m",
     .min = 1000,
     .max = 24 * 3600 * 1000,
     .doc = "how far that time may be from now"},
    {.name = "id",
     .type = NW_OPTION_TEXT,
     .offset = HMAC(id),
     .doc = "the header that names the delivery: a repeat has the same, and is stored once"},
    {0},
};

const struct nw_option http_verify_rows[] = {
    {.name = "github",
     .type = NW_OPTION_SECRETS,
     .offset = offsetof(struct http_verify_options, github),
     .doc = "the secret of a GitHub webhook (X-Hub-Signature-256), or [new, old]"},
    {.name = "hmac",
     .type = NW_OPTION_GROUP,
     .offset = offsetof(struct http_verify_options, hmac),
     .rows = hmac_rows,
     .doc = "any other HMAC, spelled out"},
    {0},
};

static const struct http_hmac_options github = {
    .algorithm = {.index = SHA256},
    .encoding = {.index = HEX},
    .header = "X-Hub-Signature-256",
    .prefix = "sha256=",
    .signs = "{body}",
};

/* ---- before anything runs ---- */

static void check_secrets(const struct nw_list *secrets, const char *option, struct nw_check *check)
{
    for (size_t i = 0; i < secrets->count; i++) {
        if (secrets->items[i][0] == '\0') {
            nw_check_error(check, option, "an empty secret is none: anybody could sign");
        }
    }
}

/* What stands at text: the length of a {name} and which, or 0. */
enum { PART_BODY, PART_TIMESTAMP, PART_ID, PART_UNKNOWN };

static size_t part_at(const char *text, int *which)
{
    static const char *const names[] = {"{body}", "{timestamp}", "{id}"};
    const char *end;

    for (int i = 0; i < PART_UNKNOWN; i++) {
        if (strncmp(text, names[i], strlen(names[i])) == 0) {
            *which = i;
            return strlen(names[i]);
        }
    }
    end = text[0] == '{' ? strchr(text, '}') : NULL;
    *which = PART_UNKNOWN;
    return end == NULL ? 0 : (size_t)(end - text) + 1;
}

static void check_signed(const struct http_hmac_options *o, struct nw_check *check)
{
    bool has_body = false;

    for (const char *at = o->signs; *at != '\0';) {
        int which;
        size_t len = part_at(at, &which);
        if (len > 0 && which == PART_UNKNOWN) {
            nw_check_error(check, "verify.hmac.signed",
                           "expected {body}, {timestamp} or {id}, found \"%.*s\"", (int)len, at);
        } else if (len > 0 && ((which == PART_TIMESTAMP && o->timestamp == NULL) ||
                               (which == PART_ID && o->id == NULL))) {
            nw_check_error(check, "verify.hmac.signed",
                           "%.*s needs the name of its header: %s:", (int)len, at,
                           which == PART_ID ? "id" : "timestamp");
        }
        has_body |= len > 0 && which == PART_BODY;
        at += len > 0 ? len : 1;
    }
    if (!has_body) {
        nw_check_error(check, "verify.hmac.signed", "without {body} the body may be anything");
    }
    if (o->timestamp != NULL && strstr(o->signs, "{timestamp}") == NULL) {
        nw_check_error(check, "verify.hmac.signed",
                       "without {timestamp} the time may be anything, and a repeat has any");
    }
}

void http_verify_check(const struct http_verify_options *options, struct nw_check *check)
{
    const struct http_hmac_options *o = &options->hmac;

    check_secrets(&options->github, "verify.github", check);
    check_secrets(&o->secret, "verify.hmac.secret", check);
    if (o->secret.count > 0 && o->header != NULL) {
        check_signed(o, check);
    }
}

/* ---- a request ---- */

static bool add(EVP_MAC_CTX *c, struct nw_slice part)
{
    return part.len == 0 || EVP_MAC_update(c, (const unsigned char *)part.data, part.len) == 1;
}

static bool add_signed(EVP_MAC_CTX *c, const char *signs, const struct nw_slice *parts)
{
    bool good = true;

    while (*signs != '\0' && good) {
        int which;
        size_t len = part_at(signs, &which);
        good = len > 0 ? add(c, parts[which]) : add(c, (struct nw_slice){signs, 1});
        signs += len > 0 ? len : 1;
    }
    return good;
}

static void write_text(const unsigned char *mac, size_t len, int encoding, char *out)
{
    if (encoding == BASE64) {
        (void)EVP_EncodeBlock((unsigned char *)out, mac, (int)len);
        return;
    }
    for (size_t i = 0; i < len; i++) {
        (void)snprintf(out + 2 * i, 3, "%02x", mac[i]);
    }
}

/* The signature that a sender with this secret would have sent, without its prefix. */
static bool sign(const struct http_hmac_options *o, const char *secret,
                 const struct nw_slice *parts, char out[MAC_TEXT])
{
    static const char *const digests[] = {"SHA256", "SHA1", "SHA512"};
    OSSL_PARAM params[] = {OSSL_PARAM_construct_utf8_string(
                               "digest", (char *)(uintptr_t)digests[o->algorithm.index], 0),
                           OSSL_PARAM_construct_end()};
    EVP_MAC *hmac = EVP_MAC_fetch(NULL, "HMAC", NULL);
    EVP_MAC_CTX *c = hmac == NULL ? NULL : EVP_MAC_CTX_new(hmac);
    unsigned char mac[EVP_MAX_MD_SIZE];
    size_t len = 0;
    bool good = c != NULL &&
                EVP_MAC_init(c, (const unsigned char *)secret, strlen(secret), params) == 1 &&
                add_signed(c, o->signs, parts) && EVP_MAC_final(c, mac, &len, sizeof mac) == 1;

    if (good) {
        write_text(mac, len, o->encoding.index, out);
    }
    EVP_MAC_CTX_free(c);
    EVP_MAC_free(hmac);
    return good;
}

/* In a time that does not tell how much of it is right. */
static bool is_equal(struct nw_slice given, const char *expected, int encoding)
{
    char lower[MAC_TEXT];
    size_t len = strlen(expected);

    if (given.len != len) {
        return false;
    }
    for (size_t i = 0; i < len; i++) {
        lower[i] = encoding == HEX ? (char)tolower((unsigned char)given.data[i]) : given.data[i];
    }
    return CRYPTO_memcmp(lower, expected, len) == 0;
}

static const char *check_time(const struct http_hmac_options *o, struct nw_slice text,
                              int64_t now_s)
{
    char digits[24];
    int64_t sent_s, apart_s;

    if (text.len == 0 || text.len >= sizeof digits - 4) {
        return "the time of the signature is missing";
    }
    memcpy(digits, text.data, text.len);
    digits[text.len] = '\0';
    if (strspn(digits, "0123456789") != text.len) {
        return "the time of the signature is no number of seconds";
    }
    sent_s = strtoll(digits, NULL, 10);
    apart_s = sent_s > now_s ? sent_s - now_s : now_s - sent_s;
    return apart_s > o->window_ms / 1000 ? "the signature is too old, or not yet valid" : NULL;
}

static const char *verify_one(const struct http_hmac_options *o, const struct nw_list *secrets,
                              http_header_of *header_of, void *request, struct nw_slice body,
                              int64_t now_s)
{
    struct nw_slice given = header_of(request, o->header), parts[PART_UNKNOWN] = {body};
    size_t prefix = strlen(o->prefix);
    const char *why = NULL;
    bool good = false;

    if (given.data == NULL || given.len < prefix || memcmp(given.data, o->prefix, prefix) != 0) {
        return "the signature is missing";
    }
    given = (struct nw_slice){given.data + prefix, given.len - prefix};
    if (o->timestamp != NULL) {
        parts[PART_TIMESTAMP] = header_of(request, o->timestamp);
        why = check_time(o, parts[PART_TIMESTAMP], now_s);
    }
    if (o->id != NULL) {
        parts[PART_ID] = header_of(request, o->id);
    }
    for (size_t i = 0; i < secrets->count && why == NULL && !good; i++) {
        char expected[MAC_TEXT];
        good = sign(o, secrets->items[i], parts, expected) &&
               is_equal(given, expected, o->encoding.index);
    }
    return why != NULL || good ? why : "the signature is wrong";
}

const char *http_verify(const struct http_verify_options *options, http_header_of *header_of,
                        void *request, struct nw_slice body, int64_t now_s)
{
    const char *why = NULL;

    if (options->github.count > 0) {
        why = verify_one(&github, &options->github, header_of, request, body, now_s);
    }
    if (why == NULL && options->hmac.secret.count > 0) {
        why = verify_one(&options->hmac, &options->hmac.secret, header_of, request, body, now_s);
    }
    return why;
}
