/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A transaction of ours that is over for the coordinator, and open for ever in partitions that it
 * has not told: Apache Kafka (4.4) leaves out those that have no leader just then, as when the only
 * broker is stopped. Nobody reads what is committed behind it, and the position cannot be read.
 *
 * A marker ends all that its producer has open in a partition. So one more transaction writes to
 * each partition and to the position, and is aborted. This is not done while anything may still end
 * by itself: our producer was just initialized, which fences whoever had its name and waits until
 * the coordinator has ended what that had open.
 *
 * What was in the forgotten transaction is sent again. It comes twice only if the coordinator has
 * told the partitions of the records and not that of the position.
 */
#include <string.h>

#include "kafka_transaction.h"

/* A record that nobody sees who reads what is committed. */
static bool write_void(struct kafka_transaction *t, int32_t partition)
{
    rd_kafka_resp_err_t code =
        rd_kafka_producev(t->outlet.rk, RD_KAFKA_V_TOPIC(t->config->address),
                          RD_KAFKA_V_PARTITION(partition), RD_KAFKA_V_KEY(t->name, strlen(t->name)),
                          RD_KAFKA_V_MSGFLAGS(RD_KAFKA_MSG_F_COPY), RD_KAFKA_V_END);

    return code == RD_KAFKA_RESP_ERR_NO_ERROR;
}

/* Into each partition of the topic; which topics a template has given is not known. */
static enum kafka_outcome write_voids(struct kafka_transaction *t)
{
    struct nw_error error;
    int count =
        t->fixed_topic ? nw_kafka_positions_count(t->outlet.rk, t->config->address, &error) : 0;

    for (int i = 0; i < count; i++) {
        if (!write_void(t, i)) {
            return KAFKA_ABORT;
        }
    }
    return t->fixed_topic && count == 0 ? KAFKA_ABORT : nw_kafka_transaction_flush(t);
}

enum kafka_outcome nw_kafka_transaction_resolve(struct kafka_transaction *t)
{
    enum kafka_outcome outcome;

    nw_log(t->endpoint, NW_LOG_WARNING,
           "a transaction of before is over, and the brokers have not ended it everywhere: it is "
           "aborted, and what was in it is sent again%s",
           t->fixed_topic ? "" : " (and may come twice, because the topics are not known)");
    nw_metric_count(t->endpoint, "kafka_transactions_failed", 1);
    t->failed = RD_KAFKA_RESP_ERR_NO_ERROR;
    outcome = nw_kafka_transaction_begin(t);
    outcome = outcome != KAFKA_DONE ? outcome : write_voids(t);
    outcome = outcome != KAFKA_DONE ? outcome : nw_kafka_transaction_send_position(t);
    if (!t->open) {
        return KAFKA_ANEW;
    }
    return nw_kafka_transaction_abort(t) == KAFKA_DONE && outcome == KAFKA_DONE ? KAFKA_DONE
                                                                                : KAFKA_ANEW;
}
