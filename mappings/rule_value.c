/* SPDX-License-Identifier: Apache-2.0 */
/* Values of rules: where they come from, how they are compared, and how jq 1.6 writes them. */
#include <jv.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>

#include "mappings/rule_node.h"

struct nw_rule_value nw_rule_bool(bool b)
{
    return (struct nw_rule_value){.kind = b ? NW_KIND_TRUE : NW_KIND_FALSE};
}

struct nw_rule_value nw_rule_number(double n)
{
    return (struct nw_rule_value){.kind = NW_KIND_NUMBER, .number = n};
}

static bool needs_escape(unsigned char c)
{
    return c < 0x20 || c == '"' || c == '\\' || c == 0x7f;
}

struct nw_rule_value nw_rule_string(struct nw_slice text)
{
    bool plain = true;

    for (size_t i = 0; i < text.len; i++) {
        plain &= !needs_escape((unsigned char)text.data[i]);
    }
    return (struct nw_rule_value){.kind = NW_KIND_STRING, .plain = plain, .text = text};
}

/* A string of the document, as it is. */
static bool from_string(struct nw_rule_run_state *r, const struct nw_item *item,
                        struct nw_rule_value *v)
{
    struct nw_slice raw = {r->d->text + item->at, item->len};
    char *text;
    long len;

    *v = (struct nw_rule_value){.kind = NW_KIND_STRING, .plain = !item->escaped, .text = raw};
    if (!item->escaped) {
        return true;
    }
    text = nw_rule_alloc(r->space, raw.len + 1);
    len = text == NULL ? -1 : nw_document_unescape(raw, text);
    v->text = (struct nw_slice){text, (size_t)len};
    return len >= 0;
}

bool nw_rule_from_item(struct nw_rule_run_state *r, uint32_t index, struct nw_rule_value *v)
{
    const struct nw_item *item = &r->d->items[index];

    switch ((enum nw_kind)item->kind) {
    case NW_KIND_STRING:
        return from_string(r, item, v);
    case NW_KIND_NUMBER:
        *v = (struct nw_rule_value){
            .kind = NW_KIND_NUMBER, .literal = true, .text = {r->d->text + item->at, item->len}};
        return true;
    default:
        *v = (struct nw_rule_value){.kind = (enum nw_kind)item->kind, .item = index};
        return true;
    }
}

/* ---- numbers ---- */

/* Up to 15 digits and a small exponent are exact in one division (W. D. Clinger, 1990). */
static bool small_decimal(struct nw_slice text, double *out)
{
    static const double powers[] = {1e0, 1e1, 1e2,  1e3,  1e4,  1e5,  1e6,  1e7,
                                    1e8, 1e9, 1e10, 1e11, 1e12, 1e13, 1e14, 1e15};
    bool negative = text.data[0] == '-';
    size_t digits = 0, behind = 0;
    bool point = false;
    int64_t value = 0;

    for (size_t i = negative ? 1 : 0; i < text.len; i++) {
        char c = text.data[i];
        if (c == '.') {
            point = true;
            continue;
        }
        if (c < '0' || c > '9' || ++digits > 15) {
            return false;
        }
        value = value * 10 + (c - '0');
        behind += point ? 1 : 0;
    }
    *out = (double)value / powers[behind];
    *out = negative ? -*out : *out;
    return true;
}

double nw_rule_number_of(const struct nw_rule_value *v)
{
    char text[400];
    double n;

    if (!v->literal) {
        return v->number;
    }
    if (small_decimal(v->text, &n)) {
        return n;
    }
    if (v->text.len >= sizeof text) {
        return NAN; /* which nobody takes */
    }
    memcpy(text, v->text.data, v->text.len);
    text[v->text.len] = '\0';
    return strtod(text, NULL);
}

/* Would jq write the number of this text as this text? Up to 15 digits no shorter text means the
 * same number, so it only must be in the form that jq has: no exponent, no zeros at the end, not
 * more than three zeros behind "0.". */
static bool is_as_written(struct nw_slice text)
{
    size_t i = text.data[0] == '-' ? 1 : 0, start = i, point = SIZE_MAX;

    if (text.len - i > 16) {
        return false;
    }
    for (; i < text.len; i++) {
        char c = text.data[i];
        if (c == '.') {
            point = i;
        } else if (c < '0' || c > '9') {
            return false;
        }
    }
    if (point == SIZE_MAX) {
        return text.len - start <= 15 && (text.data[start] != '0' || start == 0);
    }
    return text.data[text.len - 1] != '0' &&
           (text.data[start] != '0' || strncmp(text.data + point, ".0000", 5) != 0);
}

static bool write_by_libjq(double n, struct nw_buffer *out)
{
    jv text = jv_dump_string(jv_number(n), 0);

    nw_buffer_add(out, jv_string_value(text), (size_t)jv_string_length_bytes(jv_copy(text)));
    jv_free(text);
    return true;
}

static bool write_number(const struct nw_rule_value *v, struct nw_buffer *out)
{
    double n;
    char text[24], *at = text + sizeof text;
    uint64_t left;

    if (v->literal && is_as_written(v->text)) {
        nw_buffer_add_slice(out, v->text);
        return true;
    }
    n = nw_rule_number_of(v);
    if (isnan(n)) {
        return false;
    }
    if (fabs(n) >= 1e15 || n != trunc(n) || (n == 0 && signbit(n))) {
        return write_by_libjq(n, out);
    }
    left = (uint64_t)fabs(n);
    do {
        *--at = (char)('0' + left % 10);
        left /= 10;
    } while (left > 0);
    if (n < 0) {
        *--at = '-';
    }
    nw_buffer_add(out, at, (size_t)(text + sizeof text - at));
    return true;
}

/* ---- writing ---- */

static void write_escape(unsigned char c, struct nw_buffer *out)
{
    static const char hex[] = "0123456789abcdef";
    static const char *const short_forms[] = {
        ['"'] = "\\\"", ['\\'] = "\\\\", ['\b'] = "\\b", ['\t'] = "\\t",
        ['\n'] = "\\n", ['\f'] = "\\f",  ['\r'] = "\\r",
    };

    if (c < sizeof short_forms / sizeof short_forms[0] && short_forms[c] != NULL) {
        nw_buffer_add(out, short_forms[c], 2);
    } else {
        char text[6] = {'\\', 'u', '0', '0', hex[c >> 4], hex[c & 15]};
        nw_buffer_add(out, text, sizeof text);
    }
}

static bool write_string(const struct nw_rule_value *v, struct nw_buffer *out)
{
    const char *data = v->text.data;
    size_t written = 0;

    nw_buffer_add_char(out, '"');
    for (size_t i = 0; !v->plain && i < v->text.len; i++) {
        if (needs_escape((unsigned char)data[i])) {
            nw_buffer_add(out, data + written, i - written);
            write_escape((unsigned char)data[i], out);
            written = i + 1;
        }
    }
    if (v->text.len > written) {
        nw_buffer_add(out, data + written, v->text.len - written);
    }
    nw_buffer_add_char(out, '"');
    return true;
}

static bool write(struct nw_rule_run_state *r, const struct nw_rule_value *v, unsigned depth,
                  struct nw_buffer *out);

static bool write_container(struct nw_rule_run_state *r, const struct nw_rule_value *v,
                            unsigned depth, struct nw_buffer *out)
{
    bool object = v->kind == NW_KIND_OBJECT;
    const struct nw_rule_member *members;
    size_t count;

    if (nw_rule_members(r, v, &members, &count) != NW_RULE_VALUE) {
        return false;
    }
    nw_buffer_add_char(out, object ? '{' : '[');
    for (size_t i = 0; i < count; i++) {
        if (i > 0) {
            nw_buffer_add_char(out, ',');
        }
        if (object) {
            (void)write_string(&members[i].name, out);
            nw_buffer_add_char(out, ':');
        }
        if (!write(r, &members[i].value, depth + 1, out)) {
            return false;
        }
    }
    nw_buffer_add_char(out, object ? '}' : ']');
    return true;
}

static bool write(struct nw_rule_run_state *r, const struct nw_rule_value *v, unsigned depth,
                  struct nw_buffer *out)
{
    switch (v->kind) {
    case NW_KIND_NULL:
        nw_buffer_add(out, "null", 4);
        return true;
    case NW_KIND_FALSE:
        nw_buffer_add(out, "false", 5);
        return true;
    case NW_KIND_TRUE:
        nw_buffer_add(out, "true", 4);
        return true;
    case NW_KIND_NUMBER:
        return write_number(v, out);
    case NW_KIND_STRING:
        return write_string(v, out);
    default:
        return depth < NW_DOCUMENT_DEEPEST && write_container(r, v, depth, out);
    }
}

bool nw_rule_write_in(struct nw_rule_run_state *r, const struct nw_rule_value *v,
                      struct nw_buffer *out)
{
    return write(r, v, 0, out) && !out->failed;
}

enum nw_rule_outcome nw_rule_text_of(struct nw_rule_run_state *r, const struct nw_rule_value *v,
                                     struct nw_rule_value *out)
{
    struct nw_buffer *buffer = nw_rule_buffer(r->space);
    char *copy;

    if (v->kind == NW_KIND_STRING) {
        *out = *v;
        return NW_RULE_VALUE;
    }
    nw_buffer_clear(buffer);
    copy = nw_rule_write_in(r, v, buffer) ? nw_rule_alloc(r->space, buffer->len) : NULL;
    if (copy == NULL) {
        return NW_RULE_UNSURE;
    }
    memcpy(copy, buffer->data, buffer->len);
    *out = nw_rule_string((struct nw_slice){copy, buffer->len});
    return NW_RULE_VALUE;
}

/* ---- members ---- */

static bool same_name(const struct nw_rule_value *a, const struct nw_rule_value *b)
{
    return a->text.len == b->text.len &&
           (a->text.len == 0 || memcmp(a->text.data, b->text.data, a->text.len) == 0);
}

/* Names are few; where they are many it is libjq that looks for two alike. */
#define NAMES_MOST 64

static bool has_twins(const struct nw_rule_member *members, size_t count)
{
    for (size_t i = 1; i < count; i++) {
        for (size_t j = 0; j < i; j++) {
            if (same_name(&members[i].name, &members[j].name)) {
                return true;
            }
        }
    }
    return false;
}

enum nw_rule_outcome nw_rule_members(struct nw_rule_run_state *r, const struct nw_rule_value *v,
                                     const struct nw_rule_member **out, size_t *count)
{
    bool object = v->kind == NW_KIND_OBJECT;
    const struct nw_item *whole;
    struct nw_rule_member *members;
    uint32_t at = v->item + 1;

    if (v->made) {
        *out = v->members;
        *count = v->count;
        return NW_RULE_VALUE;
    }
    whole = &r->d->items[v->item];
    if (object && whole->len > NAMES_MOST) {
        return NW_RULE_UNSURE;
    }
    members = nw_rule_alloc(r->space, (whole->len + 1) * sizeof *members);
    if (members == NULL) {
        return NW_RULE_UNSURE;
    }
    for (uint32_t i = 0; i < whole->len; i++) {
        if (object && !nw_rule_from_item(r, at++, &members[i].name)) {
            return NW_RULE_UNSURE;
        }
        if (!nw_rule_from_item(r, at, &members[i].value)) {
            return NW_RULE_UNSURE;
        }
        at = r->d->items[at].next;
    }
    *out = members;
    *count = whole->len;
    return object && has_twins(members, whole->len) ? NW_RULE_UNSURE : NW_RULE_VALUE;
}

size_t nw_rule_set_member(struct nw_rule_member *members, size_t count,
                          const struct nw_rule_member *m)
{
    for (size_t i = 0; i < count; i++) {
        if (same_name(&members[i].name, &m->name)) {
            members[i].value = m->value;
            return count;
        }
    }
    members[count] = *m;
    return count + 1;
}

/* ---- comparing ---- */

static int compare_text(struct nw_slice a, struct nw_slice b)
{
    size_t common = a.len < b.len ? a.len : b.len;
    int order = common == 0 ? 0 : memcmp(a.data, b.data, common);

    if (order == 0) {
        order = a.len < b.len ? -1 : a.len > b.len;
    }
    return order < 0 ? -1 : order > 0;
}

enum nw_rule_outcome nw_rule_compare(const struct nw_rule_value *a, const struct nw_rule_value *b,
                                     int *order)
{
    if (a->kind != b->kind) {
        *order = a->kind < b->kind ? -1 : 1;
        return NW_RULE_VALUE;
    }
    if (a->kind == NW_KIND_NUMBER) {
        double x = nw_rule_number_of(a), y = nw_rule_number_of(b);
        *order = x < y ? -1 : x > y;
        return isfinite(x) && isfinite(y) ? NW_RULE_VALUE : NW_RULE_UNSURE;
    }
    if (a->kind == NW_KIND_STRING) {
        *order = compare_text(a->text, b->text);
        return NW_RULE_VALUE;
    }
    *order = 0;
    return a->kind < NW_KIND_NUMBER ? NW_RULE_VALUE : NW_RULE_UNSURE;
}

/* ---- arithmetic ---- */

static enum nw_rule_outcome join_texts(struct nw_rule_run_state *r, const struct nw_rule_value *a,
                                       const struct nw_rule_value *b, struct nw_rule_value *out)
{
    size_t len = a->text.len + b->text.len;
    char *text = nw_rule_alloc(r->space, len + 1);

    if (text == NULL) {
        return NW_RULE_UNSURE;
    }
    memcpy(text, a->text.data == NULL ? "" : a->text.data, a->text.len);
    memcpy(text + a->text.len, b->text.data == NULL ? "" : b->text.data, b->text.len);
    *out = (struct nw_rule_value){
        .kind = NW_KIND_STRING, .plain = a->plain && b->plain, .text = {text, len}};
    return NW_RULE_VALUE;
}

/* Members of both; elements one behind the other. */
static enum nw_rule_outcome join_containers(struct nw_rule_run_state *r,
                                            const struct nw_rule_value *a,
                                            const struct nw_rule_value *b,
                                            struct nw_rule_value *out)
{
    const struct nw_rule_member *left, *right;
    struct nw_rule_member *all;
    size_t left_count, right_count, count;

    if (nw_rule_members(r, a, &left, &left_count) != NW_RULE_VALUE ||
        nw_rule_members(r, b, &right, &right_count) != NW_RULE_VALUE) {
        return NW_RULE_UNSURE;
    }
    all = nw_rule_alloc(r->space, (left_count + right_count + 1) * sizeof *all);
    if (all == NULL) {
        return NW_RULE_UNSURE;
    }
    if (left_count > 0) {
        memcpy(all, left, left_count * sizeof *all);
    }
    count = left_count;
    for (size_t i = 0; i < right_count; i++) {
        if (a->kind == NW_KIND_OBJECT) {
            count = nw_rule_set_member(all, count, &right[i]);
        } else {
            all[count++] = right[i];
        }
    }
    *out = (struct nw_rule_value){.kind = a->kind, .made = true, .members = all, .count = count};
    return NW_RULE_VALUE;
}

static enum nw_rule_outcome add(struct nw_rule_run_state *r, const struct nw_rule_value *a,
                                const struct nw_rule_value *b, struct nw_rule_value *out)
{
    if (a->kind == NW_KIND_NULL || b->kind == NW_KIND_NULL) {
        *out = a->kind == NW_KIND_NULL ? *b : *a;
        return NW_RULE_VALUE;
    }
    if (a->kind != b->kind) {
        return NW_RULE_UNSURE;
    }
    switch (a->kind) {
    case NW_KIND_STRING:
        return join_texts(r, a, b, out);
    case NW_KIND_ARRAY:
    case NW_KIND_OBJECT:
        return join_containers(r, a, b, out);
    default:
        return NW_RULE_UNSURE;
    }
}

enum nw_rule_outcome nw_rule_arithmetic(struct nw_rule_run_state *r, enum nw_rule_op op,
                                        const struct nw_rule_value *a,
                                        const struct nw_rule_value *b, struct nw_rule_value *out)
{
    double x, y, result;

    if (a->kind != NW_KIND_NUMBER || b->kind != NW_KIND_NUMBER) {
        return op == NW_RULE_ADD ? add(r, a, b, out) : NW_RULE_UNSURE;
    }
    x = nw_rule_number_of(a);
    y = nw_rule_number_of(b);
    switch (op) {
    case NW_RULE_ADD:
        result = x + y;
        break;
    case NW_RULE_SUBTRACT:
        result = x - y;
        break;
    case NW_RULE_MULTIPLY:
        result = x * y;
        break;
    default:
        result = y == 0 ? NAN : x / y;
        break;
    }
    *out = nw_rule_number(result);
    return isfinite(result) && isfinite(x) && isfinite(y) ? NW_RULE_VALUE : NW_RULE_UNSURE;
}
