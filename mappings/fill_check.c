/* SPDX-License-Identifier: Apache-2.0 */
/* What a finished subject, topic, URL, header or path must be. */
#include <ctype.h>

#include "base/error.h"
#include "base/json.h"
#include "mappings/fill_rules.h"

int nw_refuse(struct nw_error *error, size_t at, const char *what, const char *why)
{
    return nw_error_set_at(error, NW_EINVAL, at, "the %s %s", what, why);
}

int nw_refuse_byte(struct nw_error *error, size_t at, const char *what, char byte)
{
    unsigned char c = (unsigned char)byte;

    if (c > ' ' && c < 0x7f) {
        return nw_error_set_at(error, NW_EINVAL, at, "the %s must not contain \"%c\"", what, c);
    }
    return nw_error_set_at(error, NW_EINVAL, at, "the %s must not contain %s (byte 0x%02X)", what,
                           c == ' '               ? "a blank"
                           : c < ' ' || c == 0x7f ? "a control character"
                                                  : "this character",
                           c);
}

static int check_length(struct nw_error *error, const char *what, size_t len, size_t longest)
{
    if (len == 0) {
        return nw_refuse(error, 0, what, "is empty");
    }
    if (len > longest) {
        return nw_error_set_at(error, NW_EINVAL, longest, "the %s is longer than %zu bytes: %zu",
                               what, longest, len);
    }
    return 0;
}

/* No empty token; wildcards where `wildcards` says so. */
static int check_tokens(struct nw_slice s, const char *what, bool wildcards, struct nw_error *error)
{
    size_t start = 0;

    for (size_t i = 0; i <= s.len; i++) {
        if (i < s.len && s.data[i] != '.') {
            continue;
        }
        if (i == start) {
            return nw_refuse(error, i, what, "has an empty token");
        }
        if (!wildcards && i - start == 1 && (s.data[start] == '*' || s.data[start] == '>')) {
            return nw_refuse(error, start, what,
                             "must not have a wildcard: write {{wildcard(1)}} for what it matched");
        }
        start = i + 1;
    }
    return 0;
}

static int check_subject(struct nw_slice s, size_t own, struct nw_error *error)
{
    int rc = check_length(error, "subject", s.len, NW_SUBJECT_LONGEST);

    (void)own;
    if (rc != 0) {
        return rc;
    }
    for (size_t i = 0; i < s.len; i++) {
        unsigned char c = (unsigned char)s.data[i];
        if (c <= ' ' || c == 0x7f) {
            return nw_refuse_byte(error, i, "subject", s.data[i]);
        }
    }
    return check_tokens(s, "subject", false, error);
}

static int check_kv_key(struct nw_slice s, size_t own, struct nw_error *error)
{
    int rc = check_length(error, "KV key", s.len, NW_SUBJECT_LONGEST);

    (void)own;
    for (size_t i = 0; rc == 0 && i < s.len; i++) {
        char c = s.data[i];
        if ((unsigned char)c >= 0x80 ||
            (!isalnum((unsigned char)c) && strchr("-_/=.", c) == NULL) || c == '\0') {
            rc = nw_refuse_byte(error, i, "KV key", c);
        }
    }
    return rc == 0 ? check_tokens(s, "KV key", true, error) : rc;
}

static int check_kafka_topic(struct nw_slice s, size_t own, struct nw_error *error)
{
    int rc = check_length(error, "Kafka topic", s.len, NW_KAFKA_TOPIC_LONGEST);

    (void)own;
    for (size_t i = 0; rc == 0 && i < s.len; i++) {
        char c = s.data[i];
        if ((unsigned char)c >= 0x80 || (!isalnum((unsigned char)c) && strchr("._-", c) == NULL) ||
            c == '\0') {
            rc = nw_refuse_byte(error, i, "Kafka topic", c);
        }
    }
    if (rc == 0 && nw_fill_count_dots(s) > 0) {
        rc = nw_refuse(error, 0, "Kafka topic", "must not be \".\" or \"..\"");
    }
    return rc;
}

static int check_mqtt_topic(struct nw_slice s, size_t own, struct nw_error *error)
{
    int rc = check_length(error, "MQTT topic", s.len, NW_MQTT_TOPIC_LONGEST);
    size_t i = 0;

    (void)own;
    while (rc == 0 && i < s.len) {
        size_t n = nw_utf8_length((struct nw_slice){s.data + i, s.len - i});
        if (n == 0) {
            return nw_refuse(error, i, "MQTT topic", "is not UTF-8");
        }
        if (s.data[i] == '+' || s.data[i] == '#') {
            return nw_refuse(error, i, "MQTT topic",
                             "must not have a wildcard: write {{wildcard(1)}} for what it matched");
        }
        if (!nw_mqtt_takes(s.data + i, n)) {
            return nw_refuse_byte(error, i, "MQTT topic", s.data[i]);
        }
        i += n;
    }
    return rc;
}

static int check_url(struct nw_slice s, size_t own, struct nw_error *error)
{
    int rc = check_length(error, "URL", s.len, NW_URL_LONGEST);

    return rc != 0 ? rc : nw_url_check(s, true, own, error);
}

static int check_header(struct nw_slice s, size_t own, struct nw_error *error)
{
    (void)own;
    for (size_t i = 0; i < s.len; i++) {
        if (s.data[i] == '\r' || s.data[i] == '\n' || s.data[i] == '\0') {
            return nw_refuse(error, i, "header", "must not contain a line break or NUL");
        }
    }
    return 0;
}

size_t nw_fill_count_dots(struct nw_slice path)
{
    size_t start = 0, dots = 0;

    for (size_t i = 0; i <= path.len; i++) {
        if (i == path.len || path.data[i] == '/') {
            size_t len = i - start;
            dots += (len == 1 && path.data[start] == '.') ||
                            (len == 2 && memcmp(path.data + start, "..", 2) == 0)
                        ? 1
                        : 0;
            start = i + 1;
        }
    }
    return dots;
}

static int check_path(struct nw_slice s, size_t own, struct nw_error *error)
{
    int rc = check_length(error, "path", s.len, NW_PATH_LONGEST);
    size_t start = 0;

    if (rc != 0) {
        return rc;
    }
    if (memchr(s.data, '\0', s.len) != NULL) {
        return nw_refuse(error, 0, "path", "must not contain NUL");
    }
    for (size_t i = 0; i <= s.len; i++) {
        if (i < s.len && s.data[i] != '/') {
            continue;
        }
        if (i - start > NW_FILE_NAME_LONGEST) {
            return nw_refuse(error, start, "path", "has a name of more than 255 bytes");
        }
        start = i + 1;
    }
    return nw_fill_count_dots(s) == own
               ? 0
               : nw_refuse(error, 0, "path", "must not get \".\" or \"..\" from a value");
}

static int check_text(struct nw_slice s, size_t own, struct nw_error *error)
{
    (void)s;
    (void)own;
    (void)error;
    return 0;
}

size_t nw_fill_count_own(enum nw_fill fill, struct nw_slice whole)
{
    switch (fill) {
    case NW_FILL_PATH:
        return nw_fill_count_dots(whole);
    case NW_FILL_URL:
        return nw_url_count_ats(whole);
    default:
        return 0;
    }
}

int nw_fill_check(enum nw_fill fill, struct nw_slice whole, size_t own, struct nw_error *error)
{
    static int (*const checks[])(struct nw_slice s, size_t own, struct nw_error * error) = {
        [NW_FILL_TEXT] = check_text,
        [NW_FILL_SUBJECT] = check_subject,
        [NW_FILL_KAFKA_TOPIC] = check_kafka_topic,
        [NW_FILL_MQTT_TOPIC] = check_mqtt_topic,
        [NW_FILL_URL] = check_url,
        [NW_FILL_HEADER] = check_header,
        [NW_FILL_PATH] = check_path,
        [NW_FILL_KV_KEY] = check_kv_key,
    };
    return checks[fill](whole, own, error);
}
