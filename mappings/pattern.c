/* SPDX-License-Identifier: Apache-2.0 */
#include "mappings/pattern.h"

#include <ctype.h>
#include <regex.h>
#include <stdlib.h>

#include "mappings/glob.h"

enum level_kind { LITERAL, ONE, REST, GLOB };

struct level {
    enum level_kind kind;
    struct nw_slice text; /* the level, or the name of a {param} */
};

/* Wildcard n stands at levels[level]; in a file name it is the glob-th of that level. */
struct wildcard {
    size_t level, glob;
};

struct nw_pattern {
    enum nw_address_kind kind;
    char *text;
    struct level *levels;
    size_t level_count;
    struct wildcard *wildcards;
    size_t wildcard_count;
    bool is_regex;
    regex_t regex;
};

/* ---- addresses ---- */

static char separator(enum nw_address_kind kind)
{
    return kind == NW_ADDRESS_SUBJECT || kind == NW_ADDRESS_TOPIC_KAFKA ? '.' : '/';
}

static struct nw_slice from(struct nw_slice s, size_t at)
{
    return (struct nw_slice){s.data + at, s.len - at};
}

struct nw_slice nw_address_path(enum nw_address_kind kind, struct nw_slice address)
{
    const char *found;

    if (kind != NW_ADDRESS_HTTP_PATH || address.len == 0) {
        return address;
    }
    if (address.data[0] != '/' && (found = memchr(address.data, ' ', address.len)) != NULL) {
        address = from(address, (size_t)(found + 1 - address.data));
    }
    if ((address.len == 0 || address.data[0] != '/') &&
        (found = memmem(address.data, address.len, "://", 3)) != NULL) {
        address = from(address, (size_t)(found + 3 - address.data));
        found = memchr(address.data, '/', address.len);
        address = found == NULL ? NW_LITERAL("/") : from(address, (size_t)(found - address.data));
        found = memchr(address.data, '?', address.len);
        address.len = found == NULL ? address.len : (size_t)(found - address.data);
    }
    return address;
}

struct nw_slice nw_address_begin(enum nw_address_kind kind, struct nw_slice address)
{
    bool path = kind == NW_ADDRESS_HTTP_PATH || kind == NW_ADDRESS_FILE_PATH;

    address = nw_address_path(kind, address);
    return path && address.len > 0 && address.data[0] == '/' ? from(address, 1) : address;
}

bool nw_address_next(enum nw_address_kind kind, struct nw_slice *rest, struct nw_slice *level)
{
    const char *end;

    if (rest->data == NULL) {
        return false;
    }
    end = rest->len == 0 ? NULL : memchr(rest->data, separator(kind), rest->len);
    if (end == NULL) {
        *level = *rest;
        *rest = NW_ABSENT;
    } else {
        *level = (struct nw_slice){rest->data, (size_t)(end - rest->data)};
        *rest = from(*rest, level->len + 1);
    }
    return true;
}

struct nw_slice nw_address_level(enum nw_address_kind kind, struct nw_slice address, size_t n,
                                 bool rest)
{
    struct nw_slice left = nw_address_begin(kind, address), level = NW_ABSENT;

    while (n-- > 0) {
        if (!nw_address_next(kind, &left, &level)) {
            return NW_ABSENT;
        }
    }
    if (rest) {
        return left;
    }
    return nw_address_next(kind, &left, &level) ? level : NW_ABSENT;
}

/* ---- compiling ---- */

static bool is_text(struct nw_slice s, const char *text)
{
    return s.len == 1 && s.data[0] == text[0];
}

static struct level read_level(enum nw_address_kind kind, struct nw_slice text)
{
    enum level_kind found = LITERAL;

    switch (kind) {
    case NW_ADDRESS_SUBJECT:
        found = is_text(text, "*") ? ONE : is_text(text, ">") ? REST : LITERAL;
        break;
    case NW_ADDRESS_TOPIC_MQTT:
        found = is_text(text, "+") ? ONE : is_text(text, "#") ? REST : LITERAL;
        break;
    case NW_ADDRESS_HTTP_PATH:
        if (text.len > 2 && text.data[0] == '{' && text.data[text.len - 1] == '}') {
            return (struct level){ONE, {text.data + 1, text.len - 2}};
        }
        break;
    case NW_ADDRESS_FILE_PATH:
        found = nw_glob_wildcards(text) > 0 ? GLOB : LITERAL;
        break;
    default:
        break;
    }
    return (struct level){found, text};
}

static size_t wildcards_of(struct level level)
{
    return level.kind == LITERAL ? 0 : level.kind == GLOB ? nw_glob_wildcards(level.text) : 1;
}

static int read_levels(struct nw_pattern *p, struct nw_slice text)
{
    struct nw_slice rest = nw_address_begin(p->kind, text), level;
    size_t at_most = 1;

    for (size_t i = 0; i < rest.len; i++) {
        at_most += rest.data[i] == separator(p->kind) ? 1 : 0;
    }
    p->levels = calloc(at_most, sizeof *p->levels);
    p->wildcards = calloc(at_most * NW_GLOB_WILDCARDS, sizeof *p->wildcards);
    if (p->levels == NULL || p->wildcards == NULL) {
        return NW_ENOMEM;
    }
    while (nw_address_next(p->kind, &rest, &level)) {
        struct level l = read_level(p->kind, level);
        for (size_t i = 0; i < wildcards_of(l); i++) {
            p->wildcards[p->wildcard_count++] = (struct wildcard){p->level_count, i};
        }
        p->levels[p->level_count++] = l;
    }
    return 0;
}

int nw_pattern_compile(enum nw_address_kind kind, const char *text, struct nw_pattern **out)
{
    struct nw_pattern *p = calloc(1, sizeof *p);
    int rc = 0;

    if (p == NULL) {
        return NW_ENOMEM;
    }
    p->kind = kind;
    p->text = strdup(text == NULL ? "" : text);
    if (p->text == NULL) {
        rc = NW_ENOMEM;
    } else if (kind == NW_ADDRESS_TOPIC_KAFKA && p->text[0] == '^') {
        p->is_regex = regcomp(&p->regex, p->text, REG_EXTENDED | REG_NOSUB) == 0;
    } else {
        rc = read_levels(p, nw_slice_text(p->text));
    }
    if (rc != 0) {
        nw_pattern_free(p);
        return rc;
    }
    *out = p;
    return 0;
}

void nw_pattern_free(struct nw_pattern *p)
{
    if (p == NULL) {
        return;
    }
    if (p->is_regex) {
        regfree(&p->regex);
    }
    free(p->text);
    free(p->levels);
    free(p->wildcards);
    free(p);
}

size_t nw_pattern_wildcards(const struct nw_pattern *p)
{
    return p->wildcard_count;
}

bool nw_pattern_is_rest(const struct nw_pattern *p, size_t n)
{
    return n > 0 && n <= p->wildcard_count && p->levels[p->wildcards[n - 1].level].kind == REST;
}

struct nw_slice nw_pattern_param(const struct nw_pattern *p, size_t i)
{
    return p->kind == NW_ADDRESS_HTTP_PATH && i < p->wildcard_count
               ? p->levels[p->wildcards[i].level].text
               : NW_ABSENT;
}

/* ---- matching ---- */

struct nw_slice nw_pattern_wildcard(const struct nw_pattern *p, struct nw_slice address, size_t n)
{
    struct nw_slice matched[NW_GLOB_WILDCARDS], text;
    const struct wildcard *w;

    if (n == 0 || n > p->wildcard_count) {
        return NW_ABSENT;
    }
    w = &p->wildcards[n - 1];
    text = nw_address_level(p->kind, address, w->level, p->levels[w->level].kind == REST);
    if (p->levels[w->level].kind != GLOB || text.data == NULL) {
        return text;
    }
    return nw_glob_match(p->levels[w->level].text, text, matched) ? matched[w->glob] : NW_ABSENT;
}

static int hex(char c)
{
    return isdigit((unsigned char)c) ? c - '0' : (c | 32) - 'a' + 10;
}

/* The next byte of s, with %XX read as one. */
static unsigned char next_byte(struct nw_slice *s)
{
    unsigned char c = (unsigned char)s->data[0];
    size_t n = 1;

    if (c == '%' && s->len >= 3 && isxdigit((unsigned char)s->data[1]) &&
        isxdigit((unsigned char)s->data[2])) {
        c = (unsigned char)(hex(s->data[1]) << 4 | hex(s->data[2]));
        n = 3;
    }
    *s = from(*s, n);
    return c;
}

static bool equal_decoded(struct nw_slice a, struct nw_slice b)
{
    while (a.len > 0 && b.len > 0) {
        if (next_byte(&a) != next_byte(&b)) {
            return false;
        }
    }
    return a.len == b.len;
}

static bool level_matches(const struct nw_pattern *p, const struct level *l, struct nw_slice text)
{
    switch (l->kind) {
    case ONE:
        return text.len > 0 || p->kind == NW_ADDRESS_TOPIC_MQTT;
    case GLOB:
        return nw_glob_match(l->text, text, NULL);
    default:
        return p->kind == NW_ADDRESS_HTTP_PATH ? equal_decoded(l->text, text)
                                               : nw_slice_equal(l->text, text);
    }
}

static bool regex_matches(const struct nw_pattern *p, struct nw_slice address)
{
    char *text = strndup(address.len == 0 ? "" : address.data, address.len);
    bool matches = text != NULL && regexec(&p->regex, text, 0, NULL, 0) == 0;

    free(text);
    return matches;
}

bool nw_pattern_matches(const struct nw_pattern *p, struct nw_slice address)
{
    struct nw_slice rest, level;
    size_t i = 0;

    if (p->is_regex) {
        return regex_matches(p, address);
    }
    if (p->text[0] == '\0') { /* a source without one pattern: nothing to compare with */
        return true;
    }
    rest = nw_address_begin(p->kind, address);
    while (i < p->level_count && p->levels[i].kind != REST &&
           nw_address_next(p->kind, &rest, &level)) {
        if (!level_matches(p, &p->levels[i], level)) {
            return false;
        }
        i++;
    }
    if (i < p->level_count && p->levels[i].kind == REST) {
        /* "a/#" takes "a" itself, "a.>" does not take "a" */
        return p->kind == NW_ADDRESS_TOPIC_MQTT || (rest.data != NULL && rest.len > 0);
    }
    return i == p->level_count && rest.data == NULL;
}
