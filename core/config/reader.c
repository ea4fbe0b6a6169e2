/* SPDX-License-Identifier: Apache-2.0 */
#include "config/reader.h"

#include <stdio.h>
#include <stdlib.h>

#include "config/diagnostics.h"
#include "config/program_fill.h"

void nw_reader_error(const struct nw_reader *r, const struct nw_mark *mark, const char *format, ...)
{
    va_list args;

    va_start(args, format);
    nw_diagnostics_addv(r->diagnostics, mark, r->route, false, format, args);
    va_end(args);
}

void nw_reader_warning(const struct nw_reader *r, const struct nw_mark *mark, const char *format,
                       ...)
{
    va_list args;

    va_start(args, format);
    nw_diagnostics_addv(r->diagnostics, mark, r->route, true, format, args);
    va_end(args);
}

void nw_reader_expected(const struct nw_reader *r, const struct nw_node *node, const char *name,
                        const char *format, ...)
{
    char expected[600], found[NW_NODE_SHOWN];
    va_list args;

    if (node->broken) {
        return;
    }
    va_start(args, format);
    (void)vsnprintf(expected, sizeof expected, format, args);
    va_end(args);
    nw_reader_error(r, &node->mark, "%s%sexpected %s, found %s", name == NULL ? "" : name,
                    name == NULL ? "" : ": ", expected, nw_node_show(node, found));
}

const char *nw_reader_text(const struct nw_reader *r, const struct nw_node *node, const char *name,
                           const char *what)
{
    if (node->kind != NW_NODE_TEXT || node->null) {
        nw_reader_expected(r, node, name, "%s", what);
        return NULL;
    }
    return node->broken ? NULL : node->text.data;
}

static int no_memory(const struct nw_reader *r)
{
    nw_reader_error(r, &r->mark, "no memory");
    return NW_ENOMEM;
}

int nw_reader_copy(const struct nw_reader *r, struct nw_slice text, const char **out)
{
    const char *copy = nw_arena_copy(r->arena, text);

    if (copy == NULL) {
        return no_memory(r);
    }
    *out = copy;
    return 0;
}

int nw_reader_path(const struct nw_reader *r, const struct nw_file *file, struct nw_slice path,
                   const char **out)
{
    const char *copy;

    if (path.len == 0 || path.data[0] == '/' || file == NULL) {
        return nw_reader_copy(r, path, out);
    }
    copy = nw_arena_format(r->arena, "%s/%.*s", strcmp(file->folder, "/") == 0 ? "" : file->folder,
                           (int)path.len, path.data);
    if (copy == NULL) {
        return no_memory(r);
    }
    *out = copy;
    return 0;
}

static void free_template(void *template)
{
    nw_template_free(template);
}

static void free_program(void *program)
{
    nw_program_free(program);
}

/* What compiling node's text gave. */
static int compiled(const struct nw_reader *r, const struct nw_node *node, const char *name, int rc,
                    const struct nw_error *error)
{
    struct nw_mark mark;

    if (rc == NW_ENOMEM) {
        return no_memory(r);
    }
    if (rc != 0) {
        mark = nw_node_at(node, error->at);
        nw_reader_error(r, &mark, "%s%s%s", name == NULL ? "" : name, name == NULL ? "" : ": ",
                        error->text);
    }
    return 0;
}

/* The parts of node's text that are not the author's. */
static int find_outside(const struct nw_reader *r, const struct nw_node *node,
                        struct nw_ranges *out)
{
    struct nw_range *items = nw_arena_alloc(r->arena, (node->piece_count + 1) * sizeof *items);

    if (items == NULL) {
        return no_memory(r);
    }
    *out = (struct nw_ranges){items, 0};
    if (node->before > 0) {
        items[out->count++] = (struct nw_range){0, node->before};
    }
    for (size_t i = 0; i < node->piece_count; i++) {
        const struct nw_piece *piece = &node->pieces[i];

        if (piece->outside) {
            items[out->count++] =
                (struct nw_range){node->before + piece->from, node->before + piece->to};
        }
    }
    return 0;
}

int nw_reader_template(const struct nw_reader *r, const struct nw_node *node, const char *name,
                       enum nw_fill fill, const struct nw_template_scope *scope,
                       struct nw_template **out)
{
    struct nw_template_text text = {node->text, {NULL, 0}};
    struct nw_error error = {0};
    int rc;

    if (nw_reader_text(r, node, name, "a text") == NULL || scope == NULL) {
        return 0;
    }
    if (node->piece_count > 0 || node->before > 0) {
        rc = find_outside(r, node, &text.outside);
        if (rc != 0) {
            return rc;
        }
    }
    return compiled(r, node, name, nw_template_compile_text(&text, fill, scope, out, &error),
                    &error);
}

/* ---- programs ---- */

/* The line of text with that number, from 1, without its blanks; the last one that has something if
 * there are not so many: at its end jq counts one more. */
static struct nw_slice find_line(struct nw_slice text, unsigned long number)
{
    struct nw_slice found = {text.data, 0};
    const char *end = text.data + text.len;

    for (const char *at = text.data; number > 0 && at < end; number--) {
        size_t len = strcspn(at, "\n"), blanks = strspn(at, " \t\r");

        if (blanks < len) {
            found = (struct nw_slice){at + blanks, len - blanks};
        }
        at += len + 1;
    }
    return found;
}

/* "f/1 is not defined": where f stands in line. */
static const char *find_name(struct nw_slice line, const char *message)
{
    size_t len = strcspn(message, "/ ");
    const char *at = strstr(message, " is not defined") == NULL
                         ? NULL
                         : memmem(line.data, line.len, message, len);

    return at == NULL ? line.data : at;
}

/* libjq ends with " at <top-level>, line 2:". That is the program's line, and has no place in what
 * we say. */
static void take_line(struct nw_slice text, struct nw_error *error)
{
    static const char where[] = " at <top-level>, line ", jq[] = "jq: ";
    char *tail = strstr(error->text, where);

    if (tail != NULL && strncmp(error->text, jq, sizeof jq - 1) == 0) {
        struct nw_slice line = find_line(text, strtoul(tail + sizeof where - 1, NULL, 10));

        *tail = '\0';
        error->at = (size_t)(find_name(line, error->text + sizeof jq - 1) - text.data);
    }
}

/* libjq takes such a program for ".". */
static bool is_blank(const char *program)
{
    for (;;) {
        program += strspn(program, " \t\r\n");
        if (*program != '#') {
            return *program == '\0';
        }
        program += strcspn(program, "\n");
    }
}

static int compile_program(const struct nw_node *node, struct nw_program **out,
                           struct nw_error *error)
{
    struct nw_buffer filled = {0}, pieces = {0};
    struct nw_slice text = node->text;
    int rc = 0;

    if (node->piece_count > 0) {
        rc = nw_program_fill(node, &filled, &pieces, error);
        text = nw_buffer_slice(&filled);
    }
    if (rc == 0) {
        rc = nw_program_compile(text, out, error);
        if (rc == NW_EINVAL) {
            take_line(text, error);
            error->at = nw_pieces_back((const void *)pieces.data,
                                       pieces.len / sizeof(struct nw_piece), error->at);
        }
    }
    nw_buffer_done(&filled);
    nw_buffer_done(&pieces);
    return rc;
}

int nw_reader_program(const struct nw_reader *r, const struct nw_node *node, const char *name,
                      struct nw_program **out)
{
    struct nw_error error = {0};
    int rc;

    if (nw_reader_text(r, node, name, "a jq program") == NULL) {
        return 0;
    }
    if (is_blank(node->text.data)) {
        nw_reader_error(r, &node->mark,
                        "%s: expected a jq program, found nothing but blanks and comments", name);
        return 0;
    }
    rc = compile_program(node, out, &error);
    return compiled(r, node, name, rc, &error);
}

int nw_reader_keep_template(const struct nw_reader *r, struct nw_template *template)
{
    return nw_arena_defer(r->arena, free_template, template) == 0 ? 0 : no_memory(r);
}

int nw_reader_keep_program(const struct nw_reader *r, struct nw_program *program)
{
    return nw_arena_defer(r->arena, free_program, program) == 0 ? 0 : no_memory(r);
}
