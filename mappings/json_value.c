/* SPDX-License-Identifier: Apache-2.0 */
#include "mappings/json_value.h"

#include "mappings/deadline.h"

/* As editors count: columns in bytes, from 1. */
static void find_place(struct nw_slice text, size_t at, size_t *line, size_t *column)
{
    *line = *column = 1;
    for (size_t i = 0; i < at && i < text.len; i++) {
        *column += 1;
        if (text.data[i] == '\n') {
            *line += 1;
            *column = 1;
        }
    }
}

int nw_json_read(struct nw_document *d, struct nw_slice text, struct nw_error *error)
{
    int rc;
    size_t line, column;

    text = nw_document_behind_mark(text);
    rc = nw_document_read(d, text);
    if (rc == NW_ENOMEM) {
        (void)nw_error_set(error, NW_ENOMEM, "out of memory");
    } else if (rc != 0) {
        find_place(text, d->wrong_at, &line, &column);
        (void)nw_error_set(error, NW_EINVAL, "%s%s at line %zu, column %zu",
                           d->too_deep ? "" : "not JSON: ", d->why, line, column);
    }
    return rc;
}

int nw_json_value(struct nw_slice text, jv *out, struct nw_error *error)
{
    struct nw_document d = {0};
    int rc = nw_json_read(&d, text, error);

    nw_document_done(&d);
    if (rc != 0) {
        return rc;
    }
    text = nw_document_behind_mark(text);
    *out = jv_parse_sized(text.data, (int)text.len);
    if (!jv_is_valid(*out)) {
        jv_free(*out);
        return nw_error_set(error, NW_EINVAL, "not JSON: jq does not take it");
    }
    return 0;
}

/* Takes value. */
static bool count(jv value, size_t depth, size_t *left)
{
    bool good = *left > 0 && depth <= NW_VALUE_DEEPEST && !nw_deadline_stops(1);

    *left -= good ? 1 : 0;
    if (good && jv_get_kind(value) == JV_KIND_ARRAY) {
        int n = jv_array_length(jv_copy(value));
        for (int i = 0; good && i < n; i++) {
            good = count(jv_array_get(jv_copy(value), i), depth + 1, left);
        }
    } else if (good && jv_get_kind(value) == JV_KIND_OBJECT) {
        for (int i = jv_object_iter(value); good && jv_object_iter_valid(value, i);
             i = jv_object_iter_next(value, i)) {
            good = count(jv_object_iter_value(value, i), depth + 1, left);
        }
    }
    jv_free(value);
    return good;
}

bool nw_json_is_writable(jv value)
{
    size_t left = NW_VALUE_PARTS_MOST;

    return count(jv_copy(value), 0, &left);
}
