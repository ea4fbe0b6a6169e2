/* SPDX-License-Identifier: Apache-2.0 */
#include "cli/trial.h"

#include <stdio.h>

#include "config/options.h"

/* A trial while it runs. */
struct trial {
    const struct nw_route_spec *route;
    struct nw_mapper *mapper;
    void (*tell)(void *context, const struct nw_trial_end *end);
    void *context;
    bool no_memory;
};

static void tell(const struct trial *t, enum nw_expect_kind kind, const char *text)
{
    t->tell(t->context, &(struct nw_trial_end){.kind = kind, .text = text});
}

/* The target's own `headers:`, each in place of the message's of its name. */
static int set_headers(const struct nw_sink_spec *sink, const struct nw_slice *values,
                       struct nw_message *m)
{
    const struct nw_option *row = nw_option_find(sink->kind->options, NW_LITERAL("headers"));
    const struct nw_pairs *pairs;
    int rc = 0;

    if (row == NULL || row->type != NW_OPTION_TEMPLATES) {
        return 0;
    }
    pairs = (const void *)((const char *)sink->options + row->offset);
    for (size_t i = 0; rc == 0 && i < pairs->count; i++) {
        rc = nw_message_set_header(m, nw_slice_text(pairs->names[i]), values[pairs->slots[i] - 1]);
    }
    return rc;
}

/* In the pump's order: the options first, so that an address sees the target's key. A value that is
 * not shown may still refuse the message. */
static int render(const struct nw_sink_spec *sink, size_t index, struct nw_message *m,
                  struct nw_error *error)
{
    struct nw_slice *values = nw_message_alloc(m, (sink->template_count + 1) * sizeof *values);
    int rc = values == NULL ? nw_error_set(error, NW_ENOMEM, "out of memory") : 0;

    for (size_t i = 0; rc == 0 && i < sink->template_count; i++) {
        rc = nw_template_render(sink->templates[i], m, &values[i], error);
    }
    if (rc == 0 && sink->key_slot != 0) {
        m->key = values[sink->key_slot - 1];
    }
    if (rc == 0 && (index != 0 || (m->numbers_set & NW_MESSAGE_SUBJECT_SET) == 0)) {
        rc = nw_template_render(sink->address_template, m, &m->address, error);
    }
    return rc != 0 ? rc : set_headers(sink, values, m);
}

static int send_to(const struct trial *t, const struct nw_sink_spec *sink, size_t index,
                   struct nw_message *m, struct nw_error *error)
{
    struct nw_message *own = nw_message_derive(m);
    int rc;

    if (own == NULL) {
        return nw_error_set(error, NW_ENOMEM, "out of memory");
    }
    rc = render(sink, index, own, error);
    if (rc == 0) {
        t->tell(t->context,
                &(struct nw_trial_end){.kind = NW_EXPECT_SENT, .sink = sink, .message = own});
    }
    nw_message_unref(own);
    return rc;
}

/* To the targets whose `when:` holds, or else to those with `otherwise:`. Returns how many, or a
 * negative error. */
static int send_all(const struct trial *t, struct nw_message *m, bool otherwise,
                    struct nw_error *error)
{
    int count = 0;

    for (size_t i = 0; i < t->route->sink_count; i++) {
        const struct nw_sink_spec *sink = &t->route->sinks[i];
        int rc = 0;
        if (sink->otherwise == otherwise) {
            rc = otherwise ? 1 : nw_mapper_test(t->mapper, sink->when, m, error);
        }
        if (rc == 1) {
            rc = send_to(t, sink, i, m, error);
            count++;
        }
        if (rc < 0) {
            return rc;
        }
    }
    return count;
}

static void deliver(struct trial *t, struct nw_message *m)
{
    struct nw_error error = {.text = ""};
    int count;

    if (m->outcome == NW_REJECT) { /* a part of a split */
        tell(t, NW_EXPECT_REJECTED, m->reason == NULL ? "out of memory" : m->reason);
        return;
    }
    count = send_all(t, m, false, &error);
    if (count == 0) {
        count = send_all(t, m, true, &error);
    }
    if (count == NW_ENOMEM) {
        t->no_memory = true;
    } else if (count < 0) {
        tell(t, NW_EXPECT_REJECTED, error.text);
    } else if (count == 0) {
        tell(t, NW_EXPECT_FILTERED, "when: no target takes it");
    }
}

int nw_trial_run(const struct nw_route_spec *route, struct nw_mapper *mapper,
                 struct nw_message *original,
                 void (*told)(void *context, const struct nw_trial_end *end), void *context)
{
    struct trial t = {.route = route, .mapper = mapper, .tell = told, .context = context};
    struct nw_mapped mapped;
    char text[sizeof mapped.error.text + 40];

    nw_mapper_message(mapper, route->map_timeout_ms);
    if (nw_map_run(route->map, mapper, original, &mapped) != 0) {
        return NW_ENOMEM;
    }
    if (mapped.outcome == NW_MAP_REJECTED || mapped.outcome == NW_MAP_LATER) {
        nw_mapped_reason(&mapped, text, sizeof text);
        tell(&t, NW_EXPECT_REJECTED, text);
    } else if (mapped.outcome == NW_MAP_FILTERED) {
        (void)snprintf(text, sizeof text, "step %u", mapped.step);
        tell(&t, NW_EXPECT_FILTERED, text);
    }
    while (mapped.messages != NULL) {
        struct nw_message *next = mapped.messages->next;
        deliver(&t, mapped.messages);
        nw_message_unref(mapped.messages);
        mapped.messages = next;
    }
    return t.no_memory ? NW_ENOMEM : 0;
}
