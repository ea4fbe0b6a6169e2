/* SPDX-License-Identifier: Apache-2.0 */
/* A Kafka cluster for the demo: the one that librdkafka brings for its tests, served to other
 * programs on loopback. Prints its address and stays until it is ended. Keeps nothing on disk. */
#include <librdkafka/rdkafka.h>
#include <librdkafka/rdkafka_mock.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

int main(int argc, char **argv)
{
    char reason[200];
    rd_kafka_t *kafka = rd_kafka_new(RD_KAFKA_PRODUCER, rd_kafka_conf_new(), reason, sizeof reason);
    rd_kafka_mock_cluster_t *cluster = kafka == NULL ? NULL : rd_kafka_mock_cluster_new(kafka, 1);

    if (cluster == NULL) {
        (void)fprintf(stderr, "tour_kafka: %s\n", kafka == NULL ? reason : "no cluster");
        return 1;
    }
    for (int i = 1; i < argc; i++) {
        (void)rd_kafka_mock_topic_create(cluster, argv[i], 1, 1);
    }
    (void)puts(rd_kafka_mock_cluster_bootstraps(cluster));
    (void)fflush(stdout);
    for (;;) {
        (void)pause();
    }
}
