/* SPDX-License-Identifier: Apache-2.0 */
#include "base/base64.h"
#include "base/compact.h"
#include "base/json.h"
#include "cli/trial.h"

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

void nw_trial_add_payload(struct nw_buffer *out, struct nw_slice payload)
{
    if (payload.data == NULL) {
        nw_buffer_add_text(out, "null");
    } else if (!nw_utf8_valid(payload)) {
        nw_buffer_add_text(out, "<");
        nw_base64_encode(out, payload);
        nw_buffer_add_text(out, ">");
    } else if (!nw_json_compact(out, payload)) {
        nw_json_add_string(out, payload);
    }
}

static void add_payload(struct nw_buffer *out, struct nw_slice payload)
{
    if (payload.data != NULL && !nw_utf8_valid(payload)) {
        nw_buffer_add_text(out, ",\"payload_base64\":\"");
        nw_base64_encode(out, payload);
        nw_buffer_add_text(out, "\"");
    } else {
        nw_buffer_add_text(out, ",\"payload\":");
        nw_trial_add_payload(out, payload);
    }
}

void nw_trial_add_content(struct nw_buffer *out, const struct nw_message *m)
{
    nw_buffer_add_text(out, "\"key\":");
    nw_json_add_string_or_null(out, m->key);
    add_headers(out, m);
    add_payload(out, m->payload);
}

static void add_sent(struct nw_buffer *out, const struct nw_sink_spec *sink,
                     const struct nw_message *m)
{
    nw_buffer_add_text(out, "{\"to\":");
    nw_json_add_string(out, nw_slice_text(sink->connector->name));
    nw_buffer_add_text(out, ",\"address\":");
    nw_json_add_string(out, m->address);
    nw_buffer_add_text(out, ",");
    nw_trial_add_content(out, m);
    nw_buffer_add_text(out, "}");
}

static void add_pair(struct nw_buffer *out, const char *name, const char *text)
{
    nw_buffer_add_format(out, "{\"%s\":", name);
    nw_json_add_string(out, nw_slice_text(text));
    nw_buffer_add_text(out, "}");
}

void nw_trial_add_end(struct nw_buffer *out, const struct nw_trial_end *end)
{
    switch (end->kind) {
    case NW_EXPECT_FILTERED:
        add_pair(out, "filtered", end->text);
        break;
    case NW_EXPECT_REJECTED:
        add_pair(out, "rejected", end->text);
        break;
    default:
        add_sent(out, end->sink, end->message);
        break;
    }
}
