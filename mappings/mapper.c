/* SPDX-License-Identifier: Apache-2.0 */
/* What a worker has for its messages, and running rules of our own. */
#include <stdlib.h>

#include "mappings/json_value.h"
#include "mappings/program_parts.h"

struct nw_mapper *nw_mapper_new(void)
{
    struct nw_mapper *mapper = calloc(1, sizeof *mapper);

    if (mapper == NULL) {
        return NULL;
    }
    mapper->space = nw_rule_space_new();
    if (mapper->space == NULL) {
        free(mapper);
        return NULL;
    }
    nw_deadline_init(&mapper->deadline);
    return mapper;
}

void nw_mapper_message(struct nw_mapper *mapper, int64_t limit_ms)
{
    mapper->limit_ms = limit_ms;
    nw_deadline_message(&mapper->deadline, limit_ms);
}

void nw_mapper_free(struct nw_mapper *mapper)
{
    if (mapper == NULL) {
        return;
    }
    nw_deadline_done(&mapper->deadline);
    for (size_t i = 0; i < mapper->count; i++) {
        jq_teardown(&mapper->interpreters[i].jq);
    }
    free(mapper->interpreters);
    nw_rule_space_free(mapper->space);
    nw_buffer_done(&mapper->text);
    free(mapper);
}

void nw_mapper_set_fetcher(struct nw_mapper *mapper, struct nw_avro_fetcher *fetcher)
{
    mapper->fetcher = fetcher;
}

struct nw_avro_fetcher *nw_mapper_fetcher(const struct nw_mapper *mapper)
{
    return mapper->fetcher;
}

/* ---- values ---- */

int nw_value_for(struct nw_value *v, const struct nw_program *p, const struct nw_message *m,
                 struct nw_error *error)
{
    return p->known->uses.payload ? nw_value_parse(v, m, error) : 0;
}

int nw_value_parse(struct nw_value *v, const struct nw_message *m, struct nw_error *error)
{
    jv value;
    int rc;

    if (v->parsed) {
        return 0;
    }
    if (m->payload.len == 0) {
        v->value = jv_null(); /* a tombstone, or a request without a body */
        v->parsed = true;
        return 0;
    }
    rc = nw_json_value(m->payload, &value, error);
    if (rc != 0) {
        return rc;
    }
    v->value = value;
    v->parsed = true;
    return 0;
}

void nw_value_done(struct nw_value *v)
{
    if (v->parsed) {
        jv_free(v->value);
        v->parsed = false;
    }
    v->indexed = 0;
}

/* ---- running as a rule ---- */

/* Have the payload in the mapper's space, with needed; else null. */
static bool read_payload(struct nw_mapper *mapper, struct nw_value *v, const struct nw_message *m,
                         bool needed)
{
    if (needed && v->indexed != 0 && v->indexed == mapper->indexed) {
        return true;
    }
    v->indexed = 0;
    mapper->indexed++;
    if (nw_rule_space_read(mapper->space, needed ? m->payload : NW_ABSENT) != 0) {
        return false;
    }
    v->indexed = needed ? mapper->indexed : 0;
    return true;
}

/* Have the payload that p looks at in the mapper's space. */
static bool index_payload(struct nw_mapper *mapper, const struct nw_program *p, struct nw_value *v,
                          const struct nw_message *m)
{
    return p->known->rule != NULL &&
           read_payload(mapper, v, m, p->known->uses.payload && m->payload.len > 0);
}

const struct nw_document *nw_mapper_document(struct nw_mapper *mapper, struct nw_value *v,
                                             const struct nw_message *m)
{
    return m->payload.len > 0 && read_payload(mapper, v, m, true)
               ? nw_rule_space_document(mapper->space)
               : NULL;
}

enum nw_program_result nw_program_rule(struct nw_mapper *mapper, const struct nw_program *p,
                                       struct nw_value *v, struct nw_message *m,
                                       struct nw_rule_value *out)
{
    if (!index_payload(mapper, p, v, m)) {
        return NW_PROGRAM_FAILED;
    }
    switch (nw_rule_run(p->known->rule, mapper->space, m, out)) {
    case NW_RULE_VALUE:
        return NW_PROGRAM_ONE;
    case NW_RULE_NONE:
        return NW_PROGRAM_NONE;
    default:
        return NW_PROGRAM_FAILED;
    }
}

bool nw_program_rule_all(struct nw_mapper *mapper, const struct nw_program *p, struct nw_value *v,
                         struct nw_message *m, const struct nw_rule_member **values, size_t *count)
{
    return index_payload(mapper, p, v, m) &&
           nw_rule_run_all(p->known->rule, mapper->space, m, values, count) == NW_RULE_VALUE;
}

bool nw_program_rule_write(struct nw_mapper *mapper, const struct nw_rule_value *value,
                           struct nw_buffer *out)
{
    return nw_rule_write(mapper->space, value, out);
}

struct nw_slice nw_program_rule_text(struct nw_mapper *mapper, const struct nw_rule_value *value,
                                     struct nw_message *to)
{
    nw_buffer_clear(&mapper->text);
    if (!nw_rule_write(mapper->space, value, &mapper->text)) {
        return NW_ABSENT;
    }
    return nw_message_copy(to, nw_buffer_text(&mapper->text), mapper->text.len);
}
