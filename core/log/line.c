/* SPDX-License-Identifier: Apache-2.0 */
#include "log/line.h"

#include <time.h>

#include "base/clock.h"
#include "base/json.h"

const char *nw_level_name(enum nw_level level)
{
    static const char *const names[] = {"error", "warning", "info", "debug"};

    return (unsigned)level < sizeof names / sizeof names[0] ? names[level] : "debug";
}

static void add_time(struct nw_buffer *out, int64_t time_ns, bool whole)
{
    time_t seconds = (time_t)(time_ns / NW_SECOND_NS);
    int milliseconds = (int)(time_ns % NW_SECOND_NS / NW_MILLISECOND_NS);
    struct tm t = {0};
    char text[40];

    if (whole) {
        (void)gmtime_r(&seconds, &t);
        (void)strftime(text, sizeof text, "%Y-%m-%dT%H:%M:%S", &t);
        nw_buffer_add_format(out, "%s.%03dZ", text, milliseconds);
    } else {
        (void)localtime_r(&seconds, &t);
        (void)strftime(text, sizeof text, "%H:%M:%S", &t);
        nw_buffer_add_text(out, text);
    }
}

static bool is_plain(const char *text)
{
    const char *c;

    for (c = text; *c != '\0'; c++) {
        if ((unsigned char)*c <= ' ' || *c == '"' || *c == '=' || *c == '\\' || *c == '\x7f') {
            return false;
        }
    }
    return c != text && nw_utf8_valid(nw_slice_text(text));
}

static void add_value(struct nw_buffer *out, const char *text)
{
    if (is_plain(text)) {
        nw_buffer_add_text(out, text);
    } else {
        nw_json_add_string(out, nw_slice_text(text));
    }
}

static void write_pairs(struct nw_buffer *out, const struct nw_line *line)
{
    nw_buffer_add_text(out, "time=");
    add_time(out, line->time_ns, true);
    nw_buffer_add_format(out, " level=%s msg=", nw_level_name(line->level));
    nw_json_add_string(out, nw_slice_text(line->text));
    for (const struct nw_log_field *f = line->fields; f != NULL && f->name != NULL; f++) {
        if (f->value != NULL) {
            nw_buffer_add_format(out, " %s=", f->name);
            add_value(out, f->value);
        }
    }
    if (line->repeated > 0) {
        nw_buffer_add_format(out, " repeated=%llu", (unsigned long long)line->repeated);
    }
}

static void write_json(struct nw_buffer *out, const struct nw_line *line)
{
    nw_buffer_add_text(out, "{\"time\":\"");
    add_time(out, line->time_ns, true);
    nw_buffer_add_format(out, "\",\"level\":\"%s\",\"msg\":", nw_level_name(line->level));
    nw_json_add_string(out, nw_slice_text(line->text));
    for (const struct nw_log_field *f = line->fields; f != NULL && f->name != NULL; f++) {
        if (f->value != NULL) {
            nw_buffer_add_char(out, ',');
            nw_json_add_string(out, nw_slice_text(f->name));
            nw_buffer_add_char(out, ':');
            nw_json_add_string(out, nw_slice_text(f->value));
        }
    }
    if (line->repeated > 0) {
        nw_buffer_add_format(out, ",\"repeated\":%llu", (unsigned long long)line->repeated);
    }
    nw_buffer_add_char(out, '}');
}

/* A terminal obeys control characters: none gets through. */
static void add_visible(struct nw_buffer *out, const char *text)
{
    for (; *text != '\0'; text++) {
        bool control = (unsigned char)*text < ' ' || *text == '\x7f';
        nw_buffer_add_char(out, control ? '?' : *text);
    }
}

static void write_terminal(struct nw_buffer *out, const struct nw_line *line, bool colour)
{
    static const char *const colours[] = {"\x1b[31m", "\x1b[33m", "\x1b[32m", "\x1b[2m"};
    const char *dim = colour ? "\x1b[2m" : "", *normal = colour ? "\x1b[0m" : "";

    nw_buffer_add_text(out, dim);
    add_time(out, line->time_ns, false);
    nw_buffer_add_format(out, "%s %s%-7s%s ", normal, colour ? colours[line->level & 3] : "",
                         nw_level_name(line->level), normal);
    add_visible(out, line->text);
    for (const struct nw_log_field *f = line->fields; f != NULL && f->name != NULL; f++) {
        if (f->value != NULL) {
            nw_buffer_add_format(out, " %s%s=", dim, f->name);
            add_visible(out, f->value);
            nw_buffer_add_text(out, normal);
        }
    }
    if (line->repeated > 0) {
        nw_buffer_add_format(out, " (%llu more like this)", (unsigned long long)line->repeated);
    }
}

void nw_line_write(struct nw_buffer *out, const struct nw_line *line, enum nw_line_style style)
{
    switch (style) {
    case NW_LINE_JSON:
        write_json(out, line);
        break;
    case NW_LINE_TERMINAL:
    case NW_LINE_COLOUR:
        write_terminal(out, line, style == NW_LINE_COLOUR);
        break;
    case NW_LINE_PAIRS:
    default:
        write_pairs(out, line);
        break;
    }
    nw_buffer_add_char(out, '\n');
}
