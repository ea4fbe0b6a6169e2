/* SPDX-License-Identifier: Apache-2.0 */
#include "hub/carry.h"

#include "base/base64.h"

/* RFC 9110's token. */
static bool is_token_char(char c)
{
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
           (c != '\0' && strchr("!#$%&'*+-.^_`|~", c) != NULL);
}

static bool name_fits(struct nw_slice name)
{
    for (size_t i = 0; i < name.len; i++) {
        if (!is_token_char(name.data[i])) {
            return false;
        }
    }
    return name.len > 0 && name.data[0] != '~';
}

static bool is_edge(char c)
{
    return c == ' ' || c == '\t' || c == '\v' || c == '\f';
}

static bool value_fits(struct nw_slice value)
{
    if (value.len == 0) {
        return true;
    }
    if (is_edge(value.data[0]) || is_edge(value.data[value.len - 1])) {
        return false;
    }
    return memchr(value.data, '\0', value.len) == NULL &&
           memchr(value.data, '\r', value.len) == NULL &&
           memchr(value.data, '\n', value.len) == NULL;
}

bool nw_carry_fits(struct nw_slice name, struct nw_slice value)
{
    return name_fits(name) && value_fits(value);
}

/* Base64 to base64url without padding, in place from `from`. */
static void make_url_safe(struct nw_buffer *b, size_t from)
{
    for (size_t i = from; i < b->len; i++) {
        b->data[i] = b->data[i] == '+' ? '-' : b->data[i] == '/' ? '_' : b->data[i];
    }
    while (b->len > from && b->data[b->len - 1] == '=') {
        b->data[--b->len] = '\0';
    }
}

void nw_carry_encode(struct nw_buffer *b, struct nw_slice name, struct nw_slice value,
                     bool as_base64)
{
    if (!as_base64) {
        nw_buffer_add_slice(b, name);
        nw_buffer_add_char(b, '\0');
        nw_buffer_add_slice(b, value);
        nw_buffer_add_char(b, '\0');
        return;
    }
    nw_buffer_add_text(b, NW_CARRY_B64);
    if (name_fits(name)) {
        nw_buffer_add_slice(b, name);
    } else {
        nw_buffer_add_char(b, '~');
        size_t from = b->len;
        nw_base64_encode(b, name);
        make_url_safe(b, from);
    }
    nw_buffer_add_char(b, '\0');
    nw_base64_encode(b, value);
    nw_buffer_add_char(b, '\0');
}

static int decode_name(struct nw_slice text, struct nw_buffer *name)
{
    char plain[1024];

    if (text.len >= sizeof plain) {
        return NW_EINVAL;
    }
    for (size_t i = 0; i < text.len; i++) {
        char c = text.data[i];
        plain[i] = (char)(c == '-' ? '+' : c == '_' ? '/' : c);
    }
    return nw_base64_decode(name, (struct nw_slice){plain, text.len}, NULL);
}

int nw_carry_decode(struct nw_slice header, struct nw_slice text, struct nw_buffer *name,
                    struct nw_buffer *value)
{
    size_t name_before = name->len;
    int rc;

    if (!nw_slice_starts(header, NW_LITERAL(NW_CARRY_B64)) ||
        header.len == sizeof NW_CARRY_B64 - 1) {
        return NW_EINVAL;
    }
    header.data += sizeof NW_CARRY_B64 - 1;
    header.len -= sizeof NW_CARRY_B64 - 1;
    if (header.data[0] == '~') {
        rc = decode_name((struct nw_slice){header.data + 1, header.len - 1}, name);
        if (rc != 0) {
            return rc;
        }
    } else {
        nw_buffer_add_slice(name, header);
    }
    rc = nw_base64_decode(value, text, NULL);
    if (rc != 0 && name->data != NULL) {
        name->len = name_before;
        name->data[name_before] = '\0';
    }
    return rc != 0 ? rc : name->failed || value->failed ? NW_ENOMEM : 0;
}
