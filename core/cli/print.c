/* SPDX-License-Identifier: Apache-2.0 */
/* Showing diagnostics: as lines, on a terminal with the text they are about, and as JSON. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/json.h"
#include "cli/cli.h"

#define WIDEST 200 /* of a line that is shown, in bytes */

/* The number'th line of the file, without its end. NULL: there is none. Freed by the caller. */
static char *read_line(const char *name, size_t number)
{
    FILE *file = fopen(name, "re");
    char *line = NULL;
    size_t size = 0;
    ssize_t len = -1;

    for (size_t i = 0; file != NULL && i < number; i++) {
        len = getline(&line, &size, file);
        if (len < 0) {
            break;
        }
    }
    if (file != NULL) {
        (void)fclose(file);
    }
    if (len < 0) {
        free(line);
        return NULL;
    }
    line[strcspn(line, "\r\n")] = '\0';
    return line;
}

/* Controls would move the caret, or the terminal. */
static void make_plain(char *line)
{
    for (; *line != '\0'; line++) {
        if ((unsigned char)*line < ' ' || *line == 0x7F) {
            *line = ' ';
        }
    }
}

static void show_place(const struct nw_mark *mark)
{
    char *line = read_line(mark->file, mark->line);

    if (line == NULL || strlen(line) > WIDEST) {
        free(line);
        return;
    }
    make_plain(line);
    (void)fprintf(stderr, "    %s\n    %*s^\n", line, (int)mark->column - 1, "");
    free(line);
}

void nw_cli_print(const struct nw_diagnostics *d)
{
    bool terminal = isatty(STDERR_FILENO) == 1;

    for (size_t i = 0; i < d->count; i++) {
        struct nw_diagnostics one = {.items = &d->items[i], .count = 1};

        nw_diagnostics_print(&one, stderr);
        if (terminal && d->items[i].mark.file != NULL && d->items[i].mark.line > 0) {
            show_place(&d->items[i].mark);
        }
    }
}

static void add_one(struct nw_buffer *out, const struct nw_diagnostic *item)
{
    nw_buffer_add_text(out, "{");
    if (item->mark.file != NULL) {
        nw_buffer_add_text(out, "\"file\":");
        nw_json_add_string(out, nw_slice_text(item->mark.file));
        nw_buffer_add_format(out, ",\"line\":%zu,\"column\":%zu,", item->mark.line,
                             item->mark.column);
    }
    if (item->route != NULL) {
        nw_buffer_add_text(out, "\"route\":");
        nw_json_add_string(out, nw_slice_text(item->route));
        nw_buffer_add_text(out, ",");
    }
    nw_buffer_add_format(out,
                         "\"severity\":\"%s\",\"message\":", item->warning ? "warning" : "error");
    nw_json_add_string(out, nw_slice_text(item->text));
    nw_buffer_add_text(out, "}");
}

void nw_cli_add_json(struct nw_buffer *out, const struct nw_diagnostics *d)
{
    nw_buffer_add_text(out, "[");
    for (size_t i = 0; i < d->count; i++) {
        nw_buffer_add_text(out, i == 0 ? "" : ",");
        add_one(out, &d->items[i]);
    }
    nw_buffer_add_text(out, "]");
}
