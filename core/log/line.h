/* SPDX-License-Identifier: Apache-2.0 */
/* How a log line looks: for a pipe or file, as JSON, and for a terminal. */
#ifndef NATSWAY_LOG_LINE_H
#define NATSWAY_LOG_LINE_H

#include "base/buffer.h"
#include "log/log.h"

enum nw_line_style { NW_LINE_PAIRS, NW_LINE_JSON, NW_LINE_TERMINAL, NW_LINE_COLOUR };

struct nw_line {
    int64_t time_ns; /* real */
    enum nw_level level;
    const char *text;
    const struct nw_log_field *fields; /* NULL, or ended by a NULL name */
    uint64_t repeated;                 /* lines of this kind that were left out before; 0: none */
};

/* Append line in the style, with its line feed. Controls never reach the output as they are. */
void nw_line_write(struct nw_buffer *out, const struct nw_line *line, enum nw_line_style style);

/* "error", "warning", "info", "debug". */
const char *nw_level_name(enum nw_level level);

#endif
