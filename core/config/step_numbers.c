/* SPDX-License-Identifier: Apache-2.0 */
/*
 * jq's numbers are doubles: an integer that a rule takes into a new payload is exact only below
 * 2^53. Where a `check` step says that a member is an integer and a later rule looks at it, that is
 * said. Whoever knows that it stays small says `number`.
 */
#include <ctype.h>

#include "config/steps.h"
#include "mappings/program_guard.h"

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

/* Behind [0], [] and [1:] of arrays. */
static const char *skip_elements(const char *at)
{
    while (*at == '[' && at[1] != '"' && strchr(at, ']') != NULL) {
        at = strchr(at, ']') + 1;
    }
    return at;
}

/* Of a member that is taken as a whole: no more of a name, no member of it, no colon of a key. */
static bool is_end(char c)
{
    return !is_word(c) && c != '.' && c != ':';
}

/* Does it take something around the member of the path name as a whole, as in `{a: .customer}`? */
static bool has_part(const char *text, const char *name)
{
    for (const char *dot = strchr(name, '.'); dot != NULL && strchr(dot + 1, '.') != NULL;
         dot = strchr(dot + 1, '.')) {
        size_t len = strcspn(dot + 1, ".[");

        for (const char *at = text; len > 0 && *at != '\0'; at++) {
            if (strncmp(at, dot + 1, len) == 0 && (at == text || !is_word(at[-1])) &&
                is_end(*skip_elements(at + len))) {
                return true;
            }
        }
    }
    return false;
}

/* Does it take the payload as a whole, as in `. + {a: 1}` and `.[]`? */
static bool has_whole(const char *text)
{
    for (const char *at = strchr(text, '.'); at != NULL; at = strchr(at + 1, '.')) {
        bool after_term = at > text && (is_word(at[-1]) || strchr(")]}\".", at[-1]) != NULL);
        if (!after_term && !is_word(at[1]) && strchr("\"[.", at[1]) == NULL) {
            return true;
        }
        if (!after_term && (at[1] == '\0' || (at[1] == '[' && *skip_elements(at + 1) == '\0'))) {
            return true;
        }
    }
    return false;
}

/* The word, but not behind a pipe: there it is about something else. */
static bool begins_with(const char *text, const char *at, const char *word)
{
    size_t len = strlen(word);

    if (strncmp(at, word, len) != 0 || is_word(at[len]) || (at > text && is_word(at[-1]))) {
        return false;
    }
    while (at > text && isspace((unsigned char)at[-1])) {
        at--;
    }
    return at == text || strchr("|.$", at[-1]) == NULL;
}

/* Does it change the payload and give it back, as in `del(.x)` and `.a |= 1`? */
static bool has_update(const char *text)
{
    static const char *const words[] = {"del",          "delpaths",   "setpath", "map_values",
                                        "with_entries", "to_entries", "walk",    "tojson"};
    bool quoted = false;

    for (const char *at = text; *at != '\0'; at++) {
        if (quoted && *at == '\\' && at[1] != '\0') {
            at++;
        } else if (*at == '"') {
            quoted = !quoted;
        } else if (!quoted && *at == '=' && nw_guard_of_operator(text, at) != 0) {
            return true;
        }
        for (size_t i = 0; !quoted && i < sizeof words / sizeof words[0]; i++) {
            if (begins_with(text, at, words[i])) {
                return true;
            }
        }
    }
    return false;
}

/* text NULL: all of them are looked at. */
static void warn(const struct nw_step *s, const char *text)
{
    const struct nw_check_rule *rule = *s->checked;
    bool whole = text == NULL || has_whole(text) || has_update(text);

    for (size_t i = 0; rule != NULL && i < rule->type_count; i++) {
        const char *name = rule->types[i].name;

        if (rule->types[i].type == NW_TYPE_INTEGER &&
            (whole || has_word(text, last_level(name)) || has_part(text, name))) {
            nw_reader_warning(s->reader, &s->node->mark,
                              "%s: the integer %s is exact only below 2^53 when a rule rebuilds "
                              "it; if it stays below, its type can be number",
                              s->name, name);
        }
    }
    *s->checked = NULL; /* another payload now */
}

void nw_step_warn_integers(const struct nw_step *s)
{
    warn(s, s->node->text.data);
}

void nw_step_warn_all_integers(const struct nw_step *s)
{
    warn(s, NULL);
}
