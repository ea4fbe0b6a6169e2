/* SPDX-License-Identifier: Apache-2.0 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/json.h"
#include "cli/cli.h"
#include "cli/plan.h"

/* What is printed, while it is put together. */
struct plan {
    const struct nw_config *config;
    bool json, refused;
    size_t unchanged, others;
    struct nw_buffer out;
};

/* The next word of *rest, up to a blank; the last takes all. */
static const char *word(char **rest)
{
    const char *w = strsep(rest, " ");

    return w == NULL ? "" : w;
}

/* What the source of the route in the files keeps its position by; empty if there is none. */
static struct nw_buffer wanted(const struct plan *p, const char *name)
{
    const struct nw_route_spec *route = nw_config_route(p->config, name);
    struct nw_buffer text = {0};

    if (route != NULL) {
        nw_plan_position(p->config->name, route, &text);
    }
    return text;
}

static void add_member(struct plan *p, const char *name, const char *text)
{
    nw_buffer_add_format(&p->out, ",\"%s\":", name);
    nw_json_add_string(&p->out, nw_slice_text(text));
}

/* Where it reads, and where it read until now; "" for neither. */
static void add_positions(struct plan *p, const char *then, const char *now)
{
    if (p->json) {
        if (*then != '\0') {
            add_member(p, "position", then);
        }
        if (*now != '\0') {
            add_member(p, "position_before", now);
        }
        return;
    }
    if (strcmp(then, now) == 0) {
        nw_buffer_add_format(&p->out, "    goes on at %s\n", now);
        return;
    }
    if (*then != '\0') {
        nw_buffer_add_format(&p->out, "    reads at %s\n", then);
    }
    if (*now != '\0') {
        nw_buffer_add_format(&p->out, "    leaves %s as it is\n", now);
    }
}

static void add_parts(struct plan *p, char *parts)
{
    const char *part;
    bool first = true;

    if (p->json) {
        nw_buffer_add_text(&p->out, ",\"parts\":[");
    }
    while ((part = strsep(&parts, ",")) != NULL) {
        if (*part != '\0') {
            nw_buffer_add_format(&p->out, p->json ? "%s\"%s\"" : "%s%s",
                                 first     ? (p->json ? "" : ": ")
                                 : p->json ? ","
                                           : ", ",
                                 part);
            first = false;
        }
    }
    nw_buffer_add_text(&p->out, p->json ? "]" : "\n");
}

static void take_route(struct plan *p, char *rest)
{
    const char *name = word(&rest), *change = word(&rest);

    if (strcmp(change, "unchanged") == 0) {
        p->unchanged++;
        return;
    }
    if (p->json) {
        nw_buffer_add_text(&p->out, p->others == 0 ? "" : "},");
        nw_buffer_add_text(&p->out, "{\"name\":");
        nw_json_add_string(&p->out, nw_slice_text(name));
        nw_buffer_add_format(&p->out, ",\"change\":\"%s\"", change);
    } else {
        nw_buffer_add_format(&p->out, "%s: %s", name, change);
    }
    p->others++;
    add_parts(p, rest);
    if (strcmp(change, "added") == 0) {
        struct nw_buffer text = wanted(p, name);
        if (text.len > 0) {
            add_positions(p, nw_buffer_text(&text), "");
        }
        nw_buffer_done(&text);
    }
}

/* Belongs to the route before it, which runs now. */
static void take_position(struct plan *p, char *rest)
{
    struct nw_buffer text = wanted(p, word(&rest));

    add_positions(p, nw_buffer_text(&text), rest == NULL ? "" : rest);
    nw_buffer_done(&text);
}

static void take_line(struct plan *p, char *line, struct nw_buffer *settings)
{
    char *rest = line;
    const char *what = word(&rest);

    if (strcmp(what, "setting") == 0) {
        nw_buffer_add_format(settings, p->json ? "%s\"%s\"" : "%s%s",
                             settings->len == 0 ? ""
                             : p->json          ? ","
                                                : ", ",
                             rest);
    } else if (strcmp(what, "route") == 0) {
        take_route(p, rest);
    } else if (strcmp(what, "position") == 0) {
        take_position(p, rest);
    }
}

static void print(struct plan *p, struct nw_buffer *answer)
{
    struct nw_buffer settings = {0};
    char *text = nw_buffer_take(answer), *rest = text, *line;

    while (text != NULL && (line = strsep(&rest, "\n")) != NULL) {
        take_line(p, line, &settings);
    }
    free(text);
    p->refused = settings.len > 0;
    if (p->json) {
        (void)printf("{\"refused\":[%s],\"unchanged\":%zu,\"routes\":[%s%s]}\n",
                     nw_buffer_text(&settings), p->unchanged, nw_buffer_text(&p->out),
                     p->others == 0 ? "" : "}");
    } else {
        (void)printf("%s%zu unchanged\n", nw_buffer_text(&p->out), p->unchanged);
    }
    if (p->refused && !p->json) {
        (void)printf("a reload would be refused: it cannot change %s\n", nw_buffer_text(&settings));
    }
    nw_buffer_done(&settings);
}

static enum nw_exit ask(const struct nw_arguments *arguments, const struct nw_config *config)
{
    struct plan p = {.config = config,
                     .json = arguments->format != NULL && strcmp(arguments->format, "json") == 0};
    struct nw_buffer question = {0}, answer = {0};
    enum nw_exit result = NW_EXIT_INTERNAL;

    if (nw_plan_ask(config, &question) == 0 && !question.failed) {
        result = nw_cli_ask(arguments, NW_REQUEST_PLAN, nw_buffer_slice(&question), &answer);
    }
    if (result == NW_EXIT_DONE) {
        print(&p, &answer);
        result = p.refused ? NW_EXIT_REFUSED : NW_EXIT_DONE;
    }
    nw_buffer_done(&question);
    nw_buffer_done(&answer);
    nw_buffer_done(&p.out);
    return result;
}

enum nw_exit nw_command_plan(const struct nw_arguments *arguments)
{
    struct nw_registry *registry;
    struct nw_config *config;
    enum nw_exit result = nw_cli_load(arguments, arguments->operand_count, &registry, &config);

    if (result != NW_EXIT_DONE) {
        return result;
    }
    result = ask(arguments, config);
    nw_config_free(config);
    nw_registry_free(registry);
    return result;
}
