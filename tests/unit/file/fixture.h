/* SPDX-License-Identifier: Apache-2.0 */
/* What the tests of the file connector's parts share: a folder that is removed after each test, and
 * a route's state that is kept in memory. */
#ifndef NATSWAY_TESTS_UNIT_FILE_FIXTURE_H
#define NATSWAY_TESTS_UNIT_FILE_FIXTURE_H

#include <natsway/connector.h>

/* Set up and tear down; between them the folder is the working directory. */
void fixture_begin(void);
void fixture_end(void);

/* Write a file, and open it for reading. */
void fixture_write(const char *name, const char *text);
int fixture_open(const char *name);

/* What nw_state_read and nw_state_write of the tests keep, and how often was written. */
const char *fixture_state(const char *key); /* NULL: nothing */
void fixture_put_state(const char *key, const char *text);
extern unsigned fixture_writes;

#endif
