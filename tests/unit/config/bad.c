/* SPDX-License-Identifier: Apache-2.0 */
#include "bad.h"

#include <criterion/criterion.h>
#include <stdlib.h>

#include "base/buffer.h"
#include "fakes.h"

/* says with FOLDER filled in; the caller frees. */
static char *fill(const char *says)
{
    struct nw_buffer b = {0};
    const char *at;

    while ((at = strstr(says, "FOLDER")) != NULL) {
        nw_buffer_add(&b, says, (size_t)(at - says));
        nw_buffer_add_text(&b, folder_path());
        says = at + strlen("FOLDER");
    }
    nw_buffer_add_text(&b, says);
    return nw_buffer_take(&b);
}

void expect_bad(const struct bad *cases, size_t n)
{
    (void)setenv("NATSWAY_TEST_SECRET", "hunter2", 1);
    (void)unsetenv("NATSWAY_TEST_UNSET");
    folder_enter();
    folder_write("ca.pem", "");
    folder_write("me.pem", "");
    folder_write("codes.csv", "code,name\n1,one\n");
    for (size_t i = 0; i < n; i++) {
        struct nw_config *config = NULL;
        char *said = load_text(cases[i].yaml, &config), *expected = fill(cases[i].says);

        cr_expect_null(config, "%s", cases[i].what);
        cr_expect_str_eq(said, expected, "%s\nsaid:\n%sexpected:\n%s", cases[i].what, said,
                         expected);
        nw_config_free(config);
        free(said);
        free(expected);
    }
    folder_leave();
}
