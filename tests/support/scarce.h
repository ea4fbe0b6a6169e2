/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Memory that is refused once, at one allocation after the other, from the start of natsway to its
 * end: it says so and ends, or goes on; it neither crashes nor hangs, and what was sent arrives,
 * after another start if it had to end. Each flow goes through NATS to where it came from.
 */
#ifndef NATSWAY_TESTS_SCARCE_H
#define NATSWAY_TESTS_SCARCE_H

#include "support/bridge.h"
#include "support/nats_client.h"
#include "support/nats_server.h"

#define NWT_SCARCE_FEW 20 /* messages of a round; message i of round r is the text "r-i" */

struct nwt_scarce {
    struct nwt_folder *folder;
    struct nwt_nats *nats;
    struct nwt_nats_client *client;
    struct nwt_bridge *bridge;
    unsigned round;
    char *count_file;

    /* Set by the test. begin writes the configuration, with a stream THROUGH, which is removed
     * before each round; feed sends, once natsway was started, until it is taken or natsway has
     * ended; look calls nwt_scarce_take for what has come. The last two may be NULL. */
    void (*begin)(void);
    void (*feed)(void);
    void (*look)(void);
    bool keeps_state; /* from round to round: the other side keeps a session for it */
};

void nwt_scarce_init(struct nwt_scarce *s);
void nwt_scarce_done(struct nwt_scarce *s);

/* A message came. Any thread. */
void nwt_scarce_take(const struct nwt_scarce *s, const char *text);
/* Whether natsway runs. */
bool nwt_scarce_runs(struct nwt_scarce *s);

/* A round for every step-th allocation, or with NWT_EVERY_ALLOCATION set for each. Fails the test
 * with natsway's log. */
void nwt_scarce_run(struct nwt_scarce *s, long step);

#endif
