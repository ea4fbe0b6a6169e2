/* SPDX-License-Identifier: Apache-2.0 */
#include <pthread.h>
#include <stdlib.h>

#include "base/table.h"
#include "mappings/program_parts.h"

/* All that were ever found, by text; they are never freed. Guarded by lock. */
static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static struct nw_table known_texts;

/* jq guesses that a shell has eaten quotes; here there was none. */
static void cut_shell_hint(char *text)
{
    static const char hint[] = " (Unix shell quoting issues?)";
    char *at = strstr(text, hint);

    if (at != NULL) {
        memmove(at, at + sizeof hint - 1, strlen(at + sizeof hint - 1) + 1);
    }
}

void nw_program_keep_message(void *context, jv message)
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
    jq_set_error_cb(jq, nw_program_keep_message, &why);
    good = jq_compile_args(jq, text, jv_object_set(jv_object(), jv_string("meta"), jv_null()));
    jq_teardown(&jq);
    return good ? 0 : nw_error_set(error, NW_EINVAL, "jq: %s", why.text);
}

/* With lock held. Takes rule. NULL: no memory. */
static struct nw_known_program *add_known(struct nw_slice text, struct nw_program_uses uses,
                                          struct nw_rule *rule)
{
    struct nw_known_program *k = calloc(1, sizeof *k);

    if (k != NULL) {
        *k = (struct nw_known_program){known_texts.count, strndup(text.data, text.len), uses, rule};
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
static int learn(struct nw_slice text, struct nw_known_program **out, struct nw_error *error)
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
    struct nw_known_program *k;
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
