/* SPDX-License-Identifier: Apache-2.0 */
#include "mappings/glob.h"

/* The pattern cut at its elements: one wildcard or one character each. */
struct element {
    enum { CHARACTER, ANY_ONE, SET, ANY_MANY } kind;
    size_t length; /* in the pattern */
    char character;
};

/* Length of the set "[…]" at at, or 0 if it is not closed: then "[" is a character. */
static size_t set_length(struct nw_slice p, size_t at)
{
    size_t i = at + 1;

    if (i < p.len && (p.data[i] == '!' || p.data[i] == '^')) {
        i++;
    }
    if (i < p.len && p.data[i] == ']') { /* the first one is a member */
        i++;
    }
    while (i < p.len && p.data[i] != ']') {
        i++;
    }
    return i < p.len ? i + 1 - at : 0;
}

static struct element element_at(struct nw_slice p, size_t at)
{
    char c = p.data[at];

    if (c == '*') {
        return (struct element){ANY_MANY, 1, 0};
    }
    if (c == '?') {
        return (struct element){ANY_ONE, 1, 0};
    }
    if (c == '[' && set_length(p, at) > 0) {
        return (struct element){SET, set_length(p, at), 0};
    }
    if (c == '\\' && at + 1 < p.len) {
        return (struct element){CHARACTER, 2, p.data[at + 1]};
    }
    return (struct element){CHARACTER, 1, c};
}

size_t nw_glob_wildcards(struct nw_slice pattern)
{
    size_t count = 0;

    for (size_t at = 0; at < pattern.len;) {
        struct element e = element_at(pattern, at);
        count += e.kind != CHARACTER ? 1 : 0;
        at += e.length;
    }
    return count < NW_GLOB_WILDCARDS ? count : NW_GLOB_WILDCARDS;
}

static bool in_set(struct nw_slice set, char c)
{
    size_t i = 1, end = set.len - 1;
    bool negated = set.data[1] == '!' || set.data[1] == '^', found = false;
    unsigned char byte = (unsigned char)c;

    i += negated ? 1 : 0;
    while (i < end) {
        unsigned char low = (unsigned char)set.data[i], high = low;
        if (i + 2 < end && set.data[i + 1] == '-') {
            high = (unsigned char)set.data[i + 2];
            i += 2;
        }
        found = found || (byte >= low && byte <= high);
        i++;
    }
    return found != negated;
}

static void remember(struct nw_slice *matched, size_t wildcard, const char *data, size_t len)
{
    if (matched != NULL && wildcard < NW_GLOB_WILDCARDS) {
        matched[wildcard] = (struct nw_slice){data, len};
    }
}

/* Only the last * ever needs to take more: what came before it matched as early as it could. */
bool nw_glob_match(struct nw_slice pattern, struct nw_slice name,
                   struct nw_slice matched[NW_GLOB_WILDCARDS])
{
    size_t p = 0, n = 0, wildcard = 0;
    size_t star = SIZE_MAX, star_wildcard = 0, star_begin = 0, star_end = 0;

    if (name.len > 0 && name.data[0] == '.' && (pattern.len == 0 || pattern.data[0] != '.')) {
        return false;
    }
    while (p < pattern.len || n < name.len) {
        struct element e = {CHARACTER, 0, 0};
        bool fits = false;
        if (p < pattern.len) {
            e = element_at(pattern, p);
            if (e.kind == ANY_MANY) {
                star = p + 1;
                star_wildcard = wildcard;
                star_begin = star_end = n;
                remember(matched, wildcard++, name.data + n, 0);
                p++;
                continue;
            }
            fits = n < name.len &&
                   (e.kind == ANY_ONE || (e.kind == CHARACTER && e.character == name.data[n]) ||
                    (e.kind == SET &&
                     in_set((struct nw_slice){pattern.data + p, e.length}, name.data[n])));
        }
        if (fits) {
            if (e.kind != CHARACTER) {
                remember(matched, wildcard++, name.data + n, 1);
            }
            p += e.length;
            n++;
        } else if (star != SIZE_MAX && star_end < name.len) {
            star_end++;
            remember(matched, star_wildcard, name.data + star_begin, star_end - star_begin);
            wildcard = star_wildcard + 1;
            p = star;
            n = star_end;
        } else {
            return false;
        }
    }
    return true;
}
