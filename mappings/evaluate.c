/* SPDX-License-Identifier: Apache-2.0 */
/* What an expression is worth for one message. One small function for each kind of node. */
#include <openssl/evp.h>
#include <stdio.h>
#include <sys/random.h>
#include <time.h>

#include "base/base64.h"
#include "base/clock.h"
#include "base/timestamp.h"
#include "mappings/expression.h"

static int no_memory(const struct nw_evaluation *v)
{
    return nw_error_set(v->error, NW_ENOMEM, "out of memory");
}

static int give(struct nw_operand *out, enum nw_form form, struct nw_slice text)
{
    out->form = text.data == NULL ? NW_FORM_NONE : form;
    out->text = text;
    return 0;
}

/* A copy in the message's arena. */
static int give_copy(const struct nw_evaluation *v, struct nw_operand *out, const char *text,
                     size_t len)
{
    struct nw_slice copy = nw_message_copy(v->m, text, len);

    return copy.data == NULL ? no_memory(v) : give(out, NW_FORM_VALUE, copy);
}

static int give_number(const struct nw_evaluation *v, struct nw_operand *out, int64_t number)
{
    char text[24];
    int n = snprintf(text, sizeof text, "%lld", (long long)number);

    return give_copy(v, out, text, (size_t)n);
}

static int give_time(const struct nw_evaluation *v, struct nw_operand *out, int64_t real_ns)
{
    char text[NW_TIMESTAMP_TEXT_MAX];

    return give_copy(v, out, text, nw_timestamp_format(real_ns, text));
}

/* Random bytes, a few hundred at a time. */
static int draw(void *out, size_t n)
{
    static _Thread_local unsigned char pool[256];
    static _Thread_local size_t left;

    if (left < n) {
        if (getrandom(pool, sizeof pool, 0) != (ssize_t)sizeof pool) {
            return NW_EIO;
        }
        left = sizeof pool;
    }
    left -= n;
    memcpy(out, pool + left, n);
    return 0;
}

/* ---- the source's address ---- */

static struct nw_slice address_of(const struct nw_evaluation *v)
{
    return nw_message_original(v->m)->address;
}

static int hex(char c)
{
    if (c >= '0' && c <= '9') {
        return c - '0';
    }
    c = (char)(c | 32);
    return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

int nw_level_decode(enum nw_address_kind kind, struct nw_slice level, struct nw_message *m,
                    struct nw_slice *out)
{
    char *bytes;
    size_t n = 0;

    *out = level;
    if (kind != NW_ADDRESS_HTTP_PATH || level.len == 0 ||
        memchr(level.data, '%', level.len) == NULL) {
        return 0;
    }
    bytes = nw_message_bytes(m, level.len);
    if (bytes == NULL) {
        return NW_ENOMEM;
    }
    for (size_t i = 0; i < level.len; i++) {
        int high = level.data[i] == '%' && i + 2 < level.len ? hex(level.data[i + 1]) : -1;
        int low = high < 0 ? -1 : hex(level.data[i + 2]);
        bytes[n++] = (char)(low < 0 ? level.data[i] : high << 4 | low);
        i += low < 0 ? 0 : 2;
    }
    nw_message_trim(m, bytes, level.len, n);
    *out = (struct nw_slice){bytes, n};
    return 0;
}

static int give_level(const struct nw_evaluation *v, struct nw_slice level, struct nw_operand *out)
{
    int rc = level.data == NULL ? 0 : nw_level_decode(v->scope->address, level, v->m, &level);

    return rc == 0 ? give(out, NW_FORM_TOKEN, level) : no_memory(v);
}

static int address(const struct nw_expression *e, const struct nw_evaluation *v,
                   struct nw_operand *out)
{
    (void)e;
    return give(out, NW_FORM_ADDRESS, nw_address_path(v->scope->address, address_of(v)));
}

static int wildcard(const struct nw_expression *e, const struct nw_evaluation *v,
                    struct nw_operand *out)
{
    struct nw_slice text = nw_pattern_wildcard(v->pattern, address_of(v), (size_t)e->number);

    if (!nw_pattern_is_rest(v->pattern, (size_t)e->number)) {
        return give_level(v, text, out);
    }
    out->rest = true;
    return give(out, NW_FORM_ADDRESS, text);
}

static int token(const struct nw_expression *e, const struct nw_evaluation *v,
                 struct nw_operand *out)
{
    return give_level(
        v, nw_address_level(v->scope->address, address_of(v), (size_t)e->number - 1, false), out);
}

static int partition(const struct nw_expression *e, const struct nw_evaluation *v,
                     struct nw_operand *out)
{
    uint32_t hash = NW_PARTITION_START;

    if (e->wildcard_count == 0) {
        hash = nw_partition_hash(hash, address_of(v));
    }
    for (size_t i = 0; i < e->wildcard_count; i++) {
        struct nw_operand level;
        int rc =
            give_level(v, nw_pattern_wildcard(v->pattern, address_of(v), e->wildcards[i]), &level);
        if (rc != 0) {
            return rc;
        }
        hash = nw_partition_hash(hash, level.text);
    }
    return give_number(v, out, (int64_t)(hash % (uint64_t)e->number));
}

static int cut(const struct nw_expression *e, const struct nw_evaluation *v, struct nw_operand *out)
{
    struct nw_operand level;
    int rc = wildcard(e, v, &level);

    if (rc != 0 || level.form == NW_FORM_NONE) {
        out->form = NW_FORM_NONE;
        return rc;
    }
    out->form = NW_FORM_PIECES;
    rc = nw_cut(e->cut, level.text, e->text, e->size, v->m, &out->pieces, &out->count);
    return rc == 0 ? 0 : no_memory(v);
}

/* ---- what the message has ---- */

static int literal(const struct nw_expression *e, const struct nw_evaluation *v,
                   struct nw_operand *out)
{
    (void)v;
    return give(out, NW_FORM_VALUE, e->text);
}

static int key(const struct nw_expression *e, const struct nw_evaluation *v, struct nw_operand *out)
{
    (void)e;
    return give(out, NW_FORM_VALUE, v->m->key);
}

static int number(const struct nw_expression *e, const struct nw_evaluation *v,
                  struct nw_operand *out)
{
    int64_t n;

    return nw_message_number(v->m, e->meta, &n) ? give_number(v, out, n)
                                                : give(out, NW_FORM_NONE, NW_ABSENT);
}

static int flag(const struct nw_expression *e, const struct nw_evaluation *v,
                struct nw_operand *out)
{
    int64_t n = 0;

    (void)nw_message_number(v->m, e->meta, &n);
    return give(out, NW_FORM_VALUE, n == 0 ? NW_LITERAL("false") : NW_LITERAL("true"));
}

static int text(const struct nw_expression *e, const struct nw_evaluation *v,
                struct nw_operand *out)
{
    return give(out, NW_FORM_VALUE, nw_message_text(v->m, e->meta));
}

static int timestamp(const struct nw_expression *e, const struct nw_evaluation *v,
                     struct nw_operand *out)
{
    (void)e;
    return give_time(v, out, nw_message_timestamp(v->m));
}

static int header(const struct nw_expression *e, const struct nw_evaluation *v,
                  struct nw_operand *out)
{
    return give(out, NW_FORM_VALUE, nw_message_find_header(v->m, e->text));
}

/* Names of params and queries count with their case. */
static struct nw_slice find(const struct nw_headers *h, struct nw_slice name)
{
    for (uint32_t i = 0; i < h->count; i++) {
        if (nw_slice_equal(h->items[i].name, name)) {
            return h->items[i].value;
        }
    }
    return NW_ABSENT;
}

static int param(const struct nw_expression *e, const struct nw_evaluation *v,
                 struct nw_operand *out)
{
    return give(out, NW_FORM_VALUE, find(&v->m->params, e->text));
}

static int query(const struct nw_expression *e, const struct nw_evaluation *v,
                 struct nw_operand *out)
{
    return give(out, NW_FORM_VALUE, find(&v->m->queries, e->text));
}

static int json(const struct nw_expression *e, const struct nw_evaluation *v,
                struct nw_operand *out)
{
    struct nw_slice value, s = e->source;
    struct nw_error error = {.text = ""};
    int rc = nw_json_path_read(e->path, v->m->payload, v->m, &value, &error);

    if (rc != 0) {
        return nw_error_set(v->error, rc, "%.*s: %s", (int)(s.len > 100 ? 100 : s.len), s.data,
                            error.text);
    }
    return give(out, NW_FORM_VALUE, value);
}

static int id(const struct nw_expression *e, const struct nw_evaluation *v, struct nw_operand *out)
{
    (void)e;
    return give(out, NW_FORM_VALUE, nw_message_id(v->m));
}

/* ---- what is made here ---- */

static int route(const struct nw_expression *e, const struct nw_evaluation *v,
                 struct nw_operand *out)
{
    (void)e;
    return give(out, NW_FORM_VALUE, nw_slice_text(v->scope->route));
}

static int bridge(const struct nw_expression *e, const struct nw_evaluation *v,
                  struct nw_operand *out)
{
    (void)e;
    return give(out, NW_FORM_VALUE, nw_slice_text(v->scope->bridge));
}

/* Random, version 4 (RFC 4122). */
static int uuid(const struct nw_expression *e, const struct nw_evaluation *v,
                struct nw_operand *out)
{
    unsigned char b[16];
    char text_of[40];

    (void)e;
    if (draw(b, sizeof b) != 0) {
        return nw_error_set(v->error, NW_EINVAL, "the system gives no random numbers");
    }
    b[6] = (unsigned char)((b[6] & 0x0f) | 0x40);
    b[8] = (unsigned char)((b[8] & 0x3f) | 0x80);
    (void)snprintf(text_of, sizeof text_of,
                   "%02x%02x%02x%02x-%02x%02x-%02x%02x-%02x%02x-%02x%02x%02x%02x%02x%02x", b[0],
                   b[1], b[2], b[3], b[4], b[5], b[6], b[7], b[8], b[9], b[10], b[11], b[12], b[13],
                   b[14], b[15]);
    return give_copy(v, out, text_of, 36);
}

static int now(const struct nw_expression *e, const struct nw_evaluation *v, struct nw_operand *out)
{
    (void)e;
    return give_time(v, out, nw_clock_real_ns());
}

static int date(const struct nw_expression *e, const struct nw_evaluation *v,
                struct nw_operand *out)
{
    time_t seconds = (time_t)(nw_clock_real_ns() / NW_SECOND_NS);
    char format[100], text_of[200];
    struct tm utc;
    size_t n;

    if (gmtime_r(&seconds, &utc) == NULL || e->text.len >= sizeof format) {
        return give(out, NW_FORM_NONE, NW_ABSENT);
    }
    memcpy(format, e->text.data, e->text.len);
    format[e->text.len] = '\0';
    n = strftime(text_of, sizeof text_of, format, &utc);
    return n == 0 ? give(out, NW_FORM_NONE, NW_ABSENT) : give_copy(v, out, text_of, n);
}

static int random_number(const struct nw_expression *e, const struct nw_evaluation *v,
                         struct nw_operand *out)
{
    uint32_t drawn;

    if (draw(&drawn, sizeof drawn) != 0) {
        return nw_error_set(v->error, NW_EINVAL, "the system gives no random numbers");
    }
    return give_number(v, out, (int64_t)((uint64_t)drawn * (uint64_t)e->number >> 32));
}

/* ---- or, filters ---- */

static int either(const struct nw_expression *e, const struct nw_evaluation *v,
                  struct nw_operand *out)
{
    int rc = nw_expression_evaluate(e->left, v, out);

    return rc == 0 && out->form == NW_FORM_NONE ? nw_expression_evaluate(e->right, v, out) : rc;
}

/* ASCII only: what a letter is beyond that is no matter of a bridge. */
static int change_case(const struct nw_evaluation *v, bool upper, struct nw_slice *s)
{
    char first = upper ? 'a' : 'A';
    char *bytes = nw_message_bytes(v->m, s->len);

    if (bytes == NULL) {
        return no_memory(v);
    }
    for (size_t i = 0; i < s->len; i++) {
        char c = s->data[i];
        bytes[i] = c >= first && c <= first + 25 ? (char)(c ^ 32) : c;
    }
    s->data = bytes;
    return 0;
}

static int change_all(const struct nw_evaluation *v, bool upper, struct nw_operand *out)
{
    struct nw_slice *pieces;
    int rc = 0;

    if (out->form != NW_FORM_PIECES) {
        return change_case(v, upper, &out->text);
    }
    pieces = nw_message_alloc(v->m, out->count * sizeof *pieces);
    if (pieces == NULL) {
        return no_memory(v);
    }
    for (size_t i = 0; rc == 0 && i < out->count; i++) {
        pieces[i] = out->pieces[i];
        rc = change_case(v, upper, &pieces[i]);
    }
    out->pieces = pieces;
    return rc;
}

/* Pieces as one text, with dots between. */
static int join(const struct nw_evaluation *v, struct nw_operand *out)
{
    size_t len = 0, at = 0;
    char *bytes;

    if (out->form != NW_FORM_PIECES) {
        return 0;
    }
    for (size_t i = 0; i < out->count; i++) {
        len += out->pieces[i].len + 1;
    }
    bytes = nw_message_bytes(v->m, len);
    if (bytes == NULL) {
        return no_memory(v);
    }
    for (size_t i = 0; i < out->count; i++) {
        if (i > 0) {
            bytes[at++] = '.';
        }
        memcpy(bytes + at, out->pieces[i].data, out->pieces[i].len);
        at += out->pieces[i].len;
    }
    return give(out, NW_FORM_VALUE, (struct nw_slice){bytes, at});
}

static int to_hex(const struct nw_evaluation *v, const unsigned char *bytes, size_t n,
                  struct nw_operand *out)
{
    static const char digits[] = "0123456789abcdef";
    char *text_of = nw_message_bytes(v->m, 2 * n);

    if (text_of == NULL) {
        return no_memory(v);
    }
    for (size_t i = 0; i < n; i++) {
        text_of[2 * i] = digits[bytes[i] >> 4];
        text_of[2 * i + 1] = digits[bytes[i] & 15];
    }
    return give(out, NW_FORM_VALUE, (struct nw_slice){text_of, 2 * n});
}

static int to_base64(const struct nw_evaluation *v, struct nw_slice bytes, struct nw_operand *out)
{
    struct nw_buffer b = {0};
    int rc;

    nw_base64_encode(&b, bytes);
    rc = b.failed ? no_memory(v) : give_copy(v, out, nw_buffer_text(&b), b.len);
    nw_buffer_done(&b);
    return rc;
}

static int to_sha256(const struct nw_evaluation *v, struct nw_slice bytes, struct nw_operand *out)
{
    unsigned char digest[EVP_MAX_MD_SIZE];
    unsigned int n = 0;

    if (EVP_Digest(bytes.data, bytes.len, digest, &n, EVP_sha256(), NULL) != 1) {
        return no_memory(v);
    }
    return to_hex(v, digest, n, out);
}

static int filter(const struct nw_expression *e, const struct nw_evaluation *v,
                  struct nw_operand *out)
{
    int rc = nw_expression_evaluate(e->left, v, out);

    if (rc != 0 || out->form == NW_FORM_NONE) {
        return rc;
    }
    if (e->filter == NW_FILTER_RAW) {
        out->raw = true;
        return 0;
    }
    if (e->filter == NW_FILTER_LOWER || e->filter == NW_FILTER_UPPER) {
        return change_all(v, e->filter == NW_FILTER_UPPER, out);
    }
    rc = join(v, out);
    if (rc != 0) {
        return rc;
    }
    switch (e->filter) {
    case NW_FILTER_BASE64:
        return to_base64(v, out->text, out);
    case NW_FILTER_HEX:
        return to_hex(v, (const unsigned char *)out->text.data, out->text.len, out);
    default:
        return to_sha256(v, out->text, out);
    }
}

/* ---- all of them ---- */

int nw_expression_evaluate(const struct nw_expression *e, const struct nw_evaluation *v,
                           struct nw_operand *out)
{
    static int (*const kinds[])(const struct nw_expression *e, const struct nw_evaluation *v,
                                struct nw_operand *out) = {
        [NW_OP_LITERAL] = literal,
        [NW_OP_ADDRESS] = address,
        [NW_OP_KEY] = key,
        [NW_OP_NUMBER] = number,
        [NW_OP_FLAG] = flag,
        [NW_OP_TEXT] = text,
        [NW_OP_TIMESTAMP] = timestamp,
        [NW_OP_HEADER] = header,
        [NW_OP_PARAM] = param,
        [NW_OP_QUERY] = query,
        [NW_OP_JSON] = json,
        [NW_OP_ID] = id,
        [NW_OP_ROUTE] = route,
        [NW_OP_BRIDGE] = bridge,
        [NW_OP_UUID] = uuid,
        [NW_OP_NOW] = now,
        [NW_OP_DATE] = date,
        [NW_OP_WILDCARD] = wildcard,
        [NW_OP_TOKEN] = token,
        [NW_OP_PARTITION] = partition,
        [NW_OP_RANDOM] = random_number,
        [NW_OP_CUT] = cut,
        [NW_OP_OR] = either,
        [NW_OP_FILTER] = filter,
    };

    out->raw = out->rest = false;
    return kinds[e->op](e, v, out);
}
