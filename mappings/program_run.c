/* SPDX-License-Identifier: Apache-2.0 */
/* Programs in libjq's interpreter. */
#include <stdlib.h>

#include "base/json.h"
#include "mappings/json_value.h"
#include "mappings/meta.h"
#include "mappings/program_guard.h"
#include "mappings/program_parts.h"

/* Interpreters that could not be freed, of one program in one mapper. */
#define ABANDONED_MOST 32

/* ---- compiling ---- */

static void on_message(void *context, jv message)
{
    struct nw_mapper *mapper = context;

    nw_program_keep_message(mapper->error, message);
}

/* What libjq compiles: with its guards, and $meta, which differs for each message, from the input.
 */
static void wrap(const struct nw_program *p, struct nw_buffer *out)
{
    nw_guard_define(p->known->uses.guards, out);
    if (p->known->uses.meta != 0) {
        nw_buffer_add_text(out, ".[0] as $meta | .[1] | (");
    }
    nw_program_text_guard(p->known->text, out);
    if (p->known->uses.meta != 0) {
        nw_buffer_add_text(out, "\n)");
    }
}

static jq_state *compile(struct nw_mapper *mapper, const struct nw_program *p)
{
    struct nw_buffer wrapped = {NULL, 0, 0, false};
    jq_state *jq = jq_init();

    if (jq == NULL) {
        return NULL;
    }
    jq_set_error_cb(jq, on_message, mapper);
    wrap(p, &wrapped);
    if (wrapped.failed || !jq_compile(jq, nw_buffer_text(&wrapped))) {
        jq_teardown(&jq);
    }
    nw_buffer_done(&wrapped);
    return jq;
}

static struct nw_interpreter *compiled(struct nw_mapper *mapper, const struct nw_program *p)
{
    struct nw_interpreter *c;

    if (p->known->number >= mapper->count) {
        size_t count = p->known->number + 8;
        struct nw_interpreter *more = realloc(mapper->interpreters, count * sizeof *more);

        if (more == NULL) {
            return NULL;
        }
        memset(more + mapper->count, 0, (count - mapper->count) * sizeof *more);
        mapper->interpreters = more;
        mapper->count = count;
    }
    c = &mapper->interpreters[p->known->number];
    if (c->jq == NULL && c->abandoned < ABANDONED_MOST) {
        c->jq = compile(mapper, p);
    }
    return c;
}

/* ---- running ---- */

static enum nw_program_result failed(jv result, struct nw_error *error)
{
    jv why = jv_invalid_get_msg(result);

    if (jv_get_kind(why) == JV_KIND_STRING) {
        (void)nw_error_set(error, NW_EINVAL, "%.400s", jv_string_value(why));
    } else {
        jv text = jv_dump_string(why, 0);
        (void)nw_error_set(error, NW_EINVAL, "%.400s", jv_string_value(text));
        jv_free(text);
        return NW_PROGRAM_FAILED;
    }
    jv_free(why);
    return NW_PROGRAM_FAILED;
}

/* The next result into *out; NONE at the end. */
static enum nw_program_result next(jq_state *jq, jv *out, struct nw_error *error)
{
    jv result = jq_next(jq);

    if (jv_is_valid(result)) {
        if (nw_json_is_writable(result)) {
            *out = result;
            return NW_PROGRAM_ONE;
        }
        jv_free(result);
        (void)nw_error_set(error, NW_EINVAL,
                           "the rule gave more than %d values in one, or nested deeper than %d "
                           "levels",
                           NW_VALUE_PARTS_MOST, NW_VALUE_DEEPEST);
        return NW_PROGRAM_FAILED;
    }
    if (jv_invalid_has_msg(jv_copy(result))) {
        return failed(result, error);
    }
    jv_free(result);
    return NW_PROGRAM_NONE;
}

static enum nw_program_result too_long(const struct nw_mapper *mapper, struct nw_error *error)
{
    (void)nw_error_set(error, NW_EINVAL, "the rule took longer than map_timeout, %lld ms",
                       (long long)mapper->limit_ms);
    return NW_PROGRAM_FAILED;
}

/* The interpreter of p, with v and $meta of m as its input; NULL: not run, error says why. */
static jq_state *start(struct nw_mapper *mapper, const struct nw_program *p,
                       const struct nw_value *v, struct nw_message *m, struct nw_error *error)
{
    struct nw_interpreter *c;
    jv input;

    error->text[0] = '\0';
    mapper->error = error;
    c = compiled(mapper, p);
    if (c != NULL && c->abandoned == ABANDONED_MOST) {
        (void)nw_error_set(
            error, NW_EINVAL,
            "the rule took longer than map_timeout %d times, and is not run any more",
            ABANDONED_MOST);
        return NULL;
    }
    if (c == NULL || c->jq == NULL) {
        if (error->text[0] == '\0') { /* libjq has said nothing */
            (void)nw_error_set(error, NW_ENOMEM, "out of memory");
        }
        return NULL;
    }
    if (!nw_deadline_start(&mapper->deadline, c->jq)) {
        (void)too_long(mapper, error);
        return NULL;
    }
    input = p->known->uses.payload ? jv_copy(v->value) : jv_null();
    if (p->known->uses.meta != 0) {
        input = JV_ARRAY(nw_meta_value(m, p->known->uses.meta), input);
    }
    jq_start(c->jq, input, 0);
    return c->jq;
}

/* A halted interpreter is freed, or left alone where that would end the process. */
static void give_up(struct nw_mapper *mapper, const struct nw_program *p)
{
    struct nw_interpreter *c = &mapper->interpreters[p->known->number];

    if (nw_guard_has_paths(p->known->uses.guards)) {
        c->jq = NULL;
        c->abandoned++;
    } else {
        jq_teardown(&c->jq);
    }
}

/* Lets go of the input now, not with the next message. last: of all values there are. false: it
 * took too long, error says so. */
static bool end(struct nw_mapper *mapper, const struct nw_program *p, bool last,
                struct nw_error *error)
{
    jq_state *jq = mapper->interpreters[p->known->number].jq;
    struct nw_error ignored;
    jv value;

    while (!last && nw_guard_has_paths(p->known->uses.guards)) {
        last = next(jq, &value, &ignored) != NW_PROGRAM_ONE;
        if (!last) {
            jv_free(value);
        }
    }
    mapper->error = NULL;
    if (nw_deadline_end(&mapper->deadline)) {
        give_up(mapper, p);
        (void)too_long(mapper, error);
        return false;
    }
    jq_start(jq, jv_null(), 0);
    if (mapper->deadline.over) { /* a regular expression was */
        (void)too_long(mapper, error);
        return false;
    }
    return true;
}

enum nw_program_result nw_program_run(struct nw_mapper *mapper, const struct nw_program *p,
                                      const struct nw_value *v, struct nw_message *m,
                                      bool all_of_them, jv *first, struct nw_error *error)
{
    jq_state *jq = start(mapper, p, v, m, error);
    enum nw_program_result result, more;
    jv second;

    if (jq == NULL) {
        return NW_PROGRAM_FAILED;
    }
    result = more = next(jq, first, error);
    if (result == NW_PROGRAM_ONE && all_of_them) {
        more = next(jq, &second, error);
        if (more == NW_PROGRAM_ONE) {
            jv_free(second);
        }
        if (more != NW_PROGRAM_NONE) {
            jv_free(*first);
            result = more == NW_PROGRAM_ONE ? NW_PROGRAM_SEVERAL : more;
        }
    }
    if (!end(mapper, p, more != NW_PROGRAM_ONE, error)) {
        if (result == NW_PROGRAM_ONE) {
            jv_free(*first);
        }
        result = NW_PROGRAM_FAILED;
    }
    return result;
}

int nw_program_collect(struct nw_mapper *mapper, const struct nw_program *p,
                       const struct nw_value *v, struct nw_message *m, jv *all,
                       struct nw_error *error)
{
    jq_state *jq = start(mapper, p, v, m, error);
    enum nw_program_result result;
    int count = 0;
    jv value;

    if (jq == NULL) {
        return NW_EINVAL;
    }
    *all = jv_array();
    while ((result = next(jq, &value, error)) == NW_PROGRAM_ONE && count < NW_SPLIT_MOST) {
        *all = jv_array_append(*all, value);
        count++;
    }
    if (result == NW_PROGRAM_ONE) {
        jv_free(value);
        (void)nw_error_set(error, NW_EINVAL, "the rule gave more than %d values", NW_SPLIT_MOST);
    }
    if (end(mapper, p, result != NW_PROGRAM_ONE, error) && result == NW_PROGRAM_NONE) {
        return 0;
    }
    jv_free(*all);
    return NW_EINVAL;
}
