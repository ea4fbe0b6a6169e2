/* SPDX-License-Identifier: Apache-2.0 */
/* A lookup's file as a table. */
#include <stdio.h>
#include <stdlib.h>

#include "base/json.h"
#include "base/suggest.h"
#include "mappings/codecs.h"
#include "mappings/json_value.h"
#include "mappings/lookup.h"
#include "mappings/types.h"

/* One file while it is read. */
struct reading {
    const struct nw_lookup_layout *layout;
    struct nw_values *table;
    struct nw_error *error;
    jv names;     /* CSV: of the columns; null: not read yet */
    int by, take; /* CSV: columns; take < 0: the whole row */
    struct nw_buffer scratch;
};

static struct nw_slice slice_of(jv text)
{
    return (struct nw_slice){jv_string_value(text), (size_t)jv_string_length_bytes(jv_copy(text))};
}

static int no_memory(const struct reading *r)
{
    return nw_error_set(r->error, NW_ENOMEM, "out of memory");
}

/* The same once more is no mistake; something else under the same key is one. */
static int put(struct reading *r, struct nw_slice key, struct nw_looked_up value, const char *place)
{
    struct nw_looked_up there;

    if (nw_values_find(r->table, key, &there)) {
        return there.is_json == value.is_json && nw_slice_equal(there.bytes, value.bytes)
                   ? 0
                   : nw_error_set(r->error, NW_EINVAL,
                                  "%s: there was another value for the key \"%.*s\" before it",
                                  place, (int)(key.len > 100 ? 100 : key.len), key.data);
    }
    return nw_values_put(r->table, key, value) != 0 ? no_memory(r) : 0;
}

/* ---- CSV ---- */

static int find_column(const struct reading *r, const char *name, int *out)
{
    int count = jv_array_length(jv_copy(r->names));
    struct nw_suggest suggest;
    const char *meant;

    nw_suggest_init(&suggest, nw_slice_text(name));
    for (int i = 0; i < count; i++) {
        jv column = jv_array_get(jv_copy(r->names), i);
        bool found = strcmp(jv_string_value(column), name) == 0;
        nw_suggest_offer(&suggest, jv_string_value(column));
        jv_free(column);
        if (found) {
            *out = i;
            return 0;
        }
    }
    meant = nw_suggest_best(&suggest);
    return nw_error_set(r->error, NW_EINVAL, "line 1: there is no column \"%s\"%s%s%s", name,
                        meant == NULL ? "" : "; did you mean \"", meant == NULL ? "" : meant,
                        meant == NULL ? "" : "\"?");
}

/* Takes names, which have at least one. */
static int take_names(struct reading *r, jv names)
{
    int count = jv_array_length(jv_copy(names)), rc = 0;

    r->names = names;
    r->by = 0;
    r->take = -1;
    if (r->layout->by != NULL) {
        rc = find_column(r, r->layout->by, &r->by);
    }
    if (rc == 0 && r->layout->take != NULL) {
        rc = find_column(r, r->layout->take, &r->take);
    } else if (rc == 0 && count == 2) {
        r->take = 1 - r->by;
    }
    return rc;
}

/* The row as an object into scratch. */
static void make_object(struct reading *r, jv cells)
{
    int count = jv_array_length(jv_copy(cells));

    nw_buffer_add_char(&r->scratch, '{');
    for (int i = 0; i < count; i++) {
        jv name = jv_array_get(jv_copy(r->names), i), cell = jv_array_get(jv_copy(cells), i);
        nw_buffer_add_text(&r->scratch, i == 0 ? "" : ",");
        nw_json_add_string(&r->scratch, slice_of(name));
        nw_buffer_add_char(&r->scratch, ':');
        nw_json_add_string(&r->scratch, slice_of(cell));
        jv_free(name);
        jv_free(cell);
    }
    nw_buffer_add_char(&r->scratch, '}');
}

static int put_row(struct reading *r, size_t line, jv cells)
{
    jv key = jv_array_get(jv_copy(cells), r->by), value = jv_null();
    struct nw_looked_up looked_up;
    char place[40];
    int rc;

    (void)snprintf(place, sizeof place, "line %zu", line);
    nw_buffer_clear(&r->scratch);
    if (r->take >= 0) {
        value = jv_array_get(jv_copy(cells), r->take);
        looked_up = (struct nw_looked_up){slice_of(value), false};
    } else {
        make_object(r, cells);
        looked_up = (struct nw_looked_up){nw_buffer_slice(&r->scratch), true};
    }
    rc = r->scratch.failed ? no_memory(r) : put(r, slice_of(key), looked_up, place);
    jv_free(key);
    jv_free(value);
    return rc;
}

static int take_row(void *context, size_t line, jv cells)
{
    struct reading *r = context;
    int count, wanted, rc = 0;

    if (jv_get_kind(r->names) == JV_KIND_NULL) {
        return take_names(r, cells);
    }
    count = jv_array_length(jv_copy(cells));
    wanted = jv_array_length(jv_copy(r->names));
    if (count != wanted) {
        rc = nw_error_set(r->error, NW_EINVAL, "line %zu has %d field%s, expected %d", line, count,
                          count == 1 ? "" : "s", wanted);
    }
    rc = rc != 0 ? rc : put_row(r, line, cells);
    jv_free(cells);
    return rc;
}

static int read_csv(struct reading *r, struct nw_slice bytes)
{
    struct nw_codec codec = {.format = NW_FORMAT_CSV, .delimiter = r->layout->delimiter};
    int rc = nw_csv_each(&codec, bytes, take_row, r, r->error);

    if (rc == 0 && jv_get_kind(r->names) == JV_KIND_NULL) {
        rc = nw_error_set(r->error, NW_EINVAL, "line 1: the names of the columns are missing");
    }
    jv_free(r->names);
    return rc;
}

/* ---- JSON ---- */

/* The member of that name, or at that path; invalid: there is none, or it is null. Takes value. */
static jv member(jv value, const char *name)
{
    bool path = name[0] == '.';

    for (const char *at = name + (path ? 1 : 0); at != NULL;) {
        size_t len = path ? strcspn(at, ".") : strlen(at);
        if (jv_get_kind(value) != JV_KIND_OBJECT) {
            break;
        }
        value = jv_object_get(value, jv_string_sized(at, (int)len));
        at = at[len] == '\0' ? NULL : at + len + 1;
        if (at == NULL && jv_is_valid(value) && jv_get_kind(value) != JV_KIND_NULL) {
            return value;
        }
    }
    jv_free(value);
    return jv_invalid();
}

/* A value as it is kept: *text is the caller's to free. Takes value. */
static struct nw_looked_up keep(jv value, jv *text)
{
    bool is_json = jv_get_kind(value) != JV_KIND_STRING;

    *text = is_json ? jv_dump_string(value, 0) : value;
    return (struct nw_looked_up){slice_of(*text), is_json};
}

/* Takes value. What lacks the member that is wanted is left out. */
static int put_value(struct reading *r, struct nw_slice key, jv value, const char *place)
{
    struct nw_looked_up looked_up;
    jv text;
    int rc;

    if (r->layout->take != NULL) {
        value = member(value, r->layout->take);
    }
    if (!jv_is_valid(value)) {
        jv_free(value);
        return 0;
    }
    looked_up = keep(value, &text);
    rc = put(r, key, looked_up, place);
    jv_free(text);
    return rc;
}

static int read_object(struct reading *r, jv whole)
{
    int rc = 0;

    if (r->layout->by != NULL) {
        return nw_error_set(r->error, NW_EINVAL,
                            "an object has its keys; by: is for an array of objects");
    }
    jv_object_foreach(whole, key, value)
    {
        if (rc == 0) {
            rc = put_value(r, slice_of(key), jv_copy(value), "a key");
        }
        jv_free(key);
        jv_free(value);
    }
    return rc;
}

static int read_item(struct reading *r, jv item, int number)
{
    jv key = member(jv_copy(item), r->layout->by), text;
    char place[40];
    int rc;

    (void)snprintf(place, sizeof place, "item %d", number);
    if (!jv_is_valid(key) || jv_get_kind(key) == JV_KIND_OBJECT ||
        jv_get_kind(key) == JV_KIND_ARRAY) {
        jv_free(key);
        jv_free(item);
        return nw_error_set(r->error, NW_EINVAL, "%s has no text or number in \"%s\"", place,
                            r->layout->by);
    }
    text = jv_get_kind(key) == JV_KIND_STRING ? key : jv_dump_string(key, 0);
    rc = put_value(r, slice_of(text), item, place);
    jv_free(text);
    return rc;
}

static int read_array(struct reading *r, jv whole)
{
    int count = jv_array_length(jv_copy(whole)), rc = 0;

    if (r->layout->by == NULL) {
        return nw_error_set(r->error, NW_EINVAL,
                            "an array needs by: the member of its objects that is the key");
    }
    for (int i = 0; rc == 0 && i < count; i++) {
        rc = read_item(r, jv_array_get(jv_copy(whole), i), i + 1);
    }
    return rc;
}

static int read_json(struct reading *r, struct nw_slice bytes)
{
    jv whole;
    int rc = nw_json_value(bytes, &whole, r->error);

    if (rc != 0) {
        return rc;
    }
    if (jv_get_kind(whole) == JV_KIND_OBJECT) {
        rc = read_object(r, whole);
    } else if (jv_get_kind(whole) == JV_KIND_ARRAY) {
        rc = read_array(r, whole);
    } else {
        rc = nw_error_set(r->error, NW_EINVAL,
                          "expected an object, or an array of objects, found %s",
                          nw_type_found(whole));
    }
    jv_free(whole);
    return rc;
}

/* ---- both ---- */

int nw_lookup_parse(const struct nw_lookup_layout *layout, struct nw_slice bytes,
                    struct nw_values **out, struct nw_error *error)
{
    struct reading r = {
        .layout = layout, .table = nw_values_new(), .error = error, .names = jv_null()};
    int rc;

    if (r.table == NULL) {
        return no_memory(&r);
    }
    if (!nw_utf8_valid(bytes)) {
        rc = nw_error_set(error, NW_EINVAL, "it is not UTF-8");
    } else if (bytes.len > INT32_MAX) {
        rc = nw_error_set(error, NW_EINVAL, "it is too large");
    } else {
        rc = layout->format == NW_LOOKUP_CSV ? read_csv(&r, bytes) : read_json(&r, bytes);
    }
    nw_buffer_done(&r.scratch);
    if (rc != 0) {
        nw_values_free(r.table);
        return rc;
    }
    *out = r.table;
    return 0;
}

bool nw_lookup_entry(struct nw_slice bytes, const char *take, struct nw_buffer *scratch,
                     struct nw_looked_up *out)
{
    struct nw_error ignored;
    jv value, text;
    bool is_json;

    if (bytes.len == 0 || bytes.len > INT32_MAX || !nw_utf8_valid(bytes)) {
        *out = (struct nw_looked_up){bytes, false};
        return take == NULL;
    }
    is_json = nw_json_value(bytes, &value, &ignored) == 0;
    if (!is_json) {
        value = jv_invalid();
    }
    if (take == NULL) {
        jv_free(value);
        *out = (struct nw_looked_up){bytes, is_json};
        return true;
    }
    value = is_json ? member(value, take) : value;
    if (!jv_is_valid(value)) {
        jv_free(value);
        return false;
    }
    *out = keep(value, &text);
    nw_buffer_clear(scratch);
    nw_buffer_add_slice(scratch, out->bytes);
    out->bytes = nw_buffer_slice(scratch);
    jv_free(text);
    return !scratch->failed;
}
