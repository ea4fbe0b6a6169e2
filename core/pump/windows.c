/* SPDX-License-Identifier: Apache-2.0 */
#include "pump/windows.h"

#include <stdio.h>
#include <stdlib.h>

#include "log/log.h"
#include "mappings/window.h"
#include "store/areas.h"

/* One window and its areas. */
struct kept {
    const struct nw_route_spec *route;
    struct nw_window *window;
    struct nw_areas *areas;
};

struct nw_windows {
    struct kept *items;
    size_t count;
};

static size_t count_windows(const struct nw_route_spec *route)
{
    size_t count = 0;

    while (nw_map_window(route->map, count) != NULL) {
        count++;
    }
    return count;
}

static void say(const struct nw_route_spec *route, enum nw_level level, const char *text)
{
    struct nw_log_field fields[] = {{"route", route->name}, {NULL, NULL}};

    nw_log_write(level, fields, "%s", text);
}

/* ---- what the window asks for; with its lock ---- */

static void *take(void *context)
{
    return nw_areas_take(((struct kept *)context)->areas);
}

static void give(void *context, void *area)
{
    nw_areas_give(((struct kept *)context)->areas, area);
}

static void warn(void *context, const char *text)
{
    say(((struct kept *)context)->route, NW_LOG_WARNING, text);
}

/* ---- opening ---- */

/* Damaged files go out of the way. */
static void reject_damaged(struct kept *k)
{
    char to[4200], text[4600];

    for (size_t i = 0; i < nw_areas_count(k->areas);) {
        void *area = nw_areas_at(k->areas, i);
        if (nw_window_is_area(area)) {
            i++;
            continue;
        }
        nw_areas_reject(k->areas, area, to, sizeof to);
        (void)snprintf(
            text, sizeof text,
            "a file of the window of dedupe was damaged: repeats of its ids may pass; it "
            "is now %s",
            to);
        say(k->route, NW_LOG_ERROR, text);
    }
}

static int fill(struct kept *k)
{
    static const struct nw_window_memory memory = {.take = take, .give = give, .say = warn};
    struct nw_window_memory own = memory;
    size_t count = nw_areas_count(k->areas), bad;
    void **areas = calloc(count + 1, sizeof *areas);
    char text[200];

    if (areas == NULL) {
        return NW_ENOMEM;
    }
    for (size_t i = 0; i < count; i++) {
        areas[i] = nw_areas_at(k->areas, i);
    }
    own.context = k;
    bad = nw_window_open(k->window, &own, areas, count, nw_window_now());
    free(areas);
    if (bad > 0) {
        (void)snprintf(text, sizeof text,
                       "%zu entries of the window of dedupe were damaged: repeats of their ids may "
                       "pass",
                       bad);
        say(k->route, NW_LOG_ERROR, text);
    }
    return 0;
}

static int open_window(struct kept *k, const char *folder, const char *name)
{
    struct nw_error error;
    char text[600];
    int rc = nw_areas_open(folder, name, NW_WINDOW_AREA, &k->areas, &error);

    if (rc == NW_ENOMEM) {
        return rc;
    }
    if (rc != 0) {
        (void)snprintf(text, sizeof text,
                       "the window of dedupe is kept in memory only, and a restart forgets it: %s",
                       error.text);
        say(k->route, NW_LOG_ERROR, text);
        return 0;
    }
    reject_damaged(k);
    return fill(k);
}

static char *file_name(const struct nw_route_spec *route, size_t index)
{
    char *name;

    return asprintf(&name, "%s.%zu", route->name, index + 1) < 0 ? NULL : name;
}

static int open_all(struct nw_windows *w, const struct nw_route_spec *route, const char *folder)
{
    struct nw_window *window;
    int rc = 0;

    while (rc == 0 && (window = nw_map_window(route->map, w->count)) != NULL) {
        struct kept *k = &w->items[w->count];
        char *name = file_name(route, w->count);
        if (name == NULL) {
            return NW_ENOMEM;
        }
        k->route = route;
        k->window = window;
        w->count++;
        rc = open_window(k, folder, name);
        free(name);
    }
    return rc;
}

int nw_windows_open(const struct nw_route_spec *route, const char *state_dir,
                    struct nw_windows **out)
{
    size_t most = count_windows(route);
    struct nw_windows *w;
    char *folder = NULL;
    int rc = NW_ENOMEM;

    *out = NULL;
    if (most == 0) {
        return 0;
    }
    w = calloc(1, sizeof *w);
    if (w == NULL || asprintf(&folder, "%s/dedupe", state_dir) < 0) {
        free(w);
        return NW_ENOMEM;
    }
    w->items = calloc(most, sizeof *w->items);
    if (w->items != NULL) {
        rc = open_all(w, route, folder);
    }
    free(folder);
    if (rc != 0) {
        nw_windows_close(w);
        return rc;
    }
    *out = w;
    return 0;
}

void nw_windows_close(struct nw_windows *w)
{
    if (w == NULL) {
        return;
    }
    for (size_t i = 0; w->items != NULL && i < w->count; i++) {
        if (w->items[i].areas != NULL) {
            nw_window_close(w->items[i].window);
            nw_areas_close(w->items[i].areas);
        }
    }
    free(w->items);
    free(w);
}

/* ---- what nobody has any more ---- */

static bool is_over(const void *area, void *context)
{
    return nw_window_is_area(area) && nw_window_is_over(area, *(const int64_t *)context);
}

void nw_windows_sweep(const struct nw_config *config)
{
    int64_t now_ms = nw_window_now();
    size_t most = 0, count = 0;
    char **names, *folder = NULL;

    for (size_t r = 0; r < config->route_count; r++) {
        most += count_windows(config->routes[r]);
    }
    names = calloc(most + 1, sizeof *names);
    if (names == NULL || asprintf(&folder, "%s/dedupe", config->state_dir) < 0) {
        free(names);
        return; /* what is left goes at another start */
    }
    for (size_t r = 0; r < config->route_count; r++) {
        for (size_t i = 0; nw_map_window(config->routes[r]->map, i) != NULL; i++) {
            names[count] = file_name(config->routes[r], i);
            count += names[count] != NULL ? 1 : 0;
        }
    }
    if (count == most) {
        nw_areas_sweep(folder, NW_WINDOW_AREA, (const char *const *)names, count, is_over, &now_ms);
    }
    while (count > 0) {
        free(names[--count]);
    }
    free(names);
    free(folder);
}
