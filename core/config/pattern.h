/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Which patterns can take what a target sends. Addresses are lists of words: the tokens of a
 * subject, the levels of a topic. The patterns are kept as a tree by their words, so that ten
 * thousand of them are not compared one by one.
 */
#ifndef NATSWAY_CONFIG_PATTERN_H
#define NATSWAY_CONFIG_PATTERN_H

#include "base/arena.h"

enum nw_word_kind {
    NW_WORD_TEXT, /* this word */
    NW_WORD_ONE,  /* any one word */
    NW_WORD_MANY  /* one or more words */
};
struct nw_word {
    enum nw_word_kind kind;
    struct nw_slice text;
};
#define NW_WORDS 32
struct nw_words {
    struct nw_word items[NW_WORDS];
    size_t count;
};

/* Split what a source listens to; separator is '.', '/' or 0. More than NW_WORDS are cut off with
 * NW_WORD_MANY. The words are slices of text. */
void nw_words_of_pattern(const char *text, char separator, struct nw_words *out);
/* Split a target's template: {{…}} is one word, or many where the expression may give several. */
void nw_words_of_template(const char *text, char separator, struct nw_words *out);

struct nw_patterns;

/* NULL: no memory. Freed with the arena. */
struct nw_patterns *nw_patterns_new(struct nw_arena *arena);
int nw_patterns_add(struct nw_patterns *p, const struct nw_words *words, size_t value);
/* Call found(context, value) for each pattern that words can match; a value may come twice. Stops
 * when *budget, which counts steps, is used up. */
void nw_patterns_find(const struct nw_patterns *p, const struct nw_words *words, size_t *budget,
                      void (*found)(void *context, size_t value), void *context);

#endif
