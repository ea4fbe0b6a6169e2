/* SPDX-License-Identifier: Apache-2.0 */
/* `natsway try`: one message from standard input through a route's rules, with no network. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "base/base64.h"
#include "base/buffer.h"
#include "base/clock.h"
#include "base/compact.h"
#include "base/json.h"
#include "cli/cli.h"

#define INPUT_MAX (64u * 1024 * 1024)

static int wrong(const char *format, const char *what)
{
    (void)fputs("natsway try: ", stderr);
    (void)fprintf(stderr, format, what);
    (void)fputc('\n', stderr);
    return NW_EINVAL;
}

/* ---- the message ---- */

static int read_input(struct nw_buffer *out)
{
    ssize_t n;

    while (nw_buffer_reserve(out, 64 * 1024) &&
           (n = read(STDIN_FILENO, out->data + out->len, 64 * 1024)) != 0) {
        if (n < 0 && errno != EINTR) {
            return wrong("standard input: %s", strerror(errno));
        }
        out->len += n > 0 ? (size_t)n : 0;
        if (out->len > INPUT_MAX) {
            return wrong("%s", "the message is longer than 64 MiB");
        }
    }
    return out->failed ? wrong("%s", "out of memory") : 0;
}

/* 2026-01-01T00:00:00Z, with or without a fraction, as nanoseconds; -1 if it is none. */
static int64_t parse_time(const char *text)
{
    struct tm t = {.tm_year = 0};
    const char *rest = strptime(text, "%Y-%m-%dT%H:%M:%S", &t);
    int64_t fraction = 0, unit = NW_SECOND_NS;

    if (rest == NULL) {
        return -1;
    }
    if (*rest == '.') {
        for (rest++; *rest >= '0' && *rest <= '9'; rest++) {
            unit /= 10;
            fraction += (*rest - '0') * unit;
        }
    }
    return strcmp(rest, "Z") != 0 ? -1 : (int64_t)timegm(&t) * NW_SECOND_NS + fraction;
}

/* The numbers and texts of --meta, with their place in the message. */
static const struct {
    const char *name;
    enum nw_meta meta;
    bool number;
} metas[] = {
    {"partition", NW_META_PARTITION, true}, {"offset", NW_META_OFFSET, true},
    {"sequence", NW_META_SEQUENCE, true},   {"qos", NW_META_QOS, true},
    {"retained", NW_META_RETAINED, true},   {"line", NW_META_LINE, true},
    {"status", NW_META_STATUS, true},       {"stream", NW_META_STREAM, false},
    {"method", NW_META_METHOD, false},      {"remote", NW_META_REMOTE, false},
};

static int set_named(struct nw_message *m, struct nw_slice name, const char *value)
{
    for (size_t i = 0; i < sizeof metas / sizeof metas[0]; i++) {
        char *end;
        if (!nw_slice_equal(name, nw_slice_text(metas[i].name))) {
            continue;
        }
        if (!metas[i].number) {
            nw_message_set_text(m, metas[i].meta, nw_slice_text(value));
            return 0;
        }
        nw_message_set_number(m, metas[i].meta, strtoll(value, &end, 10));
        return *end != '\0' || end == value ? wrong("--meta: \"%s\" is not a number", value) : 0;
    }
    return wrong("--meta: there is no \"%s\"; there are id, timestamp, partition, offset, "
                 "sequence, qos, retained, line, status, stream, method, remote, param.NAME and "
                 "query.NAME",
                 name.data);
}

static int set_meta(struct nw_message *m, const char *text)
{
    const char *equals = strchr(text, '='), *value = equals == NULL ? NULL : equals + 1;
    struct nw_slice name;

    if (equals == NULL) {
        return wrong("--meta wants name=value, found \"%s\"", text);
    }
    name = (struct nw_slice){text, (size_t)(equals - text)};
    if (nw_slice_equal(name, NW_LITERAL("id"))) {
        nw_message_set_origin(m, nw_slice_text(value));
        return 0;
    }
    if (nw_slice_equal(name, NW_LITERAL("timestamp"))) {
        int64_t ns = parse_time(value);
        nw_message_set_timestamp(m, ns);
        return ns < 0 ? wrong("--meta: timestamp wants 2026-01-01T00:00:00Z, found \"%s\"", value)
                      : 0;
    }
    if (nw_slice_starts(name, NW_LITERAL("param."))) {
        return nw_message_add_param(m, (struct nw_slice){name.data + 6, name.len - 6},
                                    nw_slice_text(value));
    }
    if (nw_slice_starts(name, NW_LITERAL("query."))) {
        return nw_message_add_query(m, (struct nw_slice){name.data + 6, name.len - 6},
                                    nw_slice_text(value));
    }
    return set_named(m, name, value);
}

static int set_header(struct nw_message *m, const char *text)
{
    const char *colon = strchr(text, ':'), *value;

    if (colon == NULL || colon == text) {
        return wrong("--header wants 'Name: value', found \"%s\"", text);
    }
    for (value = colon + 1; *value == ' '; value++) {
    }
    return nw_message_add_header(m, (struct nw_slice){text, (size_t)(colon - text)},
                                 nw_slice_text(value));
}

static int set_address(struct nw_message *m, const struct nw_route_spec *route, const char *given)
{
    const char *address = given == NULL ? route->source.address : given;

    nw_message_set_address(m, nw_slice_text(address));
    if (nw_template_scope_matches(&route->scope, m->address)) {
        return 0;
    }
    return given == NULL ? wrong("the source's address %s has wildcards: say --address", address)
                         : wrong("the address %s cannot come from this route's source", address);
}

/* Numbers that the source knows are 0 unless they were set. */
static void set_defaults(struct nw_message *m, const struct nw_route_spec *route)
{
    nw_message_set_timestamp(m, nw_clock_real_ns());
    nw_message_set_origin(m, NW_LITERAL("try-1"));
    for (enum nw_meta meta = 0; meta < NW_META_NUMBERS; meta++) {
        if ((route->scope.has & NW_HAS(meta)) != 0) {
            nw_message_set_number(m, meta, 0);
        }
    }
}

static int fill(struct nw_message *m, const struct nw_route_spec *route,
                const struct nw_arguments *a, struct nw_slice payload)
{
    int rc;

    set_defaults(m, route);
    nw_message_set_payload(m, payload);
    if (a->key != NULL) {
        nw_message_set_key(m, nw_slice_text(a->key));
    }
    rc = set_address(m, route, a->address);
    for (size_t i = 0; rc == 0 && i < a->header_count; i++) {
        rc = set_header(m, a->headers[i]);
    }
    for (size_t i = 0; rc == 0 && i < a->meta_count; i++) {
        rc = set_meta(m, a->metas[i]);
    }
    return rc;
}

/* ---- what comes out ---- */

static bool first_of_name(const struct nw_message *m, uint32_t i)
{
    for (uint32_t k = 0; k < i; k++) {
        if (nw_slice_equal(m->headers.items[k].name, m->headers.items[i].name)) {
            return false;
        }
    }
    return true;
}

static void add_headers(struct nw_buffer *out, const struct nw_message *m)
{
    bool any = false;

    nw_buffer_add_text(out, ",\"headers\":{");
    for (uint32_t i = 0; i < m->headers.count; i++) {
        if (!first_of_name(m, i)) {
            continue;
        }
        nw_buffer_add_text(out, any ? "," : "");
        nw_json_add_string(out, m->headers.items[i].name);
        nw_buffer_add_text(out, ":[");
        nw_json_add_string(out, m->headers.items[i].value);
        for (uint32_t k = i + 1; k < m->headers.count; k++) {
            if (nw_slice_equal(m->headers.items[k].name, m->headers.items[i].name)) {
                nw_buffer_add_text(out, ",");
                nw_json_add_string(out, m->headers.items[k].value);
            }
        }
        nw_buffer_add_text(out, "]");
        any = true;
    }
    nw_buffer_add_text(out, "}");
}

static void add_payload(struct nw_buffer *out, struct nw_slice payload)
{
    if (payload.data == NULL) {
        nw_buffer_add_text(out, ",\"payload\":null");
        return;
    }
    if (!nw_utf8_valid(payload)) {
        nw_buffer_add_text(out, ",\"payload_base64\":\"");
        nw_base64_encode(out, payload);
        nw_buffer_add_text(out, "\"");
        return;
    }
    nw_buffer_add_text(out, ",\"payload\":");
    if (!nw_json_compact(out, payload)) {
        nw_json_add_string(out, payload);
    }
}

static void print_message(const struct nw_sink_spec *sink, const struct nw_message *m)
{
    struct nw_buffer out = {NULL, 0, 0, false};

    nw_buffer_add_text(&out, "{\"to\":");
    nw_json_add_string(&out, nw_slice_text(sink->connector->name));
    nw_buffer_add_text(&out, ",\"address\":");
    nw_json_add_string(&out, m->address);
    nw_buffer_add_text(&out, ",\"key\":");
    nw_json_add_string_or_null(&out, m->key);
    add_headers(&out, m);
    add_payload(&out, m->payload);
    (void)printf("%s}\n", nw_buffer_text(&out));
    nw_buffer_done(&out);
}

static enum nw_exit print_rejected(const char *why)
{
    struct nw_buffer out = {NULL, 0, 0, false};

    nw_json_add_string(&out, nw_slice_text(why));
    (void)printf("{\"rejected\":%s}\n", nw_buffer_text(&out));
    nw_buffer_done(&out);
    return NW_EXIT_REFUSED;
}

static int render(const struct nw_sink_spec *sink, size_t index, struct nw_message *m,
                  struct nw_error *error)
{
    int rc = 0;

    if (sink->key_slot != 0) {
        rc = nw_template_render(sink->templates[sink->key_slot - 1], m, &m->key, error);
    }
    if (rc == 0 && (index != 0 || (m->numbers_set & NW_MESSAGE_SUBJECT_SET) == 0)) {
        rc = nw_template_render(sink->address_template, m, &m->address, error);
    }
    return rc;
}

static int send_to(const struct nw_sink_spec *sink, size_t index, struct nw_message *m,
                   struct nw_error *error)
{
    struct nw_message *own = nw_message_derive(m);
    int rc;

    if (own == NULL) {
        return nw_error_set(error, NW_ENOMEM, "out of memory");
    }
    rc = render(sink, index, own, error);
    if (rc == 0) {
        print_message(sink, own);
    }
    nw_message_unref(own);
    return rc;
}

/* Returns how many targets took it, or a negative error. */
static int send_all(const struct nw_route_spec *route, struct nw_mapper *mapper,
                    struct nw_message *m, bool otherwise, struct nw_error *error)
{
    int count = 0;

    for (size_t i = 0; i < route->sink_count; i++) {
        const struct nw_sink_spec *sink = &route->sinks[i];
        int rc = sink->otherwise != otherwise ? 0
                 : otherwise                  ? 1
                                              : nw_mapper_test(mapper, sink->when, m, error);
        if (rc == 1) {
            rc = send_to(sink, i, m, error);
            count++;
        }
        if (rc < 0) {
            return rc;
        }
    }
    return count;
}

static enum nw_exit deliver(const struct nw_route_spec *route, struct nw_mapper *mapper,
                            struct nw_message *m)
{
    struct nw_error error = {.text = ""};
    int count = send_all(route, mapper, m, false, &error);

    if (count == 0) {
        count = send_all(route, mapper, m, true, &error);
    }
    if (count < 0) {
        return print_rejected(error.text);
    }
    if (count == 0) {
        (void)puts("{\"filtered\":\"no target wants it\"}");
    }
    return NW_EXIT_DONE;
}

static enum nw_exit show(const struct nw_route_spec *route, struct nw_mapper *mapper,
                         struct nw_message *original)
{
    enum nw_exit result = NW_EXIT_DONE;
    struct nw_mapped mapped;

    if (nw_map_run(route->map, mapper, original, &mapped) != 0) {
        return NW_EXIT_INTERNAL;
    }
    if (mapped.outcome == NW_MAP_REJECTED) {
        return print_rejected(mapped.error.text);
    }
    if (mapped.outcome == NW_MAP_FILTERED) {
        (void)printf("{\"filtered\":\"step %u\"}\n", mapped.step);
        return NW_EXIT_DONE;
    }
    while (mapped.messages != NULL) {
        struct nw_message *next = mapped.messages->next;
        enum nw_exit one = deliver(route, mapper, mapped.messages);
        result = one == NW_EXIT_DONE ? result : one;
        nw_message_unref(mapped.messages);
        mapped.messages = next;
    }
    return result;
}

static enum nw_exit try_route(const struct nw_route_spec *route, const struct nw_arguments *a)
{
    struct nw_buffer input = {NULL, 0, 0, false};
    struct nw_mapper *mapper = nw_mapper_new();
    struct nw_message *m = nw_message_make();
    enum nw_exit result = NW_EXIT_USAGE;

    if (mapper == NULL || m == NULL) {
        result = NW_EXIT_INTERNAL;
    } else if (read_input(&input) == 0 && fill(m, route, a, nw_buffer_slice(&input)) == 0) {
        result = show(route, mapper, m);
    }
    nw_message_unref(m);
    nw_mapper_free(mapper);
    nw_buffer_done(&input);
    return result;
}

enum nw_exit nw_command_try(const struct nw_arguments *a)
{
    const struct nw_route_spec *route;
    struct nw_registry *registry;
    struct nw_config *config;
    enum nw_exit result = nw_cli_load(a, 1, &registry, &config, NULL);

    if (result != NW_EXIT_DONE) {
        return result;
    }
    route = nw_config_route(config, a->operands[1]);
    if (route == NULL) {
        (void)wrong("there is no route \"%s\" in the file", a->operands[1]);
        result = NW_EXIT_USAGE;
    } else {
        result = try_route(route, a);
    }
    nw_config_free(config);
    nw_registry_free(registry);
    return result;
}
