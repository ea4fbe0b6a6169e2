/* SPDX-License-Identifier: Apache-2.0 */
/*
 * kafka_fixture prepare: what every broker starts from, made once.
 * kafka_fixture start|stop: the Kafka broker that the tests of one ctest run share. `start` leaves
 * a process behind that holds the broker as its child; it ends with `stop`, or when ctest is gone.
 * That process keeps a lock on the file that tells the port: `stop` asks the kernel whose it is.
 */
#include "support/fail.h"
#include "support/kafka_broker.h"
#include "support/wait.h"
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/signalfd.h>
#include <sys/syscall.h>
#include <unistd.h>

/* Until SIGTERM, or the end of process `watched`. */
static void wait_for_end(int signals, int watched)
{
    struct pollfd ends[] = {{.fd = signals, .events = POLLIN}, {.fd = watched, .events = POLLIN}};
    while (poll(ends, 2, -1) < 0 && errno == EINTR) {
    }
}

static void hold_broker(pid_t ctest, int ready)
{
    setsid();
    sigset_t set;
    sigemptyset(&set);
    sigaddset(&set, SIGTERM);
    sigprocmask(SIG_BLOCK, &set, NULL);
    int signals = signalfd(-1, &set, SFD_CLOEXEC);
    int watched = (int)syscall(SYS_pidfd_open, ctest, 0);
    struct nwt_folder *folder = nwt_folder_new();
    struct nwt_kafka *kafka = nwt_kafka_new(folder, NULL);
    nwt_file_write(nwt_kafka_shared_file(), "%d\n", kafka->port);
    struct flock lock = {.l_type = F_WRLCK, .l_whence = SEEK_SET};
    int file = open(nwt_kafka_shared_file(), O_RDWR | O_CLOEXEC); /* open until the end */
    if (file < 0 || fcntl(file, F_SETLK, &lock) != 0) {
        nwt_fail("cannot lock %s: %s", nwt_kafka_shared_file(), strerror(errno));
    }
    if (write(ready, "1", 1) != 1) {
        nwt_fail("nobody waits for the broker");
    }
    close(ready);
    /* Whoever waits for all of ctest's output must not wait for this process. */
    if (freopen("/dev/null", "w", stdout) == NULL || freopen("/dev/null", "w", stderr) == NULL) {
        nwt_fail("/dev/null: %s", strerror(errno));
    }
    wait_for_end(signals, watched);
    unlink(nwt_kafka_shared_file());
    nwt_kafka_free(kafka);
    nwt_folder_free(folder);
}

static int stop(void)
{
    struct flock lock = {.l_type = F_WRLCK, .l_whence = SEEK_SET};
    int file = open(nwt_kafka_shared_file(), O_RDWR | O_CLOEXEC);
    if (file >= 0 && fcntl(file, F_GETLK, &lock) == 0 && lock.l_type != F_UNLCK) {
        pid_t holder = lock.l_pid;
        kill(holder, SIGTERM);
        NWT_WAIT(70000, kill(holder, 0) != 0);
    }
    return 0;
}

static int start(void)
{
    stop(); /* what an earlier run left, if its ctest is still there */
    int ready[2];
    pid_t ctest = getppid();
    if (pipe(ready) != 0) {
        return 1;
    }
    fflush(NULL);
    pid_t pid = fork();
    if (pid == 0) {
        close(ready[0]);
        hold_broker(ctest, ready[1]);
        exit(0);
    }
    close(ready[1]);
    char byte;
    return pid > 0 && read(ready[0], &byte, 1) == 1 ? 0 : 1;
}

static int prepare(void)
{
    struct nwt_folder *folder = nwt_folder_new();
    nwt_kafka_prepare(folder);
    nwt_folder_free(folder);
    return 0;
}

int main(int argc, char **argv)
{
    if (argc == 2 && strcmp(argv[1], "prepare") == 0) {
        return prepare();
    }
    if (argc == 2 && strcmp(argv[1], "start") == 0) {
        return start();
    }
    if (argc == 2 && strcmp(argv[1], "stop") == 0) {
        return stop();
    }
    fputs("usage: kafka_fixture prepare|start|stop\n", stderr);
    return 2;
}
