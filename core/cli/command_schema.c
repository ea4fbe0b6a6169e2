/* SPDX-License-Identifier: Apache-2.0 */
/* `natsway schema`: a JSON Schema of the configuration, with the connectors that are there. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "cli/cli.h"
#include "config/schema.h"

static enum nw_exit print_schema(const struct nw_registry *registry)
{
    const struct nw_connector **connectors;
    struct nw_buffer out = {0};
    size_t all = 0, count = 0;

    while (nw_registry_at(registry, all, NULL) != NULL) {
        all++;
    }
    connectors = calloc(all + 1, sizeof *connectors);
    for (size_t i = 0; connectors != NULL && i < all; i++) {
        connectors[count] = nw_registry_at(registry, i, NULL);
        count += strcmp(connectors[count]->name, "dead_letter") != 0 ? 1 : 0; /* not for files */
    }
    if (connectors != NULL) {
        nw_schema(&out, connectors, count);
        nw_buffer_add_char(&out, '\n');
    }
    free(connectors);
    if (connectors == NULL || out.failed) {
        nw_buffer_done(&out);
        (void)fputs("natsway: out of memory\n", stderr);
        return NW_EXIT_INTERNAL;
    }
    (void)fwrite(nw_buffer_text(&out), 1, out.len, stdout);
    nw_buffer_done(&out);
    return NW_EXIT_DONE;
}

enum nw_exit nw_command_schema(const struct nw_arguments *arguments)
{
    struct nw_diagnostics diagnostics = {.items = NULL};
    struct nw_registry *registry = nw_cli_registry(arguments, &diagnostics);
    enum nw_exit result;

    if (registry == NULL) {
        (void)fputs("natsway: out of memory\n", stderr);
        return NW_EXIT_INTERNAL;
    }
    result = print_schema(registry);
    nw_diagnostics_print(&diagnostics, stderr);
    nw_diagnostics_done(&diagnostics);
    nw_registry_free(registry);
    return result;
}
