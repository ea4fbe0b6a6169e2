/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Running a map. Each kind of step is one row of the table `kinds`. A step works on one outgoing
 * message and says whether it goes on. Split makes several out of one, and each of them goes
 * through the rest of the steps by itself.
 */
#include <stdlib.h>

#include "base/base64.h"
#include "mappings/codecs.h"
#include "mappings/dedupe.h"
#include "mappings/exact.h"
#include "mappings/lookup_run.h"
#include "mappings/map_steps.h"
#include "mappings/program.h"

/* What the runs of one original's messages have in common. */
struct result {
    struct nw_message *head, **tail;
    uint32_t parts;         /* that splits have made */
    unsigned step;          /* the last that ran */
    const char *refused_by; /* its key, when it refused; NULL: in the user's own words */
    bool no_memory, later;
};

/* What a run carries along. */
struct run {
    struct nw_mapper *mapper;
    struct nw_message *m;
    struct nw_value value; /* of m's payload */
    bool rebuilt;          /* m's payload was written here, with libjq's numbers */
    struct nw_error *error;
    const struct nw_map *map;
    size_t next; /* step */
    struct result *result;
};

enum verdict { GO_ON, FILTERED, REJECTED, LATER, SPLIT_UP };

/* jq's truth of p: 1, 0, or negative with the reason. */
static int test(struct run *r, const struct nw_program *p)
{
    struct nw_rule_value quick;
    jv result;
    int truth;

    switch (nw_program_rule(r->mapper, p, &r->value, r->m, &quick)) {
    case NW_PROGRAM_ONE:
        return nw_rule_is_true(&quick);
    case NW_PROGRAM_NONE:
        return 0;
    default:
        break;
    }
    if (nw_value_for(&r->value, p, r->m, r->error) != 0) {
        return NW_EINVAL;
    }
    switch (nw_program_run(r->mapper, p, &r->value, r->m, false, &result, r->error)) {
    case NW_PROGRAM_FAILED:
        return NW_EINVAL;
    case NW_PROGRAM_NONE:
        return 0;
    default:
        break;
    }
    truth = jv_get_kind(result) != JV_KIND_FALSE && jv_get_kind(result) != JV_KIND_NULL;
    jv_free(result);
    return truth;
}

int nw_mapper_test(struct nw_mapper *mapper, const struct nw_program *program, struct nw_message *m,
                   struct nw_error *error)
{
    struct run r = {.mapper = mapper, .m = m, .error = error};
    int truth;

    if (program == NULL) {
        return 1;
    }
    truth = test(&r, program);
    nw_value_done(&r.value);
    return truth;
}

static enum verdict run_filter(struct run *r, const struct nw_map_step *s)
{
    int truth = test(r, s->program);

    return truth < 0 ? REJECTED : truth == 0 ? FILTERED : GO_ON;
}

/* The value becomes the payload, as JSON without blanks. */
static enum verdict set_payload(struct run *r, jv value)
{
    jv text = jv_dump_string(jv_copy(value), 0);
    struct nw_slice copy =
        nw_message_copy(r->m, jv_string_value(text), (size_t)jv_string_length_bytes(jv_copy(text)));

    jv_free(text);
    nw_value_done(&r->value);
    r->value = (struct nw_value){.value = value, .parsed = true};
    r->rebuilt = true;
    if (copy.data == NULL) {
        (void)nw_error_set(r->error, NW_ENOMEM, "out of memory");
        return REJECTED;
    }
    r->m->payload = copy;
    return GO_ON;
}

/* Without libjq. REJECTED: it must run the rule. */
static enum verdict run_payload_rule(struct run *r, const struct nw_map_step *s)
{
    struct nw_rule_value value;
    struct nw_slice text;

    switch (nw_program_rule(r->mapper, s->program, &r->value, r->m, &value)) {
    case NW_PROGRAM_NONE:
        return FILTERED;
    case NW_PROGRAM_ONE:
        text = nw_program_rule_text(r->mapper, &value, r->m);
        if (text.data != NULL) {
            nw_value_done(&r->value);
            r->rebuilt = true;
            r->m->payload = text;
            return GO_ON;
        }
        return REJECTED;
    default:
        return REJECTED;
    }
}

static enum verdict run_payload(struct run *r, const struct nw_map_step *s)
{
    enum verdict quick = run_payload_rule(r, s);
    jv result;

    if (quick != REJECTED) {
        return quick;
    }
    if (nw_value_for(&r->value, s->program, r->m, r->error) != 0) {
        return REJECTED;
    }
    switch (nw_program_run(r->mapper, s->program, &r->value, r->m, true, &result, r->error)) {
    case NW_PROGRAM_ONE:
        return set_payload(r, result);
    case NW_PROGRAM_NONE:
        return FILTERED;
    case NW_PROGRAM_SEVERAL:
        (void)nw_error_set(r->error, NW_EINVAL,
                           "the rule gave more than one value; use split for several messages");
        return REJECTED;
    default:
        return REJECTED;
    }
}

static void run_part(struct run *r);

/* A message for one of the values; NULL: no memory. */
static struct nw_message *new_part(struct run *r)
{
    struct nw_message *m = nw_message_derive(r->m);

    if (m == NULL) {
        r->result->no_memory = true;
        return NULL;
    }
    return m;
}

/* A part has an id of its own, also for the steps behind the split. */
static int give_part_id(const struct run *r, struct nw_message *m)
{
    return m->part.data == NULL
               ? 0
               : nw_message_make_part_id(m, r->map->route == NULL ? "" : r->map->route);
}

/* Which of the splits the step before `next` is. */
static uint32_t count_splits(const struct nw_map *map, size_t next)
{
    uint32_t count = 0;

    for (size_t i = 0; i < next; i++) {
        count += map->steps[i].kind == NW_STEP_SPLIT ? 1 : 0;
    }
    return count;
}

/* The part goes through the rest of the steps by itself. value is what is known of its payload. */
static void go_on_with(struct run *r, struct nw_message *m, struct nw_value value)
{
    struct run part = *r;

    part.m = m;
    part.value = value;
    part.rebuilt = true;
    m->split_index = r->result->parts++;
    m->part = m->payload;
    m->part_split = count_splits(r->map, r->next);
    if (give_part_id(r, m) != 0) {
        r->result->no_memory = true;
        nw_value_done(&part.value);
        nw_message_unref(m);
        return;
    }
    run_part(&part);
}

static enum verdict add_part(struct run *r, jv value)
{
    struct run part = *r;

    part.m = new_part(r);
    part.value = (struct nw_value){.parsed = false};
    if (part.m == NULL) {
        jv_free(value);
        return REJECTED;
    }
    if (set_payload(&part, value) != GO_ON) {
        nw_value_done(&part.value);
        nw_message_unref(part.m);
        r->result->no_memory = true;
        return REJECTED;
    }
    go_on_with(r, part.m, part.value);
    return r->result->later ? LATER : GO_ON;
}

static void free_all(struct nw_message *m)
{
    while (m != NULL) {
        struct nw_message *next = m->next;
        nw_message_unref(m);
        m = next;
    }
}

/* The same without libjq. All parts are written before the first goes on: the values are gone when
 * the next rule runs. REJECTED: libjq must run the rule. */
static enum verdict run_split_rule(struct run *r, const struct nw_map_step *s)
{
    const struct nw_rule_member *values;
    struct nw_message *first = NULL, **tail = &first, *m, *next;
    size_t count;

    if (!nw_program_rule_all(r->mapper, s->program, &r->value, r->m, &values, &count)) {
        return REJECTED;
    }
    for (size_t i = 0; i < count; i++) {
        m = new_part(r);
        if (m != NULL) {
            m->next = NULL;
            *tail = m;
            tail = &m->next;
            m->payload = nw_program_rule_text(r->mapper, &values[i].value, m);
        }
        if (m == NULL || m->payload.data == NULL) {
            free_all(first);
            r->result->no_memory = false;
            return REJECTED;
        }
    }
    for (m = first; m != NULL && !r->result->later; m = next) {
        next = m->next;
        m->next = NULL;
        go_on_with(r, m, (struct nw_value){.parsed = false});
    }
    free_all(m);
    return r->result->later ? LATER : count == 0 ? FILTERED : SPLIT_UP;
}

static enum verdict run_split(struct run *r, const struct nw_map_step *s)
{
    enum verdict verdict = run_split_rule(r, s);
    jv all;
    int count;

    if (verdict != REJECTED) {
        return verdict;
    }
    verdict = GO_ON;
    if (nw_value_for(&r->value, s->program, r->m, r->error) != 0 ||
        nw_program_collect(r->mapper, s->program, &r->value, r->m, &all, r->error) != 0) {
        return REJECTED;
    }
    count = jv_array_length(jv_copy(all));
    for (int i = 0; verdict == GO_ON && i < count; i++) {
        verdict = add_part(r, jv_array_get(jv_copy(all), i));
    }
    jv_free(all);
    return verdict != GO_ON ? verdict : count == 0 ? FILTERED : SPLIT_UP;
}

static enum verdict run_set(struct run *r, const struct nw_map_step *s)
{
    struct nw_slice value;
    int rc = 0;

    if (s->value == NULL) {
        nw_map_remove_field(r->m, s);
    } else {
        rc = nw_template_render(s->value, r->m, &value, r->error);
        rc = rc != 0 ? rc : nw_map_set_field(r->m, s, value, r->error);
    }
    if (rc == 0 && s->field == NW_MAP_ID) {
        rc = give_part_id(r, r->m);
    }
    return rc == 0 ? GO_ON : REJECTED;
}

static enum verdict run_remove(struct run *r, const struct nw_map_step *s)
{
    nw_message_remove_header(r->m, nw_slice_text(s->name));
    return GO_ON;
}

/* Bytes become the payload, whatever they are. Frees the buffer. */
static enum verdict set_bytes(struct run *r, struct nw_buffer *bytes)
{
    struct nw_slice copy = nw_message_copy(r->m, nw_buffer_text(bytes), bytes->len);
    bool failed = bytes->failed || copy.data == NULL;

    nw_buffer_done(bytes);
    nw_value_done(&r->value);
    r->rebuilt = false;
    if (failed) {
        (void)nw_error_set(r->error, NW_ENOMEM, "out of memory");
        return REJECTED;
    }
    r->m->payload = copy;
    return GO_ON;
}

static enum verdict run_decode(struct run *r, const struct nw_map_step *s)
{
    struct nw_buffer bytes = {0};
    struct nw_error error;
    jv value;
    int rc;

    if (s->codec->format == NW_FORMAT_BASE64) {
        if (nw_base64_decode(&bytes, r->m->payload, &error) != 0) {
            (void)nw_error_set(r->error, NW_EINVAL, "base64: %s", error.text);
            nw_buffer_done(&bytes);
            return REJECTED;
        }
        return set_bytes(r, &bytes);
    }
    rc = nw_codec_decode(s->codec, nw_mapper_fetcher(r->mapper), r->m->payload, &value, r->error);
    if (rc != 0) {
        return rc == NW_EAGAIN ? LATER : REJECTED;
    }
    if (s->codec->format != NW_FORMAT_JSON) {
        return set_payload(r, value);
    }
    nw_value_done(&r->value); /* what is JSON keeps its bytes */
    r->value = (struct nw_value){.value = value, .parsed = true};
    return GO_ON;
}

/* Neither formats nor blanks are worth an integer: what only came through keeps its digits. */
static int encode(struct run *r, const struct nw_codec *codec, struct nw_buffer *out)
{
    int rc = nw_value_parse(&r->value, r->m, r->error);

    if (rc == 0 && codec->format == NW_FORMAT_JSON) {
        return nw_codec_compact(r->m->payload, out, r->error);
    }
    if (rc == 0 && !r->rebuilt) {
        rc = nw_exact_check(r->m->payload, r->error);
    }
    return rc != 0 ? rc
                   : nw_codec_encode(codec, nw_mapper_fetcher(r->mapper), r->value.value, out,
                                     r->error);
}

static enum verdict run_encode(struct run *r, const struct nw_map_step *s)
{
    bool rebuilt = r->rebuilt && s->codec->format == NW_FORMAT_JSON;
    struct nw_buffer bytes = {0};
    enum verdict verdict;
    int rc = 0;

    if (s->codec->format == NW_FORMAT_BASE64) {
        nw_base64_encode(&bytes, r->m->payload);
    } else {
        rc = encode(r, s->codec, &bytes);
    }
    if (rc != 0) {
        nw_buffer_done(&bytes);
        return rc == NW_EAGAIN ? LATER : REJECTED;
    }
    verdict = set_bytes(r, &bytes);
    r->rebuilt = rebuilt;
    return verdict;
}

static enum verdict run_check(struct run *r, const struct nw_map_step *s)
{
    const struct nw_document *d = nw_mapper_document(r->mapper, &r->value, r->m);
    int rc = d != NULL ? nw_check_document(s->check, d, r->error)
                       : nw_check_run(s->check, r->m->payload, r->error);

    return rc != 0 ? REJECTED : GO_ON;
}

static enum verdict run_drop(struct run *r, const struct nw_map_step *s)
{
    (void)r;
    (void)s;
    return FILTERED;
}

static enum verdict run_reject(struct run *r, const struct nw_map_step *s)
{
    struct nw_slice why;

    if (nw_template_render(s->value, r->m, &why, r->error) == 0) {
        r->result->refused_by = NULL;
        (void)nw_error_set(r->error, NW_EINVAL, "%.*s", (int)(why.len > 400 ? 400 : why.len),
                           why.data);
    }
    return REJECTED;
}

/* What was set of the message until then is forgotten when it has to wait. */
static enum verdict run_call(struct run *r, const struct nw_map_step *s)
{
    struct nw_slice payload = r->m->payload;

    switch (s->call->run(s->call->context, r->m, r->error)) {
    case 0:
        break;
    case NW_EAGAIN:
        return LATER;
    default:
        return REJECTED;
    }
    if (r->m->payload.data != payload.data || r->m->payload.len != payload.len) {
        nw_value_done(&r->value);
        r->rebuilt = false;
    }
    return GO_ON;
}

static enum verdict run_dedupe(struct run *r, const struct nw_map_step *s)
{
    int rc = nw_dedupe_run(s->window, s->value, r->m, r->error);

    return rc < 0 ? REJECTED : rc == 0 ? FILTERED : GO_ON;
}

static enum verdict run_lookup(struct run *r, const struct nw_map_step *s)
{
    jv value;
    int rc;

    if (r->m->payload.data == NULL) { /* a tombstone stays one */
        return GO_ON;
    }
    rc = nw_lookup_run(s->lookup, s->program, r->mapper, &r->value, r->m, &value, r->error);
    if (rc != 0) {
        return rc == NW_EAGAIN ? LATER : rc == NW_ENOTFOUND ? GO_ON : REJECTED;
    }
    return set_payload(r, value);
}

static enum verdict (*const kinds[])(struct run *r, const struct nw_map_step *s) = {
    [NW_STEP_FILTER] = run_filter, [NW_STEP_PAYLOAD] = run_payload, [NW_STEP_SPLIT] = run_split,
    [NW_STEP_SET] = run_set,       [NW_STEP_REMOVE] = run_remove,   [NW_STEP_DECODE] = run_decode,
    [NW_STEP_ENCODE] = run_encode, [NW_STEP_CHECK] = run_check,     [NW_STEP_DROP] = run_drop,
    [NW_STEP_REJECT] = run_reject, [NW_STEP_CALL] = run_call,       [NW_STEP_DEDUPE] = run_dedupe,
    [NW_STEP_LOOKUP] = run_lookup,
};

static enum verdict run_step(struct run *r, const struct nw_map_step *s)
{
    int truth = s->when == NULL ? 1 : test(r, s->when);

    if (truth < 0) {
        return REJECTED;
    }
    return truth == 0 ? GO_ON : kinds[s->kind](r, s);
}

/* The steps from r->next on. Only with SPLIT_UP there is nothing left of r->m to send. */
static enum verdict run_steps(struct run *r)
{
    enum verdict verdict = GO_ON;

    while (verdict == GO_ON && r->next < r->map->count) {
        const struct nw_map_step *s = &r->map->steps[r->next++];
        r->result->step = s->number;
        r->result->refused_by = nw_step_name(s->kind);
        verdict = run_step(r, s);
    }
    if (verdict == REJECTED && r->error->code == NW_ENOMEM) {
        r->result->no_memory = true; /* that is no fault of the message: it is tried again */
    }
    nw_value_done(&r->value);
    return verdict;
}

static void append(struct result *result, struct nw_message *m)
{
    m->next = NULL;
    *result->tail = m;
    result->tail = &m->next;
}

static void refuse_part(const struct run *r)
{
    const struct nw_mapped mapped = {
        .step = r->result->step, .step_name = r->result->refused_by, .error = *r->error};
    char text[sizeof mapped.error.text + 40];

    nw_mapped_reason(&mapped, text, sizeof text);
    r->m->outcome = NW_REJECT;
    r->m->reason = nw_message_copy(r->m, text, strlen(text) + 1).data;
}

/* The rest of the steps for one part of a split, which ends in the list or nowhere. */
static void run_part(struct run *r)
{
    switch (run_steps(r)) {
    case GO_ON:
        append(r->result, r->m);
        break;
    case REJECTED:
        refuse_part(r);
        append(r->result, r->m);
        break;
    case LATER:
        r->result->later = true;
        nw_message_unref(r->m);
        break;
    default:
        nw_message_unref(r->m);
        break;
    }
}

/* The original is itself a part, out of a dead letter: it goes on behind its split, and what later
 * splits make of it has the numbers that it would have had. false: there is no such split. */
static bool begin_behind_split(struct run *r, const struct nw_message *original)
{
    while (r->next < r->map->count && count_splits(r->map, r->next) < original->part_split) {
        r->next++;
    }
    r->result->parts = original->split_index + 1;
    r->rebuilt = true;
    return original->part_split > 0 && count_splits(r->map, r->next) == original->part_split;
}

int nw_map_run(const struct nw_map *map, struct nw_mapper *mapper, struct nw_message *original,
               struct nw_mapped *out)
{
    struct result result = {.tail = &result.head};
    struct run r = {.mapper = mapper, .error = &out->error, .map = map, .result = &result};
    enum verdict verdict;

    *out = (struct nw_mapped){.outcome = NW_MAPPED};
    r.m = nw_message_derive(original);
    if (r.m == NULL) {
        return NW_ENOMEM;
    }
    if (original->part.data != NULL && (map == NULL || !begin_behind_split(&r, original))) {
        nw_message_unref(r.m);
        out->outcome = NW_MAP_REJECTED;
        (void)nw_error_set(&out->error, NW_EINVAL,
                           "it is a part of split %u, and the route does not have that any more",
                           original->part_split);
        return 0;
    }
    if (nw_map_is_empty(map)) {
        out->messages = r.m;
        return 0;
    }
    verdict = run_steps(&r);
    out->step = result.step;
    if (verdict == GO_ON) {
        out->messages = r.m;
        return 0;
    }
    nw_message_unref(r.m);
    out->messages = result.head;
    if (result.no_memory) {
        free_all(result.head);
        return NW_ENOMEM;
    }
    if (verdict == LATER) { /* with all of its parts */
        free_all(result.head);
        out->messages = NULL;
        out->outcome = NW_MAP_LATER;
    } else if (verdict == REJECTED) {
        out->outcome = NW_MAP_REJECTED;
        out->step_name = result.refused_by;
    } else if (result.head == NULL) {
        out->outcome = NW_MAP_FILTERED;
    }
    return 0;
}
