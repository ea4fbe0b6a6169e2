/* SPDX-License-Identifier: Apache-2.0 */
/* Which file is which, and finding it again under another name. */
#include <criterion/criterion.h>
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "connectors/file/file_identity.h"
#include "connectors/file/file_search.h"
#include "fixture.h"

TestSuite(identity, .init = fixture_begin, .fini = fixture_end);

/* Ids are made of it: a new version must not give other ones. */
Test(identity, the_hash_is_the_same_for_ever)
{
    cr_assert_eq(file_hash(0, "", 0), UINT64_C(0x8570e254d5cb36d5), "%llx",
                 (unsigned long long)file_hash(0, "", 0));
    cr_assert_eq(file_hash(0, "natsway", 7), UINT64_C(0xddacf1eeaf3d837c), "%llx",
                 (unsigned long long)file_hash(0, "natsway", 7));
    cr_assert_neq(file_hash(0, "a", 1), file_hash(1, "a", 1));
}

Test(identity, an_inode_alone_does_not_make_a_file)
{
    struct file_stat a = {.device = 1, .inode = 7, .birth_ns = 100}, b = a;

    cr_assert(file_stat_same(&a, &b));
    b.device = 2; /* the number of a device may change with a reboot */
    cr_assert(file_stat_same(&a, &b));
    b.birth_ns = 101;
    cr_assert(!file_stat_same(&a, &b));
    a.birth_ns = b.birth_ns = 0; /* a file system that does not tell */
    cr_assert(!file_stat_same(&a, &b));
    b.device = 1;
    cr_assert(file_stat_same(&a, &b));
    b.inode = 8;
    cr_assert(!file_stat_same(&a, &b));
}

Test(identity, the_head_is_the_first_complete_line)
{
    uint64_t hash = 0, longer = 0;
    uint32_t len = 77;

    fixture_write("f", "begun");
    int fd = fixture_open("f");
    cr_assert_eq(file_head(fd, &hash, &len), 0);
    cr_assert_eq(len, 0);
    close(fd);
    fixture_write("f", "line\nmore");
    fd = fixture_open("f");
    cr_assert_eq(file_head(fd, &hash, &len), 0);
    cr_assert_eq(len, 5);
    cr_assert(file_head_fits(fd, hash, len));
    cr_assert(!file_head_fits(fd, hash + 1, len));
    cr_assert(file_head_fits(fd, 12345, 0));
    close(fd);
    fixture_write("f", "Line\nmore");
    fd = fixture_open("f");
    cr_assert(!file_head_fits(fd, hash, len));
    close(fd);
    char text[FILE_HEAD_MAX + 10];
    memset(text, 'x', sizeof text);
    text[sizeof text - 1] = '\0';
    fixture_write("f", text);
    fd = fixture_open("f");
    cr_assert_eq(file_head(fd, &longer, &len), 0);
    cr_assert_eq(len, FILE_HEAD_MAX);
    close(fd);
}

Test(identity, the_bytes_before_a_place)
{
    char check[FILE_CHECK_MAX];
    size_t len;

    fixture_write("f", "0123456789");
    int fd = fixture_open("f");
    cr_assert_eq(file_check_read(fd, 4, check, &len), 0);
    cr_assert(len == 4 && memcmp(check, "0123", 4) == 0);
    cr_assert_eq(file_check_read(fd, 0, check, &len), 0);
    cr_assert_eq(len, 0);
    cr_assert_eq(file_check_read(fd, 11, check, &len), -ENODATA);
    close(fd);
}

/* What is known of a file that was read to `offset`. */
static struct file_wanted wanted_at(const char *name, int64_t offset)
{
    struct file_wanted w = {.offset = offset};
    int fd = fixture_open(name);

    cr_assert_eq(file_stat_fd(fd, &w.stat), 0);
    cr_assert_eq(file_head(fd, &w.head_hash, &w.head_len), 0);
    cr_assert_eq(file_check_hash(fd, offset, &w.check_hash), 0);
    close(fd);
    return w;
}

static bool is_file(int fd, const char *name)
{
    struct file_stat a, b;
    bool same = fd >= 0 && file_stat_fd(fd, &a) == 0 && file_stat_path(name, &b) == 0 &&
                file_stat_same(&a, &b);

    if (fd >= 0) {
        close(fd);
    }
    return same;
}

Test(identity, a_moved_file_is_found_by_what_it_is)
{
    fixture_write("a.log", "one\ntwo\nthree\n");
    struct file_wanted w = wanted_at("a.log", 8);
    cr_assert_eq(rename("a.log", "old"), 0);
    fixture_write("a.log", "one\ntwo\nthree\n"); /* the same content is not enough */
    cr_assert(is_file(file_find_moved("a.log", &w), "old"));
    fixture_write("old", "one\nTWO\nthree\n"); /* nor is the same inode */
    cr_assert_eq(file_find_moved("a.log", &w), -1);
    cr_assert_eq(file_find_moved("nowhere/a.log", &w), -1);
}

Test(identity, a_copy_is_found_by_its_content)
{
    fixture_write("a.log", "one\ntwo\nthree\n");
    struct file_wanted w = wanted_at("a.log", 8);
    cr_assert_eq(file_find_copy("a.log", &w), -1);
    fixture_write("shorter", "one\ntw");
    fixture_write("other", "one\nTwo\nthree\n");
    cr_assert_eq(file_find_copy("a.log", &w), -1);
    fixture_write("copy", "one\ntwo\nthree\n");
    fixture_write("a.log", "");
    cr_assert(is_file(file_find_copy("a.log", &w), "copy"));
    w.offset = 0; /* nothing was read: any file would fit */
    cr_assert_eq(file_find_copy("a.log", &w), -1);
}
