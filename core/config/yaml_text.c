/* SPDX-License-Identifier: Apache-2.0 */
/* Texts with their places and what is filled into them, aliases, and saying what is wrong. */
#include "config/diagnostics.h"
#include "config/interpolate.h"
#include "config/yaml.h"
#include "config/yaml_parser.h"

struct nw_mark nw_yaml_mark(const struct nw_yaml_parser *p, yaml_mark_t at)
{
    return (struct nw_mark){p->file->name, at.line + 1, at.column + 1};
}

int nw_yaml_refuse(struct nw_yaml_parser *p, int rc, yaml_mark_t at, const char *format, ...)
{
    struct nw_mark mark = nw_yaml_mark(p, at);
    va_list args;

    va_start(args, format);
    nw_diagnostics_addv(p->diagnostics, &mark, p->route, false, format, args);
    va_end(args);
    return rc;
}

int nw_yaml_no_memory(struct nw_yaml_parser *p)
{
    return nw_yaml_refuse(p, NW_ENOMEM, p->yaml.mark, "no memory");
}

/* ---- nodes ---- */

struct nw_node *nw_yaml_node(struct nw_yaml_parser *p, enum nw_node_kind kind, yaml_mark_t at)
{
    struct nw_node *node = nw_arena_alloc(p->arena, sizeof *node);

    if (node != NULL) {
        node->kind = kind;
        node->file = p->file;
        node->mark = nw_yaml_mark(p, at);
    }
    return node;
}

int nw_yaml_anchor(struct nw_yaml_parser *p, const yaml_char_t *name, struct nw_node *node)
{
    char *key;

    if (name == NULL) {
        return 0;
    }
    key = nw_arena_text(p->arena, (const char *)name);
    return key == NULL || nw_table_put(&p->anchors, nw_slice_text(key), node) != 0
               ? nw_yaml_no_memory(p)
               : 0;
}

int nw_yaml_check_tag(struct nw_yaml_parser *p, const yaml_char_t *tag, yaml_mark_t at)
{
    static const char own[] = "tag:yaml.org,2002:";

    if (tag != NULL && strncmp((const char *)tag, own, sizeof own - 1) != 0 &&
        strcmp((const char *)tag, "!") != 0) {
        return nw_yaml_refuse(p, NW_EINVAL, at, "tags like %s are not supported",
                              (const char *)tag);
    }
    return 0;
}

static bool is_null(const yaml_event_t *event)
{
    const char *text = (const char *)event->data.scalar.value;

    return event->data.scalar.style == YAML_PLAIN_SCALAR_STYLE &&
           (text[0] == '\0' || strcmp(text, "~") == 0 || strcmp(text, "null") == 0);
}

/* The line with that number, from 0. Asked for in the order of the text, so it is read once. */
static const char *find_line(struct nw_yaml_parser *p, size_t number)
{
    while (p->line < number && *p->line_at != '\0') {
        size_t n = nw_yaml_break(p->line_at);

        p->line += n > 0 ? 1 : 0;
        p->line_at += n > 0 ? n : 1;
    }
    return p->line_at;
}

/* Fill in ${…}. node->text is what was written. */
static int fill_in(struct nw_yaml_parser *p, struct nw_node *node)
{
    struct nw_buffer filled = {0}, pieces = {0};
    struct nw_error error;
    int rc;

    if (memchr(node->text.data, '$', node->text.len) == NULL) {
        return 0;
    }
    rc = nw_interpolate(node->text, p->file->folder, &filled, &pieces, &error);
    if (rc == 0) {
        node->text.len = filled.len;
        node->text.data = nw_arena_copy(p->arena, nw_buffer_slice(&filled));
        node->piece_count = pieces.len / sizeof *node->pieces;
        node->pieces = nw_arena_alloc(p->arena, pieces.len + 1);
        if (node->text.data == NULL || node->pieces == NULL) {
            rc = nw_yaml_no_memory(p);
        } else if (pieces.len > 0) {
            memcpy((void *)(uintptr_t)node->pieces, pieces.data, pieces.len);
        }
    } else {
        struct nw_mark mark = nw_node_at(node, error.at);

        nw_diagnostics_add(p->diagnostics, &mark, p->route, false, "%s", error.text);
        node->broken = true;
        rc = rc == NW_ENOMEM ? rc : 0; /* there is still a tree to look at */
    }
    nw_buffer_done(&filled);
    nw_buffer_done(&pieces);
    return rc;
}

int nw_yaml_text(struct nw_yaml_parser *p, const yaml_event_t *event, struct nw_node **out)
{
    struct nw_slice text = {(const char *)event->data.scalar.value, event->data.scalar.length};
    struct nw_node *node = nw_yaml_node(p, NW_NODE_TEXT, event->start_mark);
    char *copy = nw_arena_copy(p->arena, text);
    int rc = nw_yaml_check_tag(p, event->data.scalar.tag, event->start_mark);

    if (node == NULL || copy == NULL) {
        return nw_yaml_no_memory(p);
    }
    if (memchr(text.data, '\0', text.len) != NULL) {
        return nw_yaml_refuse(p, NW_EINVAL, event->start_mark, "a text must not have a NUL byte");
    }
    node->weight = 1;
    node->null = is_null(event);
    node->plain = event->data.scalar.style == YAML_PLAIN_SCALAR_STYLE;
    node->written = copy;
    node->text = (struct nw_slice){copy, text.len};
    node->source = find_line(p, event->start_mark.line);
    rc = rc != 0 ? rc : fill_in(p, node);
    rc = rc != 0 ? rc : nw_yaml_anchor(p, event->data.scalar.anchor, node);
    *out = node;
    return rc;
}

int nw_yaml_alias(struct nw_yaml_parser *p, const yaml_event_t *event, struct nw_node **out)
{
    const char *name = (const char *)event->data.alias.anchor;
    struct nw_node *node = nw_table_find(&p->anchors, nw_slice_text(name));

    if (node == NULL) {
        return nw_yaml_refuse(p, NW_EINVAL, event->start_mark, "there is no anchor &%s before this",
                              name);
    }
    if (node->weight == 0) {
        return nw_yaml_refuse(p, NW_EINVAL, event->start_mark, "*%s stands inside of itself", name);
    }
    if (p->depth + node->height > NW_YAML_DEEPEST) {
        return nw_yaml_refuse(p, NW_EINVAL, event->start_mark,
                              "more than %d levels with *%s followed", NW_YAML_DEEPEST, name);
    }
    p->nodes += node->weight - 1; /* its own was counted by the caller */
    *out = node;
    return 0;
}
