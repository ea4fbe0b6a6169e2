/* SPDX-License-Identifier: Apache-2.0 */
#include "config/interpolate.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/error.h"
#include "config/read_file.h"

#define LONGEST_NAME 255
#define LARGEST_FILE ((size_t)1024 * 1024)

static bool is_name(struct nw_slice text)
{
    if (text.len == 0 || text.len > LONGEST_NAME || (text.data[0] >= '0' && text.data[0] <= '9')) {
        return false;
    }
    for (size_t i = 0; i < text.len; i++) {
        char c = text.data[i];

        if (!((c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') ||
              c == '_')) {
            return false;
        }
    }
    return true;
}

static int add_file(struct nw_slice path, const char *folder, struct nw_buffer *out,
                    struct nw_error *error)
{
    struct nw_buffer full = {0}, content = {0};
    int rc;

    if (path.len > 0 && path.data[0] != '/') {
        nw_buffer_add_format(&full, "%s/", folder);
    }
    nw_buffer_add_slice(&full, path);
    rc = full.failed ? nw_error_set(error, NW_ENOMEM, "no memory")
                     : nw_read_file(nw_buffer_text(&full), LARGEST_FILE, &content, error);
    if (rc == 0) {
        if (content.len > 0 && content.data[content.len - 1] == '\n') {
            content.len--;
        }
        nw_buffer_add_slice(out, nw_buffer_slice(&content));
    }
    nw_buffer_done(&full);
    nw_buffer_done(&content);
    return rc;
}

/* *outside becomes false where the default stands, which is the author's. */
static int add_variable(struct nw_slice name, struct nw_slice standard, struct nw_buffer *out,
                        bool *outside, struct nw_error *error)
{
    char terminated[LONGEST_NAME + 1];
    const char *value;

    (void)snprintf(terminated, sizeof terminated, "%.*s", (int)name.len, name.data);
    value = getenv(terminated);
    if (standard.data != NULL && (value == NULL || value[0] == '\0')) {
        nw_buffer_add_slice(out, standard);
        *outside = false;
        return 0;
    }
    if (value == NULL) {
        return nw_error_set(error, NW_EINVAL,
                            "the environment variable %s is not set; ${%s:-…} would give a default",
                            terminated, terminated);
    }
    nw_buffer_add_text(out, value);
    return 0;
}

/* Append what stands for the inside of one ${…}. */
static int add_value(struct nw_slice inside, const char *folder, struct nw_buffer *out,
                     bool *outside, struct nw_error *error)
{
    static const char file[] = "file:";
    struct nw_slice name = inside, standard = NW_ABSENT;
    const char *colon;

    *outside = true;
    if (nw_slice_starts(inside, NW_LITERAL(file)) && inside.len > sizeof file - 1) {
        return add_file(
            (struct nw_slice){inside.data + sizeof file - 1, inside.len - (sizeof file - 1)},
            folder, out, error);
    }
    colon = memmem(inside.data, inside.len, ":-", 2);
    if (colon != NULL) {
        name.len = (size_t)(colon - inside.data);
        standard = (struct nw_slice){colon + 2, inside.len - name.len - 2};
    }
    if (standard.data != NULL && memmem(standard.data, standard.len, "${", 2) != NULL) {
        return nw_error_set(error, NW_EINVAL, "a default cannot have a ${…} of its own");
    }
    if (!is_name(name)) {
        return nw_error_set(error, NW_EINVAL,
                            "expected ${NAME}, ${NAME:-default} or ${file:PATH}; $${ stands for "
                            "${ itself");
    }
    return add_variable(name, standard, out, outside, error);
}

/* One ${…} at the head of rest; also sets the piece's end and outside. */
static int add_one(struct nw_slice rest, const char *folder, struct nw_buffer *out,
                   struct nw_piece *piece, struct nw_error *error)
{
    const char *end = memchr(rest.data, '}', rest.len);
    struct nw_slice inside = {rest.data + 2, 0};

    if (end == NULL) {
        return nw_error_set(error, NW_EINVAL, "${ without its }; $${ stands for ${ itself");
    }
    inside.len = (size_t)(end - inside.data);
    piece->end = piece->at + inside.len + 3;
    return add_value(inside, folder, out, &piece->outside, error);
}

size_t nw_pieces_back(const struct nw_piece *pieces, size_t count, size_t at)
{
    size_t from = 0, to = 0;

    for (size_t i = 0; i < count && pieces[i].from <= at; i++) {
        if (at < pieces[i].to) {
            return pieces[i].at;
        }
        from = pieces[i].to;
        to = pieces[i].end;
    }
    return to + (at - from);
}

int nw_interpolate(struct nw_slice text, const char *folder, struct nw_buffer *out,
                   struct nw_buffer *pieces, struct nw_error *error)
{
    size_t at = 0, begin = out->len;

    while (at < text.len) {
        struct nw_slice rest = {text.data + at, text.len - at};
        const char *dollar = memchr(rest.data, '$', rest.len);
        struct nw_piece piece = {.from = out->len - begin, .at = at, .end = at + 3};
        int rc = 0;

        if (dollar != rest.data) {
            rest.len = dollar == NULL ? rest.len : (size_t)(dollar - rest.data);
            nw_buffer_add_slice(out, rest);
            at += rest.len;
            continue;
        }
        if (nw_slice_starts(rest, NW_LITERAL("$${"))) {
            nw_buffer_add_text(out, "${");
        } else if (!nw_slice_starts(rest, NW_LITERAL("${"))) {
            nw_buffer_add_char(out, '$');
            at++;
            continue;
        } else {
            rc = add_one(rest, folder, out, &piece, error);
        }
        if (rc != 0) {
            error->at = at;
            return rc;
        }
        piece.to = out->len - begin;
        nw_buffer_add(pieces, &piece, sizeof piece);
        at = piece.end;
    }
    return out->failed || pieces->failed ? nw_error_set(error, NW_ENOMEM, "no memory") : 0;
}
