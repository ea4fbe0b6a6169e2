/* SPDX-License-Identifier: Apache-2.0 */
/* The fields of a message as connectors see them. */
#include "message/message.h"

void nw_message_set_address(struct nw_message *message, struct nw_slice address)
{
    message->address = address;
}

void nw_message_set_key(struct nw_message *message, struct nw_slice key)
{
    message->key = key;
}

void nw_message_set_payload(struct nw_message *message, struct nw_slice payload)
{
    message->payload = payload;
}

void nw_message_set_number(struct nw_message *message, enum nw_meta meta, int64_t number)
{
    if (meta < NW_META_NUMBERS) {
        message->numbers[meta] = number;
        message->numbers_set |= UINT32_C(1) << meta;
    }
}

void nw_message_set_text(struct nw_message *message, enum nw_meta meta, struct nw_slice text)
{
    if (meta >= NW_META_NUMBERS && meta < NW_META_COUNT) {
        message->texts[meta - NW_META_NUMBERS] = text;
    }
}

void nw_message_set_timestamp(struct nw_message *message, int64_t real_ns)
{
    message->timestamp_ns = real_ns;
}

void nw_message_set_origin(struct nw_message *message, struct nw_slice origin)
{
    message->origin = origin;
}

void nw_message_set_deadline(struct nw_message *message, int64_t monotonic_ns)
{
    message->deadline_ns = monotonic_ns;
}

void nw_message_set_cookie(struct nw_message *message, uintptr_t cookie)
{
    message->cookie = cookie;
}

uintptr_t nw_message_cookie(const struct nw_message *message)
{
    return message->cookie;
}

struct nw_slice nw_message_address(const struct nw_message *message)
{
    return message->address;
}

struct nw_slice nw_message_key(const struct nw_message *message)
{
    return message->key;
}

struct nw_slice nw_message_payload(const struct nw_message *message)
{
    return message->payload;
}

bool nw_message_number(const struct nw_message *message, enum nw_meta meta, int64_t *number)
{
    if (meta >= NW_META_NUMBERS || (message->numbers_set & UINT32_C(1) << meta) == 0) {
        return false;
    }
    *number = message->numbers[meta];
    return true;
}

struct nw_slice nw_message_text(const struct nw_message *message, enum nw_meta meta)
{
    if (meta < NW_META_NUMBERS || meta >= NW_META_COUNT) {
        return NW_ABSENT;
    }
    return message->texts[meta - NW_META_NUMBERS];
}

int64_t nw_message_timestamp(const struct nw_message *message)
{
    return message->timestamp_ns != 0 ? message->timestamp_ns : nw_clock_real_ns();
}

struct nw_slice nw_message_origin(const struct nw_message *message)
{
    return message->origin;
}

struct nw_slice nw_message_id(const struct nw_message *message)
{
    return message->id.data != NULL ? message->id : message->origin;
}

int64_t nw_message_deadline(const struct nw_message *message)
{
    return message->deadline_ns;
}

struct nw_slice nw_message_value(const struct nw_message *message, uint32_t slot)
{
    if (slot == 0 || slot > message->value_count) {
        return NW_ABSENT;
    }
    return message->values[slot - 1];
}
