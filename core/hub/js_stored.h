/* SPDX-License-Identifier: Apache-2.0 */
/* Single messages of a stream, by their sequence: STREAM.MSG.GET and STREAM.MSG.DELETE. */
#ifndef NATSWAY_HUB_JS_STORED_H
#define NATSWAY_HUB_JS_STORED_H

#include <jv.h>

#include "base/buffer.h"
#include "hub/letters.h"

/* What was read of an answer; what stored names is in the rest, but for the stream. */
struct nw_js_stored {
    struct nw_stored stored;
    struct nw_buffer subject, headers, payload;
};

/* The request of STREAM.MSG.GET; pattern not NULL: the next of such a subject from there on. */
jv nw_js_stored_request(uint64_t sequence, const char *pattern);
/* The request of STREAM.MSG.DELETE. */
jv nw_js_stored_removal(uint64_t sequence);

/* Whether an error of one of the two says that there is no such message (any more). */
bool nw_js_stored_is_missing(int error_code, const char *text);

/* Read the answer to STREAM.MSG.GET, which is not taken; stream is kept by reference. The caller's,
 * or NULL: no memory, or it cannot be read. */
struct nw_js_stored *nw_js_stored_read(jv answer, const char *stream, struct nw_error *error);
/* void *: for nw_message_set_release. */
void nw_js_stored_free(void *stored);

#endif
