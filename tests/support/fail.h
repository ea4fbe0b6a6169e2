/* SPDX-License-Identifier: Apache-2.0 */
/* What goes wrong in the support itself (no server, no file) ends the test program with a line that
 * says what; there is nothing a test could do about it. */
#ifndef NATSWAY_TESTS_FAIL_H
#define NATSWAY_TESTS_FAIL_H

/* Prints "support: …" to standard error and aborts the test. */
_Noreturn void nwt_fail(const char *format, ...) __attribute__((format(printf, 1, 2)));

#endif
