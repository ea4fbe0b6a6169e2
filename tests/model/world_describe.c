/* SPDX-License-Identifier: Apache-2.0 */
/* All that decides what may happen from now on, as bytes: two worlds with the same are one. Times
 * are left out, since a timer may be due at any moment, and pointers. */
#include "world_internal.h"

static void put(struct nw_buffer *out, uint64_t n)
{
    nw_buffer_add_char(out, (char)n);
}

static void put_message(struct nw_buffer *out, struct nw_message *m)
{
    const struct nw_message *original = nw_message_original(m);

    put(out, world_number_of(m));
    put(out, m->original == NULL ? 0xff : m->target);
    put(out, m->state);
    put(out, m->outcome);
    put(out, m->attempts > 0);
    put(out, original->spool_row);
    put(out, original->pending);
    put(out, original->worst);
    put(out, original->outcome);
    put(out, original->cause);
    put(out, original->deadline_ns != 0);
}

static void put_list(struct nw_buffer *out, struct nw_message *first)
{
    for (struct nw_message *m = first; m != NULL; m = m->next) {
        put_message(out, m);
    }
    put(out, 0xfe);
}

static void put_array(struct nw_buffer *out, struct nw_message *const *messages, size_t n)
{
    for (size_t i = 0; i < n; i++) {
        put_message(out, messages[i]);
    }
    put(out, 0xfe);
}

static void put_target(struct nw_buffer *out, const struct nw_target *t)
{
    put_list(out, t->head);
    put_list(out, t->waiting);
    put_array(out, world.held[t->index], world.held_count[t->index]);
    put(out, t->failures);
    put(out, t->in_flight);
    put(out, t->timer.index);
    put(out, (uint64_t)(t->proven | t->holding << 1 | t->probing << 2 | t->due << 3));
    put(out, t->sink.closed_once);
    put(out, atomic_load(&t->sink.retries_told) - t->sink.retries_taken);
}

/* Which post it is: where it lies in the lane or its targets. */
static void put_posts(struct nw_buffer *out)
{
    for (size_t i = 0; i < world.post_count; i++) {
        const char *at = (const char *)world.posts[i];
        const char *lane = (const char *)&world.lane, *targets = (const char *)world.lane.targets;
        bool inside = at >= lane && at < lane + sizeof world.lane;
        uint64_t offset = (uint64_t)(inside ? at - lane : at - targets);
        put(out, inside);
        put(out, offset);
        put(out, offset >> 8);
    }
    put(out, 0xfe);
}

static void put_lane(struct nw_buffer *out)
{
    struct nw_lane *lane = &world.lane;
    struct nw_spooler *s = &lane->spooler;

    put(out, lane->phase);
    put(out, (uint64_t)(lane->all_taken | lane->is_touched << 1 | lane->stopped << 2));
    put(out, lane->open_endpoints);
    put(out, lane->ledger.in_flight);
    put(out, (uint64_t)atomic_load(&lane->credit.used));
    put(out, (uint64_t)atomic_load(&lane->credit.reserved));
    put(out, atomic_load(&lane->credit.starved));
    put(out, atomic_load(&lane->credit_posted));
    put(out, lane->source.closed_once);
    put(out, s->offered_row);
    put(out, s->last_row);
    put(out, (uint64_t)(s->running | atomic_load(&s->wanted) << 1 | atomic_load(&s->behind) << 2));
    put(out, atomic_load(&s->offered));
}

void world_describe(struct nw_buffer *out)
{
    nw_buffer_add(out, &world.last, sizeof world.last);
    put(out, world.next);
    put(out, (uint64_t)(world.starved | world.stopped << 1 | world.closed << 2 |
                        world.replay_wanted << 3 | world.told_stop << 4 | world.told_give_up << 5));
    nw_buffer_add(out, (const char *)world.outstanding, sizeof world.outstanding);
    nw_buffer_add(out, (const char *)world.failed, sizeof world.failed);
    put(out, world.failures);
    put(out, world.refusals);
    put_array(out, world.kept, world.kept_count);
    put_array(out, world.inbox, world.inbox_count);
    put_posts(out);
    put_lane(out);
    for (size_t t = 0; t < world.scenario->targets; t++) {
        put_target(out, &world.lane.targets[t]);
        world_describe_keys(out, world.lane.targets[t].keys);
    }
}
