/* SPDX-License-Identifier: Apache-2.0 */
#include <stdarg.h>
#include <stdio.h>

#include "mappings/avro_types.h"

#define LONGEST 240

/* Appends place to text, which has LONGEST bytes of room; the end is cut off. Returns the length.
 */
static size_t add_place(char *text, const struct nw_avro_place *place)
{
    size_t at;
    int n;

    if (place == NULL) {
        text[0] = '\0';
        return 0;
    }
    at = add_place(text, place->up);
    if (place->name.data == NULL) {
        n = snprintf(text + at, LONGEST - at, "[%zu]", place->index);
    } else {
        n = snprintf(text + at, LONGEST - at, ".%.*s",
                     (int)(place->name.len > 100 ? 100 : place->name.len), place->name.data);
    }
    return n < 0 || at + (size_t)n >= LONGEST ? LONGEST - 1 : at + (size_t)n;
}

int nw_avro_wrong(struct nw_error *error, const char *what, const struct nw_avro_place *place,
                  const char *format, ...)
{
    char where[LONGEST], why[LONGEST];
    va_list args;

    va_start(args, format);
    (void)vsnprintf(why, sizeof why, format, args);
    va_end(args);
    return nw_error_set(error, NW_EINVAL, "%s%s%s: %s", what,
                        add_place(where, place) == 0 ? "" : ": ", where, why);
}
