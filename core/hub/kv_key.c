/* SPDX-License-Identifier: Apache-2.0 */
#include "hub/kv_key.h"

#include "base/error.h"
#include "hub/subject.h"

#define BUCKET_LONGEST 252 /* its stream is KV_ and the name */

static bool is_letter_or_digit(char c)
{
    return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');
}

void nw_kv_key_add(struct nw_buffer *b, struct nw_slice name)
{
    for (size_t i = 0; i < name.len; i++) {
        char c = name.data[i];
        if (is_letter_or_digit(c) || c == '-' || c == '_') {
            nw_buffer_add_char(b, c);
        } else {
            nw_buffer_add_format(b, "=%02X", (unsigned)(unsigned char)c);
        }
    }
}

void nw_kv_split(struct nw_slice address, struct nw_slice *bucket, struct nw_slice *key)
{
    const char *slash = address.len == 0 ? NULL : memchr(address.data, '/', address.len);
    size_t len = slash == NULL ? address.len : (size_t)(slash - address.data);
    size_t behind = slash == NULL ? len : len + 1;

    *bucket = (struct nw_slice){address.data, len};
    *key = address.data == NULL ? NW_LITERAL("")
                                : (struct nw_slice){address.data + behind, address.len - behind};
}

int nw_kv_check_bucket(struct nw_slice bucket, struct nw_error *error)
{
    bool good = bucket.len > 0 && bucket.len <= BUCKET_LONGEST;

    for (size_t i = 0; good && i < bucket.len; i++) {
        good = is_letter_or_digit(bucket.data[i]) || bucket.data[i] == '-' || bucket.data[i] == '_';
    }
    return good ? 0
                : nw_error_set(error, NW_EINVAL,
                               "\"%.*s\" cannot be the name of a bucket: letters, digits, - and _",
                               (int)(bucket.len > 100 ? 100 : bucket.len),
                               bucket.len == 0 ? "" : bucket.data);
}

static int check_key(struct nw_slice key, bool wildcards, struct nw_error *error)
{
    struct nw_error why;
    int rc;

    if (key.len == 0) {
        return nw_error_set(error, NW_EINVAL, "the key is empty: it is bucket/key");
    }
    rc = wildcards ? nw_subject_check_pattern(key, &why) : nw_subject_check(key, &why);
    for (size_t i = 0; rc == 0 && i < key.len; i++) {
        char c = key.data[i];
        bool wild = wildcards && (c == '*' || c == '>') && (i == 0 || key.data[i - 1] == '.') &&
                    (i + 1 == key.len || key.data[i + 1] == '.');
        if (!wild && !is_letter_or_digit(c) && (c == '\0' || strchr("-_/=.", c) == NULL)) {
            return nw_error_set(error, NW_EINVAL,
                                "the key \"%.*s\" is not letters, digits and - _ / = .",
                                (int)(key.len > 100 ? 100 : key.len), key.data);
        }
    }
    return rc == 0 ? 0
                   : nw_error_set(error, NW_EINVAL, "the key \"%.*s\": %.200s",
                                  (int)(key.len > 100 ? 100 : key.len), key.data, why.text);
}

int nw_kv_check_key(struct nw_slice key, struct nw_error *error)
{
    return check_key(key, false, error);
}

int nw_kv_check_pattern(struct nw_slice pattern, struct nw_error *error)
{
    return check_key(pattern, true, error);
}
