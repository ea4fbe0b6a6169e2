/* SPDX-License-Identifier: Apache-2.0 */
#include "hub/letter_pattern.h"

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

/* Whether the expression at text, behind "{{", gives one token at most. */
static bool is_one_token(const char *text)
{
    static const char *const names[] = {"route",     "bridge", "key",     "id",
                                        "partition", "offset", "sequence"};

    text += strspn(text, " ");
    for (size_t i = 0; i < sizeof names / sizeof names[0]; i++) {
        size_t len = strlen(names[i]);
        const char *end = text + len;
        if (strncmp(text, names[i], len) == 0) {
            end += strspn(end, " ");
            return strncmp(end, "}}", 2) == 0;
        }
    }
    return false;
}

/* A token with a value in it may be any; where a value may have several, all is behind it. */
void nw_letter_add_pattern(struct nw_buffer *out, const char *template)
{
    const char *at = template;

    while (true) {
        const char *begin = at;
        bool open = *at == '$';
        while (*at != '\0' && *at != '.') {
            if (at[0] == '{' && at[1] == '{') {
                open = true;
                if (!is_one_token(at + 2)) {
                    nw_buffer_add_char(out, '>');
                    return;
                }
                at = skip_expression(at + 2);
            } else {
                at++;
            }
        }
        if (open) {
            nw_buffer_add_char(out, '*');
        } else {
            nw_buffer_add(out, begin, (size_t)(at - begin));
        }
        if (*at == '\0') {
            return;
        }
        nw_buffer_add_char(out, '.');
        at++;
    }
}
