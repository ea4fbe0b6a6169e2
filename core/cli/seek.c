/* SPDX-License-Identifier: Apache-2.0 */
#include "cli/seek.h"

#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

static const char *const words[] = {"beginning", "end", "time", "sequence"};

void nw_seek_write(const struct nw_seek_request *request, struct nw_buffer *out)
{
    nw_buffer_add_format(out, "%s %s %" PRId64 "\n", request->route, words[request->to],
                         request->value);
}

bool nw_seek_read_number(const char *text, int64_t *out)
{
    char *end;

    errno = 0;
    *out = strtoll(text, &end, 10);
    return *text != '\0' && *end == '\0' && errno == 0 && *out >= 0;
}

bool nw_seek_read(char *text, struct nw_seek_request *out)
{
    const char *where, *number;

    text[strcspn(text, "\n")] = '\0';
    out->route = strsep(&text, " ");
    where = strsep(&text, " ");
    number = strsep(&text, " ");
    for (size_t i = 0; where != NULL && i < sizeof words / sizeof words[0]; i++) {
        if (strcmp(where, words[i]) == 0) {
            out->to = (enum nw_seek_to)i;
            return number != NULL && text == NULL && nw_seek_read_number(number, &out->value);
        }
    }
    return false;
}
