/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The cluster that librdkafka brings for tests, in a process of its own, so that it can be made to
 * stand still. Prints its address. SIGUSR1: its only broker is away (connections are cut and
 * refused); SIGUSR2: it is back, with all its data.
 */
#include <librdkafka/rdkafka.h>
#include <librdkafka/rdkafka_mock.h>
#include <signal.h>
#include <stdio.h>

int main(void)
{
    char reason[200];
    sigset_t signals;
    int signal;
    rd_kafka_t *kafka;
    rd_kafka_mock_cluster_t *cluster;

    (void)sigemptyset(&signals);
    (void)sigaddset(&signals, SIGUSR1);
    (void)sigaddset(&signals, SIGUSR2);
    (void)sigprocmask(SIG_BLOCK, &signals, NULL); /* before there are threads */
    kafka = rd_kafka_new(RD_KAFKA_PRODUCER, rd_kafka_conf_new(), reason, sizeof reason);
    cluster = kafka == NULL ? NULL : rd_kafka_mock_cluster_new(kafka, 1);
    if (cluster == NULL) {
        (void)fprintf(stderr, "mock_kafka: %s\n", kafka == NULL ? reason : "no cluster");
        return 1;
    }
    (void)puts(rd_kafka_mock_cluster_bootstraps(cluster));
    (void)fflush(stdout);
    while (sigwait(&signals, &signal) == 0) {
        if (signal == SIGUSR1) {
            (void)rd_kafka_mock_broker_set_down(cluster, 1);
        } else {
            (void)rd_kafka_mock_broker_set_up(cluster, 1);
        }
        (void)puts(signal == SIGUSR1 ? "away" : "back");
        (void)fflush(stdout);
    }
    return 1;
}
