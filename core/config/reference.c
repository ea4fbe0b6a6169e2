/* SPDX-License-Identifier: Apache-2.0 */
#include "config/reference.h"

#include <stdio.h>

#include "config/options.h"
#include "config/rows.h"

/* Text in a table, where | would end the cell. */
static void add_escaped(struct nw_buffer *b, const char *text)
{
    for (; text != NULL && *text != '\0'; text++) {
        if (*text == '|') {
            nw_buffer_add_char(b, '\\');
        }
        nw_buffer_add_char(b, *text);
    }
}

static const char *kind_of(const struct nw_option *row)
{
    switch (row->type) {
    case NW_OPTION_SECRET:
    case NW_OPTION_SECRETS:
        return ", never shown";
    case NW_OPTION_TEMPLATE:
        return ", a template";
    case NW_OPTION_TEMPLATES:
        return ", each a template";
    default:
        return "";
    }
}

static void add_row(struct nw_buffer *b, const struct nw_option *row, const char *name)
{
    char expected[400];

    nw_option_expected(row, expected, sizeof expected);
    nw_buffer_add_format(b, "| `%s` | ", name);
    add_escaped(b, expected);
    nw_buffer_add_format(b, "%s | ", kind_of(row));
    if (row->standard != NULL) {
        nw_buffer_add_char(b, '`');
        add_escaped(b, row->standard);
        nw_buffer_add_char(b, '`');
    } else if ((row->flags & NW_OPTION_REQUIRED) != 0) {
        nw_buffer_add_text(b, "required");
    }
    nw_buffer_add_text(b, " | ");
    add_escaped(b, row->doc);
    nw_buffer_add_text(b, " |\n");
}

/* A group that may be written as the text of its first row. */
static void add_short(struct nw_buffer *b, const struct nw_option *row, const char *name)
{
    char expected[400];

    nw_option_choices(row->choices, expected, sizeof expected);
    nw_buffer_add_format(b, "| `%s` | %s, or a mapping |  | %s |\n", name, expected, row->doc);
}

static void add_rows(struct nw_buffer *b, const struct nw_option *rows, const char *group)
{
    for (const struct nw_option *row = rows; row != NULL && row->name != NULL; row++) {
        char name[200];

        (void)snprintf(name, sizeof name, "%s%s%s", group, group[0] == '\0' ? "" : ".", row->name);
        if (row->type == NW_OPTION_GROUP) {
            if (row->choices != NULL) { /* also written as a text */
                add_short(b, row, name);
            }
            add_rows(b, row->rows, name);
        } else {
            add_row(b, row, name);
        }
    }
}

static void add_options(struct nw_buffer *b, const struct nw_option *rows)
{
    if (rows == NULL || rows->name == NULL) {
        nw_buffer_add_text(b, "No options.\n");
        return;
    }
    nw_buffer_add_text(b, "| option | value | default | |\n|---|---|---|---|\n");
    add_rows(b, rows, "");
}

/* Keys whose values are no options: name and meaning. */
static void add_words(struct nw_buffer *b, const struct nw_option *rows)
{
    nw_buffer_add_text(b, "| key | |\n|---|---|\n");
    for (const struct nw_option *row = rows; row->name != NULL; row++) {
        nw_buffer_add_format(b, "| `%s` | ", row->name);
        add_escaped(b, row->doc);
        nw_buffer_add_text(b, " |\n");
    }
}

/* ---- connectors ---- */

static void add_sentence(struct nw_buffer *b, const char *name, const char *text)
{
    if (text != NULL) {
        nw_buffer_add_format(b, "%s: %s\n\n", name, text);
    }
}

/* Addresses of each form that a connector may tell apart. */
static const char *const forms[] = {"", "GET /path", "GET https://host/path"};
#define FORMS (sizeof forms / sizeof forms[0])

static void add_sources(struct nw_buffer *b, const struct nw_connector *c)
{
    const struct nw_source_kind *shown[FORMS] = {NULL};

    for (size_t i = 0; i < FORMS; i++) {
        const struct nw_source_kind *kind = i == 0                  ? c->source
                                            : c->source_for == NULL ? NULL
                                                                    : c->source_for(forms[i]);

        if (kind == NULL || kind == shown[0] || kind == shown[1]) {
            continue;
        }
        shown[i] = kind;
        nw_buffer_add_format(b, "\n## As a source%s%s%s\n\n", i == 0 ? "" : ", like `", forms[i],
                             i == 0 ? "" : "`");
        add_sentence(b, "Address", kind->address_doc);
        add_sentence(b, "Promise", kind->promise);
        add_options(b, kind->options);
    }
}

static void add_sinks(struct nw_buffer *b, const struct nw_connector *c)
{
    const struct nw_sink_kind *shown[FORMS] = {NULL};

    for (size_t i = 0; i < FORMS; i++) {
        const struct nw_sink_kind *kind = i == 0                ? c->sink
                                          : c->sink_for == NULL ? NULL
                                                                : c->sink_for(forms[i]);

        if (kind == NULL || kind == shown[0] || kind == shown[1]) {
            continue;
        }
        shown[i] = kind;
        nw_buffer_add_format(b, "\n## As a target%s%s%s\n\n", i == 0 ? "" : ", like `", forms[i],
                             i == 0 ? "" : "`");
        add_sentence(b, "Address", kind->address_doc);
        add_sentence(b, "Promise", kind->promise);
        add_options(b, kind->options);
    }
}

void nw_reference_connector(struct nw_buffer *b, const struct nw_connector *connector)
{
    nw_buffer_add_format(b, "# %s\n", connector->name);
    if (connector->summary != NULL) {
        nw_buffer_add_format(b, "\n%s\n", connector->summary);
    }
    if (connector->connection != NULL) {
        nw_buffer_add_format(b, "\n## The connection%s\n\n",
                             connector->connection->optional ? ", where there is one" : "");
        add_options(b, connector->connection->options);
    }
    add_sources(b, connector);
    add_sinks(b, connector);
}

/* ---- the language ---- */

void nw_reference_language(struct nw_buffer *b)
{
    nw_buffer_add_text(b, "# The configuration\n\n"
                          "Durations are written `250ms`, `2s`, `5m`, `1h30m`; sizes `65536`, "
                          "`64KiB`, `1MiB`. `${NAME}` and `${NAME:-default}` are environment "
                          "variables, `${file:PATH}` is a file's content, `$${` is `${` itself. "
                          "Relative paths begin at the folder of their file.\n\n"
                          "## The top level\n\n");
    add_words(b, nw_top_rows);
    nw_buffer_add_char(b, '\n');
    add_options(b, nw_settings_rows);
    nw_buffer_add_text(b, "\n## admin\n\n");
    add_options(b, nw_admin_rows);
    nw_buffer_add_text(b, "\n## A connection\n\nBeside its connector's own options:\n\n");
    add_options(b, nw_connection_word_rows);
    nw_buffer_add_text(b, "\n## A route\n\n");
    add_words(b, nw_route_part_rows);
    nw_buffer_add_char(b, '\n');
    add_options(b, nw_route_rows);
    nw_buffer_add_text(b, "\n## from\n\nThe first key is the connector, its value the address. "
                          "Beside the connector's own options:\n\n");
    add_options(b, nw_source_word_rows);
    nw_buffer_add_text(b, "\n## to\n\nOne target or a list. Beside the connector's own "
                          "options:\n\n");
    add_options(b, nw_sink_word_rows);
    nw_buffer_add_text(b, "\n## The steps of map and reply\n\n");
    add_words(b, nw_step_rows);
    nw_buffer_add_text(b, "\n### csv, of decode and encode\n\n");
    add_options(b, nw_csv_rows);
    add_rows(b, nw_csv_type_rows, "");
    nw_buffer_add_text(b, "\n### avro, of decode and encode\n\n");
    add_options(b, nw_avro_rows);
    nw_buffer_add_text(b, "\n### check\n\n");
    add_options(b, nw_check_rows);
    add_rows(b, nw_check_type_rows, "");
    nw_buffer_add_text(b, "\n### dedupe\n\n");
    add_options(b, nw_dedupe_rows);
    nw_buffer_add_text(b, "\n### lookup\n\n");
    add_options(b, nw_lookup_rows);
    add_rows(b, nw_lookup_missing_rows, "");
}
