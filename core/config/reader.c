/* SPDX-License-Identifier: Apache-2.0 */
#include "config/reader.h"

#include <stdio.h>

#include "config/diagnostics.h"

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

int nw_reader_template(const struct nw_reader *r, const struct nw_node *node, const char *name,
                       enum nw_fill fill, const struct nw_template_scope *scope,
                       struct nw_template **out)
{
    struct nw_error error = {0};

    if (nw_reader_text(r, node, name, "a text") == NULL || scope == NULL) {
        return 0;
    }
    return compiled(r, node, name, nw_template_compile(node->text, fill, scope, out, &error),
                    &error);
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

int nw_reader_program(const struct nw_reader *r, const struct nw_node *node, const char *name,
                      struct nw_program **out)
{
    struct nw_error error = {0};

    if (nw_reader_text(r, node, name, "a jq program") == NULL) {
        return 0;
    }
    if (is_blank(node->text.data)) {
        nw_reader_error(r, &node->mark,
                        "%s: expected a jq program, found nothing but blanks and comments", name);
        return 0;
    }
    return compiled(r, node, name, nw_program_compile(node->text, out, &error), &error);
}

int nw_reader_keep_template(const struct nw_reader *r, struct nw_template *template)
{
    return nw_arena_defer(r->arena, free_template, template) == 0 ? 0 : no_memory(r);
}

int nw_reader_keep_program(const struct nw_reader *r, struct nw_program *program)
{
    return nw_arena_defer(r->arena, free_program, program) == 0 ? 0 : no_memory(r);
}
