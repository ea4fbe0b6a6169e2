/* SPDX-License-Identifier: Apache-2.0 */
#include "config/program_fill.h"

#include <ctype.h>

#include "base/json.h"

#define DEEPEST 64

enum where { CODE, STRING, COMMENT };

struct filler {
    const struct nw_node *node;
    struct nw_buffer *out, *pieces;
    struct nw_error *error;
    enum where where;
    unsigned open[DEEPEST]; /* parentheses in the code of each \( that we are in */
    size_t depth;
    bool escaped; /* a backslash stands before, in a string */
};

/* ---- where in the program we are ---- */

static void read_code(struct filler *f, char c)
{
    if (c == '#') {
        f->where = COMMENT;
    } else if (c == '"') {
        f->where = STRING;
    } else if (c == '(') {
        f->open[f->depth]++;
    } else if (c == ')' && f->open[f->depth] > 0) {
        f->open[f->depth]--;
    } else if (c == ')' && f->depth > 0) {
        f->depth--;
        f->where = STRING;
    }
}

static int read_string(struct filler *f, size_t at, char c)
{
    if (f->escaped) {
        f->escaped = false;
        if (c == '(' && f->depth + 1 == DEEPEST) {
            return nw_error_set_at(f->error, NW_EINVAL, at, "more than %d \\( within each other",
                                   DEEPEST - 1);
        }
        if (c == '(') {
            f->open[++f->depth] = 0;
            f->where = CODE;
        }
    } else if (c == '\\') {
        f->escaped = true;
    } else if (c == '"') {
        f->where = CODE;
    }
    return 0;
}

static int read_own(struct filler *f, size_t at)
{
    char c = f->node->text.data[at];

    nw_buffer_add_char(f->out, c);
    if (f->where == COMMENT) {
        f->where = c == '\n' ? CODE : COMMENT;
        return 0;
    }
    if (f->where == STRING) {
        return read_string(f, at, c);
    }
    read_code(f, c);
    return 0;
}

/* ---- what was put in ---- */

static bool is_word(struct nw_slice value)
{
    bool good = value.len > 0 && !isdigit((unsigned char)value.data[0]);

    for (size_t i = 0; good && i < value.len; i++) {
        good = isalnum((unsigned char)value.data[i]) || value.data[i] == '_';
    }
    return good;
}

static size_t digits_at(struct nw_slice value, size_t at)
{
    size_t n = 0;

    while (at + n < value.len && isdigit((unsigned char)value.data[at + n])) {
        n++;
    }
    return n;
}

static bool is_number(struct nw_slice value)
{
    size_t at = value.len > 0 && value.data[0] == '-' ? 1 : 0, n = digits_at(value, at);
    bool good = n > 0;

    at += n;
    if (good && at < value.len && value.data[at] == '.') {
        n = digits_at(value, at + 1);
        good = n > 0;
        at += 1 + n;
    }
    if (good && at < value.len && (value.data[at] == 'e' || value.data[at] == 'E')) {
        at += at + 1 < value.len && strchr("+-", value.data[at + 1]) != NULL ? 2 : 1;
        n = digits_at(value, at);
        good = n > 0;
        at += n;
    }
    return good && at == value.len;
}

/* "${NAME}", as it was written. */
static struct nw_slice written(const struct filler *f, const struct nw_piece *piece)
{
    return piece->end == 0 || f->node->source == NULL
               ? NW_LITERAL("${…}")
               : (struct nw_slice){f->node->written + piece->at, piece->end - piece->at};
}

static int refuse(struct filler *f, const struct nw_piece *piece)
{
    struct nw_slice name = written(f, piece);

    if (f->where == STRING) {
        return nw_error_set_at(f->error, NW_EINVAL, piece->from, "a backslash stands before %.*s",
                               (int)name.len, name.data);
    }
    return nw_error_set_at(f->error, NW_EINVAL, piece->from,
                           "the value of %.*s is neither a number nor a word; in jq's quotes, "
                           "\"%.*s\", it is a text whatever it holds",
                           (int)name.len, name.data, (int)name.len, name.data);
}

static void add_escaped(struct filler *f, struct nw_slice value)
{
    struct nw_buffer quoted = {0};

    nw_json_add_string(&quoted, value);
    if (quoted.failed) {
        f->out->failed = true;
    } else {
        nw_buffer_add(f->out, quoted.data + 1, quoted.len - 2);
    }
    nw_buffer_done(&quoted);
}

static int read_piece(struct filler *f, const struct nw_piece *piece)
{
    struct nw_slice value = {f->node->text.data + piece->from, piece->to - piece->from};
    struct nw_piece here = {.from = f->out->len, .at = piece->from, .end = piece->to};

    if (value.len == 0 || f->where == COMMENT) {
        return 0;
    }
    if (f->where == STRING ? f->escaped : !is_word(value) && !is_number(value)) {
        return refuse(f, piece);
    }
    if (f->where == STRING) {
        add_escaped(f, value);
    } else {
        nw_buffer_add_slice(f->out, value);
    }
    here.to = f->out->len;
    nw_buffer_add(f->pieces, &here, sizeof here);
    return 0;
}

/* Is there nothing but what one ${…} put in? */
static bool is_all(const struct nw_node *node)
{
    const struct nw_piece *piece = node->pieces;
    size_t blanks = strspn(node->text.data, " \t\r\n");

    return node->piece_count == 1 && piece->outside && piece->from <= blanks &&
           strspn(node->text.data + piece->to, " \t\r\n") == node->text.len - piece->to;
}

int nw_program_fill(const struct nw_node *node, struct nw_buffer *out, struct nw_buffer *pieces,
                    struct nw_error *error)
{
    struct filler f = {.node = node, .out = out, .pieces = pieces, .error = error};
    size_t next = 0;
    int rc = 0;

    if (is_all(node)) {
        nw_buffer_add_slice(out, node->text);
        return out->failed ? NW_ENOMEM : 0;
    }
    for (size_t at = 0; rc == 0 && at < node->text.len;) {
        while (next < node->piece_count &&
               (!node->pieces[next].outside || node->pieces[next].to <= at)) {
            next++;
        }
        if (next < node->piece_count && node->pieces[next].from <= at) {
            rc = read_piece(&f, &node->pieces[next]);
            at = node->pieces[next].to;
        } else {
            rc = read_own(&f, at++);
        }
    }
    return rc == 0 && (out->failed || pieces->failed) ? NW_ENOMEM : rc;
}
