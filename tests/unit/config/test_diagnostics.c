/* SPDX-License-Identifier: Apache-2.0 */
#include <criterion/criterion.h>
#include <stdlib.h>

#include "config/diagnostics.h"

Test(diagnostics, are_printed_by_place)
{
    struct nw_diagnostics d = {0};
    char route[] = "orders", file[] = "b.yaml";
    struct nw_mark late = {file, 10, 2}, early = {file, 9, 30}, first = {"a.yaml", 99, 1};
    char *text = NULL;
    size_t len = 0;
    FILE *out = open_memstream(&text, &len);

    nw_diagnostics_add(&d, &late, route, false, "late %d", 1);
    nw_diagnostics_add(&d, &late, route, true, "later");
    nw_diagnostics_add(&d, &early, NULL, false, "early");
    nw_diagnostics_add(&d, &early, NULL, false, "early");
    nw_diagnostics_add(&d, &first, NULL, true, "first");
    nw_diagnostics_add(&d, NULL, NULL, false, "nowhere");
    memset(route, 'x', sizeof route - 1); /* all was copied */
    memset(file, 'x', sizeof file - 1);
    cr_expect_eq(d.errors, 4);
    nw_diagnostics_sort(&d);
    cr_expect_eq(d.count, 5);
    cr_expect_eq(d.errors, 3);
    nw_diagnostics_print(&d, out);
    (void)fclose(out);
    cr_expect_str_eq(text, "nowhere\n"
                           "a.yaml:99:1: warning: first\n"
                           "b.yaml:9:30: early\n"
                           "b.yaml:10:2: orders: late 1\n"
                           "b.yaml:10:2: orders: warning: later\n");
    free(text);
    nw_diagnostics_done(&d);
    nw_diagnostics_done(&d);
}

Test(diagnostics, are_said_once_for_many_routes)
{
    struct nw_diagnostics d = {0};
    struct nw_mark mark = {"c.yaml", 3, 4}, other = {"c.yaml", 5, 6};
    char *text = NULL;
    size_t len = 0;
    FILE *out = open_memstream(&text, &len);

    for (int i = 0; i < 500; i++) {
        char route[8];

        (void)snprintf(route, sizeof route, "r%03d", i);
        nw_diagnostics_add(&d, &mark, route, false, "wrong");
        nw_diagnostics_add(&d, &mark, route, true, "strange");
        nw_diagnostics_add(&d, i < 2 ? &other : NULL, route, false, "wrong");
    }
    nw_diagnostics_sort(&d);
    cr_expect_eq(d.errors, 501);
    cr_expect_eq(d.count, 502);
    d.count = 0;
    for (size_t i = 0; i < 502; i++) { /* without those that have no place */
        d.items[d.count] = d.items[i];
        d.count += d.items[i].mark.line == 0 ? 0 : 1;
    }
    nw_diagnostics_print(&d, out);
    (void)fclose(out);
    cr_expect_str_eq(text, "c.yaml:3:4: r000: warning: strange (and in 499 more routes)\n"
                           "c.yaml:3:4: r000: wrong (and in 499 more routes)\n"
                           "c.yaml:5:6: r000: wrong\n"
                           "c.yaml:5:6: r001: wrong\n");
    free(text);
    nw_diagnostics_done(&d);
}

Test(diagnostics, thousands_are_kept)
{
    struct nw_diagnostics d = {0};

    for (size_t i = 0; i < 5000; i++) {
        struct nw_mark mark = {"c.yaml", 5000 - i, 1};

        nw_diagnostics_add(&d, &mark, NULL, false, "mistake %zu", i);
    }
    nw_diagnostics_sort(&d);
    cr_expect_eq(d.count, 5000);
    cr_expect_str_eq(d.items[0].text, "mistake 4999");
    cr_expect_str_eq(d.items[4999].text, "mistake 0");
    nw_diagnostics_done(&d);
}
