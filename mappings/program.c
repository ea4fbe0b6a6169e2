/* SPDX-License-Identifier: Apache-2.0 */
#include "mappings/program.h"

#include <pthread.h>
#include <stdlib.h>

#include "base/buffer.h"
#include "base/error.h"
#include "base/json.h"
#include "base/table.h"
#include "mappings/deadline.h"
#include "mappings/json_value.h"
#include "mappings/meta.h"
#include "mappings/program_guard.h"

/* Interpreters that could not be freed, of one program in one mapper. */
#define ABANDONED_MOST 32

/* A distinct text that was found to be a program. */
struct known {
    size_t number;
    char *text;
    struct nw_program_uses uses;
    struct nw_rule *rule; /* NULL: libjq alone runs it */
};

struct nw_program {
    const struct known *known;
};

/* All that were ever found, by text; they are never freed. Guarded by lock. */
static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static struct nw_table known_texts;

/* A program in one mapper. */
struct compiled {
    jq_state *jq; /* NULL: not yet */
    unsigned abandoned;
};

struct nw_mapper {
    struct compiled *compiled; /* by number */
    size_t count;
    struct nw_rule_space *space;
    uint64_t indexed; /* payloads so far; the latest is in space */
    struct nw_buffer text;
    struct nw_deadline deadline;
    int64_t limit_ms;
    struct nw_error *error; /* where messages of the interpreter go while it runs */
    struct nw_avro_fetcher *fetcher;
};

/* ---- compiling ---- */

/* jq guesses that a shell has eaten quotes; here there was none. */
static void cut_shell_hint(char *text)
{
    static const char hint[] = " (Unix shell quoting issues?)";
    char *at = strstr(text, hint);

    if (at != NULL) {
        memmove(at, at + sizeof hint - 1, strlen(at + sizeof hint - 1) + 1);
    }
}

/* The first message is the useful one; jq's own prefix tells a user nothing. */
static void keep_message(void *context, jv message)
{
    struct nw_error *error = context;

    if (error != NULL && jv_get_kind(message) == JV_KIND_STRING && error->text[0] == '\0') {
        const char *text = jv_string_value(message);
        const char *skip = strncmp(text, "jq: error: ", 11) == 0 ? text + 11 : text;
        (void)nw_error_set(error, NW_EINVAL, "%.*s", (int)strcspn(skip, "\n"), skip);
        cut_shell_hint(error->text);
    }
    jv_free(message);
}

/* libjq reads its own library each time, which takes some 20 ms; a rule is certainly a program. As
 * the user wrote it, with $meta as a constant: nothing but this tells a whole program from the
 * halves that would also fit into what it is wrapped in. */
static int check_syntax(const char *text, struct nw_error *error)
{
    jq_state *jq = jq_init();
    struct nw_error why = {.text = ""};
    int good;

    if (jq == NULL) {
        return nw_error_set(error, NW_ENOMEM, "out of memory");
    }
    jq_set_error_cb(jq, keep_message, &why);
    good = jq_compile_args(jq, text, jv_object_set(jv_object(), jv_string("meta"), jv_null()));
    jq_teardown(&jq);
    return good ? 0 : nw_error_set(error, NW_EINVAL, "jq: %s", why.text);
}

/* With lock held. Takes rule. NULL: no memory. */
static struct known *add_known(struct nw_slice text, struct nw_program_uses uses,
                               struct nw_rule *rule)
{
    struct known *k = calloc(1, sizeof *k);

    if (k != NULL) {
        *k = (struct known){known_texts.count, strndup(text.data, text.len), uses, rule};
    }
    if (k == NULL || k->text == NULL ||
        nw_table_put(&known_texts, nw_slice_text(k->text), k) != 0) {
        free(k == NULL ? NULL : k->text);
        free(k);
        nw_rule_free(rule);
        return NULL;
    }
    return k;
}

/* With lock held. text ends with a NUL. */
static int learn(struct nw_slice text, struct known **out, struct nw_error *error)
{
    struct nw_program_uses uses;
    struct nw_rule *rule;
    int rc = nw_program_text_check(text.data, &uses, error);

    if (rc != 0) {
        return rc;
    }
    rule = nw_rule_compile(text.data);
    rc = rule != NULL ? 0 : check_syntax(text.data, error);
    if (rc == 0 && (*out = add_known(text, uses, rule)) == NULL) {
        rc = nw_error_set(error, NW_ENOMEM, "out of memory");
    }
    return rc;
}

int nw_program_compile(struct nw_slice text, struct nw_program **out, struct nw_error *error)
{
    struct nw_program *p = calloc(1, sizeof *p);
    char *copy = strndup(text.data == NULL ? "" : text.data, text.len);
    struct known *k;
    int rc = 0;

    if (p == NULL || copy == NULL) {
        free(p);
        free(copy);
        return nw_error_set(error, NW_ENOMEM, "out of memory");
    }
    (void)pthread_mutex_lock(&lock);
    k = nw_table_find(&known_texts, nw_slice_text(copy));
    if (k == NULL) {
        rc = learn(nw_slice_text(copy), &k, error);
    }
    (void)pthread_mutex_unlock(&lock);
    free(copy);
    if (rc != 0) {
        free(p);
        return rc;
    }
    p->known = k;
    *out = p;
    return 0;
}

void nw_program_free(struct nw_program *p)
{
    free(p);
}

/* ---- mappers ---- */

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
        jq_teardown(&mapper->compiled[i].jq);
    }
    free(mapper->compiled);
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

static void on_message(void *context, jv message)
{
    struct nw_mapper *mapper = context;

    keep_message(mapper->error, message);
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

static struct compiled *compiled(struct nw_mapper *mapper, const struct nw_program *p)
{
    struct compiled *c;

    if (p->known->number >= mapper->count) {
        size_t count = p->known->number + 8;
        struct compiled *more = realloc(mapper->compiled, count * sizeof *more);

        if (more == NULL) {
            return NULL;
        }
        memset(more + mapper->count, 0, (count - mapper->count) * sizeof *more);
        mapper->compiled = more;
        mapper->count = count;
    }
    c = &mapper->compiled[p->known->number];
    if (c->jq == NULL && c->abandoned < ABANDONED_MOST) {
        c->jq = compile(mapper, p);
    }
    return c;
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

/* Have the payload that p looks at in the mapper's space. */
static bool index_payload(struct nw_mapper *mapper, const struct nw_program *p, struct nw_value *v,
                          const struct nw_message *m)
{
    bool needed = p->known->uses.payload && m->payload.len > 0;

    if (p->known->rule == NULL) {
        return false;
    }
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
    struct compiled *c;
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
    struct compiled *c = &mapper->compiled[p->known->number];

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
    jq_state *jq = mapper->compiled[p->known->number].jq;
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
