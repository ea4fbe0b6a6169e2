/* SPDX-License-Identifier: Apache-2.0 */
/* Templates and jq programs out of nodes, with what is wrong in them at its place. */
#include <stdlib.h>

#include "config/program_fill.h"
#include "config/reader.h"

/* A template that is compiled. */
struct compiling {
    struct nw_template_text text;
    enum nw_fill fill;
    const struct nw_template_scope *scope;
};

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
        return nw_reader_no_memory(r);
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
        return nw_reader_no_memory(r);
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

/* The expression around byte `at`, or the `$n` at it: where it begins and ends. */
static bool find_expression(struct nw_slice text, size_t at, size_t *from, size_t *to)
{
    const char *end = at >= text.len ? NULL : memmem(text.data + at, text.len - at, "}}", 2);

    if (at < text.len && text.data[at] == '$') {
        *from = at;
        *to = at + 1;
        return true;
    }
    for (size_t i = at < text.len ? at + 1 : 0; end != NULL && i-- > 0;) {
        if (i < at && text.data[i] == '}' && text.data[i + 1] == '}') {
            break;
        }
        if (text.data[i] == '{' && text.data[i + 1] == '{') {
            *from = i;
            *to = (size_t)(end - text.data) + 2;
            return true;
        }
    }
    return false;
}

/* One mistake was said. What is wrong with the others is found without the expression it is in. */
static int say_others(const struct nw_reader *r, const struct nw_node *node, const char *name,
                      const struct compiling *t, struct nw_error *error)
{
    struct nw_template_text text = t->text;
    char *copy = nw_arena_copy(r->arena, text.text);
    struct nw_template *none = NULL;
    size_t from, to;
    int rc = copy == NULL ? nw_reader_no_memory(r) : NW_EINVAL;

    text.text.data = copy;
    while (rc == NW_EINVAL && find_expression(text.text, error->at, &from, &to)) {
        memset(copy + from, 'X', to - from);
        rc = nw_template_compile_text(&text, t->fill, t->scope, &none, error);
        if (rc != 0 && compiled(r, node, name, rc, error) != 0) {
            return NW_ENOMEM;
        }
    }
    nw_template_free(none);
    return rc == NW_ENOMEM ? rc : 0;
}

/* The source is wrong, so nobody knows what an expression is: what is around them is the author's
 * whatever it is. */
static int check_around(const struct nw_reader *r, const struct nw_node *node, const char *name,
                        const struct compiling *t)
{
    static const struct nw_template_scope any = {
        .bridge = "", .route = "", .address = NW_ADDRESS_SUBJECT, .pattern = "*"};
    struct nw_template_text text = t->text;
    char *copy = nw_arena_copy(r->arena, text.text), *open = copy, *end;
    struct nw_template *none = NULL;
    struct nw_error error = {0};
    int rc;

    if (copy == NULL) {
        return nw_reader_no_memory(r);
    }
    while ((open = strstr(open, "{{")) != NULL && (end = strstr(open, "}}")) != NULL) {
        memset(open, 'X', (size_t)(end - open) + 2);
    }
    for (char *at = copy; t->fill == NW_FILL_SUBJECT && *at != '\0'; at++) {
        *at = *at == '$' || (*at == '>' && at[1] == '\0') ? 'X' : *at;
    }
    text.text.data = copy;
    rc = nw_template_compile_text(&text, t->fill, &any, &none, &error);
    nw_template_free(none);
    return compiled(r, node, name, rc, &error);
}

int nw_reader_template(const struct nw_reader *r, const struct nw_node *node, const char *name,
                       enum nw_fill fill, const struct nw_template_scope *scope,
                       struct nw_template **out)
{
    struct compiling t = {{node->text, {NULL, 0}}, fill, scope};
    struct nw_error error = {0};
    int rc;

    if (nw_reader_text(r, node, name, "a text") == NULL) {
        return 0;
    }
    if (node->piece_count > 0 || node->before > 0) {
        rc = find_outside(r, node, &t.text.outside);
        if (rc != 0) {
            return rc;
        }
    }
    if (scope == NULL) {
        return check_around(r, node, name, &t);
    }
    rc = nw_template_compile_text(&t.text, fill, scope, out, &error);
    if (rc == 0) {
        return 0;
    }
    rc = compiled(r, node, name, rc, &error);
    return rc != 0 ? rc : say_others(r, node, name, &t, &error);
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

    if (nw_reader_text(r, node, name,
                       node->kind == NW_NODE_MAP ? "a jq program, in quotes where it begins with {"
                                                 : "a jq program") == NULL) {
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
    return nw_arena_defer(r->arena, free_template, template) == 0 ? 0 : nw_reader_no_memory(r);
}

int nw_reader_keep_program(const struct nw_reader *r, struct nw_program *program)
{
    return nw_arena_defer(r->arena, free_program, program) == 0 ? 0 : nw_reader_no_memory(r);
}
