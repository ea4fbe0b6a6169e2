/* SPDX-License-Identifier: Apache-2.0 */
#include "config/pattern.h"

#include "base/table.h"

/* ---- words ---- */

static void add_word(struct nw_words *words, enum nw_word_kind kind, struct nw_slice text)
{
    if (words->count == NW_WORDS) {
        words->items[NW_WORDS - 1] = (struct nw_word){NW_WORD_MANY, NW_ABSENT};
        return;
    }
    words->items[words->count++] = (struct nw_word){kind, text};
}

/* The length of the word at the head of text: up to a separator outside of {{ }}. */
static size_t word_length(const char *text, char separator)
{
    size_t n = 0;

    while (text[n] != '\0' && (separator == '\0' || text[n] != separator)) {
        const char *close = text[n] == '{' && text[n + 1] == '{' ? strstr(text + n, "}}") : NULL;

        n = close == NULL ? n + 1 : (size_t)(close - text) + 2;
    }
    return n;
}

static void split(const char *text, char separator, struct nw_words *out,
                  enum nw_word_kind (*kind_of)(struct nw_slice word))
{
    out->count = 0;
    for (;;) {
        struct nw_slice word = {text, word_length(text, separator)};

        add_word(out, kind_of(word), word);
        if (text[word.len] == '\0') {
            return;
        }
        text += word.len + 1;
    }
}

static enum nw_word_kind kind_in_pattern(struct nw_slice word)
{
    if (word.len == 1 && strchr("*+", word.data[0]) != NULL) {
        return NW_WORD_ONE;
    }
    if (word.len == 1 && strchr(">#", word.data[0]) != NULL) {
        return NW_WORD_MANY;
    }
    return word.len > 0 && word.data[0] == '^' ? NW_WORD_ONE : NW_WORD_TEXT; /* ^regex of Kafka */
}

void nw_words_of_pattern(const char *text, char separator, struct nw_words *out)
{
    split(text, separator, out, kind_in_pattern);
    if (out->count == 1 && out->items[0].text.len == 0) {
        out->items[0].kind = NW_WORD_MANY; /* no filter: all of the stream */
    }
}

/* $1; not $JS. */
static bool is_number_of_wildcard(struct nw_slice word)
{
    return word.len > 1 && word.data[0] == '$' &&
           strspn(word.data + 1, "0123456789") >= word.len - 1;
}

/* A value is one word; an address keeps its levels, and some functions make several. */
static enum nw_word_kind kind_in_template(struct nw_slice word)
{
    static const char *const many[] = {"subject", "topic", "path",  "wildcard",
                                       "split",   "slice", "Slice", "raw"};

    if (word.len == 1 ? word.data[0] == '>' : is_number_of_wildcard(word)) {
        return NW_WORD_MANY;
    }
    if (memmem(word.data, word.len, "{{", 2) == NULL) {
        return NW_WORD_TEXT;
    }
    for (size_t i = 0; i < sizeof many / sizeof many[0]; i++) {
        if (memmem(word.data, word.len, many[i], strlen(many[i])) != NULL) {
            return NW_WORD_MANY;
        }
    }
    return NW_WORD_ONE;
}

void nw_words_of_template(const char *text, char separator, struct nw_words *out)
{
    split(text, separator, out, kind_in_template);
}

/* ---- the tree ---- */

struct ends {
    struct ends *next;
    size_t value;
};

struct node {
    struct node *next; /* of all nodes that have a table */
    struct nw_table children;
    struct node *first_child, *sibling; /* the same children, to go through all */
    struct node *one;                   /* behind a word of any text */
    struct ends *here, *many;           /* patterns that end here, or with one or more words */
};

struct nw_patterns {
    struct nw_arena *arena;
    struct node root;
};

static void free_tables(void *patterns)
{
    for (struct node *n = &((struct nw_patterns *)patterns)->root; n != NULL; n = n->next) {
        nw_table_done(&n->children);
    }
}

struct nw_patterns *nw_patterns_new(struct nw_arena *arena)
{
    struct nw_patterns *p = nw_arena_alloc(arena, sizeof *p);

    if (p == NULL || nw_arena_defer(arena, free_tables, p) != 0) {
        return NULL;
    }
    p->arena = arena;
    return p;
}

/* The node behind word, made if it is not there. NULL: no memory. */
static struct node *step(struct nw_patterns *p, struct node *node, const struct nw_word *word)
{
    struct node *child =
        word->kind == NW_WORD_ONE ? node->one : nw_table_find(&node->children, word->text);

    if (child != NULL) {
        return child;
    }
    child = nw_arena_alloc(p->arena, sizeof *child);
    if (child == NULL) {
        return NULL;
    }
    if (word->kind == NW_WORD_ONE) {
        node->one = child;
    } else {
        if (nw_table_put(&node->children, word->text, child) != 0) {
            return NULL;
        }
        child->sibling = node->first_child;
        node->first_child = child;
    }
    child->next = p->root.next;
    p->root.next = child;
    return child;
}

int nw_patterns_add(struct nw_patterns *p, const struct nw_words *words, size_t value)
{
    struct ends *end = nw_arena_alloc(p->arena, sizeof *end);
    struct node *node = &p->root;
    size_t i = 0;

    while (node != NULL && i < words->count && words->items[i].kind != NW_WORD_MANY) {
        node = step(p, node, &words->items[i++]);
    }
    if (end == NULL || node == NULL) {
        return NW_ENOMEM;
    }
    end->value = value;
    struct ends **list = i < words->count ? &node->many : &node->here;
    end->next = *list;
    *list = end;
    return 0;
}

/* ---- finding ---- */

struct search {
    const struct nw_words *words;
    size_t *budget;
    void (*found)(void *context, size_t value);
    void *context;
};

static void give(const struct search *s, const struct ends *ends)
{
    for (; ends != NULL && *s->budget > 0; ends = ends->next) {
        --*s->budget;
        s->found(s->context, ends->value);
    }
}

/* Words from i on against the patterns below node. */
static void look(const struct search *s, const struct node *node, size_t i)
{
    const struct nw_word *word = &s->words->items[i];

    if (node == NULL || *s->budget == 0) {
        return;
    }
    --*s->budget;
    if (i == s->words->count) {
        give(s, node->here);
        return;
    }
    give(s, node->many);
    if (word->kind == NW_WORD_TEXT) {
        look(s, nw_table_find(&node->children, word->text), i + 1);
        look(s, node->one, i + 1);
        return;
    }
    for (const struct node *child = node->first_child; child != NULL; child = child->sibling) {
        look(s, child, i + 1);
        if (word->kind == NW_WORD_MANY) {
            look(s, child, i); /* it may be more than this one word */
        }
    }
    look(s, node->one, i + 1);
    if (word->kind == NW_WORD_MANY) {
        look(s, node->one, i);
    }
}

void nw_patterns_find(const struct nw_patterns *p, const struct nw_words *words, size_t *budget,
                      void (*found)(void *context, size_t value), void *context)
{
    struct search s = {words, budget, found, context};

    look(&s, &p->root, 0);
}
