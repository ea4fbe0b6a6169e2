/* SPDX-License-Identifier: Apache-2.0 */
#include "http_remote.h"

#include <stdio.h>
#include <stdlib.h>
#include <strings.h>

#define FIRST_BODY 4096

void http_remote_check(const struct http_remote_options *options, struct nw_check *check)
{
    if ((options->tls.cert == NULL) != (options->tls.key == NULL)) {
        nw_check_error(check, options->tls.cert == NULL ? "tls.key" : "tls.cert",
                       "a certificate and its key go together: set both or none");
    }
    if ((options->auth.basic.user == NULL) != (options->auth.basic.password == NULL)) {
        nw_check_error(check, "auth.basic", "set both user and password");
    }
    if (options->auth.basic.user != NULL && options->auth.bearer != NULL) {
        nw_check_error(check, "auth", "choose one of basic and bearer");
    }
}

/* ---- The handle ---- */

static size_t collect(char *data, size_t size, size_t count, void *exchange)
{
    struct http_exchange *x = exchange;
    size_t len = size * count, needed = x->body_len + len;

    if (!x->wants_body) {
        return len;
    }
    if (needed > (size_t)x->options->max_response) {
        x->is_too_large = true;
        return 0;
    }
    if (needed > x->body_capacity) {
        curl_off_t announced = -1;
        curl_easy_getinfo(x->transfer.easy, CURLINFO_CONTENT_LENGTH_DOWNLOAD_T, &announced);
        size_t capacity = announced > 0 && announced <= x->options->max_response
                              ? (size_t)announced
                              : 2 * needed + FIRST_BODY;
        capacity = capacity < needed ? needed : capacity;
        char *body = realloc(x->body, capacity);
        if (body == NULL) {
            return 0;
        }
        x->body = body;
        x->body_capacity = capacity;
    }
    memcpy(x->body + x->body_len, data, len);
    x->body_len = needed;
    return len;
}

static void set_text(CURL *easy, CURLoption option, const char *text)
{
    if (text != NULL) {
        curl_easy_setopt(easy, option, text);
    }
}

static void set_security(CURL *easy, const struct http_remote_options *options)
{
    set_text(easy, CURLOPT_CAINFO, options->tls.ca);
    set_text(easy, CURLOPT_SSLCERT, options->tls.cert);
    set_text(easy, CURLOPT_SSLKEY, options->tls.key);
    if (options->tls.insecure) {
        curl_easy_setopt(easy, CURLOPT_SSL_VERIFYPEER, 0L);
        curl_easy_setopt(easy, CURLOPT_SSL_VERIFYHOST, 0L);
    }
    if (options->auth.basic.user != NULL) {
        curl_easy_setopt(easy, CURLOPT_HTTPAUTH, CURLAUTH_BASIC);
        set_text(easy, CURLOPT_USERNAME, options->auth.basic.user);
        set_text(easy, CURLOPT_PASSWORD, options->auth.basic.password);
    } else if (options->auth.bearer != NULL) {
        curl_easy_setopt(easy, CURLOPT_HTTPAUTH, CURLAUTH_BEARER);
        set_text(easy, CURLOPT_XOAUTH2_BEARER, options->auth.bearer);
    }
}

static void set_fixed(struct http_exchange *x)
{
    CURL *easy = x->transfer.easy;

    curl_easy_setopt(easy, CURLOPT_NOSIGNAL, 1L);
    curl_easy_setopt(easy, CURLOPT_PROTOCOLS_STR, "http,https");
    curl_easy_setopt(easy, CURLOPT_PATH_AS_IS, 1L);
    curl_easy_setopt(easy, CURLOPT_FOLLOWLOCATION, 0L);
    curl_easy_setopt(easy, CURLOPT_HTTP_VERSION, (long)CURL_HTTP_VERSION_2TLS);
    curl_easy_setopt(easy, CURLOPT_PIPEWAIT, 1L); /* rather a stream more than a connection */
    curl_easy_setopt(easy, CURLOPT_TCP_KEEPALIVE, 1L);
    curl_easy_setopt(easy, CURLOPT_USERAGENT, "natsway");
    curl_easy_setopt(easy, CURLOPT_WRITEFUNCTION, collect);
    curl_easy_setopt(easy, CURLOPT_WRITEDATA, x);
    curl_easy_setopt(easy, CURLOPT_ERRORBUFFER, x->failure);
    set_security(easy, x->options);
}

struct http_exchange *http_exchange_new(struct http_caller *caller,
                                        const struct http_remote_options *options)
{
    struct http_exchange *x = calloc(1, sizeof *x);

    if (x == NULL || (x->transfer.easy = curl_easy_init()) == NULL) {
        free(x);
        return NULL;
    }
    x->transfer.caller = caller;
    x->options = options;
    set_fixed(x);
    return x;
}

void http_exchange_free(struct http_exchange *x)
{
    if (x != NULL) {
        curl_easy_cleanup(x->transfer.easy);
        free(x->text);
        free(x->headers);
        free(x->body);
        free(x);
    }
}

/* ---- The request ---- */

void http_exchange_clear(struct http_exchange *x)
{
    x->text_len = x->header_count = x->body_len = 0;
    x->is_too_large = false;
    x->failure[0] = '\0';
}

/* Room for len more bytes of text. It is only ever followed by texts: pointers into it are made
 * when all are in, see http_exchange_start. */
static char *extend(struct http_exchange *x, size_t len)
{
    if (x->text_len + len > x->text_capacity) {
        size_t capacity = 2 * (x->text_len + len) + 256;
        char *text = realloc(x->text, capacity);
        if (text == NULL) {
            return NULL;
        }
        x->text = text;
        x->text_capacity = capacity;
    }
    char *start = x->text + x->text_len;
    x->text_len += len;
    return start;
}

static void set_method(struct http_exchange *x, struct nw_slice method)
{
    CURL *easy = x->transfer.easy;
    char name[32];

    snprintf(name, sizeof name, "%.*s", (int)method.len, method.data);
    curl_easy_setopt(easy, CURLOPT_CUSTOMREQUEST, NULL);
    x->sends_body = false;
    if (strcmp(name, "GET") == 0) {
        curl_easy_setopt(easy, CURLOPT_HTTPGET, 1L);
    } else if (strcmp(name, "HEAD") == 0) {
        curl_easy_setopt(easy, CURLOPT_NOBODY, 1L);
    } else {
        /* libcurl forgets NOBODY only when it is told so, and then asks with GET. */
        curl_easy_setopt(easy, CURLOPT_NOBODY, 0L);
        curl_easy_setopt(easy, CURLOPT_POST, 1L);
        x->sends_body = true;
        if (strcmp(name, "POST") != 0) {
            curl_easy_setopt(easy, CURLOPT_CUSTOMREQUEST, name);
        }
    }
}

int http_exchange_set_address(struct http_exchange *x, struct nw_slice address,
                              const char *usual_method)
{
    char *text = extend(x, address.len + 1);

    if (text == NULL) {
        return NW_ENOMEM;
    }
    memcpy(text, address.data, address.len);
    text[address.len] = '\0';
    struct http_address parsed = http_address_parse(text);
    if (memchr(address.data, '\0', address.len) != NULL || parsed.methods.len > 20 ||
        (strncasecmp(parsed.target, "http://", 7) != 0 &&
         strncasecmp(parsed.target, "https://", 8) != 0)) {
        return NW_EINVAL;
    }
    set_method(x, parsed.methods.len == 0 ? http_slice(usual_method) : parsed.methods);
    CURLcode rc = curl_easy_setopt(x->transfer.easy, CURLOPT_URL, parsed.target);
    x->url_at = (size_t)(parsed.target - text);
    return rc == CURLE_OK ? 0 : NW_ENOMEM;
}

static size_t put_base64(char *out, struct nw_slice in)
{
    static const char digits[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    size_t n = 0;

    for (size_t i = 0; i < in.len; i += 3) {
        unsigned bits = (unsigned)(unsigned char)in.data[i] << 16;
        bits |= i + 1 < in.len ? (unsigned)(unsigned char)in.data[i + 1] << 8 : 0;
        bits |= i + 2 < in.len ? (unsigned)(unsigned char)in.data[i + 2] : 0;
        out[n++] = digits[bits >> 18];
        out[n++] = digits[bits >> 12 & 63];
        out[n++] = i + 1 < in.len ? digits[bits >> 6 & 63] : '=';
        out[n++] = i + 2 < in.len ? digits[bits & 63] : '=';
    }
    return n;
}

static int add_line(struct http_exchange *x, size_t at)
{
    if (x->header_count == x->header_capacity) {
        size_t capacity = 2 * x->header_capacity + 8;
        struct curl_slist *headers = realloc(x->headers, capacity * sizeof *headers);
        if (headers == NULL) {
            return NW_ENOMEM;
        }
        x->headers = headers;
        x->header_capacity = capacity;
    }
    /* Until http_exchange_start: where in text it begins. */
    x->headers[x->header_count++].data = (char *)(uintptr_t)at;
    return 0;
}

int http_exchange_add_header(struct http_exchange *x, struct nw_slice name, struct nw_slice value)
{
    static const char prefix[] = "Natsway-B64-";
    bool plain = http_header_value_valid(value);
    size_t at = x->text_len;

    if (!http_header_name_valid(name)) {
        return 0; /* nothing could say its name */
    }
    char *text = extend(x, sizeof prefix + name.len + 4 + value.len * 4 / 3 + 4);
    if (text == NULL) {
        return NW_ENOMEM;
    }
    size_t n = 0;
    if (!plain) {
        memcpy(text, prefix, sizeof prefix - 1);
        n = sizeof prefix - 1;
    }
    memcpy(text + n, name.data, name.len);
    n += name.len;
    if (value.len == 0) {
        text[n++] = ';'; /* libcurl's way to write an empty one */
    } else {
        memcpy(text + n, ": ", 2);
        n += 2;
        if (plain) {
            memcpy(text + n, value.data, value.len);
            n += value.len;
        } else {
            n += put_base64(text + n, value);
        }
    }
    text[n] = '\0';
    return add_line(x, at);
}

int http_exchange_stop_expecting(struct http_exchange *x)
{
    static const char line[] = "Expect:"; /* libcurl's way to leave a header of its own out */
    size_t at = x->text_len;
    char *text = extend(x, sizeof line);

    if (text == NULL) {
        return NW_ENOMEM;
    }
    memcpy(text, line, sizeof line);
    return add_line(x, at);
}

bool http_exchange_has_header(const struct http_exchange *x, const char *name)
{
    size_t len = strlen(name);

    for (size_t i = 0; i < x->header_count; i++) {
        const char *line = x->text + (uintptr_t)x->headers[i].data;
        if (strncasecmp(line, name, len) == 0 && (line[len] == ':' || line[len] == ';')) {
            return true;
        }
    }
    return false;
}

void http_exchange_set_body(struct http_exchange *x, struct nw_slice body)
{
    CURL *easy = x->transfer.easy;

    if (!x->sends_body) {
        return; /* libcurl would make a POST of it */
    }
    curl_easy_setopt(easy, CURLOPT_POSTFIELDSIZE_LARGE, (curl_off_t)body.len);
    curl_easy_setopt(easy, CURLOPT_POSTFIELDS, body.len == 0 ? "" : body.data);
}

int http_exchange_start(struct http_exchange *x, int64_t timeout_ms)
{
    for (size_t i = 0; i < x->header_count; i++) {
        x->headers[i].data = x->text + (uintptr_t)x->headers[i].data;
        x->headers[i].next = i + 1 < x->header_count ? &x->headers[i + 1] : NULL;
    }
    curl_easy_setopt(x->transfer.easy, CURLOPT_HTTPHEADER,
                     x->header_count == 0 ? NULL : x->headers);
    curl_easy_setopt(x->transfer.easy, CURLOPT_TIMEOUT_MS, (long)timeout_ms);
    return http_client_start(&x->transfer);
}

/* ---- The answer ---- */

long http_exchange_status(const struct http_exchange *x)
{
    long status = 0;
    curl_easy_getinfo(x->transfer.easy, CURLINFO_RESPONSE_CODE, &status);
    return status;
}

uint32_t http_exchange_retry_after_ms(const struct http_exchange *x)
{
    curl_off_t seconds = 0;
    curl_easy_getinfo(x->transfer.easy, CURLINFO_RETRY_AFTER, &seconds);
    return seconds <= 0 ? 0 : seconds > 86400 ? 86400u * 1000 : (uint32_t)seconds * 1000;
}

struct nw_message *http_exchange_message(struct http_exchange *x, struct nw_endpoint *endpoint)
{
    struct nw_message *m = nw_message_new(endpoint);
    struct curl_header *header = NULL;

    if (m == NULL) {
        return NULL;
    }
    while ((header = curl_easy_nextheader(x->transfer.easy, CURLH_HEADER, -1, header)) != NULL) {
        struct nw_slice name = http_slice(header->name), value = http_slice(header->value);
        if (!http_header_comes_in(name) || http_name_equal(name, http_slice("Set-Cookie"))) {
            continue;
        }
        name = nw_message_copy(m, name.data, name.len);
        value = nw_message_copy(m, value.data, value.len);
        if (name.data == NULL || value.data == NULL || nw_message_add_header(m, name, value) != 0) {
            nw_message_unref(m);
            return NULL;
        }
    }
    nw_message_set_number(m, NW_META_STATUS, http_exchange_status(x));
    nw_message_set_payload(m, (struct nw_slice){x->body == NULL ? "" : x->body, x->body_len});
    if (x->body != NULL) {
        nw_message_set_release(m, free, x->body);
        x->body = NULL;
        x->body_capacity = 0;
    }
    return m;
}

void http_url_public(const char *url, char *text, size_t size)
{
    const char *host = strstr(url, "://");
    host = host == NULL ? url : host + 3;
    size_t host_len = strcspn(host, "/?#");
    const char *at = NULL;

    for (const char *c = host; c < host + host_len; c++) {
        at = *c == '@' ? c : at;
    }
    const char *rest = at == NULL ? host : at + 1;
    snprintf(text, size, "%.*s%.*s", (int)(host - url), url, (int)strcspn(rest, "?#"), rest);
}

void http_exchange_describe(const struct http_exchange *x, CURLcode code, char *text, size_t size)
{
    long status = http_exchange_status(x);
    char url[160];

    http_url_public(x->text + x->url_at, url, sizeof url);
    if (x->is_too_large) {
        snprintf(text, size, "%s answered more than max_response", url);
    } else if (code != CURLE_OK) {
        snprintf(text, size, "%s: %s", url,
                 x->failure[0] != '\0' ? x->failure : curl_easy_strerror(code));
    } else {
        snprintf(text, size, "%s answered %ld%s%s", url, status,
                 http_phrase(status)[0] == '\0' ? "" : " ", http_phrase(status));
    }
}
