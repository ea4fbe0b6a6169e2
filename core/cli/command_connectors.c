/* SPDX-License-Identifier: Apache-2.0 */
#include <stdio.h>
#include <string.h>

#include "cli/cli.h"

enum nw_exit nw_command_connectors(const struct nw_arguments *arguments)
{
    struct nw_diagnostics diagnostics = {.items = NULL};
    struct nw_registry *registry = nw_cli_registry(arguments, &diagnostics);
    const struct nw_connector *c;
    const char *origin;
    enum nw_exit result;

    if (registry == NULL) {
        (void)fputs("natsway: out of memory\n", stderr);
        return NW_EXIT_INTERNAL;
    }
    for (size_t i = 0; (c = nw_registry_at(registry, i, &origin)) != NULL; i++) {
        if (strcmp(c->name, "dead_letter") != 0) { /* nobody writes it into a file */
            (void)printf("%-10s %-8s %-11s %s\n%-31s%s\n", c->name, c->version,
                         c->source == NULL ? "sink"
                         : c->sink == NULL ? "source"
                                           : "source,sink",
                         c->summary, "", origin);
        }
    }
    nw_diagnostics_print(&diagnostics, stderr);
    result = diagnostics.errors > 0 ? NW_EXIT_REFUSED : NW_EXIT_DONE;
    nw_diagnostics_done(&diagnostics);
    nw_registry_free(registry);
    return result;
}
