/* SPDX-License-Identifier: Apache-2.0 */
#include "plugin/registry.h"

#include <stdlib.h>
#include <string.h>

struct entry {
    const struct nw_connector *connector;
    char *origin;
};

struct nw_registry {
    struct entry *entries;
    size_t count;
};

struct nw_registry *nw_registry_new(void)
{
    return calloc(1, sizeof(struct nw_registry));
}

void nw_registry_free(struct nw_registry *r)
{
    if (r == NULL) {
        return;
    }
    for (size_t i = 0; i < r->count; i++) {
        free(r->entries[i].origin);
    }
    free(r->entries);
    free(r);
}

/* Only the first member may be trusted until the version is known to be ours. */
int nw_registry_check(const struct nw_connector *c, struct nw_error *error)
{
    if (c->abi != NW_ABI_VERSION) {
        return nw_error_set(error, NW_EINVAL,
                            "is built for version %u of the connector interface, this natsway has "
                            "version %u; build it again with this natsway's natsway/connector.h",
                            c->abi, (unsigned)NW_ABI_VERSION);
    }
    if (c->connector_size != sizeof(struct nw_connector) ||
        c->option_size != sizeof(struct nw_option) || c->result_size != sizeof(struct nw_result) ||
        c->config_size != sizeof(struct nw_endpoint_config)) {
        return nw_error_set(error, NW_EINVAL,
                            "its structures have other sizes than this natsway's; build it again "
                            "with this natsway's natsway/connector.h");
    }
    if (c->name == NULL || c->name[0] == '\0') {
        return nw_error_set(error, NW_EINVAL, "the connector has no name");
    }
    return 0;
}

int nw_registry_add(struct nw_registry *r, const struct nw_connector *connector, const char *origin,
                    struct nw_error *error)
{
    struct entry *entries;
    int rc = nw_registry_check(connector, error);

    if (rc != 0) {
        return rc;
    }
    entries = realloc(r->entries, (r->count + 1) * sizeof *entries);
    if (entries == NULL) {
        return nw_error_set(error, NW_ENOMEM, "out of memory");
    }
    r->entries = entries;
    entries[r->count] = (struct entry){connector, strdup(origin)};
    if (entries[r->count].origin == NULL) {
        return nw_error_set(error, NW_ENOMEM, "out of memory");
    }
    r->count++;
    return 0;
}

const struct nw_connector *nw_registry_find(const struct nw_registry *r, const char *name)
{
    for (size_t i = 0; i < r->count; i++) {
        if (strcmp(r->entries[i].connector->name, name) == 0) {
            return r->entries[i].connector;
        }
    }
    return NULL;
}

const struct nw_connector *nw_registry_at(const struct nw_registry *r, size_t index,
                                          const char **origin)
{
    if (index >= r->count) {
        return NULL;
    }
    if (origin != NULL) {
        *origin = r->entries[index].origin;
    }
    return r->entries[index].connector;
}
