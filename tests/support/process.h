/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A child process of a test. It is killed by the kernel when the test's process dies, and is ended
 * by its id only. Start it on the test's main thread, which must outlive it.
 */
#ifndef NATSWAY_TESTS_PROCESS_H
#define NATSWAY_TESTS_PROCESS_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

struct nwt_process {
    pid_t pid;  /* 0: not running */
    int status; /* of waitpid(), once it has ended */
};

/* Start arguments[0] (searched in PATH), with standard input from in_path, or nothing if NULL, and
 * standard output and error appended to the files, which may be the same one. Fails the test if it
 * cannot. */
void nwt_process_start(struct nwt_process *process, char *const *arguments, const char *in_path,
                       const char *out_path, const char *error_path);

/* Whether it still runs; notes its end. */
bool nwt_process_running(struct nwt_process *process);

/* SIGSTOP (returns when all its threads stand still), SIGCONT, SIGHUP … */
void nwt_process_signal(struct nwt_process *process, int signal);

/* Wait for its end. The exit code, or 128 plus the signal that ended it; -1 if it still runs after
 * timeout_ms. Not running: what it ended with. */
int nwt_process_wait(struct nwt_process *process, int64_t timeout_ms);

/* Whether it ended by itself in a way no program should: by a signal that is neither SIGKILL nor
 * SIGTERM. */
bool nwt_process_crashed(struct nwt_process *process);

/* SIGTERM, and SIGKILL after timeout_ms. Returns as nwt_process_wait. */
int nwt_process_stop(struct nwt_process *process, int64_t timeout_ms);

/* SIGKILL, and wait. */
void nwt_process_kill(struct nwt_process *process);

/* Microseconds of processor time it has used so far. */
int64_t nwt_process_cpu_us(const struct nwt_process *process);

/* How often its threads that still run have gone to sleep so far. */
int64_t nwt_process_sleeps(const struct nwt_process *process);

#endif
