/* SPDX-License-Identifier: Apache-2.0 */
#include "cli/plan.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/random.h>

#include "base/siphash.h"
#include "config/options.h"
#include "hub/subject.h"

#define DIGEST 33

static void digest(struct nw_hash128 key, const char *text, char out[DIGEST])
{
    struct nw_hash128 h = nw_siphash(key, nw_slice_text(text == NULL ? "" : text));

    (void)snprintf(out, DIGEST, "%016" PRIx64 "%016" PRIx64, h.words[0], h.words[1]);
}

/* ---- what may not change ---- */

#define SETTINGS 4

static void settings_of(const struct nw_config *config, const char *names[SETTINGS],
                        char values[SETTINGS][300])
{
    static const char *const all[SETTINGS] = {"name", "instance", "workers", "admin.listen"};

    memcpy(names, all, sizeof all);
    (void)snprintf(values[0], 300, "%s", config->name);
    (void)snprintf(values[1], 300, "%s", config->instance == NULL ? "" : config->instance);
    (void)snprintf(values[2], 300, "%u", config->workers);
    (void)snprintf(values[3], 300, "%s", config->admin_listen == NULL ? "" : config->admin_listen);
}

/* ---- the question ---- */

static void add_connection_name(struct nw_buffer *out, const struct nw_connection_spec *c)
{
    if (c != NULL) {
        nw_buffer_add_format(out, "%s,", c->name);
    }
}

static void ask_route(struct nw_hash128 key, const struct nw_route_spec *route,
                      struct nw_buffer *out)
{
    char d[DIGEST];

    nw_buffer_add_format(out, "route %s ,", route->name);
    add_connection_name(out, route->source.connection);
    for (size_t i = 0; i < route->sink_count; i++) {
        add_connection_name(out, route->sinks[i].connection);
    }
    if (route->dead_letter != NULL) {
        add_connection_name(out, route->dead_letter->connection);
    }
    for (int i = 0; i < NW_PARTS; i++) {
        digest(key, route->meaning[i], d);
        nw_buffer_add_format(out, " %s", d);
    }
    nw_buffer_add_char(out, '\n');
}

int nw_plan_ask(const struct nw_config *config, struct nw_buffer *out)
{
    const char *names[SETTINGS];
    char values[SETTINGS][300], d[DIGEST];
    struct nw_hash128 key;

    if (getrandom(&key, sizeof key, 0) != (ssize_t)sizeof key) {
        return NW_EIO;
    }
    nw_buffer_add_format(out, "key %016" PRIx64 "%016" PRIx64 "\n", key.words[0], key.words[1]);
    settings_of(config, names, values);
    for (size_t i = config->name_given ? 0 : 1; i < SETTINGS; i++) {
        digest(key, values[i], d);
        nw_buffer_add_format(out, "setting %s %s\n", names[i], d);
    }
    for (size_t i = 0; i <= config->connection_count; i++) {
        const struct nw_connection_spec *c = i == 0 ? config->nats : config->connections[i - 1];
        digest(key, c->meaning, d);
        nw_buffer_add_format(out, "connection %s %s\n", c->name, d);
    }
    for (size_t i = 0; i < config->route_count; i++) {
        ask_route(key, config->routes[i], out);
    }
    return 0;
}

/* ---- the answer ---- */

struct answering {
    struct nw_hash128 key;
    bool has_key;
    const struct nw_config *config;
    const struct nw_bridge_snapshot *now;
    bool *named;               /* which of the routes that run are in the question */
    struct nw_buffer *changed; /* ",name,…": connections that are others */
    struct nw_buffer *out;
};

static bool differs(const struct answering *a, const char *text, const char *given)
{
    char own[DIGEST];

    digest(a->key, text, own);
    return strcmp(own, given) != 0;
}

static void answer_setting(struct answering *a, char *words[])
{
    const char *names[SETTINGS];
    char values[SETTINGS][300];

    settings_of(a->config, names, values);
    for (size_t i = 0; i < SETTINGS; i++) {
        if (strcmp(names[i], words[1]) == 0 && differs(a, values[i], words[2])) {
            nw_buffer_add_format(a->out, "setting %s\n", words[1]);
        }
    }
}

static void answer_connection(struct answering *a, char *words[])
{
    for (size_t i = 0; i < a->now->connection_count; i++) {
        const struct nw_connection_snapshot *c = &a->now->connections[i];
        if (strcmp(c->name, words[1]) == 0 && differs(a, c->spec->meaning, words[2])) {
            nw_buffer_add_format(a->changed, ",%s,", words[1]);
        }
    }
}

/* Is one of ",a,b," in the list of changed ones? */
static bool uses_changed(const struct answering *a, char *connections)
{
    const char *all = nw_buffer_text(a->changed);
    char *rest = connections, *name;

    while ((name = strsep(&rest, ",")) != NULL) {
        char wanted[200];
        (void)snprintf(wanted, sizeof wanted, ",%s,", name);
        if (*name != '\0' && strstr(all, wanted) != NULL) {
            return true;
        }
    }
    return false;
}

static void add_position(struct answering *a, const struct nw_route_spec *route)
{
    struct nw_buffer text = {0};

    nw_plan_position(a->config->name, route, &text);
    if (text.len > 0) {
        nw_buffer_add_format(a->out, "position %s %s\n", route->name, nw_buffer_text(&text));
    }
    nw_buffer_done(&text);
}

static void answer_route(struct answering *a, char *words[])
{
    static const char *const parts[NW_PARTS] = {"from", "map", "to", "options"};
    const struct nw_route_spec *route = NULL;
    bool any = false;

    for (size_t i = 0; route == NULL && i < a->now->route_count; i++) {
        if (strcmp(a->now->routes[i].route->name, words[1]) == 0) {
            route = a->now->routes[i].route;
            a->named[i] = true;
        }
    }
    if (route == NULL) {
        nw_buffer_add_format(a->out, "route %s added\n", words[1]);
        return;
    }
    nw_buffer_add_format(a->out, "route %s ", words[1]);
    for (int i = 0; i < NW_PARTS; i++) {
        if (differs(a, route->meaning[i], words[3 + i])) {
            nw_buffer_add_format(a->out, "%s%s", any ? "," : "changed ", parts[i]);
            any = true;
        }
    }
    if (uses_changed(a, words[2])) {
        nw_buffer_add_format(a->out, "%sconnection", any ? "," : "changed ");
        any = true;
    }
    nw_buffer_add_text(a->out, any ? "\n" : "unchanged\n");
    if (any) {
        add_position(a, route);
    }
}

static bool take_key(struct answering *a, const char *hex)
{
    a->has_key = strlen(hex) == 32 &&
                 sscanf(hex, "%16" SCNx64 "%16" SCNx64, &a->key.words[0], &a->key.words[1]) == 2;
    return a->has_key;
}

#define WORDS 8

static bool answer_line(struct answering *a, char *line)
{
    char *words[WORDS] = {NULL}, *rest = line;
    size_t n = 0;

    while (n < WORDS && (words[n] = strsep(&rest, " ")) != NULL) {
        n++;
    }
    if (n == 2 && strcmp(words[0], "key") == 0) {
        return take_key(a, words[1]);
    }
    if (n == 3 && strcmp(words[0], "setting") == 0 && a->has_key) {
        answer_setting(a, words);
    } else if (n == 3 && strcmp(words[0], "connection") == 0 && a->has_key) {
        answer_connection(a, words);
    } else if (n == 3 + NW_PARTS && strcmp(words[0], "route") == 0 && a->has_key) {
        answer_route(a, words);
    } else {
        return false;
    }
    return true;
}

static int answer_lines(struct answering *a, struct nw_slice question)
{
    char *copy = strndup(question.data == NULL ? "" : question.data, question.len);
    char *rest = copy, *line;
    int rc = copy == NULL ? NW_ENOMEM : 0;

    while (rc == 0 && (line = strsep(&rest, "\n")) != NULL) {
        rc = *line == '\0' || answer_line(a, line) ? 0 : NW_EINVAL;
    }
    free(copy);
    for (size_t i = 0; rc == 0 && i < a->now->route_count; i++) {
        if (!a->named[i]) {
            nw_buffer_add_format(a->out, "route %s removed\n", a->now->routes[i].route->name);
            add_position(a, a->now->routes[i].route);
        }
    }
    return rc == 0 && !a->has_key ? NW_EINVAL : rc;
}

int nw_plan_answer(struct nw_bridge *bridge, const struct nw_config *config,
                   struct nw_slice question, struct nw_buffer *out)
{
    struct nw_bridge_snapshot now;
    struct nw_buffer changed = {0};
    struct answering a = {.config = config, .now = &now, .changed = &changed, .out = out};
    int rc = nw_bridge_snapshot(bridge, &now);

    if (rc != 0) {
        return rc;
    }
    a.named = calloc(now.route_count + 1, sizeof *a.named);
    rc = a.named == NULL ? NW_ENOMEM : answer_lines(&a, question);
    free(a.named);
    nw_bridge_snapshot_done(&now);
    nw_buffer_done(&changed);
    return rc;
}

/* ---- positions ---- */

static const char *text_of(const struct nw_source_spec *source, const char *name)
{
    const struct nw_option *row = nw_option_find(source->kind->options, nw_slice_text(name));

    return row == NULL || row->type != NW_OPTION_TEXT
               ? NULL
               : *(const char *const *)(const void *)((const char *)source->options + row->offset);
}

void nw_plan_position(const char *bridge, const struct nw_route_spec *route, struct nw_buffer *out)
{
    const struct nw_source_spec *source = &route->source;
    const char *type = source->connector->name, *given;

    if (strcmp(type, "jetstream") == 0 || strcmp(type, "kv") == 0) {
        given = text_of(source, "durable");
        nw_buffer_add_text(out, "the durable ");
        if (given != NULL) {
            nw_buffer_add_text(out, given);
        } else {
            nw_subject_add_name(out, bridge);
            nw_buffer_add_char(out, '-');
            nw_subject_add_name(out, route->name);
        }
    } else if (strcmp(type, "kafka") == 0) {
        given = text_of(source, "group");
        nw_buffer_add_format(out, "the group %s%s%s", given == NULL ? bridge : given,
                             given == NULL ? "-" : "", given == NULL ? route->name : "");
    } else if (strcmp(type, "file") == 0) {
        nw_buffer_add_format(out, "the cursors of %s", source->address);
    } else if (strcmp(type, "mqtt") == 0) {
        nw_buffer_add_format(out, "the session for %s", source->address);
    }
}
