/* SPDX-License-Identifier: Apache-2.0 */
#include "hub/once_name.h"

#include "hub/kv_key.h"

#define DIGITS_MOST 18 /* that always fit into an int64_t */

static bool is_digit(char c)
{
    return c >= '0' && c <= '9';
}

/* Take the digits at the end of *text, and the separator before them. false: there are none. */
static bool take_number(struct nw_slice *text, char separator, int64_t *out)
{
    size_t at = text->len;
    int64_t n = 0;

    while (at > 0 && is_digit(text->data[at - 1])) {
        at--;
    }
    if (at == text->len || text->len - at > DIGITS_MOST || at == 0 ||
        text->data[at - 1] != separator) {
        return false;
    }
    for (size_t i = at; i < text->len; i++) {
        n = n * 10 + (text->data[i] - '0');
    }
    text->len = at - 1;
    *out = n;
    return true;
}

/* "…|ROUTE.TARGET.PART", or "…|.TARGET.PART" behind an id that the route gave; without: the first
 * target, not split. */
static void read_end(struct nw_slice id, struct nw_once_name *out)
{
    int64_t target, part;

    out->target = out->part = 0;
    if (id.data != NULL && take_number(&id, '.', &part) && take_number(&id, '.', &target) &&
        memchr(id.data, '|', id.len) != NULL) {
        out->target = (uint32_t)target;
        out->part = (uint32_t)part;
    }
}

bool nw_once_name_read(struct nw_slice origin, struct nw_slice id, struct nw_once_name *out)
{
    struct nw_slice rest;
    int64_t number;

    if (origin.data == NULL || !take_number(&origin, '/', &out->offset)) {
        return false;
    }
    rest = out->partition = origin;
    if (!take_number(&rest, '/', &number)) {
        return false;
    }
    read_end(id, out);
    return true;
}

/* ---- keys ---- */

static void add_route(struct nw_buffer *b, const char *bridge, const char *route)
{
    nw_kv_key_add(b, nw_slice_text(bridge));
    nw_buffer_add_char(b, '.');
    nw_kv_key_add(b, nw_slice_text(route));
    nw_buffer_add_char(b, '.');
}

void nw_once_name_keys(struct nw_buffer *b, const char *bridge, const char *route)
{
    add_route(b, bridge, route);
    nw_buffer_add_char(b, '>');
}

void nw_once_name_key(struct nw_buffer *b, const char *bridge, const char *route, const char *which,
                      struct nw_slice partition)
{
    const char *colon = memchr(partition.data, ':', partition.len);
    const char *slash = memrchr(partition.data, '/', partition.len);
    const char *end = partition.data + partition.len;

    add_route(b, bridge, route);
    nw_kv_key_add(b, nw_slice_text(which));
    nw_buffer_add_char(b, '.');
    if (colon != NULL && slash != NULL && colon < slash) {
        nw_kv_key_add(b, (struct nw_slice){partition.data, (size_t)(colon - partition.data)});
        nw_buffer_add_char(b, '.');
        nw_kv_key_add(b, (struct nw_slice){colon + 1, (size_t)(slash - colon - 1)});
        nw_buffer_add_char(b, '.');
        nw_kv_key_add(b, (struct nw_slice){slash + 1, (size_t)(end - slash - 1)});
    } else {
        nw_kv_key_add(b, partition);
    }
}

void nw_once_name_filter(struct nw_buffer *b, const char *address)
{
    const char *variable;
    size_t len;

    if (address == NULL || address[0] == '\0') {
        return;
    }
    len = strcspn(address, "$");
    variable = strstr(address, "{{");
    len =
        variable != NULL && (size_t)(variable - address) < len ? (size_t)(variable - address) : len;
    if (address[len] == '\0') {
        nw_buffer_add(b, address, len);
        return;
    }
    while (len > 0 && address[len - 1] != '.') {
        len--;
    }
    if (len > 0) {
        nw_buffer_add(b, address, len);
        nw_buffer_add_char(b, '>');
    }
}
