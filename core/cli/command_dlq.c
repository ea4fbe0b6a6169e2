/* SPDX-License-Identifier: Apache-2.0 */
/* `natsway dlq`: dead letters are listed, shown, changed, sent through their routes again, and
 * removed. */
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "cli/dlq.h"

enum nw_exit dlq_wrong(const struct dlq *d, enum nw_exit result, const char *format, ...)
{
    va_list args;

    (void)fflush(stdout);
    (void)fprintf(stderr, "natsway %s: ", d->name);
    va_start(args, format);
    (void)vfprintf(stderr, format, args);
    va_end(args);
    (void)fputc('\n', stderr);
    return result;
}

enum nw_exit dlq_failed(const struct dlq *d, int rc, const struct nw_error *error)
{
    return dlq_wrong(d,
                     rc == NW_EIO      ? NW_EXIT_UNREACHABLE
                     : rc == NW_ENOMEM ? NW_EXIT_INTERNAL
                                       : NW_EXIT_REFUSED,
                     "%s%s", rc == NW_EIO ? "NATS: " : "", error->text);
}

enum nw_exit dlq_begin(struct dlq *d, const char *name, const struct nw_arguments *arguments)
{
    struct nw_error error = {.text = ""};
    enum nw_exit result;
    int rc;

    *d = (struct dlq){.arguments = arguments, .name = name, .arena = nw_arena_new()};
    if (d->arena == NULL) {
        return dlq_wrong(d, NW_EXIT_INTERNAL, "out of memory");
    }
    result = dlq_read_filter(d);
    if (result != NW_EXIT_DONE) {
        return result;
    }
    result = nw_cli_load(arguments, arguments->operand_count, &d->registry, &d->config);
    if (result != NW_EXIT_DONE) {
        d->registry = NULL;
        d->config = NULL;
        return result;
    }
    rc = nw_letters_open(d->config->nats->options, &d->connection, &error);
    return rc != 0 ? dlq_failed(d, rc, &error) : dlq_find(d);
}

void dlq_end(struct dlq *d)
{
    nw_letters_close(d->connection);
    nw_config_free(d->config);
    nw_registry_free(d->registry);
    free(d->letters);
    nw_arena_free(d->arena);
}

/* ---- the actions ---- */

static enum nw_exit list(struct dlq *d)
{
    for (size_t i = 0; i < d->count; i++) {
        dlq_print(d, &d->letters[i]);
    }
    return NW_EXIT_DONE;
}

static enum nw_exit say_purged(const struct dlq *d, const char *word, size_t count)
{
    (void)d;
    (void)printf("%s %zu dead letter%s\n", word, count, count == 1 ? "" : "s");
    return NW_EXIT_DONE;
}

static enum nw_exit purge(struct dlq *d)
{
    size_t removed = 0;

    if (d->arguments->dry_run) {
        (void)list(d);
        return say_purged(d, "would purge", d->count);
    }
    for (size_t i = 0; i < d->count; i++) {
        const struct dlq_letter *letter = &d->letters[i];
        struct nw_error error = {.text = ""};
        int rc = nw_letters_remove(d->connection, letter->stream, letter->sequence, &error);
        if (rc != 0 && rc != NW_ENOTFOUND) {
            (void)say_purged(d, "purged", removed);
            return dlq_failed(d, rc, &error);
        }
        removed += rc == 0 ? 1 : 0;
    }
    return say_purged(d, "purged", removed);
}

static enum nw_exit run(const char *name, const struct nw_arguments *arguments,
                        enum nw_exit (*action)(struct dlq *d))
{
    struct dlq d;
    enum nw_exit result = dlq_begin(&d, name, arguments);

    result = result != NW_EXIT_DONE ? result : action(&d);
    dlq_end(&d);
    return result;
}

static enum nw_exit run_ls(const struct nw_arguments *arguments)
{
    return run("dlq ls", arguments, list);
}

static enum nw_exit run_show(const struct nw_arguments *arguments)
{
    return run("dlq show", arguments, dlq_show);
}

static enum nw_exit run_edit(const struct nw_arguments *arguments)
{
    if (arguments->sequence_count == 0) {
        (void)fputs("natsway dlq edit: which one? --seq N\n", stderr);
        return NW_EXIT_USAGE;
    }
    return run("dlq edit", arguments, dlq_edit);
}

static enum nw_exit run_retry(const struct nw_arguments *arguments)
{
    return run("dlq retry", arguments, dlq_retry);
}

static enum nw_exit run_purge(const struct nw_arguments *a)
{
    bool chosen = a->route_count > 0 || a->sequence_count > 0 || a->reason != NULL ||
                  a->since != NULL || a->subject != NULL;

    if (chosen == a->all) {
        (void)fprintf(stderr, "natsway dlq purge: %s\n",
                      chosen
                          ? "--all and a choice do not go together"
                          : "which ones? --route, --reason, --since, --seq, --subject, or --all");
        return NW_EXIT_USAGE;
    }
    return run("dlq purge", a, purge);
}

#define CHOICE " state-dir route reason since seq subject "

const struct nw_command nw_dlq_actions[] = {
    {"dlq ls", "FILE...", "list dead letters, a line each, the newest last", CHOICE "format ", 1,
     NW_CLI_VALUES_MAX, run_ls, NULL},
    {"dlq show", "FILE...", "show dead letters whole: headers, key and payload, as JSON lines",
     CHOICE, 1, NW_CLI_VALUES_MAX, run_show, NULL},
    {"dlq edit", "FILE...",
     "change one: its payload in $EDITOR, or to what standard input has; its key and headers",
     CHOICE "key header dry-run ", 1, NW_CLI_VALUES_MAX, run_edit, NULL},
    {"dlq retry", "FILE...",
     "send them through their routes again; what every target has confirmed is removed",
     CHOICE "format timeout dry-run ", 1, NW_CLI_VALUES_MAX, run_retry, NULL},
    {"dlq purge", "FILE...", "remove those that are chosen", CHOICE "all dry-run ", 1,
     NW_CLI_VALUES_MAX, run_purge, NULL},
    {NULL, NULL, NULL, NULL, 0, 0, NULL, NULL},
};
