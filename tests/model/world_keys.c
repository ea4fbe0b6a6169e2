/* SPDX-License-Identifier: Apache-2.0 */
/* The program's own keys.c, with what is in it told as bytes. */
#include "../../core/pump/keys.c" // NOLINT(bugprone-suspicious-include)
#include "world_internal.h"

static const struct key *key_of(const struct nw_keys *k, unsigned number)
{
    struct nw_message *m = world_message(number);
    const struct key *key = find(k, hash_of(k, m));

    nw_message_unref(m);
    return key;
}

static void put_byte(struct nw_buffer *out, uint64_t n)
{
    nw_buffer_add_char(out, (char)n);
}

/* How long it still waits, in milliseconds. */
static uint64_t wait_of(const struct nw_keys *k, const struct key *key)
{
    int64_t wait_ns = key->holding ? key->due_ns - k->worker->now_ns : 0;

    return wait_ns < 0 ? 0 : (uint64_t)(wait_ns / NW_MILLISECOND_NS);
}

static void put_key(struct nw_buffer *out, const struct nw_keys *k, const struct key *key)
{
    if (key == NULL) {
        put_byte(out, 0xff);
        return;
    }
    put_byte(out, key->under_way);
    put_byte(out, (uint64_t)((key->tries > 0) | key->holding << 1 | key->asked << 2 |
                             (key->released != NULL) << 3));
    put_byte(out, wait_of(k, key));
    for (const struct nw_message *m = key->head; m != NULL; m = m->next) {
        put_byte(out, world_number_of(m));
    }
    put_byte(out, 0xfe);
}

void world_describe_keys(struct nw_buffer *out, const struct nw_keys *k)
{
    for (unsigned i = 0; k != NULL && i < KEYS; i++) {
        put_key(out, k, key_of(k, i));
    }
    put_byte(out, k == NULL ? 0 : k->timer.index);
}
