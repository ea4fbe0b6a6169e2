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
    char **names; /* of their files */
    size_t count;
};

static size_t count_windows(const struct nw_config *config)
{
    size_t count = 0;

    for (size_t r = 0; r < config->route_count; r++) {
        for (size_t i = 0; nw_map_window(config->routes[r]->map, i) != NULL; i++) {
            count++;
        }
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

static bool is_over(const void *area, void *context)
{
    return nw_window_is_area(area) && nw_window_is_over(area, *(const int64_t *)context);
}

/* What routes left that are not there any more goes when its time is over. */
static void sweep(const struct nw_windows *w, const char *folder)
{
    int64_t now_ms = nw_window_now();

    nw_areas_sweep(folder, NW_WINDOW_AREA, (const char *const *)w->names, w->count, is_over,
                   &now_ms);
}

static int open_all(struct nw_windows *w, const struct nw_config *config, const char *folder)
{
    int rc = 0;

    for (size_t r = 0; rc == 0 && r < config->route_count; r++) {
        const struct nw_route_spec *route = config->routes[r];
        struct nw_window *window;
        for (size_t i = 0; rc == 0 && (window = nw_map_window(route->map, i)) != NULL; i++) {
            struct kept *k = &w->items[w->count];
            k->route = route;
            k->window = window;
            if (asprintf(&w->names[w->count], "%s.%zu", route->name, i + 1) < 0) {
                w->names[w->count] = NULL;
                return NW_ENOMEM;
            }
            w->count++;
            rc = route->enabled ? open_window(k, folder, w->names[w->count - 1]) : 0;
        }
    }
    return rc;
}

int nw_windows_open(const struct nw_config *config, struct nw_windows **out)
{
    struct nw_windows *w = calloc(1, sizeof *w);
    size_t most = count_windows(config);
    char *folder = NULL;
    int rc = NW_ENOMEM;

    if (w == NULL || asprintf(&folder, "%s/dedupe", config->state_dir) < 0) {
        free(w);
        return NW_ENOMEM;
    }
    w->items = calloc(most + 1, sizeof *w->items);
    w->names = calloc(most + 1, sizeof *w->names);
    if (w->items != NULL && w->names != NULL) {
        rc = open_all(w, config, folder);
    }
    if (rc == 0) {
        sweep(w, folder);
    }
    free(folder);
    if (rc != 0 || most == 0) {
        nw_windows_close(w);
        w = NULL;
    }
    *out = w;
    return rc;
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
        free(w->names[i]);
    }
    free(w->items);
    free(w->names);
    free(w);
}
