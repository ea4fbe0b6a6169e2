/* SPDX-License-Identifier: Apache-2.0 */
#include "mappings/text.h"

bool nw_text_grow(struct nw_text *t, size_t extra)
{
    size_t capacity;
    char *data;

    if (t->failed || extra > SIZE_MAX / 4 || t->capacity > SIZE_MAX / 4) {
        t->failed = true;
        return false;
    }
    capacity = 2 * t->capacity + extra;
    data = nw_message_bytes(t->message, capacity);
    if (data == NULL) {
        t->failed = true;
        return false;
    }
    memcpy(data, t->data, t->len);
    t->data = data;
    t->capacity = capacity;
    return true;
}

int nw_text_end(struct nw_text *t, struct nw_slice *out)
{
    struct nw_slice text = {t->data, t->len};

    if (t->failed) {
        return NW_ENOMEM;
    }
    if (t->data == t->first) {
        text = nw_message_copy(t->message, t->data, t->len);
        if (text.data == NULL) {
            return NW_ENOMEM;
        }
    } else {
        nw_message_trim(t->message, t->data, t->capacity, t->len);
    }
    *out = text;
    return 0;
}
