/* SPDX-License-Identifier: Apache-2.0 */
#include "mappings/program_regex.h"

#include <string.h>

#include "mappings/document.h"
#include "mappings/rule_regex.h"

/* As jq's own library has them. */
static const struct {
    const char *name;
    bool flags_second; /* the second argument has its flags */
    bool needs_second; /* with one argument it is another function */
} functions[] = {
    {"test", true, false}, {"match", true, false},  {"capture", true, false}, {"scan", true, false},
    {"split", true, true}, {"splits", true, false}, {"sub", false, true},     {"gsub", false, true},
};
#define FUNCTIONS (sizeof functions / sizeof functions[0])

static size_t find(struct nw_slice function)
{
    size_t i = 0;

    while (i < FUNCTIONS && !nw_slice_equal(nw_slice_text(functions[i].name), function)) {
        i++;
    }
    return i;
}

bool nw_program_takes_regex(struct nw_slice function)
{
    return find(function) < FUNCTIONS;
}

/* A text of the program, without its escapes. */
struct text {
    const char *at;     /* its quote */
    const char *behind; /* the next that is no blank */
    char bytes[1000];
    size_t len;
};

static const char *skip_blanks(const char *at)
{
    return at + strspn(at, " \t\r\n");
}

/* false: there is no text, or one with \( ) in it, or a very long one. */
static bool take_text(const char *at, struct text *out)
{
    const char *end = at + 1;
    struct nw_slice raw;
    long len;

    if (*at != '"') {
        return false;
    }
    while (*end != '"' && *end != '\0' && strncmp(end, "\\(", 2) != 0) {
        end += *end == '\\' && end[1] != '\0' ? 2 : 1;
    }
    raw = (struct nw_slice){at + 1, (size_t)(end - at - 1)};
    len = *end != '"' || raw.len > sizeof out->bytes ? -1 : nw_document_unescape(raw, out->bytes);
    out->at = at;
    out->behind = len < 0 ? end : skip_blanks(end + 1);
    out->len = len < 0 ? 0 : (size_t)len;
    return len >= 0;
}

static struct nw_slice slice(const struct text *t)
{
    return (struct nw_slice){t->bytes, t->len};
}

/* flags: NULL where they are not known: x is the only one that changes what an expression may look
 * like. */
static bool is_refused(const struct text *pattern, const struct text *flags,
                       char why[NW_RULE_REGEX_WHY])
{
    if (flags != NULL) {
        return nw_rule_regex_refused(slice(pattern), slice(flags), why);
    }
    return nw_rule_regex_refused(slice(pattern), NW_LITERAL("x"), why) &&
           nw_rule_regex_refused(slice(pattern), NW_LITERAL(""), why);
}

int nw_program_check_regex(struct nw_slice function, const char *at, const char *text,
                           struct nw_error *error)
{
    size_t i = find(function);
    struct text pattern, flags = {.len = 0};
    char why[NW_RULE_REGEX_WHY];
    bool known = true;

    at = skip_blanks(at);
    if (i == FUNCTIONS || *at != '(' || !take_text(skip_blanks(at + 1), &pattern)) {
        return 0;
    }
    if (*pattern.behind == ';') {
        known = functions[i].flags_second && take_text(skip_blanks(pattern.behind + 1), &flags) &&
                *flags.behind == ')';
    } else if (*pattern.behind != ')' || functions[i].needs_second) {
        return 0;
    }
    if (!is_refused(&pattern, known ? &flags : NULL, why)) {
        return 0;
    }
    return nw_error_set_at(error, NW_EINVAL, (size_t)(pattern.at - text),
                           "\"%.*s\" is no regular expression: %s", (int)pattern.len, pattern.bytes,
                           why);
}
