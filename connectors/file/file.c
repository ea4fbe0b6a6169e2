/* SPDX-License-Identifier: Apache-2.0 */
/* The file connector: entry, option rows, and what can be checked before anything is opened. */
#include "file.h"

#include <string.h>

#include "file_rotate.h"

#define KIB INT64_C(1024)
#define MIB (KIB * KIB)
#define GIB (KIB * MIB)

bool file_is_standard(const char *address)
{
    return strcmp(address, "-") == 0;
}

static const struct nw_option source_rows[] = {
    {.name = "mode",
     .type = NW_OPTION_CHOICE,
     .offset = offsetof(struct file_source_options, mode),
     .standard = "lines",
     .choices = "lines|whole",
     .doc =
         "One message for each line, without the LF or CR LF that ends it, or one for each whole "
         "file."},
    {.name = "start",
     .type = NW_OPTION_CHOICE,
     .offset = offsetof(struct file_source_options, start),
     .standard = "beginning",
     .choices = "beginning|end",
     .doc = "Where to begin in files that are there at the very first start. Files that come later "
            "are always read from their beginning."},
    {.name = "after",
     .type = NW_OPTION_CHOICE,
     .offset = offsetof(struct file_source_options, after),
     .standard = "keep",
     .choices = "keep|delete|move=",
     .doc = "What becomes of a whole file once it is delivered; {move: folder} is relative to the "
            "file's own folder."},
    {.name = "max_line",
     .type = NW_OPTION_SIZE,
     .offset = offsetof(struct file_source_options, max_line),
     .standard = "1MiB",
     .min = 1,
     .max = 64 * MIB,
     .doc = "A longer line is not delivered; it is counted as dropped."},
    {.name = "max_size",
     .type = NW_OPTION_SIZE,
     .offset = offsetof(struct file_source_options, max_size),
     .standard = "64MiB",
     .min = 1,
     .max = GIB,
     .doc = "A larger whole file is not delivered; it stays where it is and is counted as "
            "dropped."},
    {.name = NULL}};

#define ROTATE(member) offsetof(struct file_rotate_options, member)

static const struct nw_option rotate_rows[] = {
    {.name = "size",
     .type = NW_OPTION_SIZE,
     .offset = ROTATE(size),
     .min = 1,
     .max = 1024 * GIB,
     .doc = "Before the file gets larger than this."},
    {.name = "every",
     .type = NW_OPTION_DURATION,
     .offset = ROTATE(every),
     .min = 1,
     .max = INT64_C(366) * 24 * 3600 * 1000,
     .doc = "When the file is this old, with the next message."},
    {.name = "keep",
     .type = NW_OPTION_INT,
     .offset = ROTATE(keep),
     .standard = "0",
     .min = 0,
     .max = 100000,
     .doc = "How many rotated files are kept; 0: all."},
    {.name = "compress",
     .type = NW_OPTION_BOOL,
     .offset = ROTATE(compress),
     .standard = "false",
     .doc = "Rotated files are compressed with gzip: PATH.1.gz."},
    {.name = NULL}};

static const struct nw_option sink_rows[] = {
    {.name = "mode",
     .type = NW_OPTION_CHOICE,
     .offset = offsetof(struct file_sink_options, mode),
     .standard = "lines",
     .choices = "lines|whole",
     .doc = "Append each message and a newline, or write one file for each message."},
    {.name = "fsync",
     .type = NW_OPTION_CHOICE,
     .offset = offsetof(struct file_sink_options, fsync),
     .standard = "batch",
     .choices = "batch|interval",
     .doc = "When appended lines are made durable: after each batch, or at most every "
            "fsync_interval. Messages are confirmed after that."},
    {.name = "fsync_interval",
     .type = NW_OPTION_DURATION,
     .offset = offsetof(struct file_sink_options, fsync_interval),
     .standard = "100ms",
     .min = 1,
     .max = 60 * 1000,
     .doc = "With fsync: interval. It is made durable earlier when half of max_in_flight waits."},
    {.name = "open_files",
     .type = NW_OPTION_INT,
     .offset = offsetof(struct file_sink_options, open_files),
     .standard = "64",
     .min = 1,
     .max = 1024,
     .doc = "How many files are kept open when the path is a template."},
    {.name = "append",
     .type = NW_OPTION_BOOL,
     .offset = offsetof(struct file_sink_options, append),
     .standard = "true",
     .doc = "false empties the file at each start."},
    {.name = "rotate",
     .type = NW_OPTION_GROUP,
     .offset = offsetof(struct file_sink_options, rotate),
     .rows = rotate_rows,
     .doc = "When the file is renamed to PATH.1 (what is called so to PATH.2, …) and begun anew."},
    {.name = NULL}};

static void check_source(const char *address, const void *options, const void *connection_options,
                         struct nw_check *check)
{
    const struct file_source_options *o = options;

    (void)connection_options;
    if (address[0] == '\0') {
        nw_check_error(check, NULL, "expected a path, a pattern or - for standard input");
    }
    if (strstr(address, "**") != NULL) {
        nw_check_error(check, NULL, "** is not known: write one * for each level of folders");
    }
    if (o->mode.index == FILE_LINES && o->after.index != FILE_KEEP) {
        nw_check_error(check, "after",
                       "only a whole file can be moved or deleted: add mode: "
                       "whole, or remove after");
    }
    if (file_is_standard(address) && o->mode.index == FILE_WHOLE) {
        nw_check_error(check, "mode", "standard input is read by lines: mode: whole needs a path");
    }
    if (o->after.index == FILE_MOVE && (o->after.value == NULL || o->after.value[0] == '\0')) {
        nw_check_error(check, "after", "expected a folder to move to");
    }
}

static void check_rotate(const char *address, const struct file_sink_options *o,
                         struct nw_check *check)
{
    bool wanted = o->rotate.size > 0 || o->rotate.every > 0;

    if (!wanted && (o->rotate.keep > 0 || o->rotate.compress)) {
        nw_check_error(check, "rotate", "expected size or every: when to rotate");
    }
    if (wanted && (o->mode.index == FILE_WHOLE || file_is_standard(address))) {
        nw_check_error(check, "rotate", "only a file that lines are appended to is rotated");
    }
    if (o->rotate.compress && !file_can_compress()) {
        nw_check_error(check, "rotate.compress", "this natsway was built without zlib");
    }
}

static void check_sink(const char *address, const void *options, const void *connection_options,
                       struct nw_check *check)
{
    const struct file_sink_options *o = options;

    (void)connection_options;
    if (address[0] == '\0') {
        nw_check_error(check, NULL, "expected a path or - for standard output");
    }
    if (file_is_standard(address) && o->mode.index == FILE_WHOLE) {
        nw_check_error(check, "mode", "standard output is one stream: mode: whole needs a path");
    }
    if (!o->append && o->mode.index == FILE_WHOLE) {
        nw_check_error(check, "append", "mode: whole always replaces the file");
    }
    if (!o->append && strstr(address, "{{") != NULL) {
        nw_check_error(check, "append", "false needs a path without {{ }}");
    }
    check_rotate(address, o, check);
    if (o->mode.index == FILE_WHOLE && strstr(address, "{{") == NULL) {
        nw_check_warning(check, NULL,
                         "each message replaces the one before: put {{id}} or another value into "
                         "the path");
    }
}

static const struct nw_source_kind source = {
    .options = source_rows,
    .options_size = sizeof(struct file_source_options),
    .address = NW_ADDRESS_FILE_PATH,
    .has = NW_HAS(NW_META_OFFSET) | NW_HAS(NW_META_LINE),
    .address_doc = "A path, or a pattern with *, ? and [...]; - is standard input.",
    .promise = "At least once: what was not confirmed is read again after a restart. Standard "
               "input cannot be read again.",
    .check = check_source,
    .open = file_source_open,
    .credit = file_source_credit,
    .settle = file_source_settle,
    .stop = file_source_stop,
    .close = file_source_close,
};

static const struct nw_sink_kind sink = {
    .options = sink_rows,
    .options_size = sizeof(struct file_sink_options),
    .address = NW_FILL_PATH,
    .address_doc = "A path, which may be a template; missing folders are made. - is standard "
                   "output.",
    .promise = "Confirmed after fsync. Standard output: when it was written.",
    .check = check_sink,
    .open = file_sink_open,
    .send = file_sink_send,
    .close = file_sink_close,
};

static const struct nw_connector connector = {
    NW_CONNECTOR_HEAD,  .name = "file",
    .version = "0.1.0", .summary = "Files, folders, standard input and output",
    .source = &source,  .sink = &sink,
};

NW_CONNECTOR(file)
{
    return &connector;
}
