/* SPDX-License-Identifier: Apache-2.0 */
/*
 * From an offered original to outgoing messages in the queues of their targets, and from their ends
 * back to one fate of the original. Worker thread.
 */
#include <stdio.h>

#include "base/clock.h"
#include "pump/lane.h"

/* ---- the end of an outgoing message ---- */

void nw_lane_drop_reply(struct nw_message *m)
{
    if (m->reply != NULL) {
        nw_message_unref(m->reply);
        m->reply = NULL;
    }
}

void nw_lane_finish_outgoing(struct nw_lane *lane, struct nw_message *m, enum nw_fate fate)
{
    struct nw_message *original = nw_message_original(m);

    if (fate > (enum nw_fate)original->worst) {
        original->worst = (uint8_t)fate;
    }
    /* The first target's answer is the answer, unless one has failed: see remember_failure. */
    if (m->outcome == NW_ACK && original->outcome == NW_ACK && original->reply == NULL) {
        original->reply = m->reply;
        m->reply = NULL;
    }
    nw_lane_drop_reply(m);
    nw_credit_gone(lane, m);
    original->pending--;
    if (original->pending == 0) {
        nw_lane_finish(lane, original);
    }
    nw_message_unref(m);
}

/* Keep for settle why m failed, with what its target answered. */
static void remember_failure(struct nw_message *m, enum nw_outcome outcome, enum nw_cause cause,
                             const char *reason)
{
    struct nw_message *original = nw_message_original(m);
    struct nw_slice copy;

    if (original->outcome != NW_ACK) {
        return; /* the first failure is the answer */
    }
    copy = reason == NULL ? NW_ABSENT : nw_message_copy(original, reason, strlen(reason) + 1);
    original->outcome = (uint8_t)outcome;
    original->cause = (uint8_t)cause;
    original->reason = copy.data;
    nw_lane_drop_reply(original);
    original->reply = m->reply;
    m->reply = NULL;
}

void nw_lane_answer(struct nw_lane *lane, struct nw_message *m, enum nw_outcome outcome,
                    enum nw_cause cause, const char *reason)
{
    remember_failure(m, outcome, cause, reason);
    nw_lane_finish_outgoing(lane, m, NW_FATE_ANSWERED);
}

/* ---- refused ---- */

static void stop_route(struct nw_lane *lane, struct nw_message *m, const char *reason)
{
    nw_lane_log(lane, NW_LOG_ERROR, m, "the route stops: a message was refused: %s", reason);
    nw_lane_finish_outgoing(lane, m, NW_FATE_RETURNED);
    nw_lane_halt(lane);
}

void nw_lane_reject(struct nw_lane *lane, struct nw_message *m, enum nw_cause cause,
                    const char *reason)
{
    const struct nw_route_spec *route = lane->route;
    struct nw_message *original = nw_message_original(m);
    const char *why = reason == NULL ? "no reason given" : reason;
    bool awaited = original->deadline_ns != 0;

    if (awaited) {
        remember_failure(m, cause == NW_CAUSE_OUTAGE ? NW_RETRY : NW_REJECT, cause, why);
        if (!route->on_error_given) {
            nw_lane_finish_outgoing(lane, m, NW_FATE_ANSWERED);
            return;
        }
    }
    nw_lane_set_error(lane, why);
    if (route->then == NW_THEN_KEEP) {
        remember_failure(m, cause == NW_CAUSE_OUTAGE ? NW_RETRY : NW_REJECT, cause, why);
        nw_lane_finish_outgoing(lane, m, NW_FATE_ANSWERED);
        return;
    }
    if (route->then == NW_THEN_STOP) {
        stop_route(lane, m, why);
        return;
    }
    if (route->then == NW_THEN_DEAD_LETTER && lane->dead_letter != NULL) {
        int rc = nw_lane_queue_letter(lane, m, why);
        if (rc == 0) {
            nw_lane_log(lane, NW_LOG_WARNING, m, "refused, to the dead letters: %s", why);
            nw_lane_finish_outgoing(lane, m, NW_FATE_FILTERED); /* the dead letter decides */
        } else {
            stop_route(lane, m, why);
        }
        return;
    }
    nw_lane_log(lane, NW_LOG_WARNING, m, "refused, dropped: %s", why);
    nw_lane_finish_outgoing(lane, m, NW_FATE_DROPPED);
}

/* ---- on the way to the targets ---- */

static int render_address(struct nw_target *t, struct nw_message *m, struct nw_error *error)
{
    if (t->index == 0 && (m->numbers_set & NW_MESSAGE_SUBJECT_SET) != 0) {
        return 0;
    }
    return nw_template_render(t->spec->address_template, m, &m->address, error);
}

static int render_all(struct nw_template *const *templates, size_t count, struct nw_message *m,
                      struct nw_error *error)
{
    struct nw_slice *values = nw_message_alloc(m, count * sizeof *values);

    if (values == NULL) {
        return nw_error_set(error, NW_ENOMEM, "out of memory");
    }
    for (size_t i = 0; i < count; i++) {
        int rc = nw_template_render(templates[i], m, &values[i], error);
        if (rc != 0) {
            return rc;
        }
    }
    m->values = values;
    m->value_count = (uint32_t)count;
    return 0;
}

static int render_values(struct nw_target *t, struct nw_message *m, struct nw_error *error)
{
    const struct nw_sink_spec *spec = t->spec;
    int rc;

    if (spec->template_count == 0) {
        return 0;
    }
    rc = render_all(spec->templates, spec->template_count, m, error);
    if (rc == 0 && spec->key_slot != 0) {
        m->key = m->values[spec->key_slot - 1];
    }
    return rc;
}

int nw_lane_render_source(const struct nw_lane *lane, struct nw_message *original,
                          struct nw_error *error)
{
    const struct nw_source_spec *spec = &lane->route->source;

    return spec->template_count == 0 || original->values != NULL
               ? 0
               : render_all(spec->templates, spec->template_count, original, error);
}

/* Everything that a target's message has of its own. */
static int prepare(struct nw_lane *lane, struct nw_target *t, struct nw_message *m,
                   struct nw_error *error)
{
    int rc;

    m->lane = lane;
    m->endpoint = &t->sink;
    m->target = (uint16_t)t->index;
    m->number = nw_message_original(m)->number;
    m->outcome = NW_ACK;
    rc = nw_message_make_id(m, lane->route->name);
    if (rc == 0) {
        rc = render_values(t, m, error);
    }
    if (rc == 0) {
        rc = render_address(t, m, error);
    }
    if (rc == 0) {
        rc = nw_message_add_header(m, NW_LITERAL("Natsway-Via"), nw_slice_text(lane->via));
    }
    return rc;
}

/* Of a dead letter only the target that refused it, if it still takes it. */
static int choose_only(size_t target, size_t count, bool *chosen)
{
    for (size_t i = 0; i < count; i++) {
        chosen[i] = chosen[i] && i == target;
    }
    return target < count && chosen[target] ? 1 : 0;
}

/* Which targets take m. Returns how many, or a negative error of a `when:`. */
static int choose(struct nw_lane *lane, struct nw_message *m, bool *chosen, struct nw_error *error)
{
    const struct nw_route_spec *route = lane->route;
    uint16_t only = nw_message_original(m)->only;
    int count = 0;

    for (size_t i = 0; i < lane->target_count; i++) {
        const struct nw_sink_spec *spec = &route->sinks[i];
        int rc = spec->otherwise ? 0 : nw_mapper_test(lane->worker->mapper, spec->when, m, error);
        if (rc < 0) {
            return rc;
        }
        chosen[i] = rc == 1;
        count += rc;
    }
    for (size_t i = 0; count == 0 && i < lane->target_count; i++) {
        chosen[i] = route->sinks[i].otherwise;
    }
    for (size_t i = 0; count == 0 && i < lane->target_count; i++) {
        count += chosen[i] ? 1 : 0;
    }
    return only == 0 ? count : choose_only(only - 1u, lane->target_count, chosen);
}

static void queue_for(struct nw_lane *lane, struct nw_target *t, struct nw_message *m)
{
    struct nw_error error;
    int rc = prepare(lane, t, m, &error);

    if (rc == NW_ENOMEM) {
        nw_lane_finish_outgoing(lane, m, NW_FATE_RETURNED);
        return;
    }
    if (rc != 0) {
        nw_lane_reject(lane, m, NW_CAUSE_MAPPING, error.text);
        return;
    }
    nw_credit_made(lane, nw_message_original(m), m);
    nw_target_queue(t, m);
    if (t->queued >= NW_LANE_BATCH && !t->holding) {
        nw_target_flush(t);
    }
}

/* m, already counted in its original's pending, to every target that wants it. */
static void fan_out(struct nw_lane *lane, struct nw_message *m)
{
    struct nw_message *original = nw_message_original(m);
    bool chosen[NW_TARGETS_MAX];
    struct nw_error error;
    int left = choose(lane, m, chosen, &error);

    m->lane = lane;
    if (left < 0 && error.code == NW_ENOMEM) {
        nw_lane_finish_outgoing(lane, m, NW_FATE_RETURNED);
        return;
    }
    if (left < 0) {
        nw_lane_reject(lane, m, NW_CAUSE_MAPPING, error.text);
        return;
    }
    if (left == 0) {
        nw_lane_finish_outgoing(lane, m, NW_FATE_FILTERED);
        return;
    }
    for (size_t i = 0; left > 0; i++) {
        struct nw_message *own = m;
        if (!chosen[i]) {
            continue;
        }
        if (--left > 0) {
            own = nw_message_derive(m); /* the last target takes m itself */
            if (own == NULL) {
                nw_lane_finish_outgoing(lane, m, NW_FATE_RETURNED);
                return;
            }
            original->pending++;
        }
        queue_for(lane, &lane->targets[i], own);
    }
}

/* It has passed this route of this bridge before. */
static bool has_passed(const struct nw_lane *lane, const struct nw_message *m)
{
    struct nw_slice via = nw_slice_text(lane->via);

    for (uint32_t i = 0; i < m->headers.count; i++) {
        if (nw_slice_equal(m->headers.items[i].value, via) &&
            nw_header_name_equal(m->headers.items[i].name, NW_LITERAL("Natsway-Via"))) {
            return true;
        }
    }
    return false;
}

/* Headers that a foreign system must not set: one of them could empty or block a stream. */
static void strip_reserved_headers(struct nw_message *m)
{
    static const struct nw_slice prefixes[] = {NW_LITERAL("Nats-"), NW_LITERAL("Natsway-"),
                                               NW_LITERAL("KV-")};
    uint32_t kept = 0;

    for (uint32_t i = 0; i < m->headers.count; i++) {
        struct nw_slice name = m->headers.items[i].name;
        bool reserved = false;
        for (size_t p = 0; p < sizeof prefixes / sizeof prefixes[0]; p++) {
            reserved |=
                name.len >= prefixes[p].len &&
                nw_header_name_equal((struct nw_slice){name.data, prefixes[p].len}, prefixes[p]);
        }
        if (!reserved) {
            m->headers.items[kept++] = m->headers.items[i];
        }
    }
    m->headers.count = kept;
}

/* An outgoing message without a target, which stands for an original of which there is no other.
 * NULL: no memory; the original went back. */
static struct nw_message *stand_in(struct nw_lane *lane, struct nw_message *original)
{
    struct nw_message *m = nw_message_derive(original);

    if (m == NULL) {
        original->worst = NW_FATE_RETURNED;
        nw_lane_finish(lane, original);
        return NULL;
    }
    original->pending = 1;
    return m;
}

/* The map refused it. */
static void reject_mapped(struct nw_lane *lane, struct nw_message *original,
                          const struct nw_mapped *mapped)
{
    struct nw_message *m = stand_in(lane, original);
    char reason[sizeof mapped->error.text + 40];

    if (m != NULL) {
        nw_mapped_reason(mapped, reason, sizeof reason);
        nw_lane_reject(lane, m, NW_CAUSE_MAPPING, reason);
    }
}

void nw_lane_answer_original(struct nw_lane *lane, struct nw_message *original, const char *reason)
{
    struct nw_message *m = stand_in(lane, original);

    if (m != NULL) {
        nw_lane_answer(lane, m, NW_RETRY, NW_CAUSE_OUTAGE, reason);
    }
}

static void deliver_mapped(struct nw_lane *lane, struct nw_message *original,
                           struct nw_message *list)
{
    for (struct nw_message *m = list; m != NULL; m = m->next) {
        original->pending++;
    }
    while (list != NULL) {
        struct nw_message *next = list->next;
        list->next = NULL;
        if (list->outcome == NW_REJECT) {
            nw_lane_reject(lane, list, NW_CAUSE_MAPPING, list->reason);
        } else {
            fan_out(lane, list);
        }
        list = next;
    }
}

bool nw_lane_map(struct nw_lane *lane, struct nw_message *original, struct nw_error *error)
{
    struct nw_mapped mapped;

    if (nw_map_run(lane->route->map, nw_lane_mapper(lane), original, &mapped) != 0) {
        original->worst = NW_FATE_RETURNED;
        nw_lane_finish(lane, original);
        return true;
    }
    switch (mapped.outcome) {
    case NW_MAPPED:
        deliver_mapped(lane, original, mapped.messages);
        break;
    case NW_MAP_REJECTED:
        reject_mapped(lane, original, &mapped);
        break;
    case NW_MAP_LATER:
        *error = mapped.error;
        return false;
    default:
        nw_lane_finish(lane, original);
        break;
    }
    return true;
}

/* What somebody waits for, before it is mapped: is there a reason to answer now? */
static bool is_answered(struct nw_lane *lane, struct nw_message *original)
{
    const struct nw_route_spec *route = lane->route;
    struct nw_error error;
    struct nw_message *m;

    if (nw_lane_render_source(lane, original, &error) != 0) {
        m = stand_in(lane, original);
        if (m != NULL) {
            nw_lane_answer(lane, m, NW_REJECT, NW_CAUSE_MAPPING, error.text);
        }
        return true;
    }
    if (route->spool_in_outage && nw_spooler_waits(&lane->spooler)) {
        nw_lane_answer_original(lane, original, "earlier ones wait in the spool");
        return true;
    }
    return false;
}

void nw_lane_deliver(struct nw_lane *lane, struct nw_message *original)
{
    struct nw_error error;

    original->outcome = NW_ACK;
    original->worst = NW_FATE_FILTERED;
    if (original->deadline_ns != 0 && is_answered(lane, original)) {
        return;
    }
    if (original->headers.count > 0) {
        if (has_passed(lane, original)) {
            nw_lane_finish(lane, original);
            return;
        }
        if (lane->foreign) {
            strip_reserved_headers(original);
        }
    }
    if (!nw_later_is_empty(&lane->later) || !nw_lane_map(lane, original, &error)) {
        nw_later_add(lane, original);
    }
}
