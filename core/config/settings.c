/* SPDX-License-Identifier: Apache-2.0 */
/* The top level of all files as one: settings, admin, defaults, and who has which name. */
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "config/loader.h"
#include "config/options.h"

/* Keys that several files may have: what is in them is merged. */
static bool is_merged(struct nw_slice key)
{
    static const char *const merged[] = {"routes", "connections", "templates",
                                         "use",    "tests",       "include"};

    for (size_t i = 0; i < sizeof merged / sizeof merged[0]; i++) {
        if (nw_slice_equal(key, nw_slice_text(merged[i]))) {
            return true;
        }
    }
    return false;
}

static void keep_item(struct nw_loader *l, const struct nw_item *item)
{
    const struct {
        const char *name;
        const struct nw_item **place;
    } places[] = {{"nats", &l->nats},
                  {"admin", &l->admin},
                  {"dead_letter", &l->dead_letter},
                  {"defaults", &l->defaults}};

    for (size_t i = 0; i < sizeof places / sizeof places[0]; i++) {
        if (nw_slice_equal(item->key, nw_slice_text(places[i].name)) && *places[i].place == NULL) {
            *places[i].place = item;
        }
    }
}

/* Find the items that are read elsewhere, and those that two files have. */
static int merge(struct nw_loader *l)
{
    struct nw_table top = {0};
    int rc = 0;

    for (size_t d = 0; d < l->document_count; d++) {
        const struct nw_node *root = l->documents[d].root;
        struct nw_reader r = nw_loader_reader(l, root, NULL);

        for (size_t i = 0; rc == 0 && i < root->count; i++) {
            struct nw_item *item = &root->items[i], *earlier = nw_table_find(&top, item->key);

            if (is_merged(item->key)) {
                continue;
            }
            if (earlier != NULL) {
                nw_reader_error(&r, &item->mark, "%s is given twice, first at %s:%zu:%zu",
                                item->key.data, earlier->mark.file, earlier->mark.line,
                                earlier->mark.column);
                continue;
            }
            keep_item(l, item);
            rc = nw_table_put(&top, item->key, item);
        }
    }
    nw_table_done(&top);
    return rc;
}

/* ---- the bridge's name and its folder ---- */

/* "conf/plant one.yaml" gives "plant-one". */
static char *name_from_file(struct nw_loader *l, const char *path)
{
    const char *slash = strrchr(path, '/');
    const char *base = slash == NULL ? path : slash + 1;
    const char *dot = strrchr(base, '.');
    size_t len = dot == NULL || dot == base ? strlen(base) : (size_t)(dot - base);
    char *name = nw_arena_copy(l->arena, (struct nw_slice){base, len});

    for (char *c = name; c != NULL && *c != '\0'; c++) {
        if ((unsigned char)*c <= ' ' || *c == 0x7F || strchr("*>/\\", *c) != NULL) {
            *c = '-';
        }
    }
    return name != NULL && name[0] == '\0' ? nw_arena_text(l->arena, "natsway") : name;
}

static int set_name(struct nw_loader *l, const char *given)
{
    const struct nw_item *item = NULL;

    for (size_t d = 0; item == NULL && d < l->document_count; d++) {
        item = nw_node_get(l->documents[d].root, "name");
    }
    l->config->name_given = given != NULL;
    l->config->name = given != NULL ? given : name_from_file(l, l->documents[0].file->name);
    if (given != NULL && item != NULL) {
        struct nw_reader r = nw_loader_reader(l, item->value, NULL);

        if (strcmp(given, ".") == 0 || strcmp(given, "..") == 0) {
            nw_reader_error(&r, &item->value->mark, "a bridge cannot be named %s", given);
        } else {
            (void)nw_check_name(&r, &item->value->mark, "a bridge", nw_slice_text(given));
        }
    }
    return l->config->name == NULL ? NW_ENOMEM : 0;
}

/* The value of `state_dir:`, from its file's folder. */
static char *given_state_dir(struct nw_loader *l, const char *given)
{
    for (size_t d = 0; given[0] != '/' && d < l->document_count; d++) {
        if (nw_node_get(l->documents[d].root, "state_dir") != NULL) {
            return nw_arena_format(l->arena, "%s/%s", l->documents[d].file->folder, given);
        }
    }
    return nw_arena_text(l->arena, given);
}

/* The command line's, the file's, or the system's usual place. */
static int set_state_dir(struct nw_loader *l, const char *from_command_line, const char *given)
{
    const char *xdg = getenv("XDG_STATE_HOME"), *home = getenv("HOME");
    const char *name = l->config->name;
    char *folder;

    if (from_command_line != NULL) {
        folder = nw_arena_text(l->arena, from_command_line);
    } else if (given != NULL) {
        folder = given_state_dir(l, given);
    } else if (xdg != NULL && xdg[0] == '/') {
        folder = nw_arena_format(l->arena, "%s/natsway/%s", xdg, name);
    } else if (geteuid() != 0 && home != NULL && home[0] == '/') {
        folder = nw_arena_format(l->arena, "%s/.local/state/natsway/%s", home, name);
    } else {
        folder = nw_arena_format(l->arena, "/var/lib/natsway/%s", name);
    }
    l->config->state_dir = folder;
    return folder == NULL ? NW_ENOMEM : 0;
}

/* ---- admin and defaults ---- */

static bool is_listen_address(const char *text)
{
    const char *colon = strrchr(text, ':');
    char *end;
    unsigned long port;

    if (colon == NULL || colon[1] < '0' || colon[1] > '9') {
        return false;
    }
    port = strtoul(colon + 1, &end, 10);
    return *end == '\0' && port <= 65535;
}

static bool is_off(const struct nw_node *node)
{
    return node->kind == NW_NODE_TEXT &&
           (strcmp(node->text.data, "off") == 0 || strcmp(node->text.data, "false") == 0);
}

static int set_admin(struct nw_loader *l)
{
    const struct nw_node *node = l->admin == NULL ? NULL : l->admin->value;
    struct nw_reader r = nw_loader_reader(l, node != NULL ? node : l->documents[0].root, NULL);
    struct nw_admin_settings settings = {0};
    const struct nw_item *listen = nw_node_get(node, "listen");
    struct nw_layer layer = {nw_admin_rows, &settings};
    int rc = nw_options_defaults(&r, nw_admin_rows, &settings);

    if (rc != 0 || (node != NULL && is_off(node))) {
        return rc;
    }
    if (node != NULL && node->kind != NW_NODE_MAP) {
        nw_reader_expected(&r, node, "admin", "{listen: address} or off");
        return 0;
    }
    rc = node == NULL ? 0 : nw_options_read(&r, node, 0, &layer, 1, "admin");
    if (rc == 0 && listen != NULL && !is_listen_address(settings.listen)) {
        nw_reader_expected(&r, listen->value, "admin.listen", "an address like 127.0.0.1:8223");
    }
    l->config->admin_listen = settings.listen;
    l->config->admin_listen_given = listen != NULL;
    l->config->admin_token = settings.token;
    return rc;
}

static int set_defaults(struct nw_loader *l)
{
    const struct nw_node *node = l->defaults == NULL ? NULL : l->defaults->value;
    struct nw_reader r = nw_loader_reader(l, node != NULL ? node : l->documents[0].root, NULL);
    struct nw_layer layer = {nw_route_rows, &l->route_defaults};
    const char *standard;
    struct nw_backoff_range range;
    struct nw_error error;
    int rc = nw_options_defaults(&r, nw_route_rows, &l->route_defaults);

    if (rc != 0 || node == NULL || node->null) {
        return rc;
    }
    if (node->kind != NW_NODE_MAP) {
        nw_reader_expected(&r, node, "defaults", "a mapping of route options");
        return 0;
    }
    standard = l->route_defaults.on_error.backoff;
    rc = nw_options_read(&r, node, 0, &layer, 1, "defaults");
    if (rc == 0 && nw_backoff_parse(l->route_defaults.on_error.backoff, &range, &error) != 0) {
        const struct nw_item *group = nw_node_get(node, "on_error");
        const struct nw_item *backoff = nw_node_get(group->value, "backoff");

        nw_reader_error(&r, &backoff->value->mark, "on_error.backoff: %s", error.text);
        l->route_defaults.on_error.backoff = standard; /* said once, not for every route */
    }
    return rc;
}

/* ---- all of it ---- */

static int read_settings(struct nw_loader *l, struct nw_settings *settings)
{
    int rc = 0;

    for (size_t d = 0; rc == 0 && d < l->document_count; d++) {
        struct nw_reader r = nw_loader_reader(l, l->documents[d].root, NULL);
        struct nw_layer layers[] = {{nw_settings_rows, settings}, {nw_top_rows, NULL}};

        rc = d != 0 ? 0 : nw_options_defaults(&r, nw_settings_rows, settings);
        rc =
            rc != 0 ? rc : nw_options_read(&r, l->documents[d].root, 0, layers, 2, "the top level");
    }
    return rc;
}

int nw_load_settings(struct nw_loader *l, const struct nw_config_sources *sources)
{
    struct nw_settings settings = {0};
    struct nw_config *config = l->config;
    int rc = merge(l);

    rc = rc != 0 ? rc : read_settings(l, &settings);
    rc = rc != 0 ? rc : set_name(l, settings.name);
    rc = rc != 0 ? rc : set_state_dir(l, sources->state_dir, settings.state_dir);
    rc = rc != 0 ? rc : set_admin(l);
    rc = rc != 0 ? rc : set_defaults(l);
    config->instance = settings.instance;
    config->shutdown_timeout_ms = settings.shutdown_timeout_ms;
    config->memory = settings.memory;
    config->workers = (unsigned)settings.workers;
    config->log = (struct nw_log_spec){(enum nw_level)settings.log.level.index,
                                       settings.log.format.index == 1};
    return rc;
}
