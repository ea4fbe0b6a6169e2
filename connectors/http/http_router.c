/* SPDX-License-Identifier: Apache-2.0 */
#include "http_router.h"

#include <ctype.h>
#include <stdio.h>
#include <stdlib.h>

#include "http_text.h"

struct segment {
    struct nw_slice text; /* the literal, decoded; or the name */
    bool is_param;
};

struct route {
    char *text;  /* owns the bytes of methods and segments */
    char *owner; /* the natsway route */
    struct nw_slice methods[HTTP_METHODS];
    size_t method_count; /* 0: any */
    struct segment segments[HTTP_SEGMENTS];
    size_t segment_count;
    void **targets; /* the lanes; none: it was served */
    size_t target_count, turn;
    int64_t remembered_until_ns; /* without a target */
    struct route *next;
};

/* Sorted: what comes first is more specific. */
struct http_router {
    struct route *first;
};

struct http_router *http_router_new(void)
{
    return calloc(1, sizeof(struct http_router));
}

static void free_route(struct route *route)
{
    free(route->targets);
    free(route->owner);
    free(route->text);
    free(route);
}

void http_router_free(struct http_router *r)
{
    while (r != NULL && r->first != NULL) {
        struct route *route = r->first;
        r->first = route->next;
        free_route(route);
    }
    free(r);
}

/* ---- Reading a pattern ---- */

static int parse_methods(struct route *route, struct nw_slice methods, struct nw_error *error)
{
    size_t at = 0;

    if (methods.len == 0) {
        return nw_error_set(error, NW_EINVAL,
                            "expected a method before the path, like \"POST /hooks/{repo}\"");
    }
    while (at <= methods.len) {
        const char *start = methods.data + at;
        const char *bar = memchr(start, '|', methods.len - at);
        struct nw_slice method = {start, bar == NULL ? methods.len - at : (size_t)(bar - start)};
        at += method.len + 1;
        for (size_t i = 0; i < method.len; i++) {
            if (!isupper((unsigned char)method.data[i])) {
                method.len = 0;
            }
        }
        if (method.len == 0) {
            return nw_error_set(error, NW_EINVAL,
                                "expected methods in capitals, like POST or GET|POST, found "
                                "\"%.*s\"",
                                (int)methods.len, methods.data);
        }
        if (method.len == 3 && memcmp(method.data, "ANY", 3) == 0) {
            route->method_count = 0;
            return 0;
        }
        if (route->method_count == HTTP_METHODS) {
            return nw_error_set(error, NW_EINVAL, "at most %d methods, or ANY", HTTP_METHODS);
        }
        route->methods[route->method_count++] = method;
    }
    return 0;
}

static bool is_dots(struct nw_slice s)
{
    return (s.len == 1 && s.data[0] == '.') || (s.len == 2 && memcmp(s.data, "..", 2) == 0);
}

static int parse_param(struct route *route, struct segment *segment, struct nw_error *error)
{
    struct nw_slice name = {segment->text.data + 1, segment->text.len - 2};

    for (size_t i = 0; i < name.len; i++) {
        unsigned char c = (unsigned char)name.data[i];
        if (!isalnum(c) && c != '_' && c != '-') {
            name.len = 0;
        }
    }
    if (name.len == 0) {
        return nw_error_set(error, NW_EINVAL, "expected a name like {id}, found \"%.*s\"",
                            (int)segment->text.len, segment->text.data);
    }
    for (size_t i = 0; i < route->segment_count; i++) {
        const struct segment *other = &route->segments[i];
        if (other->is_param && other->text.len == name.len &&
            memcmp(other->text.data, name.data, name.len) == 0) {
            return nw_error_set(error, NW_EINVAL, "{%.*s} stands twice in the path", (int)name.len,
                                name.data);
        }
    }
    segment->is_param = true;
    segment->text = name;
    return 0;
}

static int parse_segment(struct route *route, char *text, size_t len, struct nw_error *error)
{
    struct segment segment = {{text, len}, false};

    if (route->segment_count == HTTP_SEGMENTS) {
        return nw_error_set(error, NW_EINVAL, "a path has at most %d segments", HTTP_SEGMENTS);
    }
    if (len >= 2 && text[0] == '{' && text[len - 1] == '}') {
        int rc = parse_param(route, &segment, error);
        if (rc != 0) {
            return rc;
        }
    } else {
        ptrdiff_t decoded = http_unescape(segment.text, text);
        if (len == 0 || decoded < 0 || memchr(text, '{', len) != NULL ||
            memchr(text, '}', len) != NULL || memchr(text, '?', len) != NULL) {
            return nw_error_set(error, NW_EINVAL,
                                "expected a path of segments, each a text or a {name}, like "
                                "/hooks/{repo}; no query, no empty segment");
        }
        segment.text.len = (size_t)decoded;
        if (is_dots(segment.text)) {
            return nw_error_set(error, NW_EINVAL, "a path cannot have \".\" or \"..\"");
        }
    }
    route->segments[route->segment_count++] = segment;
    return 0;
}

static int parse_path(struct route *route, char *path, struct nw_error *error)
{
    if (path[0] != '/') {
        return nw_error_set(error, NW_EINVAL, "expected a path that begins with \"/\"");
    }
    if (path[1] == '\0') {
        return 0;
    }
    while (*path == '/') {
        size_t len = strcspn(path + 1, "/");
        int rc = parse_segment(route, path + 1, len, error);
        if (rc != 0) {
            return rc;
        }
        path += len + 1;
    }
    return 0;
}

static int parse_route(struct nw_slice methods, const char *path, struct route **out,
                       struct nw_error *error)
{
    struct route *route = calloc(1, sizeof *route);
    size_t path_size = strlen(path) + 1;

    if (route == NULL || (route->text = malloc(methods.len + path_size)) == NULL) {
        free(route);
        return nw_error_set(error, NW_ENOMEM, "out of memory");
    }
    if (methods.len > 0) {
        memcpy(route->text, methods.data, methods.len);
    }
    memcpy(route->text + methods.len, path, path_size);
    methods.data = route->text;
    int rc = parse_methods(route, methods, error);
    if (rc == 0) {
        rc = parse_path(route, route->text + methods.len, error);
    }
    if (rc != 0) {
        free_route(route);
        return rc;
    }
    *out = route;
    return 0;
}

int http_route_check(struct nw_slice methods, const char *path, struct nw_error *error)
{
    struct route *route = NULL;
    int rc = parse_route(methods, path, &route, error);

    if (rc == 0) {
        free_route(route);
    }
    return rc;
}

/* ---- Changing the table ---- */

static bool same_text(struct nw_slice a, struct nw_slice b)
{
    return a.len == b.len && memcmp(a.data, b.data, a.len) == 0;
}

static bool names(const struct route *route, struct nw_slice method)
{
    for (size_t i = 0; i < route->method_count; i++) {
        if (same_text(route->methods[i], method)) {
            return true;
        }
    }
    return false;
}

static bool allows(const struct route *route, struct nw_slice method)
{
    return route->method_count == 0 || names(route, method);
}

/* The same segments are params. */
static bool same_shape(const struct route *a, const struct route *b)
{
    for (size_t i = 0; i < a->segment_count && i < b->segment_count; i++) {
        if (a->segments[i].is_param != b->segments[i].is_param) {
            return false;
        }
    }
    return a->segment_count == b->segment_count;
}

/* Would some request fit both, with nothing to prefer one? */
static bool collides(const struct route *a, const struct route *b)
{
    if (a->segment_count != b->segment_count) {
        return false;
    }
    for (size_t i = 0; i < a->segment_count; i++) {
        if (a->segments[i].is_param != b->segments[i].is_param ||
            (!a->segments[i].is_param && !same_text(a->segments[i].text, b->segments[i].text))) {
            return false;
        }
    }
    if (a->method_count == 0 || b->method_count == 0) {
        return a->method_count == b->method_count; /* a named method wins over ANY */
    }
    for (size_t i = 0; i < b->method_count; i++) {
        if (allows(a, b->methods[i])) {
            return true;
        }
    }
    return false;
}

/* A total order; patterns of different lengths never meet. */
static bool more_specific(const struct route *a, const struct route *b)
{
    if (a->segment_count != b->segment_count) {
        return a->segment_count < b->segment_count;
    }
    for (size_t i = 0; i < a->segment_count; i++) {
        if (a->segments[i].is_param != b->segments[i].is_param) {
            return b->segments[i].is_param;
        }
    }
    return a->method_count != 0 && b->method_count == 0;
}

static int add_target(struct route *route, void *target)
{
    void **targets = realloc(route->targets, (route->target_count + 1) * sizeof *targets);

    if (targets == NULL) {
        return NW_ENOMEM;
    }
    targets[route->target_count++] = target;
    route->targets = targets;
    return 0;
}

/* What was served before makes room. */
static void forget_collisions(struct http_router *r, const struct route *route)
{
    for (struct route **at = &r->first; *at != NULL;) {
        struct route *old = *at;
        if (old->target_count == 0 && collides(old, route)) {
            *at = old->next;
            free_route(old);
        } else {
            at = &old->next;
        }
    }
}

int http_router_add(struct http_router *r, struct nw_slice methods, const char *path,
                    const char *owner, void *target, struct nw_error *error)
{
    struct route *route = NULL;
    int rc = parse_route(methods, path, &route, error);

    if (rc != 0) {
        return rc;
    }
    forget_collisions(r, route);
    for (struct route *other = r->first; other != NULL; other = other->next) {
        if (!collides(other, route)) {
            continue;
        }
        free_route(route);
        if (strcmp(other->owner, owner) != 0) {
            return nw_error_set(error, NW_EINVAL, "%.*s %s is already served by route %s",
                                (int)methods.len, methods.data, path, other->owner);
        }
        return add_target(other, target) == 0 ? 0 : nw_error_set(error, NW_ENOMEM, "out of memory");
    }
    route->owner = strdup(owner);
    if (route->owner == NULL || add_target(route, target) != 0) {
        free_route(route);
        return nw_error_set(error, NW_ENOMEM, "out of memory");
    }
    struct route **at = &r->first;
    while (*at != NULL && !more_specific(route, *at)) {
        at = &(*at)->next;
    }
    route->next = *at;
    *at = route;
    return 0;
}

void http_router_remove(struct http_router *r, const void *target, int64_t remembered_until_ns)
{
    for (struct route *route = r->first; route != NULL; route = route->next) {
        size_t kept = 0;
        for (size_t i = 0; i < route->target_count; i++) {
            if (route->targets[i] != target) {
                route->targets[kept++] = route->targets[i];
            }
        }
        if (kept == 0 && route->target_count > 0) {
            route->remembered_until_ns = remembered_until_ns;
        }
        route->target_count = kept;
    }
}

/* ---- Finding ---- */

/* Cut and decode the path. Decoded segments go to scratch, one behind the other. */
static enum http_found split_path(struct nw_slice path, char *scratch, struct nw_slice *segments,
                                  size_t *count)
{
    size_t at = 1;

    *count = 0;
    if (path.len == 0 || path.data[0] != '/') {
        return HTTP_BAD_PATH;
    }
    while (at < path.len || (at == path.len && path.len > 1)) {
        const char *start = path.data + at;
        const char *slash = memchr(start, '/', path.len - at);
        struct nw_slice raw = {start, slash == NULL ? path.len - at : (size_t)(slash - start)};
        ptrdiff_t len = http_unescape(raw, scratch);
        struct nw_slice segment = {scratch, len < 0 ? 0 : (size_t)len};
        if (len < 0 || is_dots(segment)) {
            return HTTP_BAD_PATH;
        }
        if (len == 0 || *count == HTTP_SEGMENTS) {
            return HTTP_NO_PATH;
        }
        segments[(*count)++] = segment;
        scratch += len;
        at += raw.len + 1;
    }
    return HTTP_FOUND;
}

/* The address: each segment with '/' and '%' escaped again, so that its levels stay its levels. */
static struct nw_slice normalise(struct nw_slice path, const struct nw_slice *segments,
                                 size_t count, char *out)
{
    size_t n = 0;

    if (memchr(path.data, '%', path.len) == NULL) {
        return path;
    }
    for (size_t i = 0; i < count; i++) {
        out[n++] = '/';
        for (size_t j = 0; j < segments[i].len; j++) {
            char c = segments[i].data[j];
            if (c == '/' || c == '%') {
                memcpy(out + n, c == '/' ? "%2F" : "%25", 3);
                n += 3;
            } else {
                out[n++] = c;
            }
        }
    }
    return (struct nw_slice){out, n};
}

static bool fits(const struct route *route, const struct nw_slice *segments, size_t count)
{
    if (route->segment_count != count) {
        return false;
    }
    for (size_t i = 0; i < count; i++) {
        if (!route->segments[i].is_param && !same_text(route->segments[i].text, segments[i])) {
            return false;
        }
    }
    return true;
}

static void add_allowed_method(struct http_match *out, struct nw_slice name)
{
    size_t len = strlen(out->allow);
    char method[32];

    snprintf(method, sizeof method, "%.*s", (int)name.len, name.data);
    if (strstr(out->allow, method) == NULL && len + strlen(method) + 3 <= sizeof out->allow) {
        snprintf(out->allow + len, sizeof out->allow - len, "%s%s", len == 0 ? "" : ", ", method);
    }
}

static void add_allowed(struct http_match *out, const struct route *route)
{
    for (size_t i = 0; i < route->method_count; i++) {
        add_allowed_method(out, route->methods[i]);
        if (same_text(route->methods[i], http_slice("GET"))) {
            add_allowed_method(out, http_slice("HEAD"));
        }
    }
}

static void take_params(const struct route *route, const struct nw_slice *segments,
                        struct http_match *out)
{
    out->param_count = 0;
    for (size_t i = 0; i < route->segment_count; i++) {
        if (route->segments[i].is_param) {
            out->names[out->param_count] = route->segments[i].text;
            out->values[out->param_count++] = segments[i];
        }
    }
}

/* The route for a path that was cut; NULL: none, and out->allow says which methods would do. Who
 * answers GET answers HEAD (RFC 9110, 9.3.2), but for the path where a route names HEAD itself. */
static struct route *choose(struct http_router *r, struct nw_slice method,
                            const struct nw_slice *segments, size_t count, int64_t now_ns,
                            struct http_match *out)
{
    bool is_head = same_text(method, http_slice("HEAD"));
    struct route *get = NULL;

    for (struct route *route = r->first; route != NULL; route = route->next) {
        if ((route->target_count == 0 && now_ns >= route->remembered_until_ns) ||
            !fits(route, segments, count)) {
            continue;
        }
        if (get != NULL && !same_shape(get, route)) {
            return get;
        }
        if (names(route, method) || (get == NULL && allows(route, method))) {
            return route;
        }
        if (get == NULL && is_head && names(route, http_slice("GET"))) {
            get = route;
        }
        add_allowed(out, route);
    }
    return get;
}

enum http_found http_router_find(struct http_router *r, struct nw_slice method,
                                 struct nw_slice path, int64_t now_ns, struct http_match *out)
{
    struct nw_slice segments[HTTP_SEGMENTS];
    size_t count;
    enum http_found found = split_path(path, out->scratch, segments, &count);

    if (found != HTTP_FOUND) {
        return found;
    }
    out->allow[0] = '\0';
    struct route *route = choose(r, method, segments, count, now_ns, out);
    if (route == NULL) {
        return out->allow[0] == '\0' ? HTTP_NO_PATH : HTTP_NO_METHOD;
    }
    if (route->target_count == 0) {
        return HTTP_GONE;
    }
    take_params(route, segments, out);
    out->address = normalise(path, segments, count, out->scratch + path.len);
    out->target = route->targets[route->turn++ % route->target_count];
    return HTTP_FOUND;
}
