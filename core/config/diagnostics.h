/* SPDX-License-Identifier: Apache-2.0 */
/* What only the loader does with diagnostics; the rest is in config.h. */
#ifndef NATSWAY_CONFIG_DIAGNOSTICS_H
#define NATSWAY_CONFIG_DIAGNOSTICS_H

#include <stdarg.h>

#include "config/config.h"

void nw_diagnostics_addv(struct nw_diagnostics *d, const struct nw_mark *mark, const char *route,
                         bool warning, const char *format, va_list args)
    __attribute__((format(printf, 5, 0)));

/* By file, line and column. What was said twice in the same words is kept once: an alias is read
 * wherever it stands. What three or more routes have at one place, because they are of one
 * template, is one line. */
void nw_diagnostics_sort(struct nw_diagnostics *d);

#endif
