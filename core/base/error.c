/* SPDX-License-Identifier: Apache-2.0 */
#include "base/error.h"

#include <stdarg.h>
#include <stdio.h>

int nw_error_set(struct nw_error *error, int code, const char *format, ...)
{
    va_list args;

    if (error == NULL) {
        return code;
    }
    error->code = code;
    error->at = 0;
    va_start(args, format);
    (void)vsnprintf(error->text, sizeof error->text, format, args);
    va_end(args);
    return code;
}

int nw_error_set_at(struct nw_error *error, int code, size_t at, const char *format, ...)
{
    va_list args;

    if (error == NULL) {
        return code;
    }
    error->code = code;
    error->at = at;
    va_start(args, format);
    (void)vsnprintf(error->text, sizeof error->text, format, args);
    va_end(args);
    return code;
}
