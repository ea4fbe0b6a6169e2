/* SPDX-License-Identifier: Apache-2.0 */
#include "base/buffer.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

void nw_buffer_done(struct nw_buffer *b)
{
    free(b->data);
    *b = (struct nw_buffer){0};
}

void nw_buffer_clear(struct nw_buffer *b)
{
    b->len = 0;
    b->failed = false;
    if (b->data != NULL) {
        b->data[0] = '\0';
    }
}

bool nw_buffer_reserve(struct nw_buffer *b, size_t extra)
{
    size_t want, capacity;
    char *data;

    if (b->failed || extra >= SIZE_MAX - b->len - 1) {
        b->failed = true;
        return false;
    }
    want = b->len + extra + 1;
    if (want <= b->capacity) {
        return true;
    }
    capacity = b->capacity < 64 ? 64 : b->capacity;
    while (capacity < want) {
        capacity = capacity > SIZE_MAX / 2 ? want : capacity * 2;
    }
    data = realloc(b->data, capacity);
    if (data == NULL) {
        b->failed = true;
        return false;
    }
    if (b->data == NULL) {
        data[0] = '\0';
    }
    b->data = data;
    b->capacity = capacity;
    return true;
}

void nw_buffer_add(struct nw_buffer *b, const void *data, size_t len)
{
    if (len == 0 || !nw_buffer_reserve(b, len)) {
        return;
    }
    memcpy(b->data + b->len, data, len);
    b->len += len;
    b->data[b->len] = '\0';
}

void nw_buffer_add_slice(struct nw_buffer *b, struct nw_slice s)
{
    nw_buffer_add(b, s.data, s.len);
}

void nw_buffer_add_text(struct nw_buffer *b, const char *text)
{
    nw_buffer_add(b, text, strlen(text));
}

void nw_buffer_add_char(struct nw_buffer *b, char c)
{
    nw_buffer_add(b, &c, 1);
}

void nw_buffer_add_format(struct nw_buffer *b, const char *format, ...)
{
    va_list args, again;
    int n;

    va_start(args, format);
    va_copy(again, args);
    n = vsnprintf(NULL, 0, format, args);
    va_end(args);
    if (n > 0 && nw_buffer_reserve(b, (size_t)n)) {
        (void)vsnprintf(b->data + b->len, (size_t)n + 1, format, again);
        b->len += (size_t)n;
    }
    va_end(again);
}

const char *nw_buffer_text(const struct nw_buffer *b)
{
    return b->data == NULL ? "" : b->data;
}

struct nw_slice nw_buffer_slice(const struct nw_buffer *b)
{
    return (struct nw_slice){nw_buffer_text(b), b->len};
}

char *nw_buffer_take(struct nw_buffer *b)
{
    char *data = NULL;

    if (!b->failed && nw_buffer_reserve(b, 0)) {
        data = b->data;
        b->data = NULL;
    }
    nw_buffer_done(b);
    return data;
}
