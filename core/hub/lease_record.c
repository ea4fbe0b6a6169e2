/* SPDX-License-Identifier: Apache-2.0 */
#include "hub/lease_record.h"

#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "base/base64.h"
#include "hub/js_api.h"

static jv put(jv object, const char *name, jv value)
{
    return jv_object_set(object, jv_string(name), value);
}

jv nw_lease_bucket(int replicas)
{
    jv c = jv_object();

    c = put(c, "name", jv_string("KV_" NW_LEASE_BUCKET));
    c = put(c, "subjects", jv_array_append(jv_array(), jv_string("$KV." NW_LEASE_BUCKET ".>")));
    c = put(c, "max_msgs_per_subject", jv_number(1));
    c = put(c, "discard", jv_string("new"));
    c = put(c, "storage", jv_string("file"));
    c = put(c, "retention", jv_string("limits"));
    c = put(c, "num_replicas", jv_number(replicas));
    c = put(c, "max_msgs", jv_number(-1));
    c = put(c, "max_bytes", jv_number(-1));
    c = put(c, "max_consumers", jv_number(-1));
    c = put(c, "allow_rollup_hdrs", jv_true());
    c = put(c, "deny_delete", jv_true());
    c = put(c, "allow_direct", jv_true());
    return put(c, "description", jv_string("natsway: which process runs a route"));
}

void nw_lease_record_write(const struct nw_lease_state *s, const char *instance, const char *since,
                           struct nw_buffer *out)
{
    char now[NW_TIMESTAMP_TEXT_MAX], host[80] = "";
    jv value = jv_object();

    (void)gethostname(host, sizeof host - 1);
    (void)nw_timestamp_format(nw_clock_real_ns(), now);
    value = put(value, "instance", jv_string(instance));
    value = put(value, "host", jv_string(host));
    value = put(value, "since", jv_string(since));
    value = put(value, "renewed", jv_string(now));
    value = put(value, "id", jv_string(s->id));
    value = put(value, "run", jv_string(s->run));
    value = jv_dump_string(value, 0);
    nw_buffer_add_text(out, jv_string_value(value));
    jv_free(value);
}

/* A member of a message, which is Base64. */
static bool decode(jv message, const char *name, struct nw_buffer *out)
{
    jv text = nw_js_member(message, name);
    bool is_text = jv_get_kind(text) == JV_KIND_STRING &&
                   nw_base64_decode(out, nw_slice_text(jv_string_value(text)), NULL) == 0;

    jv_free(text);
    return is_text;
}

/* A delete marker of ours, or of an operator. */
static bool is_removal(jv message)
{
    struct nw_buffer headers = {0};
    bool removal = decode(message, "hdrs", &headers) &&
                   strstr(nw_buffer_text(&headers), "KV-Operation:") != NULL;

    nw_buffer_done(&headers);
    return removal;
}

static void read_value(struct nw_slice json, struct nw_lease_record *out)
{
    jv value = jv_parse_sized(json.data, (int)json.len);
    char instance[80] = "", host[80] = "";

    if (jv_get_kind(value) == JV_KIND_OBJECT) {
        (void)nw_js_text(value, "id", out->id, sizeof out->id);
        (void)nw_js_text(value, "run", out->run, sizeof out->run);
        (void)nw_js_text(value, "since", out->holder.since, sizeof out->holder.since);
        (void)nw_js_text(value, "instance", instance, sizeof instance);
        (void)nw_js_text(value, "host", host, sizeof host);
    }
    (void)snprintf(out->holder.name, sizeof out->holder.name, "%.70s%s%.70s",
                   instance[0] == '\0' ? "somebody" : instance, host[0] == '\0' ? "" : " on ",
                   host);
    jv_free(value);
}

uint64_t nw_lease_record_read(jv message, struct nw_lease_record *out)
{
    struct nw_buffer value = {0};

    *out = (struct nw_lease_record){.free = is_removal(message)};
    if (!out->free) {
        (void)decode(message, "data", &value);
        read_value(nw_buffer_slice(&value), out);
        nw_buffer_done(&value);
    }
    return (uint64_t)nw_js_number(message, "seq", 0);
}
