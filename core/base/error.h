/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Errors inside natsway: 0 or a negative NW_E… from functions, text for people in struct nw_error.
 * Both are part of the connector contract; this adds what only the inside needs.
 */
#ifndef NATSWAY_BASE_ERROR_H
#define NATSWAY_BASE_ERROR_H

#include <natsway/connector.h>

/* As nw_error_set, with the byte offset of the mistake in the text that was parsed. */
int nw_error_set_at(struct nw_error *error, int code, size_t at, const char *format, ...)
    __attribute__((format(printf, 4, 5)));

#endif
