/* SPDX-License-Identifier: Apache-2.0 */
/* `natsway try`: one message from standard input through a route's rules, with no network. */
#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "base/suggest.h"
#include "cli/trial.h"

#define INPUT_MAX ((size_t)64 * 1024 * 1024)
#define READ_SIZE ((size_t)64 * 1024)

static const struct nw_trial_names names = {"--address", "--meta"};

static enum nw_exit wrong(enum nw_exit result, const char *format, ...)
    __attribute__((format(printf, 2, 3)));

static enum nw_exit wrong(enum nw_exit result, const char *format, ...)
{
    va_list args;

    (void)fputs("natsway try: ", stderr);
    va_start(args, format);
    (void)vfprintf(stderr, format, args);
    va_end(args);
    (void)fputc('\n', stderr);
    return result;
}

static enum nw_exit read_input(struct nw_buffer *out)
{
    ssize_t n = 1;

    while (n != 0 && out->len <= INPUT_MAX && nw_buffer_reserve(out, READ_SIZE)) {
        n = read(STDIN_FILENO, out->data + out->len, READ_SIZE);
        if (n < 0 && errno != EINTR) {
            return wrong(NW_EXIT_REFUSED, "standard input: %s", strerror(errno));
        }
        out->len += n > 0 ? (size_t)n : 0;
    }
    if (out->failed) {
        return wrong(NW_EXIT_INTERNAL, "out of memory");
    }
    if (out->len > INPUT_MAX) {
        return wrong(NW_EXIT_REFUSED, "the message is longer than 64 MiB");
    }
    return NW_EXIT_DONE;
}

/* ---- what the command line says of the message ---- */

static bool split(struct nw_arena *arena, const char *text, char at, struct nw_test_pair *out)
{
    const char *found = strchr(text, at);

    if (found == NULL) {
        return false;
    }
    out->name = nw_arena_copy(arena, (struct nw_slice){text, (size_t)(found - text)});
    out->value = found + 1;
    return out->name != NULL;
}

static bool is_blank(char c)
{
    return c == ' ' || c == '\t';
}

static enum nw_exit take_headers(struct nw_arena *arena, const struct nw_arguments *a,
                                 struct nw_test_pairs *out)
{
    for (size_t i = 0; i < a->header_count; i++) {
        struct nw_test_pair *pair = &out->items[out->count++];
        struct nw_slice value;

        if (a->headers[i][0] == ':' || !split(arena, a->headers[i], ':', pair)) {
            return wrong(NW_EXIT_USAGE, "--header wants 'Name: value', found \"%s\"",
                         a->headers[i]);
        }
        for (value = nw_slice_text(pair->value); value.len > 0 && is_blank(*value.data);) {
            value = (struct nw_slice){value.data + 1, value.len - 1};
        }
        while (value.len > 0 && is_blank(value.data[value.len - 1])) {
            value.len--;
        }
        pair->value = nw_arena_copy(arena, value);
    }
    return NW_EXIT_DONE;
}

static enum nw_exit take_metas(struct nw_arena *arena, const struct nw_arguments *a,
                               struct nw_test_pairs *out)
{
    for (size_t i = 0; i < a->meta_count; i++) {
        if (!split(arena, a->metas[i], '=', &out->items[out->count++])) {
            return wrong(NW_EXIT_USAGE, "--meta wants name=value, found \"%s\"", a->metas[i]);
        }
    }
    return NW_EXIT_DONE;
}

static enum nw_exit take_arguments(struct nw_arena *arena, const struct nw_arguments *a,
                                   struct nw_test_message *out)
{
    enum nw_exit result;

    out->address = a->address;
    out->key = a->key;
    out->headers.items = nw_arena_alloc(arena, NW_CLI_VALUES_MAX * sizeof *out->headers.items);
    out->meta.items = nw_arena_alloc(arena, NW_CLI_VALUES_MAX * sizeof *out->meta.items);
    if (out->headers.items == NULL || out->meta.items == NULL) {
        return wrong(NW_EXIT_INTERNAL, "out of memory");
    }
    result = take_headers(arena, a, &out->headers);
    return result != NW_EXIT_DONE ? result : take_metas(arena, a, &out->meta);
}

/* ---- running ---- */

static void print_end(void *context, const struct nw_trial_end *end)
{
    enum nw_exit *result = context;
    struct nw_buffer line = {0};

    nw_trial_add_end(&line, end);
    nw_buffer_add_char(&line, '\n');
    if (line.failed) {
        *result = wrong(NW_EXIT_INTERNAL, "out of memory");
    } else {
        (void)fwrite(nw_buffer_text(&line), 1, line.len, stdout);
    }
    nw_buffer_done(&line);
    if (end->kind == NW_EXPECT_REJECTED && *result == NW_EXIT_DONE) {
        *result = NW_EXIT_REFUSED;
    }
}

static enum nw_exit run(const struct nw_route_spec *route, const struct nw_test_message *given)
{
    struct nw_mapper *mapper = nw_mapper_new();
    struct nw_message *m = nw_message_make();
    struct nw_error error = {.text = "out of memory"};
    enum nw_exit result = NW_EXIT_INTERNAL;

    if (mapper != NULL && m != NULL) {
        result = nw_trial_fill(m, route, given, &names, &error);
    }
    if (result != NW_EXIT_DONE) {
        (void)wrong(result, "%s", error.text);
    } else if (nw_trial_run(route, mapper, m, print_end, &result) != 0) {
        result = wrong(NW_EXIT_INTERNAL, "out of memory");
    }
    nw_message_unref(m);
    nw_mapper_free(mapper);
    return result;
}

static enum nw_exit try_route(const struct nw_route_spec *route, const struct nw_arguments *a)
{
    struct nw_arena *arena = nw_arena_new();
    struct nw_buffer input = {0};
    struct nw_test_message given = {.address = NULL};
    enum nw_exit result =
        arena == NULL ? wrong(NW_EXIT_INTERNAL, "out of memory") : take_arguments(arena, a, &given);

    result = result != NW_EXIT_DONE ? result : read_input(&input);
    given.payload = nw_buffer_slice(&input);
    result = result != NW_EXIT_DONE ? result : run(route, &given);
    nw_buffer_done(&input);
    nw_arena_free(arena);
    return result;
}

static enum nw_exit no_route(const struct nw_config *config, const char *name)
{
    struct nw_suggest s;
    const char *best;

    nw_suggest_init(&s, nw_slice_text(name));
    for (size_t i = 0; i < config->route_count; i++) {
        nw_suggest_offer(&s, config->routes[i]->name);
    }
    best = nw_suggest_best(&s);
    return wrong(NW_EXIT_USAGE, "there is no route \"%s\"%s%s%s", name,
                 best == NULL ? "" : "; did you mean \"", best == NULL ? "" : best,
                 best == NULL ? "" : "\"?");
}

enum nw_exit nw_command_try(const struct nw_arguments *a)
{
    const struct nw_route_spec *route;
    struct nw_registry *registry;
    struct nw_config *config;
    enum nw_exit result = nw_cli_load(a, 1, &registry, &config);

    if (result != NW_EXIT_DONE) {
        return result;
    }
    route = nw_config_route(config, a->operands[1]);
    (void)nw_trial_lookups(config, NULL); /* nothing is given, so nothing takes memory */
    result = route == NULL ? no_route(config, a->operands[1]) : try_route(route, a);
    nw_config_free(config);
    nw_registry_free(registry);
    return result;
}
