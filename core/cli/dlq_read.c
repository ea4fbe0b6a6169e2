/* SPDX-License-Identifier: Apache-2.0 */
/* Finding dead letters: in which streams they are, and reading what their headers say. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/suggest.h"
#include "base/timestamp.h"
#include "cli/dlq.h"
#include "hub/letter_pattern.h"
#include "hub/subject.h"
#include "message/letter.h"

#define LIST_MAX 256

static bool list_has(const struct nw_list *list, const char *text)
{
    for (size_t i = 0; i < list->count; i++) {
        if (strcmp(list->items[i], text) == 0) {
            return true;
        }
    }
    return false;
}

/* Append a copy, unless it is there. What is beyond the limit is said by the caller. */
static bool list_add(struct dlq *d, struct nw_list *list, const char *text)
{
    const char **items;

    if (list_has(list, text)) {
        return true;
    }
    if (list->items == NULL) {
        list->items = nw_arena_alloc(d->arena, LIST_MAX * sizeof *list->items);
    }
    items = (const char **)list->items;
    if (items == NULL || list->count == LIST_MAX) {
        return false;
    }
    items[list->count] = nw_arena_text(d->arena, text);
    list->count += items[list->count] != NULL ? 1 : 0;
    return true;
}

/* ---- where they are ---- */

static bool find_patterns(struct dlq *d)
{
    bool good = true;

    for (size_t i = 0; i < d->config->route_count; i++) {
        const struct nw_route_spec *route = d->config->routes[i];
        struct nw_buffer pattern = {0};
        if (route->dead_letter != NULL) {
            nw_letter_add_pattern(&pattern, route->dead_letter->address, d->config->name);
            good &= !pattern.failed && list_add(d, &d->patterns, nw_buffer_text(&pattern));
        }
        nw_buffer_done(&pattern);
    }
    return good;
}

static void take_stream(void *context, const char *name)
{
    struct dlq *d = context;

    (void)list_add(d, &d->streams, name);
}

static enum nw_exit find_streams(struct dlq *d)
{
    struct nw_error error = {.text = ""};

    if (!find_patterns(d)) {
        return dlq_wrong(d, NW_EXIT_INTERNAL, "out of memory");
    }
    if (d->patterns.count == 0) {
        return dlq_wrong(d, NW_EXIT_REFUSED,
                         "no route has dead letters; `dead_letter: \"dlq.{{route}}\"` at the top "
                         "of the file gives every route some");
    }
    for (size_t i = 0; i < d->patterns.count; i++) {
        int rc = nw_letters_streams(d->connection, d->patterns.items[i], take_stream, d, &error);
        if (rc != 0) {
            return dlq_failed(d, rc, &error);
        }
    }
    if (d->streams.count == 0) {
        return dlq_wrong(d, NW_EXIT_REFUSED,
                         "no stream takes the subject%s \"%s\"%s, so dead letters are not stored",
                         d->patterns.count == 1 ? "" : "s", d->patterns.items[0],
                         d->patterns.count == 1 ? "" : " and so on");
    }
    return NW_EXIT_DONE;
}

/* ---- reading ---- */

/* What is read of a stream. */
struct reading {
    struct dlq *d;
    const char *stream;
    struct dlq_range span; /* of sequences */
    bool no_memory;
};

static const char *keep(struct reading *r, struct nw_slice text)
{
    const char *copy = nw_arena_copy(r->d->arena, text.data == NULL ? NW_LITERAL("") : text);

    r->no_memory |= copy == NULL;
    return copy == NULL ? "" : copy;
}

static bool is_of_pattern(const struct dlq *d, const char *subject)
{
    for (size_t i = 0; i < d->patterns.count; i++) {
        if (nw_subject_matches(nw_slice_text(d->patterns.items[i]), nw_slice_text(subject))) {
            return true;
        }
    }
    return false;
}

static void add(struct reading *r, const struct dlq_letter *letter)
{
    struct dlq *d = r->d;

    if (d->count == d->capacity) {
        size_t capacity = d->capacity == 0 ? 64 : d->capacity * 2;
        struct dlq_letter *letters = realloc(d->letters, capacity * sizeof *letters);
        if (letters == NULL) {
            r->no_memory = true;
            return;
        }
        d->letters = letters;
        d->capacity = capacity;
    }
    d->letters[d->count++] = *letter;
}

static void take_letter(struct reading *r, const struct nw_stored *stored, struct nw_message *m)
{
    struct nw_letter said;
    struct dlq_letter letter = {.stream = r->stream,
                                .sequence = stored->sequence,
                                .size = stored->size,
                                .time_ns = stored->stored_ns};

    if (nw_letters_fill(m, stored) != 0 || nw_letter_read(m, &said) != 0) {
        r->no_memory = true;
        return;
    }
    if (said.reason.data == NULL || said.route.data == NULL) {
        return; /* another message of the stream */
    }
    if (said.time.data != NULL) {
        (void)nw_timestamp_parse(said.time, &letter.time_ns, NULL);
    }
    letter.subject = keep(r, nw_slice_text(stored->subject));
    letter.route = keep(r, said.route);
    letter.bridge = keep(r, said.bridge);
    letter.reason = keep(r, said.reason);
    letter.attempts = keep(r, said.attempts.data == NULL ? NW_LITERAL("1") : said.attempts);
    letter.origin = keep(r, m->origin);
    if (dlq_filter_takes(&r->d->filter, &letter)) {
        add(r, &letter);
    }
}

static bool take(void *context, const struct nw_stored *stored)
{
    struct reading *r = context;
    struct nw_message *m = nw_message_make();

    if (stored->sequence > r->span.to) {
        nw_message_unref(m);
        return false;
    }
    if (m == NULL) {
        r->no_memory = true;
    } else if (is_of_pattern(r->d, stored->subject)) {
        take_letter(r, stored, m);
    }
    nw_message_unref(m);
    return !r->no_memory;
}

static enum nw_exit read_stream(struct dlq *d, const char *stream)
{
    struct reading r = {.d = d, .stream = stream};
    struct nw_error error = {.text = ""};
    int rc;

    dlq_filter_span(&d->filter, &r.span);
    rc = nw_letters_read(d->connection, stream, d->patterns.count == 1 ? d->patterns.items[0] : ">",
                         r.span.from, true, take, &r, &error);
    if (rc != 0) {
        return dlq_failed(d, rc, &error);
    }
    return r.no_memory ? dlq_wrong(d, NW_EXIT_INTERNAL, "out of memory") : NW_EXIT_DONE;
}

static int by_time(const void *a, const void *b)
{
    const struct dlq_letter *x = a, *y = b;
    int streams = strcmp(x->stream, y->stream);

    if (x->time_ns != y->time_ns) {
        return x->time_ns < y->time_ns ? -1 : 1;
    }
    if (streams != 0) {
        return streams;
    }
    return x->sequence < y->sequence ? -1 : x->sequence > y->sequence;
}

/* A route that is in no file may still have letters; with none, its name is a mistake. */
static enum nw_exit check_routes(const struct dlq *d)
{
    for (size_t i = 0; i < d->filter.route_count && d->count == 0; i++) {
        const char *name = d->filter.routes[i], *best;
        struct nw_suggest s;
        if (nw_config_route(d->config, name) != NULL) {
            continue;
        }
        nw_suggest_init(&s, nw_slice_text(name));
        for (size_t k = 0; k < d->config->route_count; k++) {
            nw_suggest_offer(&s, d->config->routes[k]->name);
        }
        best = nw_suggest_best(&s);
        return dlq_wrong(d, NW_EXIT_USAGE, "there is no route \"%s\"%s%s%s", name,
                         best == NULL ? "" : "; did you mean \"", best == NULL ? "" : best,
                         best == NULL ? "" : "\"?");
    }
    return NW_EXIT_DONE;
}

enum nw_exit dlq_find(struct dlq *d)
{
    enum nw_exit result = find_streams(d);

    for (size_t i = 0; result == NW_EXIT_DONE && i < d->streams.count; i++) {
        result = read_stream(d, d->streams.items[i]);
    }
    if (result != NW_EXIT_DONE) {
        return result;
    }
    if (d->streams.count > 1 && d->count > 1) {
        qsort(d->letters, d->count, sizeof *d->letters, by_time);
    }
    return check_routes(d);
}
