/* SPDX-License-Identifier: Apache-2.0 */
/* natsway itself, as a user runs it: a file, a process, its admin address and its log. */
#ifndef NATSWAY_TESTS_BRIDGE_H
#define NATSWAY_TESTS_BRIDGE_H

#include "support/folder.h"
#include "support/process.h"
#include <stdint.h>

struct nwt_bridge {
    struct nwt_process process;
    char *config, *state_dir;
    char *log;      /* its standard error */
    char *out;      /* its standard output */
    char admin[40]; /* http://127.0.0.1:PORT */
    struct nwt_bridge *next;
};

/* Write NAME.yaml from a format, and add `admin:` on a free port. The bridge is not started. */
struct nwt_bridge *nwt_bridge_new(struct nwt_folder *folder, const char *name, const char *format,
                                  ...) __attribute__((format(printf, 3, 4)));
/* Write the file anew, with the same admin address. */
void nwt_bridge_write(struct nwt_bridge *bridge, const char *format, ...)
    __attribute__((format(printf, 2, 3)));

/* natsway run FILE --state-dir DIR; in_path: its standard input, or NULL. Returns at once. Should
 * it crash, the next wait of this thread ends the test and prints the log. */
void nwt_bridge_start(struct nwt_bridge *bridge, const char *in_path);
/* Start, and wait until /readyz says 200; fails the test with the log if it does not. */
void nwt_bridge_run(struct nwt_bridge *bridge);
/* SIGTERM; the exit code, -1 if it did not end within 40 s (it is killed then). */
int nwt_bridge_stop(struct nwt_bridge *bridge);
/* SIGKILL. */
void nwt_bridge_kill(struct nwt_bridge *bridge);
/* Kill it if it runs, and forget it. With NATSWAY_TEST_LOG set its
 * log is printed. NULL is allowed. */
void nwt_bridge_free(struct nwt_bridge *bridge);

/* Run another command, `natsway COMMAND FILE`, to its end; the exit code. Its output is in
 * bridge->out and bridge->log. */
int nwt_bridge_command(struct nwt_bridge *bridge, const char *command);
/* The same with an option: `natsway COMMAND OPTION FILE`. */
int nwt_bridge_command_with(struct nwt_bridge *bridge, const char *command, const char *option);

/* Start `natsway WORDS FILE`; words are separated by single blanks. in_path: its standard input, or
 * NULL. Its output is appended to the two files. */
void nwt_bridge_spawn(struct nwt_bridge *bridge, struct nwt_process *process, const char *words,
                      const char *in_path, const char *out_path, const char *error_path);

/* Run `natsway COMMAND ARGUMENTS --admin URL` to its end, with the bridge's admin address; the
 * arguments end with NULL. The exit code; *said (may be NULL) is all that it printed, to be freed.
 */
int nwt_bridge_tell(struct nwt_bridge *bridge, char **said, const char *command, ...)
    __attribute__((sentinel));

/* The same, and do not wait for its end; its output is thrown away. */
void nwt_bridge_begin_to_tell(struct nwt_bridge *bridge, struct nwt_process *process,
                              const char *command, ...) __attribute__((sentinel));

/* Whether /readyz says 200. */
bool nwt_bridge_ready(const struct nwt_bridge *bridge);
/* Whether the text stands in its log. */
bool nwt_bridge_logged(const struct nwt_bridge *bridge, const char *text);

/* A number of a route from /api/routes ("received", "delivered", "in_flight", …); -1 if there is
 * none or no answer. */
int64_t nwt_bridge_number(const struct nwt_bridge *bridge, const char *route, const char *field);
/* Whether received == delivered + filtered + dead_lettered + dropped + in_flight. */
bool nwt_bridge_ledger_adds_up(const struct nwt_bridge *bridge, const char *route);

#endif
