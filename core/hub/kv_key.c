/* SPDX-License-Identifier: Apache-2.0 */
#include "hub/kv_key.h"

void nw_kv_key_add(struct nw_buffer *b, struct nw_slice name)
{
    for (size_t i = 0; i < name.len; i++) {
        char c = name.data[i];
        if ((c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') ||
            c == '-' || c == '_') {
            nw_buffer_add_char(b, c);
        } else {
            nw_buffer_add_format(b, "=%02X", (unsigned)(unsigned char)c);
        }
    }
}
