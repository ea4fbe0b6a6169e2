/* SPDX-License-Identifier: Apache-2.0 */
#include "mappings/exact.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "mappings/json_value.h"

#define ALWAYS_EXACT 15 /* so many digits are below 2^53 */
#define LONGEST 309     /* digits of the largest double */

static bool has_long_number(struct nw_slice s)
{
    size_t run = 0;

    for (size_t i = 0; i < s.len; i++) {
        run = s.data[i] >= '0' && s.data[i] <= '9' ? run + 1 : 0;
        if (run > ALWAYS_EXACT) {
            return true;
        }
    }
    return false;
}

/* Is the number an integer whose digits the nearest double does not have? */
static bool is_lost(struct nw_slice number)
{
    char text[LONGEST + 2], nearest[LONGEST + 20];

    for (size_t i = 0; i < number.len; i++) {
        if (memchr(".eE", number.data[i], 3) != NULL) {
            return false;
        }
    }
    if (number.len >= sizeof text) {
        return true;
    }
    memcpy(text, number.data, number.len);
    text[number.len] = '\0';
    (void)snprintf(nearest, sizeof nearest, "%.0f", strtod(text, NULL));
    return strcmp(text, nearest) != 0;
}

int nw_exact_check(struct nw_slice json, struct nw_error *error)
{
    struct nw_document d = {0};
    int rc;

    if (!has_long_number(json)) {
        return 0;
    }
    rc = nw_json_read(&d, json, error);
    for (size_t i = 0; rc == 0 && i < d.count; i++) {
        struct nw_slice number = {d.text + d.items[i].at, d.items[i].len};
        if (d.items[i].kind == NW_KIND_NUMBER && is_lost(number)) {
            rc = nw_error_set(error, NW_EINVAL,
                              "the integer %.*s cannot be kept: jq's numbers have all below 2^53",
                              (int)(number.len > 40 ? 40 : number.len), number.data);
        }
    }
    nw_document_done(&d);
    return rc;
}
