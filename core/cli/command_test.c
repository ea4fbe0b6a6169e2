/* SPDX-License-Identifier: Apache-2.0 */
/* `natsway test`: the `tests:` of the files through their routes' rules, with no network. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "cli/test.h"

static const struct nw_trial_names names = {"message.address", "message.meta"};

/* What came out of one test. Messages are referenced, texts are copies. */
struct ends {
    struct nw_trial_end *items;
    size_t count, capacity;
    bool no_memory;
};

static void free_end(const struct nw_trial_end *end)
{
    nw_message_unref((struct nw_message *)end->message);
    free((char *)end->text);
}

static void take_end(void *context, const struct nw_trial_end *end)
{
    struct ends *ends = context;
    struct nw_trial_end copy = *end;

    if (ends->count == ends->capacity) {
        size_t capacity = ends->capacity == 0 ? 8 : ends->capacity * 2;
        struct nw_trial_end *items = realloc(ends->items, capacity * sizeof *items);
        if (items == NULL) {
            ends->no_memory = true;
            return;
        }
        ends->items = items;
        ends->capacity = capacity;
    }
    copy.text = end->text == NULL ? NULL : strdup(end->text);
    if (copy.message != NULL) {
        (void)nw_message_ref((struct nw_message *)copy.message);
    }
    ends->no_memory |= end->text != NULL && copy.text == NULL;
    ends->items[ends->count++] = copy;
}

/* One message through the rules; what comes out is added to ends. */
static void run_message(const struct nw_test_spec *test, const struct nw_test_message *given,
                        struct nw_mapper *mapper, struct ends *ends, struct nw_buffer *failure)
{
    struct nw_message *m = nw_message_make();
    struct nw_error error = {.text = "out of memory"};
    enum nw_exit result = NW_EXIT_INTERNAL;

    if (m != NULL) {
        result = nw_trial_fill(m, test->route, given, &names, &error);
    }
    if (result != NW_EXIT_DONE) {
        nw_buffer_add_format(failure, "    %s\n", error.text);
    } else if (nw_trial_run(test->route, mapper, m, take_end, ends) != 0 || ends->no_memory) {
        nw_buffer_add_text(failure, "    out of memory\n");
    }
    nw_message_unref(m);
}

/* Each test begins as a route that is started for the first time. */
static void forget_windows(const struct nw_map *map)
{
    struct nw_window *window;

    for (size_t i = 0; (window = nw_map_window(map, i)) != NULL; i++) {
        nw_window_close(window);
    }
}

/* Run it and append to failure what is not as expected. */
static void run_messages(const struct nw_config *config, const struct nw_test_spec *test,
                         struct nw_mapper *mapper, struct nw_buffer *failure)
{
    struct ends ends = {.items = NULL};

    forget_windows(test->route->map);
    if (nw_trial_lookups(config, test) != 0) {
        nw_buffer_add_text(failure, "    out of memory\n");
    }
    for (size_t i = 0; failure->len == 0 && i < test->message_count; i++) {
        run_message(test, &test->messages[i], mapper, &ends, failure);
    }
    if (failure->len == 0) {
        nw_test_compare(failure, test, ends.items, ends.count);
    }
    for (size_t i = 0; i < ends.count; i++) {
        free_end(&ends.items[i]);
    }
    free(ends.items);
}

static void run_test(const struct nw_config *config, struct nw_test_result *r,
                     struct nw_mapper *mapper)
{
    struct nw_buffer failure = {0}, name = {0};

    run_messages(config, r->test, mapper, &failure);
    nw_test_add_name(&name, r->test);
    (void)printf("%s %s\n%s", failure.len == 0 ? "ok  " : "FAIL", nw_buffer_text(&name),
                 nw_buffer_text(&failure));
    if (failure.len > 0) {
        r->failure = nw_buffer_take(&failure);
    }
    nw_buffer_done(&failure);
    nw_buffer_done(&name);
}

static enum nw_exit report(const struct nw_arguments *a, const struct nw_test_result *results,
                           size_t count)
{
    size_t failed = 0;
    int rc;

    for (size_t i = 0; i < count; i++) {
        failed += results[i].failure != NULL ? 1 : 0;
    }
    (void)printf("%zu test%s, %zu failed\n", count, count == 1 ? "" : "s", failed);
    if (a->junit != NULL && (rc = nw_test_write_junit(a->junit, results, count)) != 0) {
        (void)fprintf(stderr, "natsway test: --junit %s: %s\n", a->junit, strerror(rc));
        return NW_EXIT_INTERNAL;
    }
    return failed == 0 ? NW_EXIT_DONE : NW_EXIT_REFUSED;
}

static enum nw_exit run_all(const struct nw_arguments *a, const struct nw_config *config)
{
    struct nw_test_result *results = calloc(config->test_count + 1, sizeof *results);
    struct nw_mapper *mapper = nw_mapper_new();
    enum nw_exit result = NW_EXIT_INTERNAL;

    if (results == NULL || mapper == NULL) {
        (void)fputs("natsway test: out of memory\n", stderr);
    } else {
        for (size_t i = 0; i < config->test_count; i++) {
            results[i].test = &config->tests[i];
            run_test(config, &results[i], mapper);
        }
        result = report(a, results, config->test_count);
    }
    for (size_t i = 0; results != NULL && i < config->test_count; i++) {
        free(results[i].failure);
    }
    free(results);
    nw_mapper_free(mapper);
    return result;
}

enum nw_exit nw_command_test(const struct nw_arguments *a)
{
    struct nw_registry *registry;
    struct nw_config *config;
    enum nw_exit result = nw_cli_load(a, a->operand_count, &registry, &config);

    if (result != NW_EXIT_DONE) {
        return result;
    }
    result = run_all(a, config);
    nw_config_free(config);
    nw_registry_free(registry);
    return result;
}
