/* SPDX-License-Identifier: Apache-2.0 */
/* Everything that is left to chance in a run comes from here, so a seed says it all. */
#include "chaos.h"

static const char *const names[FAULT_KINDS] = {
    [FAULT_KILL] = "kill natsway",
    [FAULT_FREEZE] = "freeze natsway",
    [FAULT_NATS_KILL] = "kill NATS",
    [FAULT_NATS_STOP] = "stop NATS",
    [FAULT_NATS_CUT] = "cut NATS",
    [FAULT_NATS_CLOSE] = "close NATS",
    [FAULT_NATS_STALL] = "stall NATS",
    [FAULT_NATS_VANISH] = "vanish NATS",
    [FAULT_OTHER_KILL] = "kill other",
    [FAULT_OTHER_STOP] = "stop other",
    [FAULT_OTHER_CUT] = "cut other",
    [FAULT_OTHER_CLOSE] = "close other",
    [FAULT_OTHER_STALL] = "stall other",
    [FAULT_OTHER_VANISH] = "vanish other",
    [FAULT_DISK] = "full disk",
    [FAULT_HTTP_ERROR] = "answer 500",
    [FAULT_HTTP_BUSY] = "answer 429",
    [FAULT_HTTP_SLOW] = "answer late",
    [FAULT_REBALANCE] = "rebalance",
    [FAULT_ROTATE] = "rotate",
    [FAULT_TRUNCATE] = "copy and truncate",
};

const char *fault_name(enum fault_kind kind)
{
    return names[kind];
}

/* splitmix64 */
static uint64_t draw(uint64_t *state)
{
    uint64_t z = *state += UINT64_C(0x9E3779B97F4A7C15);
    z = (z ^ (z >> 30)) * UINT64_C(0xBF58476D1CE4E5B9);
    z = (z ^ (z >> 27)) * UINT64_C(0x94D049BB133111EB);
    return z ^ (z >> 31);
}

static unsigned below(uint64_t *state, unsigned end)
{
    return (unsigned)(draw(state) % end);
}

/* Any of the known ones but FAULT_KILL. */
static enum fault_kind draw_kind(uint64_t *state, uint32_t known)
{
    enum fault_kind kind;
    do {
        kind = (enum fault_kind)(FAULT_KILL + 1 + below(state, FAULT_KINDS - 1));
    } while ((known & (1u << kind)) == 0);
    return kind;
}

void schedule_make(uint64_t seed, uint32_t known, unsigned kill_percent, struct fault *faults,
                   size_t count)
{
    uint64_t state = seed * UINT64_C(0xD1342543DE82EF95) + 1;
    for (size_t i = 0; i < count; i++) {
        struct fault *f = &faults[i];
        bool kill = below(&state, 100) < kill_percent;
        f->kind = kill ? FAULT_KILL : draw_kind(&state, known);
        f->at = below(&state, 1000);
        f->delay_ms = (int)below(&state, 4) == 0 ? (int)below(&state, 60) : 0;
        /* Killed for a moment, away for longer. */
        f->lasts_ms = 20 + (int)below(&state, kill ? 200 : 1200);
        f->way_ms = below(&state, 3) == 0 ? 0 : 1 + (int)below(&state, 8);
        f->burst = below(&state, 2) == 0;
        f->kill_within = f->kind > FAULT_FREEZE && below(&state, 5) == 0;
    }
}
