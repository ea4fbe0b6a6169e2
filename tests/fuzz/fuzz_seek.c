/* SPDX-License-Identifier: Apache-2.0 */
/* The body of POST /api/seek: what is taken is a line of three words, and means the same when it is
 * written again. */
#include <string.h>

#include "cli/seek.h"
#include "fuzz.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    char *text = strndup(size == 0 ? "" : (const char *)data, size);
    struct nw_seek_request first, second;
    struct nw_buffer again = {0};
    char *line;

    FUZZ_HOLDS(text != NULL);
    if (nw_seek_read(text, &first)) {
        FUZZ_HOLDS(first.value >= 0 && strcspn(first.route, " \n") == strlen(first.route));
        nw_seek_write(&first, &again);
        line = nw_buffer_take(&again);
        FUZZ_HOLDS(line != NULL && nw_seek_read(line, &second));
        FUZZ_HOLDS(second.to == first.to && second.value == first.value &&
                   strcmp(second.route, first.route) == 0);
        free(line);
    }
    free(text);
    return 0;
}
