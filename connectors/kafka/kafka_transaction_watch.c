/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A second thread of a transactional sink. While brokers are away some calls of librdkafka (2.0.2:
 * sending the position) do not come back for ten seconds and more, whatever they are told: somebody
 * else has to say that the target is down. It looks once a second, and asks only while a call takes
 * its time.
 */
#include "kafka_connection.h"
#include "kafka_transaction.h"

#define SECOND_NS INT64_C(1000000000)
#define LONG_NS (2 * SECOND_NS)
#define PROBE_MS 500

/* Until the next look; false: it is over. */
static bool wait_a_second(struct kafka_transaction *t)
{
    int64_t until_ns = nw_clock_monotonic_ns() + SECOND_NS;
    struct timespec until = {until_ns / SECOND_NS, until_ns % SECOND_NS};
    bool goes_on;

    (void)pthread_mutex_lock(&t->lock);
    while (!t->closing && pthread_cond_timedwait(&t->watch_wake, &t->lock, &until) == 0) {
    }
    goes_on = !t->closing;
    (void)pthread_mutex_unlock(&t->lock);
    return goes_on;
}

static void *watch(void *transaction)
{
    struct kafka_transaction *t = transaction;

    while (wait_a_second(t)) {
        int64_t since_ns = atomic_load(&t->calling_since_ns);
        if (since_ns != 0 && nw_clock_monotonic_ns() - since_ns > LONG_NS &&
            !nw_kafka_reachable(t->positions.consumer, PROBE_MS) &&
            atomic_load(&t->calling_since_ns) == since_ns) {
            nw_endpoint_state(t->endpoint, NW_STATE_DOWN, "no broker answers");
        }
    }
    return NULL;
}

void nw_kafka_transaction_watch(struct kafka_transaction *t)
{
    t->watched = pthread_create(&t->watcher, NULL, watch, t) == 0; /* it can do without */
}

void nw_kafka_transaction_unwatch(struct kafka_transaction *t)
{
    if (t->watched) {
        (void)pthread_join(t->watcher, NULL);
    }
}
