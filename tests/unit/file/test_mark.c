/* SPDX-License-Identifier: Apache-2.0 */
/* Which open files are ours. */
#include <criterion/criterion.h>
#include <errno.h>
#include <stdio.h>
#include <sys/xattr.h>
#include <unistd.h>

#include "connectors/file/file_mark.h"
#include "fixture.h"

TestSuite(mark, .init = fixture_begin, .fini = fixture_end);

static char ours[FILE_MARK_NAME], theirs[FILE_MARK_NAME];

static int open_new(const char *name, struct file_stat *stat)
{
    fixture_write(name, "text\n");
    int fd = fixture_open(name);
    cr_assert_eq(file_stat_fd(fd, stat), 0);
    file_mark_name(ours, 0xabc);
    file_mark_name(theirs, 0xabd);
    if (fsetxattr(fd, ours, "", 0, 0) != 0 && errno == ENOTSUP) {
        cr_skip("no extended attributes here");
    }
    return fd;
}

Test(mark, is_on_the_file_until_it_is_taken_off)
{
    struct file_stat stat;
    int fd = open_new("a", &stat);

    cr_assert_eq(file_mark_size(fd, ours, &stat), -1, "an empty one");
    file_mark_put(fd, ours, &stat, 100);
    file_mark_put(fd, ours, &stat, INT64_MAX);
    file_mark_put(fd, theirs, &stat, 5);
    cr_assert_eq(rename("a", "b"), 0);
    close(fd);
    fd = fixture_open("b");
    cr_assert_eq(file_mark_size(fd, ours, &stat), INT64_MAX);
    cr_assert_eq(file_mark_size(fd, theirs, &stat), 5);
    file_mark_drop(fd, ours);
    file_mark_drop(fd, ours);
    cr_assert_eq(file_mark_size(fd, ours, &stat), -1);
    cr_assert_eq(file_mark_size(fd, theirs, &stat), 5);
    close(fd);
}

/* A copy that was made with all attributes is not the file. */
Test(mark, does_not_hold_for_a_copy)
{
    struct file_stat a, b;
    int fd = open_new("a", &a), copy = open_new("b", &b);

    file_mark_put(copy, ours, &a, 100);
    cr_assert_eq(file_mark_size(copy, ours, &b), -1);
    cr_assert_eq(fsetxattr(copy, ours, "nonsense", 8, 0), 0);
    cr_assert_eq(file_mark_size(copy, ours, &b), -1);
    close(fd);
    close(copy);
}
