/* SPDX-License-Identifier: Apache-2.0 */
#include <criterion/criterion.h>
#include <stdlib.h>
#include <unistd.h>

#include "config/interpolate.h"
#include "config/read_file.h"
#include "fakes.h"

static void set_up(void)
{
    folder_enter();
    (void)setenv("NW_SET", "value", 1);
    (void)setenv("NW_EMPTY", "", 1);
    (void)setenv("NW_NESTED", "${NW_SET}", 1);
    (void)unsetenv("NW_UNSET");
}

TestSuite(interpolate, .init = set_up, .fini = folder_leave);

Test(interpolate, fills_in_variables_and_files)
{
    static const struct {
        const char *text, *filled;
    } cases[] = {
        {"", ""},
        {"plain", "plain"},
        {"${NW_SET}", "value"},
        {"a${NW_SET}b${NW_SET}", "avaluebvalue"},
        {"${NW_SET:-other}", "value"},
        {"${NW_EMPTY}", ""},
        {"${NW_EMPTY:-other}", "other"},
        {"${NW_UNSET:-}", ""},
        {"${NW_UNSET:-a:-b}", "a:-b"},
        {"${NW_NESTED}", "${NW_SET}"},
        {"${file:secret}", "s3cret"},
        {"<${file:two-lines}>", "<a\nb\n>"},
        {"$${NW_SET}", "${NW_SET}"},
        {"$$${NW_SET}", "$${NW_SET}"},
        {"$ $$ $1 5$", "$ $$ $1 5$"},
        {"$", "$"},
    };
    folder_write("secret", "s3cret\n");
    folder_write("two-lines", "a\nb\n\n");
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct nw_buffer b = {0}, pieces = {0};
        struct nw_error error = {0};

        cr_expect_eq(
            nw_interpolate(nw_slice_text(cases[i].text), folder_path(), &b, &pieces, &error), 0,
            "%s: %s", cases[i].text, error.text);
        cr_expect_str_eq(nw_buffer_text(&b), cases[i].filled);
        nw_buffer_done(&b);
        nw_buffer_done(&pieces);
    }
}

Test(interpolate, says_what_it_cannot_fill_in)
{
    static const struct {
        const char *text;
        size_t at;
        const char *says;
    } cases[] = {
        {"ab${NW_UNSET}", 2, "NW_UNSET is not set"},
        {"${", 0, "without its }"},
        {"x${NW_SET", 1, "without its }"},
        {"${}", 0, "expected ${NAME}"},
        {"${1A}", 0, "expected ${NAME}"},
        {"${A B}", 0, "expected ${NAME}"},
        {"${NW_SET-x}", 0, "expected ${NAME}"},
        {"${file:absent}", 0, "No such file"},
        {"${file:.}", 0, "Is a directory"},
        {"${file:binary}", 0, "NUL"},
    };
    FILE *binary = fopen("binary", "w");

    cr_assert_eq(fwrite("a\0b", 1, 3, binary), 3);
    (void)fclose(binary);
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct nw_buffer b = {0}, pieces = {0};
        struct nw_error error = {0};

        cr_expect_eq(
            nw_interpolate(nw_slice_text(cases[i].text), folder_path(), &b, &pieces, &error),
            NW_EINVAL, "%s", cases[i].text);
        cr_expect_eq(error.at, cases[i].at, "%s", cases[i].text);
        cr_expect_not_null(strstr(error.text, cases[i].says), "%s: %s", cases[i].text, error.text);
        nw_buffer_done(&b);
        nw_buffer_done(&pieces);
    }
}

Test(interpolate, says_what_came_from_outside)
{
    static const char text[] = "a${NW_SET}$${${NW_EMPTY}b${NW_UNSET:-or}c";
    struct nw_buffer b = {0}, pieces = {0};
    struct nw_error error = {0};
    const struct nw_piece *piece;
    size_t count;

    cr_assert_eq(nw_interpolate(NW_LITERAL(text), folder_path(), &b, &pieces, &error), 0);
    cr_expect_str_eq(nw_buffer_text(&b), "avalue${borc");
    piece = (const void *)pieces.data;
    count = pieces.len / sizeof *piece;
    cr_assert_eq(count, 4);
    cr_expect(piece[0].from == 1 && piece[0].to == 6 && piece[0].at == 1 && piece[0].end == 10);
    cr_expect(piece[0].outside && !piece[1].outside && piece[2].outside && !piece[3].outside);
    cr_expect_eq(nw_pieces_back(piece, count, 0), 0);
    cr_expect_eq(nw_pieces_back(piece, count, 3), 1);
    cr_expect_eq(text[nw_pieces_back(piece, count, 8)], 'b');
    cr_expect_eq(text[nw_pieces_back(piece, count, 11)], 'c');
    cr_expect_eq(nw_pieces_back(piece, count, 12), sizeof text - 1);
    nw_buffer_done(&b);
    nw_buffer_done(&pieces);
}

Test(interpolate, a_file_has_a_limit)
{
    struct nw_buffer b = {0};
    struct nw_error error = {0};

    folder_write("ten", "0123456789");
    cr_expect_eq(nw_read_file("ten", 10, &b, &error), 0);
    cr_expect_str_eq(nw_buffer_text(&b), "0123456789");
    cr_expect_eq(nw_read_file("ten", 9, &b, &error), NW_EINVAL);
    cr_expect_str_eq(error.text, "ten is larger than 9");
    nw_buffer_done(&b);
}
