/* SPDX-License-Identifier: Apache-2.0 */
/* Loads for the sources that nothing can be stored in beforehand: MQTT and HTTP, as raw bytes on
 * sockets so that the load takes little of the machine. Each runs on a thread of its own. */
#ifndef NATSWAY_BENCH_LOAD_H
#define NATSWAY_BENCH_LOAD_H

#include <stddef.h>

#define LOAD_PAYLOAD 256

/* Exactly LOAD_PAYLOAD bytes of JSON with the number in it. */
void load_payload(char *out, size_t number);

struct load;

/* Publish count messages to topic, QoS 1, with at most 500 unconfirmed. */
struct load *load_mqtt(int port, const char *topic, size_t count);
/* Post count requests to path over 64 connections, each waiting for its answer. */
struct load *load_http(int port, const char *path, size_t count);
/* Wait for the end and free. Returns how many answers were not a success. */
size_t load_finish(struct load *load);

#endif
