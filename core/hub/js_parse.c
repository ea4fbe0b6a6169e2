/* SPDX-License-Identifier: Apache-2.0 */
#include "hub/js_parse.h"

/* Error codes of JetStream that decide more than their HTTP-like code says. */
#define ERR_MESSAGE_TOO_LARGE 10054
#define ERR_STREAM_SEALED 10109

/* ---- metadata ---- */

#define TOKENS_OLD 9
#define TOKENS_NEW 11

static bool read_number(struct nw_slice token, uint64_t *out)
{
    uint64_t n = 0;

    if (token.len == 0 || token.len > 19) {
        return false;
    }
    for (size_t i = 0; i < token.len; i++) {
        if (token.data[i] < '0' || token.data[i] > '9') {
            return false;
        }
        n = n * 10 + (uint64_t)(token.data[i] - '0');
    }
    *out = n;
    return true;
}

/* How many tokens, up to max; the rest of a longer subject is in none. */
static size_t split(const char *subject, struct nw_slice *tokens, size_t max)
{
    size_t n = 0;

    while (n < max) {
        const char *dot = strchr(subject, '.');
        size_t len = dot == NULL ? strlen(subject) : (size_t)(dot - subject);
        tokens[n++] = (struct nw_slice){subject, len};
        if (dot == NULL) {
            break;
        }
        subject = dot + 1;
    }
    return n;
}

bool nw_js_parse_metadata(const char *reply, struct nw_js_metadata *out)
{
    struct nw_slice tokens[TOKENS_NEW], *t = tokens + 2;
    uint64_t timestamp;
    size_t n;

    if (reply == NULL || strncmp(reply, "$JS.ACK.", 8) != 0) {
        return false;
    }
    n = split(reply, tokens, TOKENS_NEW);
    if (n != TOKENS_OLD && n != TOKENS_NEW) {
        return false;
    }
    t += n == TOKENS_NEW ? 2 : 0;
    out->stream = t[0];
    out->consumer = t[1];
    if (!read_number(t[2], &out->delivered) || !read_number(t[3], &out->sequence) ||
        !read_number(t[4], &out->consumer_sequence) || !read_number(t[5], &timestamp) ||
        !read_number(t[6], &out->pending)) {
        return false;
    }
    out->timestamp_ns = (int64_t)timestamp;
    return true;
}

/* ---- acknowledgments ---- */

/* The bytes behind "name": at the top or in the error object; NULL if it is not there. The names
 * looked for stand in no string that a server writes before them. */
static const char *find(struct nw_slice json, const char *name)
{
    size_t len = strlen(name);
    const char *at = memmem(json.data, json.len, name, len);

    if (at == NULL) {
        return NULL;
    }
    at += len;
    while (at < json.data + json.len && (*at == ' ' || *at == ':')) {
        at++;
    }
    return at < json.data + json.len ? at : NULL;
}

static uint64_t find_number(struct nw_slice json, const char *name)
{
    const char *at = find(json, name);
    uint64_t n = 0;

    while (at != NULL && at < json.data + json.len && *at >= '0' && *at <= '9') {
        n = n * 10 + (uint64_t)(*at++ - '0');
    }
    return n;
}

static struct nw_slice find_text(struct nw_slice json, const char *name)
{
    const char *begin = find(json, name), *end;

    if (begin == NULL || *begin != '"') {
        return NW_ABSENT;
    }
    begin++;
    for (end = begin; end < json.data + json.len && *end != '"'; end++) {
        if (*end == '\\' && end + 1 < json.data + json.len) {
            end++;
        }
    }
    return (struct nw_slice){begin, (size_t)(end - begin)};
}

void nw_js_parse_puback(struct nw_slice json, struct nw_js_puback *out)
{
    const char *duplicate;

    *out = (struct nw_js_puback){0};
    if (json.len == 0) {
        return;
    }
    if (find(json, "\"error\"") != NULL) {
        out->code = (int)find_number(json, "\"code\"");
        out->error_code = (int)find_number(json, "\"err_code\"");
        out->description = find_text(json, "\"description\"");
        out->code = out->code == 0 ? 500 : out->code;
        return;
    }
    out->sequence = find_number(json, "\"seq\"");
    out->stream = find_text(json, "\"stream\"");
    out->is_ack = out->stream.data != NULL && find(json, "\"seq\"") != NULL;
    duplicate = find(json, "\"duplicate\"");
    out->duplicate = duplicate != NULL && *duplicate == 't';
}

void nw_js_puback_outcome(const struct nw_js_puback *ack, enum nw_outcome *outcome,
                          enum nw_cause *cause)
{
    if (ack->error_code == ERR_MESSAGE_TOO_LARGE) {
        *outcome = NW_REJECT;
        *cause = NW_CAUSE_TOO_LARGE;
    } else if (ack->code == 400 && ack->error_code != ERR_STREAM_SEALED) {
        *outcome = NW_REJECT; /* an expectation in its headers, a header the server refuses */
        *cause = NW_CAUSE_REFUSED;
    } else {
        *outcome = NW_RETRY; /* full, no leader, no resources: the stream, not the message */
        *cause = NW_CAUSE_OUTAGE;
    }
}
