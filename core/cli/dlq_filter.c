/* SPDX-License-Identifier: Apache-2.0 */
/* Which dead letters are meant: what the command line says, and whether one is among them. */
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/duration.h"
#include "base/timestamp.h"
#include "cli/dlq.h"
#include "hub/subject.h"

/* ---- the command line ---- */

/* "5" or "5-9" of len bytes. */
static bool read_range(const char *text, size_t len, struct dlq_range *out)
{
    char copy[48], *end;

    if (len == 0 || len >= sizeof copy || strspn(text, "0123456789-") < len || *text == '-') {
        return false;
    }
    memcpy(copy, text, len);
    copy[len] = '\0';
    out->from = out->to = strtoull(copy, &end, 10);
    if (*end == '-' && end[1] != '\0') {
        out->to = strtoull(end + 1, &end, 10);
    }
    return *end == '\0' && out->from > 0 && out->to >= out->from;
}

static size_t count_ranges(const struct nw_arguments *a)
{
    size_t count = 0;

    for (size_t i = 0; i < a->sequence_count; i++) {
        for (const char *at = a->sequences[i]; at != NULL; at = strchr(at + 1, ',')) {
            count++;
        }
    }
    return count;
}

static enum nw_exit read_ranges(struct dlq *d)
{
    const struct nw_arguments *a = d->arguments;
    struct dlq_filter *f = &d->filter;

    f->ranges = nw_arena_alloc(d->arena, (count_ranges(a) + 1) * sizeof *f->ranges);
    if (f->ranges == NULL) {
        return dlq_wrong(d, NW_EXIT_INTERNAL, "out of memory");
    }
    for (size_t i = 0; i < a->sequence_count; i++) {
        const char *at = a->sequences[i];
        for (bool more = true; more;) {
            size_t len = strcspn(at, ",");
            if (!read_range(at, len, &f->ranges[f->range_count++])) {
                return dlq_wrong(d, NW_EXIT_USAGE,
                                 "--seq wants a number like 5, or 5-9, or 5,7; found \"%s\"",
                                 a->sequences[i]);
            }
            more = at[len] == ',';
            at += len + 1;
        }
    }
    return NW_EXIT_DONE;
}

/* A point in time, or how long ago. */
static enum nw_exit read_since(struct dlq *d)
{
    struct nw_slice text = nw_slice_text(d->arguments->since);
    int64_t ms;

    if (nw_timestamp_parse(text, &d->filter.since_ns, NULL) == 0) {
        return NW_EXIT_DONE;
    }
    if (nw_duration_parse(text, &ms, NULL) != 0) {
        return dlq_wrong(d, NW_EXIT_USAGE,
                         "--since wants a time like 2026-01-01T00:00:00Z, or how long ago, like "
                         "2h; found \"%s\"",
                         text.data);
    }
    d->filter.since_ns = nw_clock_real_ns() - ms * NW_MILLISECOND_NS;
    return NW_EXIT_DONE;
}

enum nw_exit dlq_read_filter(struct dlq *d)
{
    const struct nw_arguments *a = d->arguments;
    struct nw_error error;
    int64_t ms;
    enum nw_exit result = read_ranges(d);

    d->filter.routes = a->routes;
    d->filter.route_count = a->route_count;
    d->filter.reason = a->reason;
    d->filter.subject = a->subject;
    if (result == NW_EXIT_DONE && a->since != NULL) {
        result = read_since(d);
    }
    if (result == NW_EXIT_DONE && a->subject != NULL &&
        nw_subject_check_pattern(nw_slice_text(a->subject), &error) != 0) {
        return dlq_wrong(d, NW_EXIT_USAGE, "--subject: %s", error.text);
    }
    if (result == NW_EXIT_DONE && a->timeout != NULL &&
        nw_duration_parse(nw_slice_text(a->timeout), &ms, &error) != 0) {
        return dlq_wrong(d, NW_EXIT_USAGE, "--timeout: %s", error.text);
    }
    return result;
}

/* ---- the letters ---- */

static bool has_route(const struct dlq_filter *f, const char *route)
{
    for (size_t i = 0; i < f->route_count; i++) {
        if (strcmp(f->routes[i], route) == 0) {
            return true;
        }
    }
    return f->route_count == 0;
}

static bool has_sequence(const struct dlq_filter *f, uint64_t sequence)
{
    for (size_t i = 0; i < f->range_count; i++) {
        if (sequence >= f->ranges[i].from && sequence <= f->ranges[i].to) {
            return true;
        }
    }
    return f->range_count == 0;
}

bool dlq_filter_takes(const struct dlq_filter *f, const struct dlq_letter *letter)
{
    return has_sequence(f, letter->sequence) && has_route(f, letter->route) &&
           letter->time_ns >= f->since_ns &&
           (f->reason == NULL || strcasestr(letter->reason, f->reason) != NULL) &&
           (f->subject == NULL ||
            nw_subject_matches(nw_slice_text(f->subject), nw_slice_text(letter->subject)));
}

void dlq_filter_span(const struct dlq_filter *f, struct dlq_range *out)
{
    *out = (struct dlq_range){f->range_count == 0 ? 1 : UINT64_MAX,
                              f->range_count == 0 ? UINT64_MAX : 0};
    for (size_t i = 0; i < f->range_count; i++) {
        out->from = f->ranges[i].from < out->from ? f->ranges[i].from : out->from;
        out->to = f->ranges[i].to > out->to ? f->ranges[i].to : out->to;
    }
}
