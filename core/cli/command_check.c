/* SPDX-License-Identifier: Apache-2.0 */
#include <stdio.h>

#include "cli/cli.h"

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
    (void)printf("ok: %zu route%s, %zu connection%s, %zu warning%s\n", config->route_count,
                 config->route_count == 1 ? "" : "s", config->connection_count,
                 config->connection_count == 1 ? "" : "s", warnings, warnings == 1 ? "" : "s");
    nw_config_free(config);
    nw_registry_free(registry);
    return NW_EXIT_DONE;
}
