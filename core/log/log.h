/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The log: one line for an event, on standard error. key=value pairs where it is a pipe or a file
 * (or JSON), short and coloured on a terminal. Any thread; a line is written by one write(2). A
 * line that repeats is counted and said again at most every ten seconds with the count.
 */
#ifndef NATSWAY_LOG_LOG_H
#define NATSWAY_LOG_LOG_H

#include <natsway/connector.h>

void nw_log_setup(enum nw_level level, bool json);
bool nw_log_enabled(enum nw_level level);

/* One field of a line; a NULL value leaves it out. */
struct nw_log_field {
    const char *name, *value;
};

/* message is a short constant sentence; fields end with a NULL name and may be NULL. */
void nw_log_write(enum nw_level level, const struct nw_log_field *fields, const char *format, ...)
    __attribute__((format(printf, 3, 4)));

/* Say now how many lines were left out as repeats. Before the process ends. */
void nw_log_flush(void);

#endif
