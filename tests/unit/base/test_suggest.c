/* SPDX-License-Identifier: Apache-2.0 */
#include <criterion/criterion.h>

#include "base/suggest.h"

static const char *best_of(const char *word)
{
    static const char *const names[] = {"group",     "start",         "topics", "properties",
                                        "isolation", "max_in_flight", "qos"};
    struct nw_suggest s;

    nw_suggest_init(&s, nw_slice_text(word));
    for (size_t i = 0; i < sizeof names / sizeof names[0]; i++) {
        nw_suggest_offer(&s, names[i]);
    }
    return nw_suggest_best(&s);
}

Test(suggest, finds_what_was_meant)
{
    static const struct {
        const char *word, *meant;
    } cases[] = {
        {"gruop", "group"},
        {"grup", "group"},
        {"groupp", "group"},
        {"Group", "group"},
        {"strat", "start"},
        {"topic", "topics"},
        {"propertys", "properties"},
        {"QOS", "qos"},
        {"maxinflight", "max_in_flight"},
        {"max-in-flight", "max_in_flight"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        const char *best = best_of(cases[i].word);
        cr_expect(best != NULL && strcmp(best, cases[i].meant) == 0, "%s: %s", cases[i].word,
                  best == NULL ? "nothing" : best);
    }
}

Test(suggest, does_not_guess_wildly)
{
    static const char *const cases[] = {"", "x", "password", "go", "sort_by", "tls"};
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        cr_expect_null(best_of(cases[i]), "%s: %s", cases[i], best_of(cases[i]));
    }
}

Test(suggest, passes_over_words_that_are_too_long)
{
    char word[400];
    memset(word, 'q', sizeof word - 1);
    word[sizeof word - 1] = '\0';
    cr_expect_null(best_of(word));
}
