/* SPDX-License-Identifier: Apache-2.0 */
#include "support/fail.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

_Noreturn void nwt_fail(const char *format, ...)
{
    va_list arguments;
    va_start(arguments, format);
    fputs("support: ", stderr);
    vfprintf(stderr, format, arguments);
    fputc('\n', stderr);
    va_end(arguments);
    /* Not abort(): a core file of a test that could not start says nothing more. */
    exit(99);
}
