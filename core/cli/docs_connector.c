/* SPDX-License-Identifier: Apache-2.0 */
#include <string.h>

#include "cli/docs.h"
#include "config/options.h"

/* ---- a table of rows ---- */

/* Markdown's own marks in a table's cell. */
static void add_cell(struct nw_buffer *out, const char *text)
{
    for (; *text != '\0'; text++) {
        if (*text == '|' || *text == '\n') {
            nw_buffer_add_text(out, *text == '|' ? "\\|" : " ");
        } else {
            nw_buffer_add_char(out, *text);
        }
    }
}

static void add_row(struct nw_buffer *out, const char *prefix, const struct nw_option *row)
{
    char expected[400];

    if (row->type == NW_OPTION_TEMPLATE) {
        strcpy(expected, "a template");
    } else if (row->type == NW_OPTION_TEMPLATES) {
        strcpy(expected, "a mapping of names to templates");
    } else if (row->type == NW_OPTION_SECRET) {
        strcpy(expected, "a secret text");
    } else {
        nw_option_expected(row, expected, sizeof expected);
    }
    nw_buffer_add_format(out, "| `%s%s` | ", prefix, row->name);
    add_cell(out, expected);
    nw_buffer_add_text(out, " | ");
    if ((row->flags & NW_OPTION_REQUIRED) != 0) {
        nw_buffer_add_text(out, "required");
    } else if (row->standard != NULL) {
        nw_buffer_add_text(out, "`");
        add_cell(out, row->standard);
        nw_buffer_add_text(out, "`");
    }
    nw_buffer_add_text(out, " | ");
    add_cell(out, row->doc == NULL ? "" : row->doc);
    nw_buffer_add_text(out, " |\n");
}

static void add_rows(struct nw_buffer *out, const char *prefix, const struct nw_option *rows)
{
    for (const struct nw_option *row = rows; row->name != NULL; row++) {
        add_row(out, prefix, row);
        if (row->type == NW_OPTION_GROUP && row->rows != NULL) {
            struct nw_buffer deeper = {0};
            nw_buffer_add_format(&deeper, "%s%s.", prefix, row->name);
            add_rows(out, nw_buffer_text(&deeper), row->rows);
            nw_buffer_done(&deeper);
        }
    }
}

void nw_docs_rows(struct nw_buffer *out, const struct nw_option *rows)
{
    if (rows == NULL || rows->name == NULL) {
        return;
    }
    nw_buffer_add_text(out, "| option | value | default | |\n|---|---|---|---|\n");
    add_rows(out, "", rows);
    nw_buffer_add_text(out, "\n");
}

void nw_docs_names(struct nw_buffer *out, const struct nw_option *rows)
{
    nw_buffer_add_text(out, "| key | |\n|---|---|\n");
    for (; rows->name != NULL; rows++) {
        if (strstr(rows->doc, "not available in this version") == NULL) {
            nw_buffer_add_format(out, "| `%s` | ", rows->name);
            add_cell(out, rows->doc);
            nw_buffer_add_text(out, " |\n");
        }
    }
    nw_buffer_add_text(out, "\n");
}

/* ---- a connector ---- */

static void add_sentence(struct nw_buffer *out, const char *label, const char *text)
{
    if (text != NULL) {
        nw_buffer_add_format(out, "%s%s\n\n", label, text);
    }
}

/* What templates of the route may name beside what every message has. */
static void add_names(struct nw_buffer *out, uint64_t has)
{
    static const struct {
        enum nw_meta meta;
        const char *name;
    } names[] = {
        {NW_META_KEY, "key"},
        {NW_META_PARTITION, "partition"},
        {NW_META_OFFSET, "offset"},
        {NW_META_SEQUENCE, "sequence"},
        {NW_META_STREAM, "stream"},
        {NW_META_QOS, "qos"},
        {NW_META_RETAINED, "retained"},
        {NW_META_LINE, "line"},
        {NW_META_METHOD, "method"},
        {NW_META_REMOTE, "remote"},
        {NW_META_STATUS, "status"},
        {NW_META_PARAM, "param('name')"},
        {NW_META_QUERY, "query('name')"},
    };
    bool any = false;

    for (size_t i = 0; i < sizeof names / sizeof names[0]; i++) {
        if ((has & NW_HAS(names[i].meta)) != 0) {
            nw_buffer_add_format(out, "%s`%s`",
                                 any ? ", " : "Templates of the route know: ", names[i].name);
            any = true;
        }
    }
    nw_buffer_add_text(out, any ? ".\n\n" : "");
}

static void add_source(struct nw_buffer *out, const struct nw_source_kind *kind, const char *name,
                       const char *form)
{
    nw_buffer_add_format(out, "## As source%s: `from: {%s: ADDRESS, …}`\n\n", form, name);
    add_sentence(out, "Address: ", kind->address_doc);
    add_sentence(out, "Promise: ", kind->promise);
    add_names(out, kind->has);
    nw_docs_rows(out, kind->options);
}

static void add_sink(struct nw_buffer *out, const struct nw_sink_kind *kind, const char *name,
                     const char *form)
{
    nw_buffer_add_format(out, "## As target%s: `to: {%s: ADDRESS, …}`\n\n", form, name);
    add_sentence(out, "Address: ", kind->address_doc);
    add_sentence(out, "Promise: ", kind->promise);
    nw_docs_rows(out, kind->options);
}

static void add_connection(struct nw_buffer *out, const struct nw_connector *c)
{
    nw_buffer_add_format(out, "## Connection: `connections: {%s: {…}}`\n\n", c->name);
    if (c->connection->optional) {
        nw_buffer_add_text(out, "Not every endpoint needs one.\n\n");
    }
    nw_docs_rows(out, c->connection->options);
}

/* A connector may have a second kind for another form of address; these forms show it. */
static const char *const called = "GET https://example.org/", *const served = "GET /path";

void nw_docs_connector(struct nw_buffer *out, const struct nw_connector *c)
{
    const struct nw_source_kind *source = c->source_for == NULL ? NULL : c->source_for(called);
    const struct nw_sink_kind *sink = c->sink_for == NULL ? NULL : c->sink_for(served);

    nw_buffer_add_format(out, "# %s\n\n%s.\n\n", c->name, c->summary);
    if (c->connection != NULL && c->connection->options != NULL) {
        add_connection(out, c);
    }
    if (c->source != NULL) {
        add_source(out, c->source, c->name, "");
    }
    if (source != NULL && source != c->source) {
        add_source(out, source, c->name, " of a URL");
    }
    if (c->sink != NULL) {
        add_sink(out, c->sink, c->name, "");
    }
    if (sink != NULL && sink != c->sink) {
        add_sink(out, sink, c->name, " of a path");
    }
}
