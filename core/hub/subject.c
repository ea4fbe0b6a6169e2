/* SPDX-License-Identifier: Apache-2.0 */
#include "hub/subject.h"

#include "base/error.h"

static bool is_control_or_blank(char c)
{
    return (unsigned char)c <= ' ' || (unsigned char)c == 0x7f;
}

/* The token at the head of s; s moves behind it and its dot. */
static struct nw_slice next_token(struct nw_slice *s)
{
    const char *dot = memchr(s->data, '.', s->len);
    struct nw_slice token = {s->data, dot == NULL ? s->len : (size_t)(dot - s->data)};
    size_t step = dot == NULL ? token.len : token.len + 1;

    s->data += step;
    s->len -= step;
    return token;
}

static bool is_one(struct nw_slice token, char c)
{
    return token.len == 1 && token.data[0] == c;
}

static int check(struct nw_slice subject, bool wildcards, struct nw_error *error)
{
    struct nw_slice rest = subject;

    if (subject.len == 0) {
        return nw_error_set(error, NW_EINVAL, "the subject is empty");
    }
    if (subject.len > NW_SUBJECT_MAX) {
        return nw_error_set(error, NW_EINVAL, "the subject has %zu bytes, the most is %d",
                            subject.len, NW_SUBJECT_MAX);
    }
    for (size_t i = 0; i < subject.len; i++) {
        if (is_control_or_blank(subject.data[i])) {
            return nw_error_set_at(error, NW_EINVAL, i,
                                   "the subject has a blank or a control character");
        }
    }
    if (subject.data[subject.len - 1] == '.') {
        return nw_error_set_at(error, NW_EINVAL, subject.len, "the subject ends with a dot");
    }
    while (rest.len > 0) {
        size_t at = subject.len - rest.len;
        struct nw_slice token = next_token(&rest);
        if (token.len == 0) {
            return nw_error_set_at(error, NW_EINVAL, at, "the subject has an empty token");
        }
        if (!wildcards && (is_one(token, '*') || is_one(token, '>'))) {
            return nw_error_set_at(error, NW_EINVAL, at, "the subject has a wildcard");
        }
        if (is_one(token, '>') && rest.len > 0) {
            return nw_error_set_at(error, NW_EINVAL, at, "\">\" must be the last token");
        }
    }
    return 0;
}

int nw_subject_check(struct nw_slice subject, struct nw_error *error)
{
    return check(subject, false, error);
}

int nw_subject_check_pattern(struct nw_slice pattern, struct nw_error *error)
{
    return check(pattern, true, error);
}

bool nw_subject_matches(struct nw_slice pattern, struct nw_slice subject)
{
    while (pattern.len > 0 && subject.len > 0) {
        struct nw_slice p = next_token(&pattern), s = next_token(&subject);
        if (is_one(p, '>')) {
            return true;
        }
        if (!is_one(p, '*') && !nw_slice_equal(p, s)) {
            return false;
        }
    }
    return pattern.len == 0 && subject.len == 0;
}

static bool is_name_char(char c)
{
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '-' ||
           c == '_';
}

void nw_subject_add_name(struct nw_buffer *b, const char *name)
{
    for (; *name != '\0'; name++) {
        nw_buffer_add_char(b, is_name_char(*name) ? *name : '_');
    }
}

bool nw_subject_is_name(const char *name)
{
    size_t len = strlen(name);

    for (size_t i = 0; i < len; i++) {
        if (is_control_or_blank(name[i]) || strchr(".*>/\\", name[i]) != NULL) {
            return false;
        }
    }
    return len > 0 && len <= 255;
}
