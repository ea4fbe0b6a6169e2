/* SPDX-License-Identifier: Apache-2.0 */
/* `natsway check`: everything that is wrong with the files, at once. */
#include <stdio.h>
#include <string.h>

#include "cli/cli.h"
#include "hub/lease.h"

static bool as_json(const struct nw_arguments *a)
{
    return a->format != NULL && strcmp(a->format, "json") == 0;
}

/* Connect once. What takes no connection, a listener, is left alone: it may be another natsway's.
 */
static bool probe(const struct nw_arguments *a, const struct nw_connection_spec *c,
                  struct nw_diagnostics *diagnostics)
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
    if (!as_json(a)) {
        (void)printf("connected: %s\n", c->name);
        (void)fflush(stdout);
    }
    return true;
}

/* The first route that one process at a time may run; NULL: none. */
static const struct nw_route_spec *find_leased(const struct nw_config *config)
{
    for (size_t i = 0; i < config->route_count; i++) {
        if (config->routes[i]->transactional && config->routes[i]->enabled) {
            return config->routes[i];
        }
    }
    return NULL;
}

static bool probe_leases(const struct nw_arguments *a, const struct nw_config *config,
                         struct nw_diagnostics *diagnostics)
{
    const struct nw_route_spec *route = find_leased(config);
    struct nw_error error = {.text = "no reason given"};
    bool there;

    if (route == NULL) {
        return true;
    }
    if (nw_lease_probe(config->nats->options, &there, &error) != 0) {
        nw_diagnostics_add(diagnostics, &route->mark, route->name, false,
                           "its lease cannot be read from the KV bucket " NW_LEASE_BUCKET ": %s",
                           error.text);
        return false;
    }
    if (!as_json(a)) {
        (void)printf("leases: the KV bucket " NW_LEASE_BUCKET " %s\n",
                     there ? "is there" : "is to be made at the first start");
        (void)fflush(stdout);
    }
    return true;
}

/* What cannot be reached goes into diagnostics. */
static enum nw_exit probe_all(const struct nw_arguments *a, const struct nw_config *config,
                              struct nw_diagnostics *diagnostics)
{
    bool all = probe(a, config->nats, diagnostics) && probe_leases(a, config, diagnostics);

    for (size_t i = 0; i < config->connection_count; i++) {
        if (config->connections[i] != config->nats) {
            all &= probe(a, config->connections[i], diagnostics);
        }
    }
    return all ? NW_EXIT_DONE : NW_EXIT_UNREACHABLE;
}

static void print_json(enum nw_exit result, const struct nw_config *config,
                       const struct nw_diagnostics *d)
{
    struct nw_buffer out = {0};

    nw_buffer_add_format(&out, "{\"ok\":%s,", result == NW_EXIT_DONE ? "true" : "false");
    if (config != NULL) {
        nw_buffer_add_format(&out, "\"routes\":%zu,\"connections\":%zu,", config->route_count,
                             config->connection_count);
    }
    nw_buffer_add_text(&out, "\"diagnostics\":");
    nw_cli_add_json(&out, d);
    nw_buffer_add_text(&out, "}\n");
    (void)fputs(nw_buffer_text(&out), stdout);
    nw_buffer_done(&out);
}

static void print_lines(enum nw_exit result, const struct nw_config *config,
                        const struct nw_diagnostics *d)
{
    size_t warnings = d->count - d->errors;

    nw_cli_print(d);
    if (result == NW_EXIT_DONE) {
        (void)printf("ok: %zu route%s, %zu connection%s, %zu warning%s\n", config->route_count,
                     config->route_count == 1 ? "" : "s", config->connection_count,
                     config->connection_count == 1 ? "" : "s", warnings, warnings == 1 ? "" : "s");
    }
}

enum nw_exit nw_command_check(const struct nw_arguments *a)
{
    struct nw_diagnostics diagnostics = {.items = NULL};
    struct nw_registry *registry;
    struct nw_config *config;
    enum nw_exit result = nw_cli_read(a, a->operand_count, &registry, &config, &diagnostics);
    bool loaded = result == NW_EXIT_DONE;

    if (loaded && a->strict && diagnostics.count > 0) {
        result = NW_EXIT_REFUSED;
    }
    if (result == NW_EXIT_DONE && a->online) {
        result = probe_all(a, config, &diagnostics);
    }
    if (as_json(a)) {
        print_json(result, loaded ? config : NULL, &diagnostics);
    } else {
        print_lines(result, loaded ? config : NULL, &diagnostics);
    }
    if (loaded) {
        nw_config_free(config);
        nw_registry_free(registry);
    }
    nw_diagnostics_done(&diagnostics);
    return result;
}
