/* SPDX-License-Identifier: Apache-2.0 */
/* Places that one route can have and no second: a served path with its method, standard input. */
#include <string.h>

#include "config/loader.h"

static void take_place(const struct nw_loader *l, struct nw_table *places,
                       const struct nw_route_spec *route, const char *key, const char *what)
{
    struct nw_reader r = {.arena = l->arena, .diagnostics = l->diagnostics, .route = route->name};
    const struct nw_route_spec *earlier =
        key == NULL ? NULL : nw_table_find(places, nw_slice_text(key));

    if (key != NULL && earlier == NULL) {
        (void)nw_table_put(places, nw_slice_text(key), (void *)(uintptr_t)route);
    } else if (key != NULL && earlier != route) {
        nw_reader_error(&r, &route->source.mark, "%s is already that of the route %s", what,
                        earlier->name);
    }
}

/* The path with all names of its parameters left out: /a/{x} and /a/{y} are one. */
static char *without_names(struct nw_arena *arena, const char *path)
{
    char *out = nw_arena_format(arena, "%s", path), *to = out;

    for (const char *p = path; out != NULL && *p != '\0'; p++) {
        *to++ = *p;
        if (*p == '{') {
            p += strcspn(p, "}") - 1;
        }
    }
    if (out != NULL) {
        *to = '\0';
    }
    return out;
}

/* "GET|POST /path/{name}" of a served source: a place for each method. */
static void take_path(const struct nw_loader *l, struct nw_table *places,
                      const struct nw_route_spec *route)
{
    const struct nw_connection_spec *c = route->source.connection;
    const char *address = route->source.address, *end = address + strcspn(address, " \t");
    const char *path = end + strspn(end, " \t"), *nameless;

    if (*path != '/') {
        return; /* a polled URL, or a mistake that was told */
    }
    nameless = without_names(l->tree, path);
    for (const char *method = address; nameless != NULL && method < end;) {
        int len = (int)strcspn(method, "| \t");
        const char *what = nw_arena_format(l->tree, "%.*s %s", len, method, path);
        const char *key = nw_arena_format(l->tree, "%s\n%.*s %s", c == NULL ? "" : c->name, len,
                                          method, nameless);
        if (what != NULL) {
            take_place(l, places, route, key, what);
        }
        method += len + 1;
    }
}

void nw_load_places(struct nw_loader *l)
{
    struct nw_table places = {0};

    for (size_t i = 0; i < l->config->route_count; i++) {
        const struct nw_route_spec *route = l->config->routes[i];
        const struct nw_source_spec *source = &route->source;

        if (!route->enabled || source->kind == NULL || source->address == NULL) {
            continue;
        }
        if (source->kind->address == NW_ADDRESS_HTTP_PATH) {
            take_path(l, &places, route);
        } else if (source->kind->address == NW_ADDRESS_FILE_PATH &&
                   strcmp(source->address, "-") == 0) {
            take_place(l, &places, route, "-", "standard input");
        }
    }
    nw_table_done(&places);
}
