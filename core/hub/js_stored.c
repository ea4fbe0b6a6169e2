/* SPDX-License-Identifier: Apache-2.0 */
#include "hub/js_stored.h"

#include <stdlib.h>

#include "base/base64.h"
#include "base/timestamp.h"
#include "hub/js_api.h"
#include "hub/raw_headers.h"

jv nw_js_stored_request(uint64_t sequence, const char *pattern)
{
    jv request = jv_object_set(jv_object(), jv_string("seq"), jv_number((double)sequence));

    return pattern == NULL ? request
                           : jv_object_set(request, jv_string("next_by_subj"), jv_string(pattern));
}

/* It is erased: of a message that is only taken out of the index the server, should it be killed,
 * knows nothing a moment later, and it is there again. */
jv nw_js_stored_removal(uint64_t sequence)
{
    return jv_object_set(jv_object(), jv_string("seq"), jv_number((double)sequence));
}

#define ERR_NO_MESSAGE 10037
#define ERR_NO_SEQUENCE 10043
#define ERR_NOT_DELETED 10057

/* A removal that fails has one code for all that can be wrong. */
bool nw_js_stored_is_missing(int error_code, const char *text)
{
    return error_code == ERR_NO_MESSAGE || error_code == ERR_NO_SEQUENCE ||
           (error_code == ERR_NOT_DELETED &&
            (strstr(text, "not found") != NULL || strstr(text, "no message found") != NULL ||
             strstr(text, "deleted message") != NULL));
}

/* A member that is left out is empty. */
static bool read_member(jv message, const char *name, bool is_base64, struct nw_buffer *out)
{
    jv text = nw_js_member(message, name);
    bool good = true;

    if (jv_get_kind(text) == JV_KIND_STRING) {
        struct nw_slice s = {jv_string_value(text), (size_t)jv_string_length_bytes(jv_copy(text))};
        if (is_base64) {
            good = nw_base64_decode(out, s, NULL) == 0;
        } else {
            nw_buffer_add_slice(out, s);
        }
    }
    jv_free(text);
    return good && !out->failed;
}

struct nw_js_stored *nw_js_stored_read(jv answer, const char *stream, struct nw_error *error)
{
    struct nw_js_stored *s = calloc(1, sizeof *s);
    jv message = nw_js_member(answer, "message");
    char time[64];

    if (s == NULL || !read_member(message, "subject", false, &s->subject) ||
        !read_member(message, "hdrs", true, &s->headers) ||
        !read_member(message, "data", true, &s->payload) || s->subject.len == 0) {
        nw_js_stored_free(s);
        jv_free(message);
        (void)nw_error_set(error, NW_EIO, "the stored message cannot be read");
        return NULL;
    }
    s->stored = (struct nw_stored){.stream = stream,
                                   .subject = nw_buffer_text(&s->subject),
                                   .sequence = (uint64_t)nw_js_number(message, "seq", 0),
                                   .size = s->payload.len,
                                   .headers = nw_raw_header_lines(nw_buffer_slice(&s->headers)),
                                   .payload = nw_buffer_slice(&s->payload)};
    if (nw_js_text(message, "time", time, sizeof time)) {
        (void)nw_timestamp_parse(nw_slice_text(time), &s->stored.stored_ns, NULL);
    }
    jv_free(message);
    return s;
}

void nw_js_stored_free(void *stored)
{
    struct nw_js_stored *s = stored;

    if (s != NULL) {
        nw_buffer_done(&s->subject);
        nw_buffer_done(&s->headers);
        nw_buffer_done(&s->payload);
        free(s);
    }
}
