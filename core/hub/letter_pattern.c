/* SPDX-License-Identifier: Apache-2.0 */
#include "hub/letter_pattern.h"

#include <string.h>

#include "hub/subject.h"

/* Behind the "}}" that ends the expression at text; quotes may have one. */
static const char *skip_expression(const char *text)
{
    char quote = '\0';

    for (; *text != '\0'; text++) {
        if (quote != '\0') {
            quote = *text == quote ? '\0' : quote;
        } else if (*text == '\'' || *text == '"') {
            quote = *text;
        } else if (text[0] == '}' && text[1] == '}') {
            return text + 2;
        }
    }
    return text;
}

/* Whether the expression at text, behind "{{", is the name alone. */
static bool is_only(const char *text, const char *name)
{
    size_t len = strlen(name);

    text += strspn(text, " ");
    return strncmp(text, name, len) == 0 &&
           strncmp(text + len + strspn(text + len, " "), "}}", 2) == 0;
}

/* Whether the expression gives one token at most. */
static bool is_one_token(const char *text)
{
    static const char *const names[] = {"route",     "bridge", "key",     "id",
                                        "partition", "offset", "sequence"};

    for (size_t i = 0; i < sizeof names / sizeof names[0]; i++) {
        if (is_only(text, names[i])) {
            return true;
        }
    }
    return false;
}

static void cut(struct nw_buffer *out, size_t len)
{
    if (out->data != NULL) {
        out->len = len;
        out->data[len] = '\0';
    }
}

enum token { FIXED, OPEN, REST };

/* Append the token at *at and move behind it. OPEN: it may be any; REST: it may be several, and so
 * all behind it is open. */
static enum token add_token(struct nw_buffer *out, const char **at, const char *bridge)
{
    enum token kind = **at == '$' ? OPEN : FIXED;

    while (**at != '\0' && **at != '.') {
        const char *expression = *at + 2;
        if ((*at)[0] != '{' || (*at)[1] != '{') {
            nw_buffer_add_char(out, *(*at)++);
            continue;
        }
        if (!is_one_token(expression)) {
            return REST;
        }
        if (is_only(expression, "bridge") && nw_subject_is_name(bridge)) {
            nw_buffer_add_text(out, bridge);
        } else {
            kind = OPEN;
        }
        *at = skip_expression(expression);
    }
    return kind;
}

void nw_letter_add_pattern(struct nw_buffer *out, const char *template, const char *bridge)
{
    for (const char *at = template;; at++) {
        size_t begin = out->len;
        enum token kind = add_token(out, &at, bridge);

        if (kind != FIXED) {
            cut(out, begin);
            nw_buffer_add_char(out, kind == OPEN ? '*' : '>');
        }
        if (kind == REST || *at == '\0') {
            return;
        }
        nw_buffer_add_char(out, '.');
    }
}
