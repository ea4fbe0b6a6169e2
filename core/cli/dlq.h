/* SPDX-License-Identifier: Apache-2.0 */
/* What the actions of `natsway dlq` share: which dead letters there are, and which are meant. */
#ifndef NATSWAY_CLI_DLQ_H
#define NATSWAY_CLI_DLQ_H

#include "cli/cli.h"
#include "hub/letters.h"

struct dlq_range {
    uint64_t from, to;
};

/* What --route, --reason and so on say. */
struct dlq_filter {
    const char *const *routes;
    size_t route_count;
    const char *reason, *subject; /* NULL: any */
    int64_t since_ns;             /* 0: ever */
    struct dlq_range *ranges;     /* of sequences; none: any */
    size_t range_count;
    bool any; /* there is a filter at all */
};

/* A dead letter, without its payload. Its texts live as long as the struct dlq. */
struct dlq_letter {
    const char *stream, *subject;
    uint64_t sequence;
    int64_t time_ns;
    size_t size;
    const char *bridge, *route, *origin, *attempts, *reason;
};

/* A command at work. All zero is one that has not begun. */
struct dlq {
    const struct nw_arguments *arguments;
    const char *name; /* "dlq ls", for errors */
    struct nw_registry *registry;
    struct nw_config *config;
    struct nw_letters *connection;
    struct dlq_filter filter;
    struct nw_list patterns, streams; /* where dead letters are */
    struct dlq_letter *letters;       /* those that are meant, the newest last */
    size_t count, capacity;
    struct nw_arena *arena;
};

/* Read the command line and the files, connect and find the letters that are meant. Otherwise says
 * why not, and how to exit; dlq_end in any case. */
enum nw_exit dlq_begin(struct dlq *d, const char *name, const struct nw_arguments *arguments);
void dlq_end(struct dlq *d);

/* Say what is wrong on standard error, behind the command's name; returns result. */
enum nw_exit dlq_wrong(const struct dlq *d, enum nw_exit result, const char *format, ...)
    __attribute__((format(printf, 3, 4)));
/* The same for an error of nw_letters_…: it decides the exit code. */
enum nw_exit dlq_failed(const struct dlq *d, int rc, const struct nw_error *error);

/* In dlq_filter.c. Fill d->filter; d->arena is there. */
enum nw_exit dlq_read_filter(struct dlq *d);
bool dlq_filter_takes(const struct dlq_filter *f, const struct dlq_letter *letter);
/* From the lowest to the highest sequence that can pass. */
void dlq_filter_span(const struct dlq_filter *f, struct dlq_range *out);

/* In dlq_read.c. Find what d->filter takes, from the streams that take dead letters. */
enum nw_exit dlq_find(struct dlq *d);

/* In dlq_print.c: one line; as JSON; and with all that is in it, as JSON. */
void dlq_add_line(struct nw_buffer *out, const struct dlq *d, const struct dlq_letter *letter);
void dlq_add_json(struct nw_buffer *out, const struct dlq_letter *letter);
void dlq_print(const struct dlq *d, const struct dlq_letter *letter);
/* Of the action `show`. */
enum nw_exit dlq_show(struct dlq *d);

/* In dlq_edit.c and dlq_retry.c. */
enum nw_exit dlq_edit(struct dlq *d);
enum nw_exit dlq_retry(struct dlq *d);

#endif
