/* SPDX-License-Identifier: Apache-2.0 */
/* What the files of the world share. */
#ifndef NATSWAY_MODEL_WORLD_INTERNAL_H
#define NATSWAY_MODEL_WORLD_INTERNAL_H

#include "pump/bridge_state.h"
#include "pump/lane.h"
#include "world.h"

#define TIMERS_MAX 8
#define POSTS_MAX 32
#define INBOX_MAX 64
#define HELD_MAX 8

struct world {
    const struct scenario *scenario;
    struct lasting last;
    struct lasting untold;
    bool has_untold;
    struct nw_bridge bridge;
    struct nw_lane lane;
    struct nw_worker worker;
    bool closed, ending;

    /* The worker's. */
    struct nw_message *inbox[INBOX_MAX];
    struct nw_post *posts[POSTS_MAX];
    struct nw_timer *timers[TIMERS_MAX];
    size_t inbox_count, post_count, timer_count;
    bool replay_wanted;

    /* The source's. */
    unsigned next;
    bool outstanding[MESSAGES], starved, stopped;
    struct nw_message *kept[MESSAGES * 2];
    size_t kept_count;

    /* The targets'. */
    struct nw_message *held[TARGETS][HELD_MAX];
    size_t held_count[TARGETS];
    bool failed[TARGETS][MESSAGES]; /* it is to be sent again */
    unsigned failures, refusals;
    bool told_stop, told_give_up;
};
extern struct world world;

unsigned world_number_of(const struct nw_message *m);
struct nw_message *world_message(unsigned number);

/* Is it done with message number, in this life or before? */
bool world_is_over(unsigned target, unsigned number);

/* world_keys.c */
void world_describe_keys(struct nw_buffer *out, const struct nw_keys *keys);

/* world_worker.c */
bool world_worker_has_work(void);
void world_round(void);
void world_timer(size_t index);

#endif
