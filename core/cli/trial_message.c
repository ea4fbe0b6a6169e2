/* SPDX-License-Identifier: Apache-2.0 */
/* The message of a trial. What the source would take from the wire (an HTTP path's parameters and
 * query, its method) is taken from the address here. */
#include <stdio.h>
#include <stdlib.h>

#include "base/clock.h"
#include "base/suggest.h"
#include "base/timestamp.h"
#include "cli/trial.h"
#include "mappings/fill.h"
#include "mappings/pattern.h"

/* A message that is filled in. */
struct filling {
    struct nw_message *m;
    const struct nw_route_spec *route;
    const struct nw_trial_names *names;
    struct nw_error *error;
};

#define WRONG(f, result, ...) (nw_error_set((f)->error, NW_EINVAL, __VA_ARGS__), (result))

static enum nw_exit no_memory(const struct filling *f)
{
    return WRONG(f, NW_EXIT_INTERNAL, "out of memory");
}

/* ---- metadata ---- */

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

static enum nw_exit set_number(const struct filling *f, enum nw_meta meta, const char *name,
                               const char *value)
{
    char *end;
    int64_t number = strtoll(value, &end, 10);

    if (meta == NW_META_RETAINED && strcmp(value, "true") == 0) {
        number = 1;
    } else if (meta == NW_META_RETAINED && strcmp(value, "false") == 0) {
        number = 0;
    } else if (end == value || *end != '\0') {
        return WRONG(f, NW_EXIT_USAGE, "%s %s wants a number, found \"%s\"", f->names->meta, name,
                     value);
    }
    nw_message_set_number(f->m, meta, number);
    return NW_EXIT_DONE;
}

static enum nw_exit unknown_meta(const struct filling *f, struct nw_slice name)
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
    return WRONG(f, NW_EXIT_USAGE,
                 "%s: there is no \"%.*s\"%s%s%s there are id, timestamp, partition, offset, "
                 "sequence, qos, retained, line, status, stream, method, remote, param.NAME and "
                 "query.NAME",
                 f->names->meta, (int)name.len, name.data, best == NULL ? "" : "; did you mean \"",
                 best == NULL ? "" : best, best == NULL ? ";" : "\"?");
}

static enum nw_exit set_named(const struct filling *f, struct nw_slice name, const char *value)
{
    for (size_t i = 0; i < sizeof metas / sizeof metas[0]; i++) {
        if (!nw_slice_equal(name, nw_slice_text(metas[i].name))) {
            continue;
        }
        if (metas[i].meta < NW_META_NUMBERS) {
            return set_number(f, metas[i].meta, metas[i].name, value);
        }
        nw_message_set_text(f->m, metas[i].meta, nw_slice_text(value));
        return NW_EXIT_DONE;
    }
    return unknown_meta(f, name);
}

static enum nw_exit set_timestamp(const struct filling *f, const char *value)
{
    struct nw_error error;
    int64_t ns;

    if (nw_timestamp_parse(nw_slice_text(value), &ns, &error) != 0) {
        return WRONG(f, NW_EXIT_USAGE, "%s timestamp: %s", f->names->meta, error.text);
    }
    nw_message_set_timestamp(f->m, ns);
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

static enum nw_exit set_meta(const struct filling *f, const struct nw_test_pair *pair)
{
    struct nw_slice name = nw_slice_text(pair->name);
    const char *value = pair->value == NULL ? "" : pair->value;
    int rc;

    if (nw_slice_equal(name, NW_LITERAL("id"))) {
        nw_message_set_origin(f->m, nw_slice_text(value));
        return NW_EXIT_DONE;
    }
    if (nw_slice_equal(name, NW_LITERAL("timestamp"))) {
        return set_timestamp(f, value);
    }
    if (takes_prefix(&name, NW_LITERAL("param."))) {
        rc = nw_message_add_param(f->m, name, nw_slice_text(value));
        return rc == 0 ? NW_EXIT_DONE : no_memory(f);
    }
    if (takes_prefix(&name, NW_LITERAL("query."))) {
        rc = nw_message_add_query(f->m, name, nw_slice_text(value));
        return rc == 0 ? NW_EXIT_DONE : no_memory(f);
    }
    return set_named(f, name, value);
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
static enum nw_exit set_http_address(const struct filling *f, const char *text)
{
    struct nw_message *m = f->m;
    const struct nw_route_spec *route = f->route;
    const char *pattern = strchr(route->source.address, '/'), *slash = strchr(text, '/');
    struct nw_slice query = nw_slice_text(slash == NULL ? text : slash), path = cut(&query, '?');
    const char *blank = strchr(route->source.address, ' ');
    bool given = slash != NULL && slash != text;
    const char *methods = given ? text : blank != NULL ? route->source.address : "";
    struct nw_slice method = {methods, strcspn(methods, "| /")}; /* of several, the first */

    nw_message_set_text(m, NW_META_METHOD, method);
    nw_message_set_address(m, path);
    if (add_params(m, nw_slice_text(pattern), path) != 0 || add_queries(m, query) != 0) {
        return no_memory(f);
    }
    return NW_EXIT_DONE;
}

/* What an address of the source's messages must match, and may be: without the bucket of a key. */
static const char *addresses_of(const struct nw_route_spec *route)
{
    return route->scope.address == NW_ADDRESS_SUBJECT ? route->scope.pattern
                                                      : route->source.address;
}

/* 1, 0 or NW_ENOMEM. */
static int has_wildcards(const struct nw_route_spec *route)
{
    struct nw_pattern *pattern;
    int has;

    if (nw_pattern_compile(route->scope.address, addresses_of(route), &pattern) != 0) {
        return NW_ENOMEM;
    }
    has = nw_pattern_wildcards(pattern) > 0 ? 1 : 0;
    nw_pattern_free(pattern);
    return has;
}

/* "POST|PUT /path" takes POST. */
static bool takes_method(const char *source, struct nw_slice method)
{
    struct nw_slice methods = {source, strcspn(source, " /")};

    while (methods.data != NULL && methods.len > 0) {
        if (nw_slice_equal(cut(&methods, '|'), method)) {
            return true;
        }
    }
    return method.len == 0;
}

/* Can the source have the address that f's message has now? 1, 0 or NW_ENOMEM. */
static int is_of_source(const struct filling *f)
{
    const struct nw_route_spec *route = f->route;
    int matches = nw_template_scope_matches(&route->scope, f->m->address);
    struct nw_error error;

    if (matches <= 0) {
        return matches;
    }
    switch (route->scope.address) {
    case NW_ADDRESS_SUBJECT:
        return f->m->address.len == 0 ||
                       nw_fill_check(NW_FILL_SUBJECT, f->m->address, 0, &error) == 0
                   ? 1
                   : 0;
    case NW_ADDRESS_HTTP_PATH:
        return takes_method(route->source.address, nw_message_text(f->m, NW_META_METHOD)) ? 1 : 0;
    default:
        return 1;
    }
}

static enum nw_exit set_address(const struct filling *f, const char *given)
{
    const struct nw_route_spec *route = f->route;
    const char *address = given == NULL ? addresses_of(route) : given;
    enum nw_exit result = NW_EXIT_DONE;
    int matches, wildcards = given == NULL ? has_wildcards(route) : 0;

    if (wildcards < 0) {
        return no_memory(f);
    }
    if (wildcards == 1) {
        return WRONG(f, NW_EXIT_USAGE, "the source's address %s has wildcards: say %s", address,
                     f->names->address);
    }
    if (route->scope.address == NW_ADDRESS_HTTP_PATH) {
        result = set_http_address(f, address);
    } else {
        nw_message_set_address(f->m, nw_slice_text(address));
    }
    if (result != NW_EXIT_DONE) {
        return result;
    }
    matches = is_of_source(f);
    if (matches != 0) {
        return matches < 0 ? no_memory(f) : NW_EXIT_DONE;
    }
    if (given == NULL) {
        return WRONG(f, NW_EXIT_USAGE, "the source's address %s has wildcards: say %s", address,
                     f->names->address);
    }
    return WRONG(f, NW_EXIT_REFUSED, "%s %s cannot come from this route's source, %s",
                 f->names->address, address, route->source.address);
}

/* Numbers that the source knows are 0 unless they were set. */
static void set_defaults(struct nw_message *m, const struct nw_route_spec *route, unsigned number)
{
    char id[32];
    int n = snprintf(id, sizeof id, "try-%u", number == 0 ? 1 : number);

    nw_message_set_timestamp(m, nw_clock_real_ns());
    nw_message_set_origin(m, nw_message_copy(m, id, (size_t)n));
    for (enum nw_meta meta = 0; meta < NW_META_NUMBERS; meta++) {
        if ((route->scope.has & NW_HAS(meta)) != 0) {
            nw_message_set_number(m, meta, 0);
        }
    }
}

static enum nw_exit set_headers(const struct filling *f, const struct nw_test_pairs *headers)
{
    for (size_t i = 0; i < headers->count; i++) {
        const struct nw_test_pair *h = &headers->items[i];
        if (h->value != NULL &&
            nw_message_add_header(f->m, nw_slice_text(h->name), nw_slice_text(h->value)) != 0) {
            return no_memory(f);
        }
    }
    return NW_EXIT_DONE;
}

enum nw_exit nw_trial_fill(struct nw_message *m, const struct nw_route_spec *route,
                           const struct nw_test_message *given, const struct nw_trial_names *names,
                           struct nw_error *error)
{
    struct filling f = {m, route, names, error};
    enum nw_exit result;

    set_defaults(m, route, given->number);
    nw_message_set_payload(m, given->payload);
    if (given->key != NULL) {
        nw_message_set_key(m, nw_slice_text(given->key));
    }
    result = set_address(&f, given->address);
    if (given->key == NULL && strcmp(route->source.connector->name, "kv") == 0) {
        nw_message_set_key(m, nw_message_address(m));
    }
    result = result != NW_EXIT_DONE ? result : set_headers(&f, &given->headers);
    for (size_t i = 0; result == NW_EXIT_DONE && i < given->meta.count; i++) {
        result = set_meta(&f, &given->meta.items[i]);
    }
    return result;
}
