/* SPDX-License-Identifier: Apache-2.0 */
/* Dead letters as lines and as JSON. */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/json.h"
#include "base/timestamp.h"
#include "cli/dlq.h"
#include "cli/trial.h"
#include "message/letter.h"

/* What a message brought must not move the cursor of a terminal, nor make two lines of one. */
static void add_plain(struct nw_buffer *out, const char *text)
{
    for (; *text != '\0'; text++) {
        bool control = (unsigned char)*text < ' ' || *text == 0x7F;
        nw_buffer_add_char(out, control ? ' ' : *text);
    }
}

static void add_size(struct nw_buffer *out, size_t size)
{
    char text[32];

    if (size < 10240) {
        (void)snprintf(text, sizeof text, "%zuB", size);
    } else if (size < (size_t)10 << 20) {
        (void)snprintf(text, sizeof text, "%zuKiB", size >> 10);
    } else {
        (void)snprintf(text, sizeof text, "%zuMiB", size >> 20);
    }
    nw_buffer_add_format(out, "%8s", text);
}

void dlq_add_line(struct nw_buffer *out, const struct dlq *d, const struct dlq_letter *letter)
{
    char time[NW_TIMESTAMP_TEXT_MAX];
    int64_t second_ns = letter->time_ns - letter->time_ns % NW_SECOND_NS;

    (void)nw_timestamp_format(second_ns, time);
    if (d->streams.count > 1) {
        nw_buffer_add_format(out, "%s/", letter->stream);
    }
    nw_buffer_add_format(out, "%-6" PRIu64 "  %s  ", letter->sequence, time);
    add_plain(out, letter->route);
    nw_buffer_add_text(out, "  ");
    add_plain(out, *letter->origin == '\0' ? "-" : letter->origin);
    nw_buffer_add_text(out, "  ");
    add_plain(out, letter->attempts);
    add_size(out, letter->size);
    nw_buffer_add_text(out, "  ");
    add_plain(out, letter->reason);
}

static void add_text(struct nw_buffer *out, const char *name, const char *text)
{
    nw_buffer_add_format(out, ",\"%s\":", name);
    nw_json_add_string(out, nw_slice_text(text));
}

/* Without the braces. */
static void add_members(struct nw_buffer *out, const struct dlq_letter *letter)
{
    char time[NW_TIMESTAMP_TEXT_MAX];

    (void)nw_timestamp_format(letter->time_ns, time);
    nw_buffer_add_format(out, "\"sequence\":%" PRIu64, letter->sequence);
    add_text(out, "time", time);
    add_text(out, "route", letter->route);
    add_text(out, "origin", letter->origin);
    nw_buffer_add_format(out, ",\"attempts\":%ld", strtol(letter->attempts, NULL, 10));
    add_text(out, "reason", letter->reason);
    nw_buffer_add_format(out, ",\"size\":%zu", letter->size);
    add_text(out, "stream", letter->stream);
    add_text(out, "subject", letter->subject);
    add_text(out, "bridge", letter->bridge);
}

void dlq_add_json(struct nw_buffer *out, const struct dlq_letter *letter)
{
    nw_buffer_add_text(out, "{");
    add_members(out, letter);
    nw_buffer_add_text(out, "}");
}

void dlq_print(const struct dlq *d, const struct dlq_letter *letter)
{
    const char *format = d->arguments->format;
    struct nw_buffer line = {0};

    if (format != NULL && strcmp(format, "json") == 0) {
        dlq_add_json(&line, letter);
    } else {
        dlq_add_line(&line, d, letter);
    }
    (void)puts(nw_buffer_text(&line));
    nw_buffer_done(&line);
}

/* ---- show ---- */

struct showing {
    const struct dlq_letter *letter;
    bool no_memory;
};

/* The headers as they are stored; the address is what the route's rules are going to see. */
static bool show(void *context, const struct nw_stored *stored)
{
    struct showing *s = context;
    struct nw_message *m = nw_message_make();
    struct nw_buffer line = {0}, content = {0};
    struct nw_letter said;

    s->no_memory = m == NULL || nw_letters_fill(m, stored) != 0;
    if (!s->no_memory) {
        nw_trial_add_content(&content, m);
        s->no_memory = nw_letter_read(m, &said) != 0;
    }
    if (!s->no_memory) {
        nw_buffer_add_text(&line, "{");
        add_members(&line, s->letter);
        nw_buffer_add_text(&line, ",\"address\":");
        nw_json_add_string(&line, m->address);
        nw_buffer_add_text(&line, ",");
        nw_buffer_add_slice(&line, nw_buffer_slice(&content));
        nw_buffer_add_text(&line, "}\n");
        s->no_memory = line.failed || content.failed;
        (void)fwrite(nw_buffer_text(&line), 1, line.len, stdout);
    }
    nw_buffer_done(&content);
    nw_buffer_done(&line);
    nw_message_unref(m);
    return true;
}

enum nw_exit dlq_show(struct dlq *d)
{
    for (size_t i = 0; i < d->count; i++) {
        struct showing s = {.letter = &d->letters[i]};
        struct nw_error error = {.text = ""};
        int rc =
            nw_letters_get(d->connection, s.letter->stream, s.letter->sequence, show, &s, &error);
        if (s.no_memory) {
            return dlq_wrong(d, NW_EXIT_INTERNAL, "out of memory");
        }
        if (rc != 0 && rc != NW_ENOTFOUND) {
            return dlq_failed(d, rc, &error);
        }
    }
    if (d->count == 0 && d->filter.range_count > 0) {
        return dlq_wrong(d, NW_EXIT_REFUSED, "there is no such dead letter");
    }
    return NW_EXIT_DONE;
}
