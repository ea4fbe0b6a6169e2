/* SPDX-License-Identifier: Apache-2.0 */
/* One allocation that fails, in a flow from Kafka and back: see support/scarce.h. */
#include "support/kafka_broker.h"
#include "support/kafka_client.h"
#include "support/scarce.h"
#include <criterion/criterion.h>
#include <stdio.h>

#define STEP 48 /* each round joins a group, which takes seconds */

static struct nwt_scarce scarce;
static struct nwt_kafka *kafka;
static rd_kafka_t *producer;

static void set_up(void)
{
#ifdef __SANITIZE_ADDRESS__
    cr_skip_test("the sanitizer has an allocator of its own");
#endif
    nwt_scarce_init(&scarce);
    kafka = nwt_kafka_shared(scarce.folder);
    producer = nwt_producer_new(kafka->brokers);
    nwt_topic_add(kafka->brokers, "scarce-in", 1);
    nwt_topic_add(kafka->brokers, "scarce-out", 1);
}

static void tear_down(void)
{
    nwt_producer_free(producer);
    nwt_kafka_free(kafka);
    nwt_scarce_done(&scarce);
}

TestSuite(no_memory_kafka, .init = set_up, .fini = tear_down, .timeout = 3600);

static void begin(void)
{
    nwt_bridge_write(scarce.bridge,
                     "nats: {url: \"%s\"}\nconnections: {kafka: {brokers: \"%s\"}}\nroutes:\n"
                     "  in: {from: {kafka: scarce-in, group: scarce}, to: {jetstream: through.in,"
                     " stream: {name: THROUGH, subjects: [through.>]}}}\n"
                     "  out: {from: {jetstream: through.>, stream: THROUGH},"
                     " to: {kafka: scarce-out}}",
                     scarce.nats->url, kafka->brokers);
    for (unsigned i = 0; i < NWT_SCARCE_FEW; i++) {
        char text[40];
        size_t n = (size_t)snprintf(text, sizeof text, "%u-%u", scarce.round, i);
        rd_kafka_resp_err_t error =
            rd_kafka_producev(producer, RD_KAFKA_V_TOPIC("scarce-in"), RD_KAFKA_V_VALUE(text, n),
                              RD_KAFKA_V_MSGFLAGS(RD_KAFKA_MSG_F_COPY), RD_KAFKA_V_END);
        cr_assert_eq(error, RD_KAFKA_RESP_ERR_NO_ERROR, "%s", rd_kafka_err2str(error));
    }
    nwt_producer_flush(producer);
}

static bool take(void *context, const rd_kafka_message_t *message)
{
    char text[40];

    (void)context;
    snprintf(text, sizeof text, "%.*s", (int)message->len, (char *)message->payload);
    nwt_scarce_take(&scarce, text);
    return true;
}

static void look(void)
{
    (void)nwt_topic_read(kafka->brokers, "scarce-out", take, NULL);
}

Test(no_memory_kafka, there_and_back)
{
    scarce.begin = begin;
    scarce.look = look;
    nwt_scarce_run(&scarce, STEP);
}
