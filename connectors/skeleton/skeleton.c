/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The entry of the connector: its option rows, its two kinds of endpoint, and what can be checked
 * before anything is opened. Parser, defaults, `natsway docs skeleton` and the editor's schema all
 * come from the rows.
 */
#include "skeleton.h"

#include <string.h>

static const struct nw_option source_rows[] = {
    {.name = "every",
     .type = NW_OPTION_DURATION,
     .offset = offsetof(struct skeleton_source_options, every),
     .standard = "1s",
     .min = 0,
     .max = 24 * 3600 * 1000,
     .doc = "How long to wait between two messages; 0ms: as fast as they are taken."},
    {.name = "count",
     .type = NW_OPTION_INT,
     .offset = offsetof(struct skeleton_source_options, count),
     .standard = "0",
     .min = 0,
     .max = INT64_MAX,
     .doc = "How many messages to make; 0: for ever."},
    {.name = NULL}};

static const struct nw_option sink_rows[] = {
    {.name = "keep",
     .type = NW_OPTION_INT,
     .offset = offsetof(struct skeleton_sink_options, keep),
     .standard = "10",
     .min = 1,
     .max = 1000,
     .doc = "How many of the last messages stay in memory."},
    {.name = NULL}};

/* No I/O here: `natsway check` runs it too. Report every mistake, not the first only. */
static void check_source(const char *address, const void *options, const void *connection_options,
                         struct nw_check *check)
{
    const struct skeleton_source_options *o = options;

    (void)connection_options;
    if (strchr(address, ' ') != NULL) {
        nw_check_error(check, NULL, "the name of a ticker has no blanks");
    }
    if (o->every == 0 && o->count == 0) {
        nw_check_warning(check, "every", "without a pause and without an end, a core stays busy");
    }
}

static const struct nw_source_kind source = {
    .options = source_rows,
    .options_size = sizeof(struct skeleton_source_options),
    .address = NW_ADDRESS_SUBJECT, /* so that {{subject}} and the like work on its address */
    .has = NW_HAS(NW_META_SEQUENCE),
    .address_doc = "The name of the ticker.",
    .promise = "Every number comes at least once, also after a restart.",
    .check = check_source,
    .open = skeleton_source_open,
    .credit = skeleton_source_credit,
    .settle = skeleton_source_settle,
    .stop = skeleton_source_stop,
    .close = skeleton_source_close,
};

static const struct nw_sink_kind sink = {
    .options = sink_rows,
    .options_size = sizeof(struct skeleton_sink_options),
    .address = NW_FILL_TEXT,
    .address_doc = "Any text.",
    .promise = "None: what it keeps is gone with the process.",
    .open = skeleton_sink_open,
    .send = skeleton_sink_send,
    .close = skeleton_sink_close,
};

static const struct nw_connector connector = {
    NW_CONNECTOR_HEAD,  .name = "skeleton",
    .version = "0.1.0", .summary = "A ticker and a memory: the connector to copy",
    .source = &source,  .sink = &sink,
};

NW_CONNECTOR(skeleton)
{
    return &connector;
}
