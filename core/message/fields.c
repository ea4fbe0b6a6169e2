/* SPDX-License-Identifier: Apache-2.0 */
/* The fields of a message as connectors see them. */
#include "message/message.h"

#include <inttypes.h>
#include <stdio.h>

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

/* The id for that target; absent: no memory. */
static struct nw_slice id_for(struct nw_message *m, const char *route, unsigned target)
{
    bool given = m->id.data != NULL;
    struct nw_slice base = given ? m->id : m->origin;
    size_t room = base.len + strlen(route) + 32;
    char *text;
    int n;

    if (given && target == 0 && m->split_index == 0) {
        return m->id;
    }
    text = nw_message_bytes(m, room);
    if (text == NULL) {
        return NW_ABSENT;
    }
    if (base.len > 0) {
        memcpy(text, base.data, base.len);
    }
    n = snprintf(text + base.len, room - base.len, "|%s.%u.%" PRIu32, given ? "" : route, target,
                 m->split_index);
    nw_message_trim(m, text, room, base.len + (size_t)n);
    return (struct nw_slice){text, base.len + (size_t)n};
}

int nw_message_make_id(struct nw_message *m, const char *route)
{
    m->id = m->target == 0 && m->part_id.data != NULL ? m->part_id : id_for(m, route, m->target);
    m->part_id = NW_ABSENT;
    return m->id.data == NULL ? NW_ENOMEM : 0;
}

int nw_message_make_part_id(struct nw_message *m, const char *route)
{
    m->part_id = id_for(m, route, 0);
    return m->part_id.data == NULL ? NW_ENOMEM : 0;
}

struct nw_slice nw_message_id(const struct nw_message *message)
{
    if (message->part_id.data != NULL) {
        return message->part_id;
    }
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
