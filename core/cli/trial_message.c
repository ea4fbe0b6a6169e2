/* SPDX-License-Identifier: Apache-2.0 */
/* The message of `natsway try`. What the source would take from the wire (an HTTP path's parameters
 * and query, its method) is taken from --address here. */
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/clock.h"
#include "base/suggest.h"
#include "base/timestamp.h"
#include "cli/try.h"
#include "mappings/pattern.h"

enum nw_exit nw_try_wrong(enum nw_exit result, const char *format, ...)
{
    va_list args;

    (void)fputs("natsway try: ", stderr);
    va_start(args, format);
    (void)vfprintf(stderr, format, args);
    va_end(args);
    (void)fputc('\n', stderr);
    return result;
}

static enum nw_exit no_memory(void)
{
    return nw_try_wrong(NW_EXIT_INTERNAL, "out of memory");
}

/* ---- --meta and --header ---- */

static const struct {
    const char *name;
    enum nw_meta meta;
} metas[] = {
    {"partition", NW_META_PARTITION}, {"offset", NW_META_OFFSET},
    {"sequence", NW_META_SEQUENCE},   {"qos", NW_META_QOS},
    {"line", NW_META_LINE},           {"retained", NW_META_RETAINED},
    {"status", NW_META_STATUS},       {"stream", NW_META_STREAM},
    {"method", NW_META_METHOD},       {"remote", NW_META_REMOTE},
};

static enum nw_exit set_number(struct nw_message *m, enum nw_meta meta, const char *name,
                               const char *value)
{
    char *end;
    int64_t number = strtoll(value, &end, 10);

    if (meta == NW_META_RETAINED && strcmp(value, "true") == 0) {
        number = 1;
    } else if (meta == NW_META_RETAINED && strcmp(value, "false") == 0) {
        number = 0;
    } else if (end == value || *end != '\0') {
        return nw_try_wrong(NW_EXIT_USAGE, "--meta %s wants a number, found \"%s\"", name, value);
    }
    nw_message_set_number(m, meta, number);
    return NW_EXIT_DONE;
}

static enum nw_exit unknown_meta(struct nw_slice name)
{
    struct nw_suggest s;
    const char *best;

    nw_suggest_init(&s, name);
    nw_suggest_offer(&s, "id");
    nw_suggest_offer(&s, "timestamp");
    for (size_t i = 0; i < sizeof metas / sizeof metas[0]; i++) {
        nw_suggest_offer(&s, metas[i].name);
    }
    best = nw_suggest_best(&s);
    return nw_try_wrong(NW_EXIT_USAGE,
                        "--meta: there is no \"%.*s\"%s%s%s; there are id, timestamp, partition, "
                        "offset, sequence, qos, retained, line, status, stream, method, remote, "
                        "param.NAME and query.NAME",
                        (int)name.len, name.data, best == NULL ? "" : ", did you mean \"",
                        best == NULL ? "" : best, best == NULL ? "" : "\"?");
}

static enum nw_exit set_named(struct nw_message *m, struct nw_slice name, const char *value)
{
    for (size_t i = 0; i < sizeof metas / sizeof metas[0]; i++) {
        if (!nw_slice_equal(name, nw_slice_text(metas[i].name))) {
            continue;
        }
        if (metas[i].meta < NW_META_NUMBERS) {
            return set_number(m, metas[i].meta, metas[i].name, value);
        }
        nw_message_set_text(m, metas[i].meta, nw_slice_text(value));
        return NW_EXIT_DONE;
    }
    return unknown_meta(name);
}

static enum nw_exit set_timestamp(struct nw_message *m, const char *value)
{
    struct nw_error error;
    int64_t ns;

    if (nw_timestamp_parse(nw_slice_text(value), &ns, &error) != 0) {
        return nw_try_wrong(NW_EXIT_USAGE, "--meta timestamp: %s", error.text);
    }
    nw_message_set_timestamp(m, ns);
    return NW_EXIT_DONE;
}

static bool takes_prefix(struct nw_slice *name, struct nw_slice prefix)
{
    if (!nw_slice_starts(*name, prefix) || name->len == prefix.len) {
        return false;
    }
    *name = (struct nw_slice){name->data + prefix.len, name->len - prefix.len};
    return true;
}

static enum nw_exit set_meta(struct nw_message *m, const char *text)
{
    const char *equals = strchr(text, '='), *value = equals == NULL ? NULL : equals + 1;
    struct nw_slice name;
    int rc;

    if (equals == NULL) {
        return nw_try_wrong(NW_EXIT_USAGE, "--meta wants name=value, found \"%s\"", text);
    }
    name = (struct nw_slice){text, (size_t)(equals - text)};
    if (nw_slice_equal(name, NW_LITERAL("id"))) {
        nw_message_set_origin(m, nw_slice_text(value));
        m->id = nw_slice_text(value);
        return NW_EXIT_DONE;
    }
    if (nw_slice_equal(name, NW_LITERAL("timestamp"))) {
        return set_timestamp(m, value);
    }
    if (takes_prefix(&name, NW_LITERAL("param."))) {
        rc = nw_message_add_param(m, name, nw_slice_text(value));
        return rc == 0 ? NW_EXIT_DONE : no_memory();
    }
    if (takes_prefix(&name, NW_LITERAL("query."))) {
        rc = nw_message_add_query(m, name, nw_slice_text(value));
        return rc == 0 ? NW_EXIT_DONE : no_memory();
    }
    return set_named(m, name, value);
}

static enum nw_exit set_header(struct nw_message *m, const char *text)
{
    const char *colon = strchr(text, ':'), *value;
    size_t len;

    if (colon == NULL || colon == text) {
        return nw_try_wrong(NW_EXIT_USAGE, "--header wants 'Name: value', found \"%s\"", text);
    }
    for (value = colon + 1; *value == ' ' || *value == '\t'; value++) {
    }
    for (len = strlen(value); len > 0 && (value[len - 1] == ' ' || value[len - 1] == '\t'); len--) {
    }
    if (nw_message_add_header(m, (struct nw_slice){text, (size_t)(colon - text)},
                              (struct nw_slice){value, len}) != 0) {
        return no_memory();
    }
    return NW_EXIT_DONE;
}

/* ---- the address ---- */

static struct nw_slice cut(struct nw_slice *rest, char at)
{
    const char *found = rest->len == 0 ? NULL : memchr(rest->data, at, rest->len);
    struct nw_slice head = *rest;

    if (found == NULL) {
        *rest = NW_ABSENT;
        return head;
    }
    head.len = (size_t)(found - rest->data);
    *rest = (struct nw_slice){found + 1, rest->len - head.len - 1};
    return head;
}

static int hex_digit(char c)
{
    return c >= '0' && c <= '9'   ? c - '0'
           : c >= 'a' && c <= 'f' ? c - 'a' + 10
           : c >= 'A' && c <= 'F' ? c - 'A' + 10
                                  : -1;
}

/* text without its %XX, in the message's memory; the absent slice without memory. */
static struct nw_slice decoded(struct nw_message *m, struct nw_slice text)
{
    char *out = nw_message_alloc(m, text.len + 1);
    size_t len = 0;

    if (out == NULL) {
        return NW_ABSENT;
    }
    for (size_t i = 0; i < text.len; i++) {
        int high = i + 2 < text.len && text.data[i] == '%' ? hex_digit(text.data[i + 1]) : -1;
        int low = high < 0 ? -1 : hex_digit(text.data[i + 2]);
        out[len++] = low < 0 ? text.data[i] : (char)(high * 16 + low);
        i += low < 0 ? 0 : 2;
    }
    return (struct nw_slice){out, len};
}

/* "{id}" of the pattern is what stands in its place in the path. */
static int add_params(struct nw_message *m, struct nw_slice pattern, struct nw_slice path)
{
    int rc = 0;

    while (rc == 0 && pattern.data != NULL && path.data != NULL) {
        struct nw_slice name = cut(&pattern, '/'), value = cut(&path, '/');
        if (name.len > 2 && name.data[0] == '{' && name.data[name.len - 1] == '}') {
            rc = nw_message_add_param(m, (struct nw_slice){name.data + 1, name.len - 2},
                                      decoded(m, value));
        }
    }
    return rc;
}

static int add_queries(struct nw_message *m, struct nw_slice text)
{
    int rc = 0;

    while (rc == 0 && text.len > 0) {
        struct nw_slice value = cut(&text, '&'), name = cut(&value, '=');
        value = value.data == NULL ? NW_LITERAL("") : decoded(m, value);
        rc = nw_message_add_query(m, decoded(m, name), value);
    }
    return rc;
}

/* "POST /hooks/a?x=1" as the HTTP source would take it apart; method and query may be left out. */
static enum nw_exit set_http_address(struct nw_message *m, const struct nw_route_spec *route,
                                     const char *text)
{
    const char *pattern = strchr(route->source.address, '/'), *slash = strchr(text, '/');
    struct nw_slice query = nw_slice_text(slash == NULL ? text : slash), path = cut(&query, '?');
    const char *blank = strchr(route->source.address, ' ');
    struct nw_slice method = {text, slash == NULL ? 0 : (size_t)(slash - text)};

    while (method.len > 0 && method.data[method.len - 1] == ' ') {
        method.len--;
    }
    if (method.len == 0 && blank != NULL) {
        method = (struct nw_slice){route->source.address, (size_t)(blank - route->source.address)};
    }
    nw_message_set_text(m, NW_META_METHOD, method);
    nw_message_set_address(m, path);
    if (add_params(m, nw_slice_text(pattern), path) != 0 || add_queries(m, query) != 0) {
        return no_memory();
    }
    return NW_EXIT_DONE;
}

static bool has_wildcards(const struct nw_route_spec *route)
{
    struct nw_pattern *pattern;
    bool has;

    if (nw_pattern_compile(route->scope.address, route->source.address, &pattern) != 0) {
        return false;
    }
    has = nw_pattern_wildcards(pattern) > 0;
    nw_pattern_free(pattern);
    return has;
}

static enum nw_exit set_address(struct nw_message *m, const struct nw_route_spec *route,
                                const char *given)
{
    const char *address = given == NULL ? route->source.address : given;
    enum nw_exit result = NW_EXIT_DONE;

    if (given == NULL && has_wildcards(route)) {
        return nw_try_wrong(NW_EXIT_USAGE, "the source's address %s has wildcards: say --address",
                            address);
    }
    if (route->scope.address == NW_ADDRESS_HTTP_PATH) {
        result = set_http_address(m, route, address);
    } else {
        nw_message_set_address(m, nw_slice_text(address));
    }
    if (result != NW_EXIT_DONE || nw_template_scope_matches(&route->scope, m->address)) {
        return result;
    }
    if (given == NULL) {
        return nw_try_wrong(
            NW_EXIT_USAGE, "the source's address %s has wildcards: say --address ADDRESS", address);
    }
    return nw_try_wrong(NW_EXIT_REFUSED, "--address %s cannot come from this route's source, %s",
                        address, route->source.address);
}

/* Numbers that the source knows are 0 unless they were set. */
static void set_defaults(struct nw_message *m, const struct nw_route_spec *route)
{
    nw_message_set_timestamp(m, nw_clock_real_ns());
    nw_message_set_origin(m, NW_LITERAL("try-1"));
    m->id = NW_LITERAL("try-1");
    for (enum nw_meta meta = 0; meta < NW_META_NUMBERS; meta++) {
        if ((route->scope.has & NW_HAS(meta)) != 0) {
            nw_message_set_number(m, meta, 0);
        }
    }
}

enum nw_exit nw_try_fill(struct nw_message *m, const struct nw_route_spec *route,
                         const struct nw_arguments *arguments, struct nw_slice payload)
{
    enum nw_exit result;

    set_defaults(m, route);
    nw_message_set_payload(m, payload);
    if (arguments->key != NULL) {
        nw_message_set_key(m, nw_slice_text(arguments->key));
    }
    result = set_address(m, route, arguments->address);
    for (size_t i = 0; result == NW_EXIT_DONE && i < arguments->header_count; i++) {
        result = set_header(m, arguments->headers[i]);
    }
    for (size_t i = 0; result == NW_EXIT_DONE && i < arguments->meta_count; i++) {
        result = set_meta(m, arguments->metas[i]);
    }
    return result;
}
