/* SPDX-License-Identifier: Apache-2.0 */
/*
 * An Apache Kafka broker: one node, from the jars that tools/fetch-kafka.sh brings (KAFKA_LIBS
 * names others). A broker takes seconds to start, so the tests of a run share one, which ctest
 * starts before them (kafka_fixture.c); they use topics and groups of their own. A test that stops
 * the broker starts one for itself.
 */
#ifndef NATSWAY_TESTS_KAFKA_BROKER_H
#define NATSWAY_TESTS_KAFKA_BROKER_H

#include "support/folder.h"
#include "support/process.h"

struct nwt_kafka {
    struct nwt_process process; /* of the shared one: not running */
    int port;
    char brokers[32]; /* 127.0.0.1:PORT */
    char *config, *log, *storage, *libs;
};

/* The broker of the run; without one (a test started by hand), one of this test. */
struct nwt_kafka *nwt_kafka_shared(struct nwt_folder *folder);

/* One of this test: formatted, started, and answering. more: further lines of its configuration, or
 * NULL. */
struct nwt_kafka *nwt_kafka_new(struct nwt_folder *folder, const char *more);
/* The same with a second listener, on a port that is left in *behind, whose clients are told to
 * come to the port `proxy`. */
struct nwt_kafka *nwt_kafka_new_behind(struct nwt_folder *folder, int proxy, int *behind);
/* Start it again, on the same port and with its data. */
void nwt_kafka_start(struct nwt_kafka *kafka);
/* Stop it in its orderly way. */
void nwt_kafka_stop(struct nwt_kafka *kafka);
/* End it, unless it is the shared one, and forget it. NULL is allowed. */
void nwt_kafka_free(struct nwt_kafka *kafka);

/* Leave behind, once for the jars that are used, what makes all later brokers start in a third of
 * the time. */
void nwt_kafka_prepare(struct nwt_folder *folder);

/* Where the fixture writes the port of the shared broker. */
const char *nwt_kafka_shared_file(void);

#endif
