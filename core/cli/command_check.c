/* SPDX-License-Identifier: Apache-2.0 */
#include <stdio.h>

#include "cli/cli.h"

/* Connect once. What takes no connection, a listener, is left alone: it may be another natsway's.
 */
static bool probe(const struct nw_connection_spec *c, struct nw_diagnostics *diagnostics)
{
    struct nw_error error = {.text = "no reason given"};

    if (c->kind->probe == NULL) {
        return true;
    }
    if (c->kind->probe(c->options, &error) != 0) {
        nw_diagnostics_add(diagnostics, &c->mark, NULL, false, "%s cannot be reached: %s", c->name,
                           error.text);
        return false;
    }
    (void)printf("connected: %s\n", c->name);
    (void)fflush(stdout);
    return true;
}

static enum nw_exit probe_all(const struct nw_config *config)
{
    struct nw_diagnostics diagnostics = {.items = NULL};
    bool all = probe(config->nats, &diagnostics);

    for (size_t i = 0; i < config->connection_count; i++) {
        if (config->connections[i] != config->nats) {
            all &= probe(config->connections[i], &diagnostics);
        }
    }
    nw_diagnostics_print(&diagnostics, stderr);
    nw_diagnostics_done(&diagnostics);
    return all ? NW_EXIT_DONE : NW_EXIT_UNREACHABLE;
}

enum nw_exit nw_command_check(const struct nw_arguments *arguments)
{
    struct nw_registry *registry;
    struct nw_config *config;
    size_t warnings;
    enum nw_exit result =
        nw_cli_load(arguments, arguments->operand_count, &registry, &config, &warnings);

    if (result != NW_EXIT_DONE) {
        return result;
    }
    if (arguments->online) {
        result = probe_all(config);
    }
    if (result == NW_EXIT_DONE) {
        (void)printf("ok: %zu route%s, %zu connection%s, %zu warning%s\n", config->route_count,
                     config->route_count == 1 ? "" : "s", config->connection_count,
                     config->connection_count == 1 ? "" : "s", warnings, warnings == 1 ? "" : "s");
    }
    nw_config_free(config);
    nw_registry_free(registry);
    return result;
}
