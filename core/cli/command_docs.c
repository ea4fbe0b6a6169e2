/* SPDX-License-Identifier: Apache-2.0 */
#include <stdio.h>
#include <string.h>

#include "base/suggest.h"
#include "cli/cli.h"
#include "config/reference.h"

static bool is_hidden(const struct nw_connector *c)
{
    return strcmp(c->name, "dead_letter") == 0; /* nobody writes it into a file */
}

static void list(struct nw_buffer *out, const struct nw_registry *registry)
{
    const struct nw_connector *c;

    nw_buffer_add_text(out, "\n## Connectors\n\n| | |\n|---|---|\n");
    for (size_t i = 0; (c = nw_registry_at(registry, i, NULL)) != NULL; i++) {
        if (!is_hidden(c)) {
            nw_buffer_add_format(out, "| `%s` | %s |\n", c->name, c->summary);
        }
    }
}

static enum nw_exit no_connector(const struct nw_registry *registry, const char *name)
{
    const struct nw_connector *c;
    struct nw_suggest s;
    const char *best;

    nw_suggest_init(&s, nw_slice_text(name));
    for (size_t i = 0; (c = nw_registry_at(registry, i, NULL)) != NULL; i++) {
        if (!is_hidden(c)) {
            nw_suggest_offer(&s, c->name);
        }
    }
    best = nw_suggest_best(&s);
    (void)fprintf(stderr,
                  "natsway docs: there is no connector \"%s\"; %s%s%s`natsway connectors` lists "
                  "them\n",
                  name, best == NULL ? "" : "did you mean \"", best == NULL ? "" : best,
                  best == NULL ? "" : "\"? ");
    return NW_EXIT_USAGE;
}

static enum nw_exit write_page(const struct nw_registry *registry, const char *name)
{
    const struct nw_connector *c = name == NULL ? NULL : nw_registry_find(registry, name);
    struct nw_buffer page = {0};

    if (name == NULL) {
        nw_reference_language(&page);
        list(&page, registry);
    } else if (c == NULL || is_hidden(c)) {
        return no_connector(registry, name);
    } else {
        nw_reference_connector(&page, c);
    }
    (void)fwrite(nw_buffer_text(&page), 1, page.len, stdout);
    nw_buffer_done(&page);
    return NW_EXIT_DONE;
}

enum nw_exit nw_command_docs(const struct nw_arguments *arguments)
{
    struct nw_diagnostics diagnostics = {0};
    struct nw_registry *registry = nw_cli_registry(arguments, &diagnostics);
    enum nw_exit result;

    if (registry == NULL) {
        (void)fputs("natsway: out of memory\n", stderr);
        return NW_EXIT_INTERNAL;
    }
    result = write_page(registry, arguments->operand_count == 0 ? NULL : arguments->operands[0]);
    nw_diagnostics_print(&diagnostics, stderr);
    nw_diagnostics_done(&diagnostics);
    nw_registry_free(registry);
    return result;
}
