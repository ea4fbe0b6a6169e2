/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The command line: main() picks a command, each command is one small file. What they share is
 * here: the options every command takes, the connectors, and reading a configuration with all that
 * is wrong with it said at once.
 */
#ifndef NATSWAY_CLI_CLI_H
#define NATSWAY_CLI_CLI_H

#include "base/buffer.h"
#include "config/config.h"
#include "ops/request.h"
#include "plugin/registry.h"

enum nw_exit {
    NW_EXIT_DONE = 0,
    NW_EXIT_REFUSED = 1,     /* the input was refused */
    NW_EXIT_USAGE = 2,       /* wrong usage */
    NW_EXIT_UNREACHABLE = 3, /* a needed system could not be reached */
    NW_EXIT_INTERNAL = 4
};

#define NW_CLI_VALUES_MAX 64

/* The command line after the command's name, taken apart. Values belong to argv. */
struct nw_arguments {
    const char *operands[NW_CLI_VALUES_MAX];
    size_t operand_count;
    const char *connector_folders[NW_CLI_VALUES_MAX];
    size_t connector_folder_count;
    const char *headers[NW_CLI_VALUES_MAX];
    size_t header_count;
    const char *metas[NW_CLI_VALUES_MAX];
    size_t meta_count;
    const char *routes[NW_CLI_VALUES_MAX];
    size_t route_count;
    const char *sequences[NW_CLI_VALUES_MAX];
    size_t sequence_count;
    const char *state_dir, *log_level, *log_format, *address, *key, *junit, *format;
    const char *reason, *since, *subject, *timeout;
    const char *admin, *to, *to_sequence;
    bool help, online, strict, all, dry_run;
};

struct nw_command {
    const char *name, *operands, *summary;
    const char
        *options;       /* names it takes beside the common ones, between blanks: " address key " */
    size_t least, most; /* operands */
    enum nw_exit (*run)(const struct nw_arguments *arguments);
    /* Not NULL: its first operand is one of these, whose names begin with its own. The last has
     * none. */
    const struct nw_command *actions;
};

/* All commands; the last has no name. */
extern const struct nw_command nw_commands[];
extern const struct nw_command nw_dlq_actions[];
/* NULL: there is none of that name. */
const struct nw_command *nw_command_find(const char *name);
/* Say so on standard error, with the name that was probably meant. */
void nw_command_unknown(const char *name);

/* Take argv (from the command's first argument on) apart. Says what is wrong on standard error. */
int nw_arguments_parse(const struct nw_command *command, int argc, char **argv,
                       struct nw_arguments *out);
/* The log as the configuration wants it, unless --log-level and --log-format say otherwise. */
void nw_arguments_setup_log(const struct nw_arguments *arguments,
                            const struct nw_log_spec *configured);
void nw_command_usage(const struct nw_command *command, void *stdio_file);

/* The registry with everything found; what could not be loaded goes into diagnostics. NULL: no
 * memory. */
struct nw_registry *nw_cli_registry(const struct nw_arguments *arguments,
                                    struct nw_diagnostics *diagnostics);

/* Registry and configuration of `count` paths. NW_EXIT_DONE: both are the caller's. Otherwise
 * nothing is. What is wrong, and warnings, are in diagnostics. */
enum nw_exit nw_cli_read(const struct nw_arguments *arguments, size_t count,
                         struct nw_registry **registry, struct nw_config **config,
                         struct nw_diagnostics *diagnostics);
/* The same, and every mistake is printed, with the warnings among them; without one nothing is. */
enum nw_exit nw_cli_load(const struct nw_arguments *arguments, size_t count,
                         struct nw_registry **registry, struct nw_config **config);

/* Diagnostics on standard error. On a terminal each with the line it is about and a caret. */
void nw_cli_print(const struct nw_diagnostics *diagnostics);
/* Append them as a JSON array of {file, line, column, route, severity, message}. */
void nw_cli_add_json(struct nw_buffer *out, const struct nw_diagnostics *diagnostics);

/* Ask the running bridge at its admin address; what it answers is appended, or said if it refuses.
 */
enum nw_exit nw_cli_ask(const struct nw_arguments *arguments, enum nw_request_kind kind,
                        struct nw_slice body, struct nw_buffer *answer);

enum nw_exit nw_command_run(const struct nw_arguments *arguments);
enum nw_exit nw_command_check(const struct nw_arguments *arguments);
enum nw_exit nw_command_try(const struct nw_arguments *arguments);
enum nw_exit nw_command_test(const struct nw_arguments *arguments);
enum nw_exit nw_command_docs(const struct nw_arguments *arguments);
enum nw_exit nw_command_schema(const struct nw_arguments *arguments);
enum nw_exit nw_command_seek(const struct nw_arguments *arguments);
enum nw_exit nw_command_plan(const struct nw_arguments *arguments);
enum nw_exit nw_command_reload(const struct nw_arguments *arguments);
enum nw_exit nw_command_connectors(const struct nw_arguments *arguments);
enum nw_exit nw_command_version(const struct nw_arguments *arguments);
enum nw_exit nw_command_help(const struct nw_arguments *arguments);

#endif
