/* SPDX-License-Identifier: Apache-2.0 */
/* The list of mistakes and warnings that a load leaves behind. */
#include <stdarg.h>
#include <stdlib.h>

#include "config/config.h"
#include "config/diagnostics.h"

/* The same in more routes than this is one line. */
#define ROUTES_SHOWN 2

void nw_diagnostics_done(struct nw_diagnostics *d)
{
    free(d->items);
    nw_arena_free(d->arena);
    *d = (struct nw_diagnostics){0};
}

/* The copy of file; most diagnostics are of the same file as the one before. */
static const char *copy_file(struct nw_diagnostics *d, const char *file)
{
    const char *last = d->count == 0 ? NULL : d->items[d->count - 1].mark.file;

    return last != NULL && strcmp(last, file) == 0 ? last : nw_arena_text(d->arena, file);
}

static bool make_room(struct nw_diagnostics *d)
{
    size_t capacity = d->capacity == 0 ? 16 : d->capacity * 2;
    struct nw_diagnostic *items;

    if (d->arena == NULL && (d->arena = nw_arena_new()) == NULL) {
        return false;
    }
    if (d->count < d->capacity) {
        return true;
    }
    items = realloc(d->items, capacity * sizeof *items);
    if (items == NULL) {
        return false;
    }
    d->items = items;
    d->capacity = capacity;
    return true;
}

void nw_diagnostics_addv(struct nw_diagnostics *d, const struct nw_mark *mark, const char *route,
                         bool warning, const char *format, va_list args)
{
    struct nw_diagnostic item = {.warning = warning};
    char text[1000];

    d->errors += warning ? 0 : 1; /* counted also when there is no memory to say which */
    if (!make_room(d)) {
        return;
    }
    (void)vsnprintf(text, sizeof text, format, args);
    item.text = nw_arena_text(d->arena, text);
    if (mark != NULL && mark->line != 0) {
        item.mark = *mark;
        item.mark.file = copy_file(d, mark->file);
    }
    item.route = nw_arena_text(d->arena, route);
    if (item.text != NULL) {
        d->items[d->count++] = item;
    }
}

void nw_diagnostics_add(struct nw_diagnostics *d, const struct nw_mark *mark, const char *route,
                        bool warning, const char *format, ...)
{
    va_list args;

    va_start(args, format);
    nw_diagnostics_addv(d, mark, route, warning, format, args);
    va_end(args);
}

static int compare_numbers(size_t a, size_t b)
{
    return (a > b) - (a < b);
}

static int compare_texts(const char *a, const char *b)
{
    return strcmp(a == NULL ? "" : a, b == NULL ? "" : b);
}

/* By place; the rest only makes the order of equals certain. */
static int compare(const void *first, const void *second)
{
    const struct nw_diagnostic *a = first, *b = second;
    int order = compare_texts(a->mark.file, b->mark.file);

    order = order != 0 ? order : compare_numbers(a->mark.line, b->mark.line);
    order = order != 0 ? order : compare_numbers(a->mark.column, b->mark.column);
    order = order != 0 ? order : strcmp(a->text, b->text);
    order = order != 0 ? order : (int)a->warning - (int)b->warning;
    return order != 0 ? order : compare_texts(a->route, b->route);
}

/* The same of another route: a template is read for each of its routes. */
static bool are_of_one_template(const struct nw_diagnostic *a, const struct nw_diagnostic *b)
{
    return a->mark.line != 0 && a->mark.line == b->mark.line && a->mark.column == b->mark.column &&
           compare_texts(a->mark.file, b->mark.file) == 0 && a->warning == b->warning &&
           a->route != NULL && b->route != NULL && strcmp(a->text, b->text) == 0;
}

/* What many routes have in common is said once. */
static void join_routes(struct nw_diagnostics *d)
{
    size_t kept = 0;

    for (size_t i = 0, count; i < d->count; i += count) {
        struct nw_diagnostic *first = &d->items[i];
        const char *joined = NULL;

        for (count = 1; i + count < d->count && are_of_one_template(first, first + count);) {
            count++;
        }
        if (count > ROUTES_SHOWN) {
            joined =
                nw_arena_format(d->arena, "%s (and in %zu more routes)", first->text, count - 1);
        }
        if (joined == NULL) {
            memmove(&d->items[kept], first, count * sizeof *first);
            kept += count;
            continue;
        }
        d->errors -= first->warning ? 0 : count - 1;
        d->items[kept] = *first;
        d->items[kept++].text = joined;
    }
    d->count = kept;
}

void nw_diagnostics_sort(struct nw_diagnostics *d)
{
    size_t kept = 0;

    if (d->count == 0) {
        return;
    }
    qsort(d->items, d->count, sizeof *d->items, compare);
    for (size_t i = 1; i < d->count; i++) {
        if (compare(&d->items[kept], &d->items[i]) != 0) {
            d->items[++kept] = d->items[i];
        } else if (!d->items[i].warning) {
            d->errors--;
        }
    }
    d->count = kept + 1;
    join_routes(d);
}

void nw_diagnostics_print(const struct nw_diagnostics *d, FILE *out)
{
    for (size_t i = 0; i < d->count; i++) {
        const struct nw_diagnostic *item = &d->items[i];

        if (item->mark.file != NULL) {
            (void)fprintf(out, "%s:%zu:%zu: ", item->mark.file, item->mark.line, item->mark.column);
        }
        if (item->route != NULL) {
            (void)fprintf(out, "%s: ", item->route);
        }
        (void)fprintf(out, "%s%s\n", item->warning ? "warning: " : "", item->text);
    }
}
