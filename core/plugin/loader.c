/* SPDX-License-Identifier: Apache-2.0 */
/* Shared objects into the registry. */
#include <dirent.h>
#include <dlfcn.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "plugin/registry.h"

static int load_entry(struct nw_registry *r, void *object, const char *path, const char *name,
                      struct nw_error *error)
{
    const struct nw_connector *(*entry)(void);
    const struct nw_connector *connector;
    struct nw_error why;
    char symbol[256];
    void *found;
    int rc;

    (void)snprintf(symbol, sizeof symbol, "nw_connector_%s", name);
    found = dlsym(object, symbol);
    if (found == NULL) {
        return nw_error_set(error, NW_EINVAL,
                            "%s: is not a connector: it does not define %s(); remove it from the "
                            "folder or build it with natsway/connector.h",
                            path, symbol);
    }
    memcpy(&entry, &found, sizeof entry); /* the way POSIX gives functions out of dlsym */
    connector = entry();
    if (connector == NULL) {
        return nw_error_set(error, NW_EINVAL, "%s: is not a connector: %s() gives none", path,
                            symbol);
    }
    rc = nw_registry_check(connector, &why);
    if (rc == 0 && strcmp(connector->name, name) != 0) {
        rc = nw_error_set(&why, NW_EINVAL, "is the connector %s; name the file %s.so",
                          connector->name, connector->name);
    }
    rc = rc != 0 ? rc : nw_registry_add(r, connector, path, &why);
    return rc == 0 ? 0 : nw_error_set(error, rc, "%s: %.400s", path, why.text);
}

/* What the loader says, with what to do about it. */
static int cannot_load(struct nw_error *error, const char *path, const char *why)
{
    size_t len = strlen(path);

    if (why == NULL) {
        why = "no reason given";
    } else if (strncmp(why, path, len) == 0 && strncmp(why + len, ": ", 2) == 0) {
        why += len + 2;
    }
    if (strstr(why, "ELF") != NULL || strstr(why, "file too short") != NULL) {
        return nw_error_set(error, NW_EINVAL,
                            "%s: is not a connector: %s; remove it from the folder", path, why);
    }
    if (strstr(why, "cannot open shared object file") != NULL) {
        return nw_error_set(error, NW_EINVAL,
                            "%s: lacks a library: %s; install the library or remove the connector",
                            path, why);
    }
    return nw_error_set(error, NW_EINVAL,
                        "%s: cannot be loaded: %s; build it again with this natsway's "
                        "natsway/connector.h or remove it",
                        path, why);
}

static int load(struct nw_registry *r, const char *path, const char *name, struct nw_error *error)
{
    void *object = dlopen(path, RTLD_NOW | RTLD_LOCAL);
    int rc;

    if (object == NULL) {
        return cannot_load(error, path, dlerror());
    }
    rc = load_entry(r, object, path, name, error);
    if (rc != 0) {
        (void)dlclose(object);
    }
    return rc; /* a loaded connector stays until the process ends */
}

static int is_candidate(const struct dirent *entry)
{
    size_t len = strlen(entry->d_name);

    return entry->d_name[0] != '.' && len > 3 && strcmp(entry->d_name + len - 3, ".so") == 0;
}

static void load_file(struct nw_registry *r, const char *folder, const char *file,
                      void (*failed)(void *context, const char *text), void *context)
{
    char *name = strndup(file, strlen(file) - strlen(".so")), *path = NULL;
    struct nw_error error;

    if (name == NULL || asprintf(&path, "%s/%s", folder, file) < 0) {
        (void)nw_error_set(&error, NW_ENOMEM, "%s/%s: out of memory", folder, file);
        failed(context, error.text);
    } else {
        if (nw_registry_find(r, name) == NULL && load(r, path, name, &error) != 0) {
            failed(context, error.text);
        }
        free(path);
    }
    free(name);
}

void nw_registry_search(struct nw_registry *r, const char *folder,
                        void (*failed)(void *context, const char *text), void *context)
{
    struct dirent **entries;
    int n = scandir(folder, &entries, is_candidate, alphasort);

    for (int i = 0; i < n; i++) {
        load_file(r, folder, entries[i]->d_name, failed, context);
        free(entries[i]);
    }
    if (n >= 0) {
        free(entries);
    } else if (errno != ENOENT) {
        struct nw_error error;
        (void)nw_error_set(&error, NW_EIO, "%s: the folder cannot be read: %s", folder,
                           strerror(errno));
        failed(context, error.text);
    }
}
