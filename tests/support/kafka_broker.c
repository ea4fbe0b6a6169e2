/* SPDX-License-Identifier: Apache-2.0 */
#include "support/kafka_broker.h"

#include "support/fail.h"
#include "support/port.h"
#include "support/tcp.h"
#include "support/wait.h"
#include <glob.h>
#include <signal.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* Request and answer of the protocol's Metadata, version 1, for no topics; the answer's array of
 * brokers, behind its length and the correlation id, must not be empty. */
static bool answers(const struct nwt_kafka *kafka)
{
    static const unsigned char request[] = {0, 0, 0,   19,  0,   3,   0,   1, 0, 0, 0, 1,
                                            0, 5, 'p', 'r', 'o', 'b', 'e', 0, 0, 0, 0};
    char answer[4096];
    return nwt_tcp_ask(kafka->port, request, sizeof request, answer, sizeof answer) &&
           answer[11] > 0;
}

static void fail_with_log(const struct nwt_kafka *kafka, const char *what)
{
    char *log = nwt_file_read(kafka->log, NULL);
    nwt_fail("%s:\n%s", what, log == NULL ? "" : log);
}

/* The class path: "LIBS/" and a star. */
static char *class_path(struct nwt_folder *folder, const char *log)
{
    const char *given = getenv("KAFKA_LIBS");
    char *path = NULL;
    if (given != NULL) {
        if (asprintf(&path, "%s/*", given) < 0) {
            nwt_fail("no memory");
        }
        return path;
    }
    char *out = nwt_folder_file(folder, "kafka-libs");
    struct nwt_process fetch;
    char *arguments[] = {NWT_SOURCE_FOLDER "/tools/fetch-kafka.sh", NULL};
    nwt_process_start(&fetch, arguments, NULL, out, log);
    char *libs = nwt_process_wait(&fetch, 300000) == 0 ? nwt_file_read(out, NULL) : NULL;
    if (libs == NULL || asprintf(&path, "%.*s/*", (int)strcspn(libs, "\n"), libs) < 0) {
        char *text = nwt_file_read(log, NULL);
        nwt_fail("there are no jars of Apache Kafka:\n%s", text == NULL ? "" : text);
    }
    free(libs);
    free(out);
    return path;
}

static void write_config(const struct nwt_kafka *kafka, const char *more)
{
    nwt_file_write(
        kafka->config,
        "process.roles=broker,controller\nnode.id=1\n"
        "controller.quorum.voters=1@127.0.0.1:%d\n"
        "listeners=PLAINTEXT://127.0.0.1:%d,CONTROLLER://127.0.0.1:%d\n"
        "advertised.listeners=PLAINTEXT://127.0.0.1:%d\n"
        "listener.security.protocol.map=PLAINTEXT:PLAINTEXT,CONTROLLER:PLAINTEXT\n"
        "controller.listener.names=CONTROLLER\ninter.broker.listener.name=PLAINTEXT\n"
        "log.dirs=%s\nnum.partitions=4\n"
        "offsets.topic.num.partitions=4\noffsets.topic.replication.factor=1\n"
        "transaction.state.log.num.partitions=4\ntransaction.state.log.replication.factor=1\n"
        "transaction.state.log.min.isr=1\ngroup.initial.rebalance.delay.ms=0\n"
        "log.cleaner.dedupe.buffer.size=2097152\n"
        /* As few threads that wake up for nothing as there can be. */
        "num.io.threads=2\nnum.network.threads=1\nbackground.threads=1\n"
        "group.coordinator.threads=1\ngroup.coordinator.background.threads=1\n"
        "metadata.max.idle.interval.ms=0\n"
        /* Tests write timestamps of long ago, which a broker may remove half a minute later. */
        "log.retention.ms=-1\n%s\n",
        kafka->port + 1, kafka->port, kafka->port + 1, kafka->port, kafka->storage,
        more == NULL ? "" : more);
}

/*
 * The first tier of the compiler and the serial collector: a test's broker lives for seconds, on
 * few cores that the tests want too. Formatting its storage is half of its start, and loading its
 * classes half of the rest, so nwt_kafka_prepare() keeps for the jars in use a storage as it is
 * after formatting, and the classes as an archive, which Java takes where it is there and fits.
 */
#define JAVA(archive)                                                                 \
    "java", "-XX:TieredStopAtLevel=1", "-XX:+UseSerialGC", (archive), "-Xshare:auto", \
        "-Xlog:disable", "-Xlog:all=error:stderr", "-Dorg.slf4j.simpleLogger.defaultLogLevel=warn"

static char *format(const char *text, ...)
{
    va_list arguments;
    va_start(arguments, text);
    char *made = NULL;
    if (vasprintf(&made, text, arguments) < 0) {
        nwt_fail("no memory");
    }
    va_end(arguments);
    return made;
}

/* The folder of what is kept, beside the jars that tools/fetch-kafka.sh keeps for all build
 * folders; it has the name of Kafka's own jar. */
static char *ready_folder(const struct nwt_kafka *kafka)
{
    const char *cache = getenv("XDG_CACHE_HOME");
    const char *home = getenv("HOME");
    char *pattern = format("%.*skafka_*.jar", (int)strlen(kafka->libs) - 1, kafka->libs);
    glob_t found;
    if (glob(pattern, 0, NULL, &found) != 0) {
        nwt_fail("there is no %s", pattern);
    }
    char *folder = format("%s%s/natsway/%s.ready",
                          cache != NULL  ? cache
                          : home != NULL ? home
                                         : "/tmp",
                          cache != NULL ? "" : "/.cache", strrchr(found.gl_pathv[0], '/') + 1);
    globfree(&found);
    free(pattern);
    return folder;
}

static void run(const struct nwt_kafka *kafka, char *const *arguments, const char *what)
{
    struct nwt_process process;
    nwt_process_start(&process, arguments, NULL, kafka->log, kafka->log);
    if (nwt_process_wait(&process, 120000 * NWT_PATIENCE) != 0) {
        fail_with_log(kafka, what);
    }
}

static void format_storage(const struct nwt_kafka *kafka)
{
    char *arguments[] = {JAVA("-XX:-UsePerfData"),
                         "-Xmx64m",
                         "-cp",
                         kafka->libs,
                         "kafka.tools.StorageTool",
                         "format",
                         "-t",
                         "bmF0c3dheS10ZXN0cy0wMA",
                         "-c",
                         kafka->config,
                         NULL};
    run(kafka, arguments, "Kafka's storage cannot be formatted");
}

static void copy(const struct nwt_kafka *kafka, char *from, char *to)
{
    char *arguments[] = {"cp", "-R", from, to, NULL};
    run(kafka, arguments, "Kafka's storage cannot be copied");
}

static void start_java(struct nwt_kafka *kafka, char *archive)
{
    char *arguments[] = {JAVA(archive), "-Xms256m",    "-Xmx256m",    "-cp",
                         kafka->libs,   "kafka.Kafka", kafka->config, NULL};
    nwt_process_start(&kafka->process, arguments, NULL, kafka->log, kafka->log);
    if (!NWT_WAIT(120000, answers(kafka) || !nwt_process_running(&kafka->process)) ||
        kafka->process.pid == 0) {
        fail_with_log(kafka, "Kafka does not start");
    }
}

static struct nwt_kafka *make_kafka(int port)
{
    struct nwt_kafka *kafka = calloc(1, sizeof *kafka);
    if (kafka == NULL) {
        nwt_fail("no memory");
    }
    kafka->port = port;
    snprintf(kafka->brokers, sizeof kafka->brokers, "127.0.0.1:%d", port);
    return kafka;
}

static struct nwt_kafka *configure(struct nwt_folder *folder, int port, const char *more)
{
    struct nwt_kafka *kafka = make_kafka(port);
    kafka->config = nwt_folder_file(folder, "kafka-%d.properties", kafka->port);
    kafka->log = nwt_folder_file(folder, "kafka-%d.log", kafka->port);
    kafka->storage = nwt_folder_file(folder, "kafka-%d", kafka->port);
    kafka->libs = class_path(folder, kafka->log);
    write_config(kafka, more);
    return kafka;
}

void nwt_kafka_prepare(struct nwt_folder *folder)
{
    struct nwt_kafka *kafka = configure(folder, nwt_port_free_row(2), NULL);
    char *ready = ready_folder(kafka);
    if (access(ready, R_OK) != 0) {
        char *unfinished = format("%s.%d", ready, (int)getpid());
        char *storage = format("%s/storage", unfinished);
        char *archive = format("-XX:ArchiveClassesAtExit=%s/classes.jsa", unfinished);
        format_storage(kafka);
        char *make[] = {"mkdir", "-p", unfinished, NULL};
        run(kafka, make, "there is no place for what is prepared");
        copy(kafka, kafka->storage, storage);
        start_java(kafka, archive);
        /* Java ends so when it is asked to; the archive is written by then. */
        if (nwt_process_stop(&kafka->process, 60000 * NWT_PATIENCE) != 128 + SIGTERM) {
            fail_with_log(kafka, "Kafka did not end in its orderly way");
        }
        if (rename(unfinished, ready) != 0) { /* another run was faster */
            char *remove[] = {"rm", "-rf", unfinished, NULL};
            run(kafka, remove, "what was prepared cannot be removed");
        }
        free(unfinished);
        free(storage);
        free(archive);
    }
    free(ready);
    nwt_kafka_free(kafka);
}

void nwt_kafka_start(struct nwt_kafka *kafka)
{
    char *ready = ready_folder(kafka);
    char *archive = format("-XX:SharedArchiveFile=%s/classes.jsa", ready);
    start_java(kafka, archive);
    free(archive);
    free(ready);
}

static struct nwt_kafka *start_new(struct nwt_folder *folder, int port, const char *more)
{
    struct nwt_kafka *kafka = configure(folder, port, more);
    char *ready = ready_folder(kafka);
    char *storage = format("%s/storage", ready);
    if (access(storage, R_OK) == 0) {
        copy(kafka, storage, kafka->storage);
    } else {
        format_storage(kafka);
    }
    nwt_kafka_start(kafka);
    free(storage);
    free(ready);
    return kafka;
}

struct nwt_kafka *nwt_kafka_new(struct nwt_folder *folder, const char *more)
{
    return start_new(folder, nwt_port_free_row(2), more);
}

struct nwt_kafka *nwt_kafka_new_behind(struct nwt_folder *folder, int proxy, int *behind)
{
    int port = nwt_port_free_row(3);
    *behind = port + 2;
    /* The last line of a name counts. */
    char *more = format("listeners=PLAINTEXT://127.0.0.1:%d,CONTROLLER://127.0.0.1:%d,"
                        "BEHIND://127.0.0.1:%d\n"
                        "advertised.listeners=PLAINTEXT://127.0.0.1:%d,BEHIND://127.0.0.1:%d\n"
                        "listener.security.protocol.map=PLAINTEXT:PLAINTEXT,CONTROLLER:PLAINTEXT,"
                        "BEHIND:PLAINTEXT",
                        port, port + 1, *behind, port, proxy);
    struct nwt_kafka *kafka = start_new(folder, port, more);
    free(more);
    return kafka;
}

void nwt_kafka_stop(struct nwt_kafka *kafka)
{
    nwt_process_stop(&kafka->process, 30000 * NWT_PATIENCE);
}

void nwt_kafka_free(struct nwt_kafka *kafka)
{
    if (kafka == NULL) {
        return;
    }
    nwt_process_kill(&kafka->process);
    free(kafka->config);
    free(kafka->log);
    free(kafka->storage);
    free(kafka->libs);
    free(kafka);
}

const char *nwt_kafka_shared_file(void)
{
    return NWT_BUILD_FOLDER "/kafka-broker";
}

struct nwt_kafka *nwt_kafka_shared(struct nwt_folder *folder)
{
    char *text = nwt_file_read(nwt_kafka_shared_file(), NULL);
    struct nwt_kafka *kafka = text == NULL ? NULL : make_kafka(atoi(text));
    free(text);
    if (kafka != NULL && answers(kafka)) {
        return kafka;
    }
    nwt_kafka_free(kafka);
    return nwt_kafka_new(folder, NULL);
}
