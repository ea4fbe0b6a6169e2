/* SPDX-License-Identifier: Apache-2.0 */
/* `natsway try`: one message from standard input through a route's rules, with no network. */
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "base/buffer.h"
#include "base/suggest.h"
#include "cli/try.h"

#define INPUT_MAX ((size_t)64 * 1024 * 1024)
#define READ_SIZE ((size_t)64 * 1024)

static enum nw_exit read_input(struct nw_buffer *out)
{
    ssize_t n = 1;

    while (n != 0 && out->len <= INPUT_MAX && nw_buffer_reserve(out, READ_SIZE)) {
        n = read(STDIN_FILENO, out->data + out->len, READ_SIZE);
        if (n < 0 && errno != EINTR) {
            return nw_try_wrong(NW_EXIT_REFUSED, "standard input: %s", strerror(errno));
        }
        out->len += n > 0 ? (size_t)n : 0;
    }
    if (out->failed) {
        return nw_try_wrong(NW_EXIT_INTERNAL, "out of memory");
    }
    if (out->len > INPUT_MAX) {
        return nw_try_wrong(NW_EXIT_REFUSED, "the message is longer than 64 MiB");
    }
    return NW_EXIT_DONE;
}

/* In the pump's order: the options first, so that an address sees the target's key. A value that is
 * not shown may still refuse the message. */
static int render(const struct nw_sink_spec *sink, size_t index, struct nw_message *m,
                  struct nw_error *error)
{
    struct nw_slice key = m->key;
    int rc = 0;

    for (size_t i = 0; rc == 0 && i < sink->template_count; i++) {
        struct nw_slice value;
        rc = nw_template_render(sink->templates[i], m, &value, error);
        if (rc == 0 && i + 1 == sink->key_slot) {
            key = value;
        }
    }
    m->key = key;
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
        nw_try_print_sent(sink, own);
    }
    nw_message_unref(own);
    return rc;
}

/* To the targets whose `when:` holds, or else to those with `otherwise:`. Returns how many, or a
 * negative error. */
static int send_all(const struct nw_route_spec *route, struct nw_mapper *mapper,
                    struct nw_message *m, bool otherwise, struct nw_error *error)
{
    int count = 0;

    for (size_t i = 0; i < route->sink_count; i++) {
        const struct nw_sink_spec *sink = &route->sinks[i];
        int rc = 0;
        if (sink->otherwise == otherwise) {
            rc = otherwise ? 1 : nw_mapper_test(mapper, sink->when, m, error);
        }
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
        nw_try_print_rejected(error.text);
        return NW_EXIT_REFUSED;
    }
    if (count == 0) {
        nw_try_print_filtered("when: no target takes it");
    }
    return NW_EXIT_DONE;
}

static enum nw_exit show(const struct nw_route_spec *route, struct nw_mapper *mapper,
                         struct nw_message *original)
{
    enum nw_exit result = NW_EXIT_DONE;
    struct nw_mapped mapped;
    char step[40];

    if (nw_map_run(route->map, mapper, original, &mapped) != 0) {
        return nw_try_wrong(NW_EXIT_INTERNAL, "out of memory");
    }
    if (mapped.outcome == NW_MAP_REJECTED) {
        nw_try_print_rejected(mapped.error.text);
        return NW_EXIT_REFUSED;
    }
    if (mapped.outcome == NW_MAP_FILTERED) {
        (void)snprintf(step, sizeof step, "step %u", mapped.step);
        nw_try_print_filtered(step);
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
    struct nw_mapper *mapper = nw_mapper_new();
    struct nw_message *m = nw_message_make();
    struct nw_buffer input = {0};
    enum nw_exit result;

    if (mapper == NULL || m == NULL) {
        result = nw_try_wrong(NW_EXIT_INTERNAL, "out of memory");
    } else {
        result = read_input(&input);
    }
    if (result == NW_EXIT_DONE) {
        result = nw_try_fill(m, route, a, nw_buffer_slice(&input));
    }
    if (result == NW_EXIT_DONE) {
        result = show(route, mapper, m);
    }
    nw_message_unref(m);
    nw_mapper_free(mapper);
    nw_buffer_done(&input);
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
    return nw_try_wrong(NW_EXIT_USAGE, "there is no route \"%s\"%s%s%s", name,
                        best == NULL ? "" : ", did you mean \"", best == NULL ? "" : best,
                        best == NULL ? "" : "\"?");
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
    result = route == NULL ? no_route(config, a->operands[1]) : try_route(route, a);
    nw_config_free(config);
    nw_registry_free(registry);
    return result;
}
