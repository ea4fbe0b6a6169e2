/* SPDX-License-Identifier: Apache-2.0 */
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "base/suggest.h"
#include "cli/cli.h"

const struct nw_command nw_commands[] = {
    {"run", "FILE...", "run the bridge until SIGTERM or SIGINT", " state-dir ", 1,
     NW_CLI_VALUES_MAX, nw_command_run, NULL},
    {"check", "FILE...", "say everything that is wrong with a configuration",
     " state-dir online strict format ", 1, NW_CLI_VALUES_MAX, nw_command_check, NULL},
    {"try", "FILE ROUTE", "show what a route makes of the message on standard input",
     " address key header meta ", 2, 2, nw_command_try, NULL},
    {"test", "FILE...", "run the tests of the files through their routes' rules", " junit ", 1,
     NW_CLI_VALUES_MAX, nw_command_test, NULL},
    {"dlq", "ACTION FILE...", "look at dead letters, change them and send them again", "", 1,
     NW_CLI_VALUES_MAX, NULL, nw_dlq_actions},
    {"reload", "", "have the running bridge read its files again", " admin ", 0, 0,
     nw_command_reload, NULL},
    {"plan", "FILE...", "what a reload to these files would change in the running bridge",
     " admin format ", 1, NW_CLI_VALUES_MAX, nw_command_plan, NULL},
    {"seek", "ROUTE", "move where a route of the running bridge reads on", " admin to to-sequence ",
     1, 1, nw_command_seek, NULL},
    {"docs", "[CONNECTOR]", "the reference of the configuration, or of one connector", "", 0, 1,
     nw_command_docs, NULL},
    {"schema", "", "a JSON Schema of the configuration, for editors and validators", "", 0, 0,
     nw_command_schema, NULL},
    {"connectors", "", "the connectors that are installed", "", 0, 0, nw_command_connectors, NULL},
    {"version", "", "the version of the program and its libraries", "", 0, 0, nw_command_version,
     NULL},
    {"help", "[COMMAND]", "this list, or how to use one command", "", 0, 1, nw_command_help, NULL},
    {NULL, NULL, NULL, NULL, 0, 0, NULL, NULL},
};

const struct nw_command *nw_command_find(const char *name)
{
    for (const struct nw_command *c = nw_commands; c->name != NULL; c++) {
        if (strcmp(c->name, name) == 0) {
            return c;
        }
    }
    return NULL;
}

void nw_command_unknown(const char *name)
{
    struct nw_suggest s;
    const char *meant;

    nw_suggest_init(&s, nw_slice_text(name));
    for (const struct nw_command *c = nw_commands; c->name != NULL; c++) {
        nw_suggest_offer(&s, c->name);
    }
    meant = nw_suggest_best(&s);
    (void)fprintf(stderr, "natsway: there is no command \"%s\"; %s%s%s`natsway help` lists them\n",
                  name, meant == NULL ? "" : "did you mean \"", meant == NULL ? "" : meant,
                  meant == NULL ? "" : "\"? ");
}

/* "ls, show or purge" */
static void list_actions(const struct nw_command *command)
{
    for (const struct nw_command *a = command->actions; a->name != NULL; a++) {
        const char *before = a == command->actions ? "" : a[1].name == NULL ? " or " : ", ";
        (void)fprintf(stderr, "%s%s", before, a->name + strlen(command->name) + 1);
    }
}

/* The action of the command that name says; NULL: there is none, and standard error says so. */
static const struct nw_command *find_action(const struct nw_command *command, const char *name)
{
    size_t before = strlen(command->name) + 1;
    const char *meant;
    struct nw_suggest s;

    nw_suggest_init(&s, nw_slice_text(name));
    for (const struct nw_command *a = command->actions; a->name != NULL; a++) {
        if (strcmp(a->name + before, name) == 0) {
            return a;
        }
        nw_suggest_offer(&s, a->name + before);
    }
    meant = nw_suggest_best(&s);
    if (*name == '\0') {
        (void)fprintf(stderr, "usage: natsway %s %s\n", command->name, command->operands);
    } else {
        (void)fprintf(stderr, "natsway %s: there is no action \"%s\"%s%s%s\n", command->name, name,
                      meant == NULL ? "" : "; did you mean \"", meant == NULL ? "" : meant,
                      meant == NULL ? "" : "\"?");
    }
    (void)fputs("ACTION is ", stderr);
    list_actions(command);
    (void)fprintf(stderr, "; `natsway help %s` says more\n", command->name);
    return NULL;
}

/* What was printed must have arrived: a full disk is no success. */
static enum nw_exit flushed(enum nw_exit result)
{
    if (fflush(stdout) == 0 && ferror(stdout) == 0) {
        return result;
    }
    (void)fputs("natsway: standard output cannot be written\n", stderr);
    return result == NW_EXIT_DONE ? NW_EXIT_INTERNAL : result;
}

/* Standard descriptors that are closed would become those of the first files that are opened: what
 * is printed must not go there, and what they hold must not be read. Their stand-ins are for
 * writing where one reads, and the other way round, so that using them fails. */
static bool open_standard(void)
{
    for (int fd = 0; fd <= 2; fd++) {
        if (fcntl(fd, F_GETFD) < 0 &&
            open("/dev/null", fd == STDIN_FILENO ? O_WRONLY : O_RDONLY) != fd) {
            return false;
        }
    }
    return true;
}

int main(int argc, char **argv)
{
    struct nw_arguments arguments = {.operand_count = 0};
    const struct nw_command *command;
    const char *name = argc < 2 ? "" : argv[1];
    int first = 2; /* of the command's own arguments */

    if (!open_standard()) {
        return NW_EXIT_INTERNAL;
    }
    if (argc < 2) {
        (void)fputs("natsway: no command; `natsway help` lists them\n", stderr);
        return NW_EXIT_USAGE;
    }
    if (strcmp(name, "--help") == 0 || strcmp(name, "-h") == 0) {
        name = "help";
    } else if (strcmp(name, "--version") == 0) {
        name = "version";
    }
    command = nw_command_find(name);
    if (command == NULL) {
        nw_command_unknown(name);
        return NW_EXIT_USAGE;
    }
    if (command->actions != NULL && first < argc &&
        (strcmp(argv[first], "--help") == 0 || strcmp(argv[first], "-h") == 0)) {
        arguments.help = true;
    } else if (command->actions != NULL) {
        command = find_action(command, first < argc ? argv[first] : "");
        first++;
    }
    if (command == NULL || (!arguments.help && nw_arguments_parse(command, argc - first,
                                                                  argv + first, &arguments) != 0)) {
        return NW_EXIT_USAGE;
    }
    if (arguments.help) {
        nw_command_usage(command, stdout);
        return (int)flushed(NW_EXIT_DONE);
    }
    return (int)flushed(command->run(&arguments));
}
