/* SPDX-License-Identifier: Apache-2.0 */
/*
 * As much of MQTT 3.1.1 as the chaos test needs, over a plain socket: so that who sends again what,
 * and when, is the test's own doing and not a library's. Calls wait; what fails closes the
 * connection. One thread for each.
 */
#ifndef NATSWAY_TESTS_WIRE_H
#define NATSWAY_TESTS_WIRE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct wire {
    int fd; /* -1: not connected */
    char buffer[65536];
    size_t begin, end; /* of what was received and is not taken yet */
};

/* With the session of that name, which is kept, and no keep-alive. */
bool wire_connect(struct wire *wire, int port, const char *client_id);
void wire_close(struct wire *wire);
bool wire_subscribe(struct wire *wire, const char *filter);

/* QoS 1, without waiting; id is not 0. */
bool wire_publish(struct wire *wire, const char *topic, const void *payload, size_t len,
                  uint16_t id);
/* Wait for the next PUBACK, which must be of id. */
bool wire_confirmed(struct wire *wire, uint16_t id);

/* The next message, which stays valid until the next call; false with an open connection: none
 * came for a while. */
struct wire_message {
    const char *payload;
    size_t len;
    uint16_t id; /* 0: QoS 0 */
};
bool wire_next(struct wire *wire, struct wire_message *out);
bool wire_confirm(struct wire *wire, uint16_t id);

#endif
