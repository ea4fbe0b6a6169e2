/* SPDX-License-Identifier: Apache-2.0 */
#include <criterion/criterion.h>

#include "hub/subject.h"

Test(subject, may_be_published_to_or_says_why_not)
{
    static const struct {
        const char *subject, *says;
    } cases[] = {
        {"a", NULL},           {"a.b.c", NULL},           {"a.b*.c>", NULL},
        {"$JS.x", NULL},       {"\xc3\xa4.b", NULL},      {"", "empty"},
        {"a b", "blank"},      {"a\r\nPUB b 0", "blank"}, {"a\x7f", "control"},
        {".a", "empty token"}, {"a..b", "empty token"},   {"a.", "ends with a dot"},
        {"a.*.b", "wildcard"}, {"a.>", "wildcard"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct nw_error error = {0};
        int rc = nw_subject_check(nw_slice_text(cases[i].subject), &error);
        cr_expect_eq(rc, cases[i].says == NULL ? 0 : NW_EINVAL, "%s", cases[i].subject);
        if (cases[i].says != NULL) {
            cr_expect(strstr(error.text, cases[i].says) != NULL, "%s: %s", cases[i].subject,
                      error.text);
        }
    }
}

Test(subject, is_refused_when_the_server_would_close_the_connection_for_it)
{
    char text[NW_SUBJECT_MAX + 1];

    memset(text, 'a', sizeof text);
    cr_expect_eq(nw_subject_check((struct nw_slice){text, NW_SUBJECT_MAX}, NULL), 0);
    cr_expect_eq(nw_subject_check((struct nw_slice){text, sizeof text}, NULL), NW_EINVAL);
}

Test(subject, pattern_has_wildcards_where_they_may_stand)
{
    static const char *const good[] = {"a", "*", ">", "a.*.b", "a.>", "*.*.>"};
    static const char *const bad[] = {"", "a.>.b", ">.a", "a..>", "a b.>"};

    for (size_t i = 0; i < sizeof good / sizeof good[0]; i++) {
        cr_expect_eq(nw_subject_check_pattern(nw_slice_text(good[i]), NULL), 0, "%s", good[i]);
    }
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
        cr_expect_eq(nw_subject_check_pattern(nw_slice_text(bad[i]), NULL), NW_EINVAL, "%s",
                     bad[i]);
    }
}

Test(subject, name_of_a_durable_is_made_of_any_text)
{
    struct nw_buffer b = {0};

    nw_subject_add_name(&b, "plant.1/a b*>-x_Y9");
    cr_expect_str_eq(nw_buffer_text(&b), "plant_1_a_b__-x_Y9");
    cr_expect(nw_subject_is_name(nw_buffer_text(&b)));
    cr_expect_not(nw_subject_is_name(""));
    cr_expect_not(nw_subject_is_name("a.b"));
    cr_expect_not(nw_subject_is_name("a b"));
    nw_buffer_done(&b);
}
