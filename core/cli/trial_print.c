/* SPDX-License-Identifier: Apache-2.0 */
#include <stdio.h>

#include "base/base64.h"
#include "base/compact.h"
#include "base/json.h"
#include "cli/try.h"

static void put_line(struct nw_buffer *line)
{
    nw_buffer_add_char(line, '\n');
    (void)fwrite(nw_buffer_text(line), 1, line->len, stdout);
    nw_buffer_done(line);
}

static bool first_of_name(const struct nw_message *m, uint32_t i)
{
    for (uint32_t k = 0; k < i; k++) {
        if (nw_header_name_equal(m->headers.items[k].name, m->headers.items[i].name)) {
            return false;
        }
    }
    return true;
}

/* All values of the name of header i, which is its first. */
static void add_values(struct nw_buffer *out, const struct nw_message *m, uint32_t i)
{
    struct nw_slice name = m->headers.items[i].name;

    nw_json_add_string(out, name);
    nw_buffer_add_text(out, ":[");
    for (uint32_t k = i; k < m->headers.count; k++) {
        if (nw_header_name_equal(m->headers.items[k].name, name)) {
            nw_buffer_add_text(out, k == i ? "" : ",");
            nw_json_add_string(out, m->headers.items[k].value);
        }
    }
    nw_buffer_add_text(out, "]");
}

static void add_headers(struct nw_buffer *out, const struct nw_message *m)
{
    bool any = false;

    nw_buffer_add_text(out, ",\"headers\":{");
    for (uint32_t i = 0; i < m->headers.count; i++) {
        if (first_of_name(m, i)) {
            nw_buffer_add_text(out, any ? "," : "");
            add_values(out, m, i);
            any = true;
        }
    }
    nw_buffer_add_text(out, "}");
}

static void add_payload(struct nw_buffer *out, struct nw_slice payload)
{
    if (payload.data == NULL) {
        nw_buffer_add_text(out, ",\"payload\":null");
    } else if (!nw_utf8_valid(payload)) {
        nw_buffer_add_text(out, ",\"payload_base64\":\"");
        nw_base64_encode(out, payload);
        nw_buffer_add_text(out, "\"");
    } else {
        nw_buffer_add_text(out, ",\"payload\":");
        if (!nw_json_compact(out, payload)) {
            nw_json_add_string(out, payload);
        }
    }
}

void nw_try_print_sent(const struct nw_sink_spec *sink, const struct nw_message *m)
{
    struct nw_buffer out = {0};

    nw_buffer_add_text(&out, "{\"to\":");
    nw_json_add_string(&out, nw_slice_text(sink->connector->name));
    nw_buffer_add_text(&out, ",\"address\":");
    nw_json_add_string(&out, m->address);
    nw_buffer_add_text(&out, ",\"key\":");
    nw_json_add_string_or_null(&out, m->key);
    add_headers(&out, m);
    add_payload(&out, m->payload);
    nw_buffer_add_text(&out, "}");
    put_line(&out);
}

static void put_pair(const char *name, const char *text)
{
    struct nw_buffer out = {0};

    nw_buffer_add_format(&out, "{\"%s\":", name);
    nw_json_add_string(&out, nw_slice_text(text));
    nw_buffer_add_text(&out, "}");
    put_line(&out);
}

void nw_try_print_filtered(const char *step)
{
    put_pair("filtered", step);
}

void nw_try_print_rejected(const char *why)
{
    put_pair("rejected", why);
}
