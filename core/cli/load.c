/* SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "cli/cli.h"

static void could_not_load(void *context, const char *text)
{
    struct nw_diagnostics *d = context;

    nw_diagnostics_add(d, NULL, NULL, false, "%s", text);
}

/* The folders of NATSWAY_CONNECTOR_PATH, separated by colons. */
static void search_path(struct nw_registry *r, struct nw_diagnostics *d)
{
    const char *path = getenv("NATSWAY_CONNECTOR_PATH");
    char *copy = path == NULL ? NULL : strdup(path), *rest = copy;
    const char *folder;

    while (copy != NULL && (folder = strsep(&rest, ":")) != NULL) {
        if (*folder != '\0') {
            nw_registry_search(r, folder, could_not_load, d);
        }
    }
    free(copy);
}

/* The folder above the program's: build/dev of build/dev/bin/natsway, /usr of /usr/bin/natsway. */
static bool find_prefix(char *out, size_t size)
{
    ssize_t n = readlink("/proc/self/exe", out, size - 1);

    if (n <= 0) {
        return false;
    }
    out[n] = '\0';
    for (int level = 0; level < 2; level++) {
        char *slash = strrchr(out, '/');
        if (slash == NULL) {
            return false;
        }
        *slash = '\0';
    }
    return true;
}

/* Where the connectors stand beside the program: in the build tree, and where it is installed. From
 * the program's own place, so that both may be moved. */
static void search_beside(struct nw_registry *r, struct nw_diagnostics *d)
{
    static const char *const folders[] = {"connectors", NATSWAY_CONNECTOR_DIR};
    char prefix[4096], folder[4400];

    if (!find_prefix(prefix, sizeof prefix)) {
        return;
    }
    for (size_t i = 0; i < sizeof folders / sizeof folders[0]; i++) {
        bool absolute = folders[i][0] == '/';
        (void)snprintf(folder, sizeof folder, "%s%s%s", absolute ? "" : prefix, absolute ? "" : "/",
                       folders[i]);
        nw_registry_search(r, folder, could_not_load, d);
    }
}

struct nw_registry *nw_cli_registry(const struct nw_arguments *arguments,
                                    struct nw_diagnostics *diagnostics)
{
    struct nw_registry *r = nw_registry_new();
    struct nw_error error;

    if (r == NULL) {
        return NULL;
    }
    if (nw_registry_add_builtin(r, &error) != 0) {
        nw_diagnostics_add(diagnostics, NULL, NULL, false, "%s", error.text);
    }
    for (size_t i = 0; i < arguments->connector_folder_count; i++) {
        const char *folder = arguments->connector_folders[i];
        if (access(folder, F_OK) != 0) { /* of the folders, only these must exist */
            nw_diagnostics_add(diagnostics, NULL, NULL, false, "--connectors %s: %s", folder,
                               strerror(errno));
        } else {
            nw_registry_search(r, folder, could_not_load, diagnostics);
        }
    }
    search_path(r, diagnostics);
    search_beside(r, diagnostics);
    return r;
}

enum nw_exit nw_cli_read(const struct nw_arguments *arguments, size_t count,
                         struct nw_registry **registry, struct nw_config **config,
                         struct nw_diagnostics *diagnostics)
{
    struct nw_config_sources sources = {arguments->operands, count, arguments->state_dir};
    enum nw_exit result = NW_EXIT_DONE;
    int rc;

    *config = NULL;
    *registry = nw_cli_registry(arguments, diagnostics);
    if (*registry == NULL) {
        (void)fputs("natsway: out of memory\n", stderr);
        return NW_EXIT_INTERNAL;
    }
    rc = nw_config_load(&sources, *registry, config, diagnostics);
    if (rc == NW_ENOMEM) {
        (void)fputs("natsway: out of memory\n", stderr);
        result = NW_EXIT_INTERNAL;
    } else if (rc != 0 || diagnostics->errors > 0) {
        result = NW_EXIT_REFUSED;
    }
    if (result != NW_EXIT_DONE) {
        nw_config_free(*config);
        nw_registry_free(*registry);
    }
    return result;
}

enum nw_exit nw_cli_load(const struct nw_arguments *arguments, size_t count,
                         struct nw_registry **registry, struct nw_config **config)
{
    struct nw_diagnostics diagnostics = {.items = NULL};
    enum nw_exit result = nw_cli_read(arguments, count, registry, config, &diagnostics);

    if (diagnostics.errors > 0) {
        nw_cli_print(&diagnostics);
    }
    nw_diagnostics_done(&diagnostics);
    return result;
}
