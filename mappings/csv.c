/* SPDX-License-Identifier: Apache-2.0 */
/* Comma-separated values (RFC 4180). */
#include <string.h>

#include "base/json.h"
#include "mappings/codecs.h"
#include "mappings/types.h"

#define BOM "\xEF\xBB\xBF" /* what some programs begin a file with */

/* ---- decoding ---- */

/* Reading a table. */
struct reader {
    const struct nw_codec *codec;
    struct nw_slice rest;
    size_t line; /* from 1 */
    struct nw_buffer field;
    jv names;   /* of the columns; null: rows are arrays */
    bool named; /* names are known, or there are none to come */
    nw_csv_row *give;
    void *context;
    struct nw_error *error;
};

static int refuse(const struct reader *r, const char *what)
{
    return nw_error_set(r->error, NW_EINVAL, "csv: line %zu: %s", r->line, what);
}

static bool next_is(const struct reader *r, char c)
{
    return r->rest.len > 0 && *r->rest.data == c;
}

static void skip(struct reader *r, size_t n)
{
    r->rest = (struct nw_slice){r->rest.data + n, r->rest.len - n};
}

/* A line ends in CR LF, LF, or a CR alone, as some spreadsheets still write it: a field that has
 * one must be in quotes, so that no table means anything else. */
static bool is_line_end(const struct reader *r)
{
    return next_is(r, '\n') || next_is(r, '\r');
}

/* At the end of a row: its line ending is taken. */
static bool take_end(struct reader *r)
{
    if (r->rest.len == 0) {
        return true;
    }
    if (is_line_end(r)) {
        skip(r, next_is(r, '\r') && r->rest.len > 1 && r->rest.data[1] == '\n' ? 2 : 1);
        r->line++;
        return true;
    }
    return false;
}

static int read_quoted(struct reader *r)
{
    size_t began = r->line;

    skip(r, 1);
    while (r->rest.len > 0) {
        char c = *r->rest.data;
        skip(r, 1);
        if (c == '"' && !next_is(r, '"')) {
            return 0;
        }
        skip(r, c == '"' ? 1 : 0);
        r->line += c == '\n' || (c == '\r' && !next_is(r, '\n')) ? 1 : 0;
        nw_buffer_add_char(&r->field, c);
    }
    r->line = began;
    return refuse(r, "a quoted field does not end");
}

static bool is_end(const struct reader *r)
{
    return next_is(r, r->codec->delimiter) || is_line_end(r);
}

static int read_plain(struct reader *r)
{
    while (r->rest.len > 0 && !is_end(r)) {
        if (next_is(r, '"')) {
            return refuse(r, "a quote in a field that does not begin with one");
        }
        nw_buffer_add_char(&r->field, *r->rest.data);
        skip(r, 1);
    }
    return 0;
}

static int read_field(struct reader *r)
{
    int rc;

    nw_buffer_clear(&r->field);
    rc = next_is(r, '"') ? read_quoted(r) : read_plain(r);
    if (rc == 0 && r->rest.len > 0 && !is_end(r)) {
        return refuse(r, "text behind the closing quote");
    }
    return rc != 0 ? rc : r->field.failed ? nw_error_set(r->error, NW_ENOMEM, "out of memory") : 0;
}

/* All fields of a row as texts. */
static int read_row(struct reader *r, jv *out)
{
    *out = jv_array();
    for (;;) {
        int rc = read_field(r);
        if (rc != 0) {
            jv_free(*out);
            return rc;
        }
        *out = jv_array_append(*out, jv_string_sized(nw_buffer_text(&r->field), (int)r->field.len));
        if (take_end(r)) {
            return 0;
        }
        skip(r, 1); /* the delimiter */
    }
}

static enum nw_value_type type_of(const struct nw_codec *c, const char *name)
{
    for (size_t i = 0; i < c->type_count; i++) {
        if (strcmp(c->types[i].name, name) == 0) {
            return c->types[i].type;
        }
    }
    return NW_TYPE_STRING;
}

/* Why s is not read as a number; people write more of them than JSON has. */
static const char *expected_of(enum nw_value_type type, struct nw_slice s)
{
    bool sign = s.len > 0 && (s.data[0] == '-' || s.data[0] == '+');
    size_t at = sign ? 1 : 0, digits = at;

    while (digits < s.len && s.data[digits] >= '0' && s.data[digits] <= '9') {
        digits++;
    }
    if (digits == at || (type != NW_TYPE_INTEGER && type != NW_TYPE_NUMBER)) {
        return "";
    }
    if (s.data[0] == '+' || (s.data[at] == '0' && digits > at + 1)) {
        return " without \"+\" and without zeros in front";
    }
    return type == NW_TYPE_INTEGER && digits == s.len ? " below 2^53" : "";
}

/* Takes text. */
static int convert(const struct reader *r, size_t line, const char *name, jv text, jv *out)
{
    enum nw_value_type type = type_of(r->codec, name);
    struct nw_slice s = {jv_string_value(text), (size_t)jv_string_length_bytes(jv_copy(text))};
    int rc = 0;

    if (!nw_type_read(type, s, out)) {
        rc = nw_error_set(r->error, NW_EINVAL, "csv: line %zu: %s: expected %s%s", line, name,
                          nw_type_article(type), expected_of(type, s));
    }
    jv_free(text);
    return rc;
}

/* Takes cells. */
static int make_object(const struct reader *r, size_t line, jv cells, jv *out)
{
    int count = jv_array_length(jv_copy(cells)), names = jv_array_length(jv_copy(r->names));
    int rc = 0;

    *out = jv_object();
    if (count != names) {
        rc = nw_error_set(r->error, NW_EINVAL, "csv: line %zu has %d field%s, expected %d", line,
                          count, count == 1 ? "" : "s", names);
    }
    for (int i = 0; rc == 0 && i < count; i++) {
        jv name = jv_array_get(jv_copy(r->names), i), value;
        rc = convert(r, line, jv_string_value(name), jv_array_get(jv_copy(cells), i), &value);
        if (rc == 0) {
            *out = jv_object_set(*out, jv_copy(name), value);
        }
        jv_free(name);
    }
    jv_free(cells);
    if (rc != 0) {
        jv_free(*out);
    }
    return rc;
}

/* Each name once: of two columns with the same one only one would be left. Takes row. */
static int take_names(struct reader *r, size_t line, jv row)
{
    jv seen = jv_object();
    int rc = 0, count = jv_array_length(jv_copy(row));

    for (int i = 0; rc == 0 && i < count; i++) {
        jv name = jv_array_get(jv_copy(row), i),
           before = jv_object_get(jv_copy(seen), jv_copy(name));
        if (jv_is_valid(before)) {
            rc = nw_error_set(r->error, NW_EINVAL,
                              "csv: line %zu: the columns %d and %d have the same name \"%.100s\"",
                              line, (int)jv_number_value(before), i + 1, jv_string_value(name));
        }
        jv_free(before);
        seen = jv_object_set(seen, name, jv_number(i + 1));
    }
    jv_free(seen);
    r->names = row;
    r->named = true;
    return rc;
}

static int read_rows(struct reader *r)
{
    while (r->rest.len > 0) {
        size_t line = r->line;
        jv row;
        int rc;

        if (is_line_end(r)) {
            (void)take_end(r); /* an empty line */
            continue;
        }
        rc = read_row(r, &row);
        if (rc != 0) {
            return rc;
        }
        if (!r->named) {
            rc = take_names(r, line, row);
            if (rc != 0) {
                return rc;
            }
            continue;
        }
        if (jv_get_kind(r->names) == JV_KIND_ARRAY) {
            rc = make_object(r, line, row, &row);
        }
        rc = rc != 0 ? rc : r->give(r->context, line, row);
        if (rc != 0) {
            return rc;
        }
    }
    return 0;
}

int nw_csv_each(const struct nw_codec *c, struct nw_slice payload, nw_csv_row *row, void *context,
                struct nw_error *error)
{
    struct reader r = {.codec = c,
                       .rest = payload,
                       .line = 1,
                       .names = jv_null(),
                       .give = row,
                       .context = context,
                       .error = error};
    int rc;

    r.named = !c->header || c->column_count > 0;
    if (c->column_count > 0) {
        r.names = jv_array();
    }
    for (size_t i = 0; i < c->column_count; i++) {
        r.names = jv_array_append(r.names, jv_string(c->columns[i]));
    }
    if (nw_slice_starts(r.rest, NW_LITERAL(BOM))) {
        skip(&r, 3);
    }
    rc = read_rows(&r);
    jv_free(r.names);
    nw_buffer_done(&r.field);
    return rc;
}

static int add_row(void *context, size_t line, jv row)
{
    jv *rows = context;

    (void)line;
    *rows = jv_array_append(*rows, row);
    return 0;
}

int nw_csv_decode(const struct nw_codec *c, struct nw_slice payload, jv *value,
                  struct nw_error *error)
{
    int rc;

    *value = jv_array();
    rc = nw_csv_each(c, payload, add_row, value, error);
    if (rc != 0) {
        jv_free(*value);
    }
    return rc;
}

/* ---- encoding ---- */

static void add_cell(const struct nw_codec *c, struct nw_buffer *out, struct nw_slice text)
{
    bool quoted = text.len > 0 && (text.data[0] == ' ' || text.data[text.len - 1] == ' ');

    quoted |= nw_slice_starts(text, NW_LITERAL(BOM));

    for (size_t i = 0; i < text.len; i++) {
        quoted |= text.data[i] == c->delimiter || strchr("\"\r\n", text.data[i]) != NULL;
    }
    if (!quoted) {
        nw_buffer_add_slice(out, text);
        return;
    }
    nw_buffer_add_char(out, '"');
    for (size_t i = 0; i < text.len; i++) {
        nw_buffer_add_text(out, text.data[i] == '"' ? "\"" : "");
        nw_buffer_add_char(out, text.data[i]);
    }
    nw_buffer_add_char(out, '"');
}

/* Takes value: nothing for null, what a string says, else JSON. */
static void add_value(const struct nw_codec *c, struct nw_buffer *out, jv value)
{
    if (jv_get_kind(value) == JV_KIND_NULL || !jv_is_valid(value)) {
        jv_free(value);
        return;
    }
    if (jv_get_kind(value) != JV_KIND_STRING) {
        value = jv_dump_string(value, 0);
    }
    add_cell(
        c, out,
        (struct nw_slice){jv_string_value(value), (size_t)jv_string_length_bytes(jv_copy(value))});
    jv_free(value);
}

/* The end of a row that began at byte `at`: nothing at all would be no row. */
static void end_row(struct nw_buffer *out, size_t at, int count)
{
    nw_buffer_add_text(out, count == 1 && out->len == at ? "\"\"\r\n" : "\r\n");
}

static void add_array(const struct nw_codec *c, struct nw_buffer *out, jv row)
{
    int count = jv_array_length(jv_copy(row));
    size_t at = out->len;

    for (int i = 0; i < count; i++) {
        if (i > 0) {
            nw_buffer_add_char(out, c->delimiter);
        }
        add_value(c, out, jv_array_get(jv_copy(row), i));
    }
    end_row(out, at, count);
}

/* The names of the columns: those configured, or the members of the first row. */
static jv find_names(const struct nw_codec *c, jv rows)
{
    jv first, names = jv_array();

    for (size_t i = 0; i < c->column_count; i++) {
        names = jv_array_append(names, jv_string(c->columns[i]));
    }
    first = jv_array_get(jv_copy(rows), 0);
    if (c->column_count == 0 && jv_get_kind(first) == JV_KIND_OBJECT) {
        jv_object_foreach(first, name, value)
        {
            names = jv_array_append(names, name);
            jv_free(value);
        }
    }
    jv_free(first);
    return names;
}

static void add_object(const struct nw_codec *c, struct nw_buffer *out, jv names, jv row)
{
    int count = jv_array_length(jv_copy(names));
    size_t at = out->len;

    for (int i = 0; i < count; i++) {
        if (i > 0) {
            nw_buffer_add_char(out, c->delimiter);
        }
        add_value(c, out, jv_object_get(jv_copy(row), jv_array_get(jv_copy(names), i)));
    }
    end_row(out, at, count);
}

/* A member of row that none of names is; invalid: there is none. */
static jv find_other(jv names, jv row)
{
    jv rest = jv_copy(row), other = jv_invalid();
    int count = jv_array_length(jv_copy(names));

    for (int i = 0; i < count; i++) {
        rest = jv_object_delete(rest, jv_array_get(jv_copy(names), i));
    }
    if (jv_object_length(jv_copy(rest)) > 0) {
        other = jv_object_iter_key(rest, jv_object_iter(rest));
    }
    jv_free(rest);
    return other;
}

/* Without columns: the first row says which there are, and nothing is left out silently. */
static int check_members(jv names, jv row, int number, struct nw_error *error)
{
    int count = jv_array_length(jv_copy(names)), known = 0, rc;
    jv other;

    for (int i = 0; i < count; i++) {
        known += jv_object_has(jv_copy(row), jv_array_get(jv_copy(names), i)) ? 1 : 0;
    }
    if (known == jv_object_length(jv_copy(row))) {
        return 0;
    }
    other = find_other(names, row);
    rc = nw_error_set(error, NW_EINVAL,
                      "csv: row %d has \"%.100s\", which the first row has not; columns: says "
                      "which there are",
                      number, jv_string_value(other));
    jv_free(other);
    return rc;
}

static int add_rows(const struct nw_codec *c, jv rows, jv names, struct nw_buffer *out,
                    struct nw_error *error)
{
    int count = jv_array_length(jv_copy(rows)), rc = 0;

    if (c->header && jv_array_length(jv_copy(names)) > 0) {
        add_array(c, out, names);
    }
    for (int i = 0; rc == 0 && i < count; i++) {
        jv row = jv_array_get(jv_copy(rows), i);
        if (jv_get_kind(row) == JV_KIND_OBJECT) {
            rc = c->column_count > 0 ? 0 : check_members(names, row, i + 1, error);
            add_object(c, out, names, row);
        } else if (jv_get_kind(row) == JV_KIND_ARRAY) {
            add_array(c, out, row);
        } else {
            rc = nw_error_set(error, NW_EINVAL, "csv: row %d is %s, expected an object or an array",
                              i + 1, nw_type_found(row));
        }
        jv_free(row);
    }
    return rc;
}

int nw_csv_encode(const struct nw_codec *c, jv value, struct nw_buffer *out, struct nw_error *error)
{
    jv rows, names;
    int rc;

    if (jv_get_kind(value) == JV_KIND_OBJECT) {
        rows = JV_ARRAY(jv_copy(value));
    } else if (jv_get_kind(value) == JV_KIND_ARRAY) {
        rows = jv_copy(value);
    } else {
        return nw_error_set(error, NW_EINVAL, "csv: expected an array of rows, found %s",
                            nw_type_found(value));
    }
    names = find_names(c, rows);
    rc = add_rows(c, rows, names, out, error);
    jv_free(rows);
    jv_free(names);
    return rc;
}
