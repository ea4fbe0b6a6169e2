/* SPDX-License-Identifier: Apache-2.0 */
/* The names that may stand in {{ }}, and what is said when one is not known or not to be had. */
#include <strings.h>

#include "base/suggest.h"
#include "mappings/parser.h"

static const struct nw_name names[] = {
    {"address", NW_OP_ADDRESS, NOTHING, ANY_SOURCE, 0, false},
    {"subject", NW_OP_ADDRESS, NOTHING, SUBJECTS, 0, false},
    {"topic", NW_OP_ADDRESS, NOTHING, TOPICS, 0, false},
    {"path", NW_OP_ADDRESS, NOTHING, PATHS, 0, false},
    {"key", NW_OP_KEY, NOTHING, META, NW_META_KEY, false},
    {"partition", NW_OP_NUMBER, NOTHING, META, NW_META_PARTITION, false},
    {"offset", NW_OP_NUMBER, NOTHING, META, NW_META_OFFSET, false},
    {"sequence", NW_OP_NUMBER, NOTHING, META, NW_META_SEQUENCE, false},
    {"qos", NW_OP_NUMBER, NOTHING, META, NW_META_QOS, false},
    {"retained", NW_OP_FLAG, NOTHING, META, NW_META_RETAINED, false},
    {"line", NW_OP_NUMBER, NOTHING, META, NW_META_LINE, false},
    {"status", NW_OP_NUMBER, NOTHING, META, NW_META_STATUS, false},
    {"stream", NW_OP_TEXT, NOTHING, META, NW_META_STREAM, false},
    {"method", NW_OP_TEXT, NOTHING, META, NW_META_METHOD, false},
    {"remote", NW_OP_TEXT, NOTHING, META, NW_META_REMOTE, false},
    {"timestamp", NW_OP_TIMESTAMP, NOTHING, ANY_SOURCE, 0, false},
    {"header", NW_OP_HEADER, TEXT, ANY_SOURCE, 0, false},
    {"param", NW_OP_PARAM, TEXT, META, NW_META_PARAM, false},
    {"query", NW_OP_QUERY, TEXT, META, NW_META_QUERY, false},
    {"json", NW_OP_JSON, TEXT, ANY_SOURCE, 0, false},
    {"id", NW_OP_ID, NOTHING, ANY_SOURCE, 0, false},
    {"route", NW_OP_ROUTE, NOTHING, ANY_SOURCE, 0, false},
    {"bridge", NW_OP_BRIDGE, NOTHING, ANY_SOURCE, 0, false},
    {"uuid", NW_OP_UUID, NOTHING, ANY_SOURCE, 0, false},
    {"now", NW_OP_NOW, NOTHING, ANY_SOURCE, 0, false},
    {"date", NW_OP_DATE, TEXT, ANY_SOURCE, 0, false},
    {"token", NW_OP_TOKEN, LEVEL, ANY_SOURCE, 0, false},
    {"wildcard", NW_OP_WILDCARD, WILDCARD, ANY_SOURCE, 0, true},
    {"partition", NW_OP_PARTITION, PARTITION, ANY_SOURCE, 0, true},
    {"random", NW_OP_RANDOM, COUNT, ANY_SOURCE, 0, true},
    {"split", NW_OP_CUT, SPLIT, ANY_SOURCE, NW_CUT_SPLIT, true},
    {"splitFromLeft", NW_OP_CUT, SIZE, ANY_SOURCE, NW_CUT_SPLIT_FROM_LEFT, true},
    {"splitFromRight", NW_OP_CUT, SIZE, ANY_SOURCE, NW_CUT_SPLIT_FROM_RIGHT, true},
    {"sliceFromLeft", NW_OP_CUT, SIZE, ANY_SOURCE, NW_CUT_SLICE_FROM_LEFT, true},
    {"sliceFromRight", NW_OP_CUT, SIZE, ANY_SOURCE, NW_CUT_SLICE_FROM_RIGHT, true},
    {"left", NW_OP_CUT, SIZE, ANY_SOURCE, NW_CUT_LEFT, true},
    {"right", NW_OP_CUT, SIZE, ANY_SOURCE, NW_CUT_RIGHT, true},
};

#define NAMES (sizeof names / sizeof names[0])

static const char *const filters[] = {
    [NW_FILTER_RAW] = "raw",       [NW_FILTER_LOWER] = "lower", [NW_FILTER_UPPER] = "upper",
    [NW_FILTER_BASE64] = "base64", [NW_FILTER_HEX] = "hex",     [NW_FILTER_SHA256] = "sha256"};

#define FILTERS (sizeof filters / sizeof filters[0])

static bool word_is(struct nw_slice word, const char *name, bool any_case)
{
    return strlen(name) == word.len && (any_case ? strncasecmp(name, word.data, word.len)
                                                 : memcmp(name, word.data, word.len)) == 0;
}

const struct nw_name *nw_name_find(struct nw_slice word, bool call)
{
    for (size_t i = 0; i < NAMES; i++) {
        if ((names[i].arguments != NOTHING) == call &&
            word_is(word, names[i].name, names[i].any_case)) {
            return &names[i];
        }
    }
    return NULL;
}

int nw_filter_find(struct nw_slice word)
{
    for (size_t i = 0; i < FILTERS; i++) {
        if (word_is(word, filters[i], false)) {
            return (int)i;
        }
    }
    return -1;
}

bool nw_filter_unknown(struct nw_parser *p, size_t at, struct nw_slice word)
{
    struct nw_suggest suggest;
    const char *best;

    nw_suggest_init(&suggest, word);
    for (size_t i = 0; i < FILTERS; i++) {
        nw_suggest_offer(&suggest, filters[i]);
    }
    best = nw_suggest_best(&suggest);
    (void)nw_error_set_at(p->error, NW_EINVAL, at, "unknown filter \"%.*s\"; %s%s%s", (int)word.len,
                          word.data, best == NULL ? "there are " : "did you mean \"",
                          best == NULL ? "raw, lower, upper, base64, hex and sha256" : best,
                          best == NULL ? "" : "\"?");
    return false;
}

/* What stands in the same way, with or without parentheses, counts first; then anything. */
static const char *closest(struct nw_slice word, bool call)
{
    struct nw_suggest suggest;

    nw_suggest_init(&suggest, word);
    for (size_t i = 0; i < NAMES; i++) {
        if ((names[i].arguments != NOTHING) == call) {
            nw_suggest_offer(&suggest, names[i].name);
        }
    }
    for (size_t i = 0; call && i < FILTERS; i++) {
        nw_suggest_offer(&suggest, filters[i]);
    }
    for (size_t i = 0; nw_suggest_best(&suggest) == NULL && i < NAMES; i++) {
        nw_suggest_offer(&suggest, names[i].name);
    }
    return nw_suggest_best(&suggest);
}

bool nw_name_unknown(struct nw_parser *p, size_t at, struct nw_slice word, bool call)
{
    const char *best = closest(word, call);

    if (nw_filter_find(word) >= 0) {
        (void)nw_error_set_at(p->error, NW_EINVAL, at,
                              "\"%.*s\" is a filter: expected %.*s(…) or … | %.*s", (int)word.len,
                              word.data, (int)word.len, word.data, (int)word.len, word.data);
        return false;
    }
    (void)nw_error_set_at(p->error, NW_EINVAL, at, "unknown name \"%.*s\"%s%s%s", (int)word.len,
                          word.data, best == NULL ? "" : "; did you mean \"",
                          best == NULL ? "" : best, best == NULL ? "" : "\"?");
    return false;
}

bool nw_name_wrong_call(struct nw_parser *p, size_t at, const struct nw_name *n)
{
    static const char *const examples[] = {
        [NOTHING] = "",   [TEXT] = "('name')",    [WILDCARD] = "(1)", [LEVEL] = "(1)",
        [COUNT] = "(10)", [PARTITION] = "(10,1)", [SPLIT] = "(1,-)",  [SIZE] = "(1,3)"};

    (void)nw_error_set_at(p->error, NW_EINVAL, at, "expected %s%s", n->name,
                          examples[n->arguments]);
    return false;
}

static const char *address_name(enum nw_address_kind kind)
{
    switch (kind) {
    case NW_ADDRESS_SUBJECT:
        return "subject";
    case NW_ADDRESS_TOPIC_MQTT:
    case NW_ADDRESS_TOPIC_KAFKA:
        return "topic";
    default:
        return "path";
    }
}

/* Does the route's source have it? */
bool nw_name_check_source(struct nw_parser *p, size_t at, const struct nw_name *n)
{
    const char *has = address_name(p->scope->address);

    if (n->needs == META && (p->scope->has & NW_HAS(n->detail)) == 0) {
        (void)nw_error_set_at(p->error, NW_EINVAL, at, "the route's source has no \"%s\"", n->name);
        return false;
    }
    if ((n->needs == SUBJECTS || n->needs == TOPICS || n->needs == PATHS) &&
        strcmp(n->name, has) != 0) {
        (void)nw_error_set_at(p->error, NW_EINVAL, at,
                              "the route's source has no %s; its address is a %s: {{%s}}", n->name,
                              has, has);
        return false;
    }
    return true;
}
