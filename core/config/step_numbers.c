/* SPDX-License-Identifier: Apache-2.0 */
/*
 * jq's numbers are doubles: an integer that a rule takes into a new payload is exact only below
 * 2^53. Where a `check` step says that a member is an integer and a later rule looks at it, that is
 * said. Whoever knows that it stays small says `number`.
 */
#include <ctype.h>

#include "config/steps.h"

static bool is_word(char c)
{
    return isalnum((unsigned char)c) || c == '_';
}

/* "id" of "id" and ".customer.id". */
static const char *last_level(const char *name)
{
    const char *dot = strrchr(name, '.');

    return dot == NULL ? name : dot + 1;
}

static bool has_word(const char *text, const char *word)
{
    size_t len = strlen(word);

    for (const char *at = strstr(text, word); at != NULL; at = strstr(at + 1, word)) {
        if ((at == text || !is_word(at[-1])) && !is_word(at[len])) {
            return true;
        }
    }
    return false;
}

/* Does it take the payload as a whole, as in `. + {a: 1}`? */
static bool has_whole(const char *text)
{
    for (const char *at = strchr(text, '.'); at != NULL; at = strchr(at + 1, '.')) {
        bool after_term = at > text && (is_word(at[-1]) || strchr(")]}\".", at[-1]) != NULL);
        if (!after_term && !is_word(at[1]) && strchr("\"[.", at[1]) == NULL) {
            return true;
        }
        if (!after_term && at[1] == '\0') {
            return true;
        }
    }
    return false;
}

void nw_step_warn_integers(const struct nw_step *s)
{
    const struct nw_check_rule *rule = *s->checked;
    const char *text = s->node->text.data;

    for (size_t i = 0; rule != NULL && i < rule->type_count; i++) {
        const char *name = rule->types[i].name;
        if (rule->types[i].type != NW_TYPE_INTEGER ||
            (!has_word(text, last_level(name)) && !has_whole(text))) {
            continue;
        }
        nw_reader_warning(s->reader, &s->node->mark,
                          "%s: the integer %s is exact only below 2^53 when a rule rebuilds it; if "
                          "it stays below, its type can be number",
                          s->name, name);
    }
    *s->checked = NULL; /* another payload now */
}
