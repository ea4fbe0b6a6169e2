/* SPDX-License-Identifier: Apache-2.0 */
/* The flows, and which faults each goes through. */
#include "chaos.h"

#define BIT(kind) (1u << FAULT_##kind)

#define NATSWAY (BIT(KILL) | BIT(FREEZE))
#define NATS_LINK (BIT(NATS_CUT) | BIT(NATS_CLOSE) | BIT(NATS_STALL) | BIT(NATS_VANISH))
#define NATS (BIT(NATS_KILL) | BIT(NATS_STOP) | NATS_LINK)
#define OTHER_LINK (BIT(OTHER_CUT) | BIT(OTHER_CLOSE) | BIT(OTHER_STALL) | BIT(OTHER_VANISH))

/* A mosquitto that is killed forgets what it has confirmed, so it is stopped. A core subscriber
 * gets only what comes while it is connected, so its server stays. */
const struct flow flows[] = {
    {.name = "jetstream-jetstream",
     .source = &feed_jetstream,
     .sink = &take_jetstream,
     .faults = NATSWAY | NATS,
     .groups = 1,
     .once = true},
    {.name = "jetstream-nats",
     .source = &feed_jetstream,
     .sink = &take_nats,
     .faults = NATSWAY | NATS_LINK,
     .groups = 1},
    {.name = "file-jetstream",
     .source = &feed_file,
     .sink = &take_jetstream,
     .faults = NATSWAY | NATS | BIT(DISK) | BIT(ROTATE) | BIT(TRUNCATE),
     .groups = 1,
     .once = true},
    {.name = "jetstream-file",
     .source = &feed_jetstream,
     .sink = &take_file,
     .faults = NATSWAY | NATS | BIT(DISK) | BIT(ROTATE),
     .groups = 1},
    {.name = "http-jetstream",
     .source = &feed_http,
     .sink = &take_jetstream,
     .faults = NATSWAY | NATS | OTHER_LINK,
     .groups = 16,
     .once = true},
    {.name = "jetstream-http",
     .source = &feed_jetstream,
     .sink = &take_http,
     .faults = NATSWAY | NATS | OTHER_LINK | BIT(OTHER_STOP) | BIT(HTTP_ERROR) | BIT(HTTP_BUSY) |
               BIT(HTTP_SLOW),
     .groups = 1},
    {.name = "mqtt-jetstream",
     .source = &feed_mqtt,
     .sink = &take_jetstream,
     .faults = NATSWAY | NATS | OTHER_LINK | BIT(OTHER_STOP) | BIT(DISK),
     .groups = 8},
    {.name = "jetstream-mqtt",
     .source = &feed_jetstream,
     .sink = &take_mqtt,
     .faults = NATSWAY | NATS | OTHER_LINK | BIT(OTHER_STOP),
     .groups = 8},
#ifdef CHAOS_KAFKA
    {.name = "kafka-jetstream",
     .source = &feed_kafka,
     .sink = &take_jetstream,
     .faults = NATSWAY | NATS | OTHER_LINK | BIT(OTHER_KILL) | BIT(OTHER_STOP) | BIT(REBALANCE),
     .groups = 4,
     .once = true},
    {.name = "jetstream-kafka",
     .source = &feed_jetstream,
     .sink = &take_kafka,
     .faults = NATSWAY | NATS | OTHER_LINK | BIT(OTHER_KILL) | BIT(OTHER_STOP),
     .groups = 4},
    {.name = "jetstream-kafka-transactional",
     .source = &feed_jetstream,
     .sink = &take_kafka_transactional,
     .faults = NATSWAY | NATS | OTHER_LINK | BIT(OTHER_KILL) | BIT(OTHER_STOP),
     .groups = 4,
     .once = true},
#endif
};

const size_t flow_count = sizeof flows / sizeof flows[0];
