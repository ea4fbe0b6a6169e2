/* SPDX-License-Identifier: Apache-2.0 */
#include "mappings/expression.h"

#include <ctype.h>
#include <stdlib.h>
#include <strings.h>
#include <time.h>

#include "base/suggest.h"

#define DEEPEST 16

/* ---- the names ---- */

/* What stands between the parentheses. */
enum arguments {
    NOTHING,   /* no parentheses at all */
    TEXT,      /* one text in quotes */
    WILDCARD,  /* the number of a wildcard */
    LEVEL,     /* the number of a level */
    COUNT,     /* a number above 0 */
    PARTITION, /* a number above 0, numbers of wildcards */
    SPLIT,     /* the number of a wildcard, a delimiter */
    SIZE       /* the number of a wildcard, a number of bytes */
};

/* Which sources have it. */
enum needs { ANY_SOURCE, SUBJECTS, TOPICS, PATHS, META };

struct name {
    const char *name;
    enum nw_op op;
    enum arguments arguments;
    enum needs needs;
    int detail;    /* the meta, or how to cut */
    bool any_case; /* a function of NATS */
};

static const struct name names[] = {
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

static const char *const filters[] = {
    [NW_FILTER_RAW] = "raw",       [NW_FILTER_LOWER] = "lower", [NW_FILTER_UPPER] = "upper",
    [NW_FILTER_BASE64] = "base64", [NW_FILTER_HEX] = "hex",     [NW_FILTER_SHA256] = "sha256"};

#define COUNT_OF(array) (sizeof(array) / sizeof(array)[0])

/* ---- reading ---- */

static int peek(const struct nw_parser *p)
{
    return p->at < p->text.len ? (unsigned char)p->text.data[p->at] : -1;
}

static void skip_blanks(struct nw_parser *p)
{
    while (peek(p) == ' ' || peek(p) == '\t' || peek(p) == '\n' || peek(p) == '\r') {
        p->at++;
    }
}

static bool at_end(const struct nw_parser *p)
{
    return peek(p) == '}' && p->at + 1 < p->text.len && p->text.data[p->at + 1] == '}';
}

static bool take(struct nw_parser *p, char c)
{
    if (peek(p) != c) {
        return false;
    }
    p->at++;
    return true;
}

static struct nw_slice cut_text(const struct nw_parser *p, size_t from, size_t to)
{
    return (struct nw_slice){p->text.data + from, to - from};
}

static struct nw_slice take_word(struct nw_parser *p)
{
    size_t start = p->at;

    while (isalnum(peek(p)) || peek(p) == '_') {
        p->at++;
    }
    return cut_text(p, start, p->at);
}

static bool word_is(struct nw_slice word, const char *name, bool any_case)
{
    return strlen(name) == word.len && (any_case ? strncasecmp(name, word.data, word.len)
                                                 : memcmp(name, word.data, word.len)) == 0;
}

/* 'text' or "text" at the quote. */
static bool take_quoted(struct nw_parser *p, struct nw_slice *out)
{
    size_t quote = p->at++;
    const char *end = memchr(p->text.data + p->at, p->text.data[quote], p->text.len - p->at);

    if (end == NULL) {
        (void)nw_error_set_at(p->error, NW_EINVAL, quote, "the text in quotes is not closed");
        return false;
    }
    *out = cut_text(p, p->at, (size_t)(end - p->text.data));
    p->at += out->len + 1;
    return true;
}

/* ---- mistakes ---- */

static bool unknown_name(struct nw_parser *p, size_t at, struct nw_slice word, bool call)
{
    struct nw_suggest suggest;
    const char *best;

    nw_suggest_init(&suggest, word);
    for (size_t i = 0; i < COUNT_OF(names); i++) {
        if ((names[i].arguments != NOTHING) == call) {
            nw_suggest_offer(&suggest, names[i].name);
        }
    }
    for (size_t i = 0; nw_suggest_best(&suggest) == NULL && i < COUNT_OF(names); i++) {
        nw_suggest_offer(&suggest, names[i].name);
    }
    best = nw_suggest_best(&suggest);
    (void)nw_error_set_at(p->error, NW_EINVAL, at, "unknown name \"%.*s\"%s%s%s", (int)word.len,
                          word.data, best == NULL ? "" : "; did you mean \"",
                          best == NULL ? "" : best, best == NULL ? "" : "\"?");
    return false;
}

static bool wrong_call(struct nw_parser *p, size_t at, const struct name *n)
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
static bool check_source(struct nw_parser *p, size_t at, const struct name *n)
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

static bool check_wildcard(struct nw_parser *p, size_t at, int64_t n)
{
    size_t count = nw_pattern_wildcards(p->pattern);
    const char *pattern = p->scope->pattern == NULL ? "" : p->scope->pattern;

    if (n >= 1 && (uint64_t)n <= count) {
        return true;
    }
    if (count == 0) {
        (void)nw_error_set_at(p->error, NW_EINVAL, at,
                              "there is no wildcard: the source is \"%.200s\"", pattern);
    } else {
        (void)nw_error_set_at(p->error, NW_EINVAL, at,
                              "there is no wildcard %lld: the source \"%.200s\" has %zu",
                              (long long)n, pattern, count);
    }
    return false;
}

/* Of one level: what a NATS function works on. */
static bool check_single(struct nw_parser *p, size_t at, int64_t n)
{
    if (!check_wildcard(p, at, n)) {
        return false;
    }
    if (nw_pattern_is_rest(p->pattern, (size_t)n)) {
        (void)nw_error_set_at(p->error, NW_EINVAL, at,
                              "wildcard %lld is all that is left of the address, not one level",
                              (long long)n);
        return false;
    }
    return true;
}

/* ---- arguments ---- */

static bool take_number(struct nw_parser *p, int64_t *out)
{
    size_t start;

    skip_blanks(p);
    start = p->at;
    *out = 0;
    while (isdigit(peek(p)) && *out <= INT32_MAX) {
        *out = *out * 10 + (peek(p) - '0');
        p->at++;
    }
    skip_blanks(p);
    if (p->at == start || *out > INT32_MAX) {
        (void)nw_error_set_at(p->error, NW_EINVAL, start, "expected a number");
        return false;
    }
    return true;
}

static bool take_positive(struct nw_parser *p, int64_t *out)
{
    size_t at = p->at;

    if (!take_number(p, out)) {
        return false;
    }
    if (*out == 0) {
        (void)nw_error_set_at(p->error, NW_EINVAL, at, "expected a number above 0");
        return false;
    }
    return true;
}

static bool take_comma(struct nw_parser *p, const struct name *n, size_t at)
{
    return take(p, ',') || wrong_call(p, at, n);
}

static bool take_single_wildcard(struct nw_parser *p, int64_t *out)
{
    size_t at;

    skip_blanks(p);
    at = p->at;
    return take_number(p, out) && check_single(p, at, *out);
}

static bool take_partition(struct nw_parser *p, struct nw_expression *e)
{
    int64_t wildcard;

    if (!take_positive(p, &e->number)) {
        return false;
    }
    while (take(p, ',')) {
        size_t at = p->at;
        if (e->wildcard_count == NW_PARTITION_WILDCARDS) {
            (void)nw_error_set_at(p->error, NW_EINVAL, at, "partition takes up to %d wildcards",
                                  NW_PARTITION_WILDCARDS);
            return false;
        }
        if (!take_single_wildcard(p, &wildcard)) {
            return false;
        }
        e->wildcards[e->wildcard_count++] = (uint16_t)wildcard;
    }
    return true;
}

/* The delimiter goes as far as the closing parenthesis; in quotes it may be anything. */
static bool take_delimiter(struct nw_parser *p, struct nw_expression *e)
{
    size_t start, end;

    skip_blanks(p);
    if (peek(p) == '\'' || peek(p) == '"') {
        bool good = take_quoted(p, &e->text);
        skip_blanks(p);
        return good;
    }
    start = p->at;
    while (peek(p) >= 0 && peek(p) != ')' && !at_end(p)) {
        p->at++;
    }
    for (end = p->at; end > start && p->text.data[end - 1] == ' ';) {
        end--;
    }
    e->text = cut_text(p, start, end);
    if (e->text.len > 0 && (memchr(e->text.data, ' ', e->text.len) != NULL ||
                            memchr(e->text.data, ',', e->text.len) != NULL)) {
        (void)nw_error_set_at(p->error, NW_EINVAL, start,
                              "a delimiter with a blank or comma "
                              "needs quotes");
        return false;
    }
    return true;
}

static bool take_text(struct nw_parser *p, const struct name *n, struct nw_expression *e)
{
    size_t at;
    int rc = 0;

    skip_blanks(p);
    at = p->at;
    if (peek(p) != '\'' && peek(p) != '"') {
        return wrong_call(p, at, n);
    }
    if (!take_quoted(p, &e->text)) {
        return false;
    }
    skip_blanks(p);
    if (n->op == NW_OP_JSON) {
        rc = nw_json_path_compile(e->text, &e->path, p->error);
        if (rc == NW_EINVAL && p->error != NULL) {
            p->error->at += at + 1;
        }
    }
    return rc == 0;
}

static bool take_arguments(struct nw_parser *p, const struct name *n, struct nw_expression *e,
                           size_t at)
{
    int64_t size = 0;
    size_t inside = p->at;

    switch (n->arguments) {
    case TEXT:
        return take_text(p, n, e);
    case WILDCARD:
        return take_number(p, &e->number) && check_wildcard(p, inside, e->number);
    case LEVEL:
    case COUNT:
        return take_positive(p, &e->number);
    case PARTITION:
        return take_partition(p, e);
    case SPLIT:
        return take_single_wildcard(p, &e->number) && take_comma(p, n, at) && take_delimiter(p, e);
    case SIZE:
        if (!take_single_wildcard(p, &e->number) || !take_comma(p, n, at) ||
            !take_number(p, &size)) {
            return false;
        }
        e->size = (size_t)size;
        return true;
    default:
        return true;
    }
}

/* A {param} must be one of the path's. */
static bool check_param(struct nw_parser *p, size_t at, struct nw_slice name)
{
    char copies[8][64];
    struct nw_suggest suggest;
    struct nw_slice param;
    const char *best;

    nw_suggest_init(&suggest, name);
    for (size_t i = 0; (param = nw_pattern_param(p->pattern, i)).data != NULL; i++) {
        if (nw_slice_equal(param, name)) {
            return true;
        }
        if (i < COUNT_OF(copies) && param.len < sizeof copies[i]) {
            memcpy(copies[i], param.data, param.len);
            copies[i][param.len] = '\0';
            nw_suggest_offer(&suggest, copies[i]);
        }
    }
    best = nw_suggest_best(&suggest);
    (void)nw_error_set_at(p->error, NW_EINVAL, at, "the source's path has no {%.*s}%s%s%s",
                          (int)name.len, name.data, best == NULL ? "" : "; did you mean {",
                          best == NULL ? "" : best, best == NULL ? "" : "}?");
    return false;
}

/* A format that gives nothing, or too much, is found now. */
static bool check_date(struct nw_parser *p, size_t at, struct nw_slice format)
{
    char text[100], out[200];
    struct tm tm = {.tm_mday = 1, .tm_year = 126};

    if (format.len < sizeof text) {
        memcpy(text, format.data, format.len);
        text[format.len] = '\0';
        if (strftime(out, sizeof out, text, &tm) > 0) {
            return true;
        }
    }
    (void)nw_error_set_at(p->error, NW_EINVAL, at, "expected a date format like '%%Y-%%m-%%d'");
    return false;
}

/* ---- the grammar ---- */

static struct nw_expression *make(struct nw_parser *p, enum nw_op op)
{
    struct nw_expression *e = calloc(1, sizeof *e);

    if (e == NULL) {
        (void)nw_error_set(p->error, NW_ENOMEM, "out of memory");
        return NULL;
    }
    e->op = op;
    return e;
}

void nw_expression_free(struct nw_expression *e)
{
    while (e != NULL) {
        struct nw_expression *left = e->left;
        nw_json_path_free(e->path);
        nw_expression_free(e->right);
        free(e);
        e = left;
    }
}

static struct nw_expression *give(struct nw_parser *p, struct nw_expression *e, bool good,
                                  size_t start)
{
    if (e == NULL || !good) {
        nw_expression_free(e);
        return NULL;
    }
    e->source = cut_text(p, start, p->at);
    return e;
}

struct nw_expression *nw_expression_wildcard(struct nw_parser *p, size_t at, size_t len, int64_t n)
{
    struct nw_expression *e;

    if (!check_wildcard(p, at, n)) {
        return NULL;
    }
    e = make(p, NW_OP_WILDCARD);
    if (e != NULL) {
        e->number = n;
        e->source = cut_text(p, at, at + len);
    }
    return e;
}

static const struct name *find_name(struct nw_slice word, bool call)
{
    for (size_t i = 0; i < COUNT_OF(names); i++) {
        if ((names[i].arguments != NOTHING) == call &&
            word_is(word, names[i].name, names[i].any_case)) {
            return &names[i];
        }
    }
    return NULL;
}

static struct nw_expression *parse_name(struct nw_parser *p)
{
    size_t start = p->at, inside;
    struct nw_slice word = take_word(p);
    const struct name *n, *other;
    struct nw_expression *e;
    bool call, good;

    skip_blanks(p);
    call = take(p, '(');
    inside = p->at;
    n = find_name(word, call);
    other = find_name(word, !call);
    if (n == NULL) {
        (void)(other == NULL ? unknown_name(p, start, word, call) : wrong_call(p, start, other));
        return NULL;
    }
    if (!check_source(p, start, n) || (e = make(p, n->op)) == NULL) {
        return NULL;
    }
    e->meta = (enum nw_meta)n->detail;
    e->cut = (enum nw_cut)n->detail;
    good = take_arguments(p, n, e, start) && (!call || take(p, ')') || wrong_call(p, start, n));
    good = good && (n->op != NW_OP_PARAM || check_param(p, inside, e->text));
    good = good && (n->op != NW_OP_DATE || check_date(p, inside, e->text));
    return give(p, e, good, start);
}

static struct nw_expression *parse_sequence(struct nw_parser *p, int depth);

static struct nw_expression *parse_operand(struct nw_parser *p, int depth)
{
    size_t start;
    struct nw_expression *e;
    int64_t n;

    skip_blanks(p);
    start = p->at;
    if (peek(p) == '\'' || peek(p) == '"') {
        e = make(p, NW_OP_LITERAL);
        return give(p, e, e != NULL && take_quoted(p, &e->text), start);
    }
    if (take(p, '$')) {
        return take_number(p, &n) ? nw_expression_wildcard(p, start, p->at - start, n) : NULL;
    }
    if (isalpha(peek(p)) || peek(p) == '_') {
        return parse_name(p);
    }
    if (depth < DEEPEST && take(p, '(')) {
        e = parse_sequence(p, depth + 1);
        if (e != NULL && !take(p, ')')) {
            (void)nw_error_set_at(p->error, NW_EINVAL, p->at, "expected \")\"");
            return give(p, e, false, start);
        }
        return e;
    }
    (void)nw_error_set_at(p->error, NW_EINVAL, p->at, "expected a name, like {{key}}, or a 'text'");
    return NULL;
}

static struct nw_expression *parse_filter(struct nw_parser *p, struct nw_expression *left)
{
    struct nw_suggest suggest;
    struct nw_slice word;
    const char *best;
    size_t at;

    skip_blanks(p);
    at = p->at;
    word = take_word(p);
    nw_suggest_init(&suggest, word);
    for (size_t i = 0; i < COUNT_OF(filters); i++) {
        if (word_is(word, filters[i], false)) {
            struct nw_expression *e = make(p, NW_OP_FILTER);
            if (e != NULL) {
                e->filter = (enum nw_filter)i;
                e->left = left;
            }
            return e;
        }
        nw_suggest_offer(&suggest, filters[i]);
    }
    best = nw_suggest_best(&suggest);
    if (best != NULL) {
        (void)nw_error_set_at(p->error, NW_EINVAL, at,
                              "unknown filter \"%.*s\"; did you mean \"%s\"?", (int)word.len,
                              word.data, best);
    } else {
        (void)nw_error_set_at(
            p->error, NW_EINVAL, at,
            "unknown filter \"%.*s\"; there are raw, lower, upper, base64, hex and sha256",
            (int)word.len, word.data);
    }
    return NULL;
}

static struct nw_expression *parse_or(struct nw_parser *p, struct nw_expression *left, int depth)
{
    struct nw_expression *e = make(p, NW_OP_OR);

    if (e == NULL) {
        return NULL;
    }
    e->right = parse_operand(p, depth);
    if (e->right == NULL) {
        nw_expression_free(e);
        return NULL;
    }
    e->left = left;
    return e;
}

/* operand { "or" operand | "|" filter } */
static struct nw_expression *parse_sequence(struct nw_parser *p, int depth)
{
    size_t start = p->at;
    struct nw_expression *e = parse_operand(p, depth);

    while (e != NULL) {
        struct nw_expression *next = NULL;
        size_t before;
        skip_blanks(p);
        before = p->at;
        if (take(p, '|')) {
            next = parse_filter(p, e);
        } else if (word_is(take_word(p), "or", false)) {
            next = parse_or(p, e, depth);
        } else {
            p->at = before;
            return e;
        }
        if (next == NULL) {
            nw_expression_free(e);
            return NULL;
        }
        e = give(p, next, true, start);
    }
    return NULL;
}

struct nw_expression *nw_expression_parse(struct nw_parser *p)
{
    size_t open = p->at;
    struct nw_expression *e;

    skip_blanks(p);
    if (p->text.len - p->at < 2 ||
        memmem(p->text.data + p->at, p->text.len - p->at, "}}", 2) == NULL) {
        (void)nw_error_set_at(p->error, NW_EINVAL, open - 2, "\"{{\" is not closed by \"}}\"");
        return NULL;
    }
    e = parse_sequence(p, 0);
    if (e != NULL && !at_end(p)) {
        (void)nw_error_set_at(p->error, NW_EINVAL, p->at,
                              "expected \"}}\", \"or\" or a filter after \"|\"");
        nw_expression_free(e);
        return NULL;
    }
    p->at += e == NULL ? 0 : 2;
    return e;
}
