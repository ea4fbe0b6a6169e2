/* SPDX-License-Identifier: Apache-2.0 */
#include <stdio.h>
#include <string.h>

#include "base/suggest.h"
#include "cli/cli.h"
#include "log/log.h"

/* One option: where its value goes. Exactly one of value, list and flag is set. */
struct option {
    const char *name, *operand, *doc;
    const char **value;
    const char **list;
    size_t *list_count;
    bool *flag;
    bool common; /* every command takes it */
};

#define OPTION_COUNT 24

static void options_of(struct nw_arguments *a, struct option out[OPTION_COUNT])
{
    const struct option options[OPTION_COUNT] = {
        {"connectors", "DIR", "look for connectors here first; may be given several times", NULL,
         a->connector_folders, &a->connector_folder_count, NULL, true},
        {"log-level", "LEVEL", "error, warning, info or debug", &a->log_level, NULL, NULL, NULL,
         true},
        {"log-format", "FORMAT", "text or json", &a->log_format, NULL, NULL, NULL, true},
        {"help", NULL, "how to use the command", NULL, NULL, NULL, &a->help, true},
        {"online", NULL, "connect to each system too", NULL, NULL, NULL, &a->online, false},
        {"state-dir", "DIR", "where cursors and spools are kept", &a->state_dir, NULL, NULL, NULL,
         false},
        {"address", "ADDRESS", "the address the message comes from", &a->address, NULL, NULL, NULL,
         false},
        {"key", "KEY", "the message's key", &a->key, NULL, NULL, NULL, false},
        {"header", "'NAME: VALUE'", "a header; may be given several times", NULL, a->headers,
         &a->header_count, NULL, false},
        {"meta", "NAME=VALUE", "what the source knows: id, timestamp, offset, param.x, query.x, …",
         NULL, a->metas, &a->meta_count, NULL, false},
        {"strict", NULL, "a warning is a mistake: exit 1", NULL, NULL, NULL, &a->strict, false},
        {"format", "FORMAT", "text, or json for programs", &a->format, NULL, NULL, NULL, false},
        {"route", "NAME", "only those of this route; may be given several times", NULL, a->routes,
         &a->route_count, NULL, false},
        {"reason", "TEXT", "only those whose reason has this text", &a->reason, NULL, NULL, NULL,
         false},
        {"since", "TIME", "only those since then: 2026-01-01T00:00:00Z, or 2h ago", &a->since, NULL,
         NULL, NULL, false},
        {"seq", "N", "only this sequence, or 5-9, or 5,7; may be given several times", NULL,
         a->sequences, &a->sequence_count, NULL, false},
        {"subject", "PATTERN", "only those stored under such a subject: dlq.orders, dlq.>",
         &a->subject, NULL, NULL, NULL, false},
        {"all", NULL, "all of them", NULL, NULL, NULL, &a->all, false},
        {"dry-run", NULL, "change nothing, only say what would be done", NULL, NULL, NULL,
         &a->dry_run, false},
        {"timeout", "DURATION", "how long to wait for a target that is away; default 10s",
         &a->timeout, NULL, NULL, NULL, false},
        {"junit", "FILE", "write the results there too, as JUnit XML", &a->junit, NULL, NULL, NULL,
         false},
        {"to", "TIME", "2026-01-31T12:00:00Z, beginning or end", &a->to, NULL, NULL, NULL, false},
        {"to-sequence", "N", "a stream's sequence, an offset of each partition, a file's line",
         &a->to_sequence, NULL, NULL, NULL, false},
        {"admin", "URL", "the admin address of the running bridge, http://127.0.0.1:8223",
         &a->admin, NULL, NULL, NULL, false},
    };
    memcpy(out, options, sizeof options);
}

static bool takes(const struct nw_command *command, const struct option *o)
{
    char name[64];

    (void)snprintf(name, sizeof name, " %s ", o->name);
    return o->common || strstr(command->options, name) != NULL;
}

static const struct option *find(const struct nw_command *command, const struct option *options,
                                 const char *name, size_t len)
{
    for (size_t i = 0; i < OPTION_COUNT; i++) {
        if (strlen(options[i].name) == len && memcmp(options[i].name, name, len) == 0 &&
            takes(command, &options[i])) {
            return &options[i];
        }
    }
    return NULL;
}

/* dashes: those at the head of argument that do not belong to the name. */
static int unknown(const struct nw_command *command, const struct option *options,
                   const char *argument, size_t dashes, size_t len)
{
    struct nw_suggest s;
    const char *meant;

    nw_suggest_init(&s, (struct nw_slice){argument + dashes, len});
    for (size_t i = 0; i < OPTION_COUNT; i++) {
        if (takes(command, &options[i])) {
            nw_suggest_offer(&s, options[i].name);
        }
    }
    meant = nw_suggest_best(&s);
    (void)fprintf(stderr, "natsway %s: there is no option %.*s%s%s%s\n", command->name,
                  (int)(len + dashes), argument, meant == NULL ? "" : "; did you mean --",
                  meant == NULL ? "" : meant, meant == NULL ? "" : "?");
    return NW_EINVAL;
}

static int store(const struct nw_command *command, const struct option *o, const char *value)
{
    if (o->flag != NULL) {
        *o->flag = true;
    } else if (o->value != NULL) {
        *o->value = value;
    } else if (*o->list_count < NW_CLI_VALUES_MAX) {
        o->list[(*o->list_count)++] = value;
    } else {
        (void)fprintf(stderr, "natsway %s: too many --%s\n", command->name, o->name);
        return NW_EINVAL;
    }
    return 0;
}

/* One option at argv[*at], with its value behind "=" or in the next argument. */
static int parse_option(const struct nw_command *command, const struct option *options, int argc,
                        char **argv, int *at)
{
    const char *argument = argv[*at], *equals = strchr(argument, '=');
    size_t len = equals == NULL ? strlen(argument) - 2 : (size_t)(equals - argument) - 2;
    const struct option *o = find(command, options, argument + 2, len);
    const char *value = equals == NULL ? NULL : equals + 1;

    if (o == NULL) {
        return unknown(command, options, argument, 2, len);
    }
    if (o->flag == NULL && value == NULL) {
        if (*at + 1 >= argc) {
            (void)fprintf(stderr, "natsway %s: --%s wants %s\n", command->name, o->name,
                          o->operand);
            return NW_EINVAL;
        }
        value = argv[++*at];
    }
    if (o->flag != NULL && value != NULL) {
        (void)fprintf(stderr, "natsway %s: --%s has no value\n", command->name, o->name);
        return NW_EINVAL;
    }
    return store(command, o, value);
}

static int count_operands(const struct nw_command *command, const struct nw_arguments *a)
{
    if (a->help || (a->operand_count >= command->least && a->operand_count <= command->most)) {
        return 0;
    }
    (void)fprintf(stderr, "usage: natsway %s %s\n`natsway %s --help` says more\n", command->name,
                  command->operands, command->name);
    return NW_EINVAL;
}

/* Which of the words, separated by blanks, is text; -1 if none. */
static int word_index(const char *words, const char *text)
{
    size_t len = strlen(text);
    int index = 0;

    for (const char *at = words; *at != '\0'; index++) {
        size_t n = strcspn(at, " ");
        if (n == len && memcmp(at, text, n) == 0) {
            return index;
        }
        at += n + (at[n] == ' ' ? 1 : 0);
    }
    return -1;
}

static int check_word(const struct nw_command *command, const char *name, const char *words,
                      const char *text)
{
    if (text == NULL || word_index(words, text) >= 0) {
        return 0;
    }
    (void)fprintf(stderr, "natsway %s: --%s wants one of: %s; found \"%s\"\n", command->name, name,
                  words, text);
    return NW_EINVAL;
}

#define LEVELS "error warning info debug"
#define FORMATS "text json"

void nw_arguments_setup_log(const struct nw_arguments *a, const struct nw_log_spec *configured)
{
    enum nw_level level = configured->level;
    bool json = configured->json;

    if (a->log_level != NULL) {
        level = (enum nw_level)word_index(LEVELS, a->log_level);
    }
    if (a->log_format != NULL) {
        json = strcmp(a->log_format, "json") == 0;
    }
    nw_log_setup(level, json);
}

int nw_arguments_parse(const struct nw_command *command, int argc, char **argv,
                       struct nw_arguments *out)
{
    struct option options[OPTION_COUNT];
    bool only_operands = false;
    int rc = 0;

    options_of(out, options);
    for (int i = 0; rc == 0 && i < argc; i++) {
        if (!only_operands && strcmp(argv[i], "--") == 0) {
            only_operands = true;
        } else if (!only_operands && strcmp(argv[i], "-h") == 0) {
            out->help = true;
        } else if (!only_operands && strncmp(argv[i], "--", 2) == 0) {
            rc = parse_option(command, options, argc, argv, &i);
        } else if (!only_operands && argv[i][0] == '-' && argv[i][1] != '\0') {
            rc = unknown(command, options, argv[i], 1, strlen(argv[i]) - 1);
        } else if (out->operand_count < NW_CLI_VALUES_MAX) {
            out->operands[out->operand_count++] = argv[i];
        } else {
            (void)fprintf(stderr, "natsway %s: too many arguments\n", command->name);
            rc = NW_EINVAL;
        }
    }
    rc = rc != 0 ? rc : check_word(command, "log-level", LEVELS, out->log_level);
    rc = rc != 0 ? rc : check_word(command, "log-format", FORMATS, out->log_format);
    rc = rc != 0 ? rc : check_word(command, "format", FORMATS, out->format);
    return rc != 0 ? rc : count_operands(command, out);
}

void nw_command_usage(const struct nw_command *command, void *stdio_file)
{
    struct nw_arguments none = {.help = false};
    struct option options[OPTION_COUNT];
    FILE *out = stdio_file;

    for (const struct nw_command *a = command->actions; a != NULL && a->name != NULL; a++) {
        if (a != command->actions) {
            (void)fputc('\n', out);
        }
        nw_command_usage(a, stdio_file);
    }
    if (command->actions != NULL) {
        return;
    }
    options_of(&none, options);
    (void)fprintf(out, "natsway %s %s\n    %s\n\n", command->name, command->operands,
                  command->summary);
    for (size_t i = 0; i < OPTION_COUNT; i++) {
        if (takes(command, &options[i])) {
            char left[64];
            (void)snprintf(left, sizeof left, "--%s %s", options[i].name,
                           options[i].operand == NULL ? "" : options[i].operand);
            (void)fprintf(out, "  %-24s %s\n", left, options[i].doc);
        }
    }
}
