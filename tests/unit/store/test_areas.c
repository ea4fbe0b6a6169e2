/* SPDX-License-Identifier: Apache-2.0 */
#include <criterion/criterion.h>
#include <dirent.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "store/areas.h"

#define SIZE ((size_t)8192)

static char folder[] = "/tmp/natsway-areas-XXXXXX";
static char inner[sizeof folder + 16];

static void make_folder(void)
{
    cr_assert(mkdtemp(folder) != NULL);
    (void)snprintf(inner, sizeof inner, "%s/dedupe", folder);
}

static void remove_folder(void)
{
    char command[sizeof folder + 16];

    (void)snprintf(command, sizeof command, "rm -rf '%s'", folder);
    cr_assert(system(command) == 0);
}

TestSuite(areas, .init = make_folder, .fini = remove_folder);

static struct nw_areas *open_areas(const char *name)
{
    struct nw_areas *a = NULL;
    struct nw_error error;

    cr_assert_eq(nw_areas_open(inner, name, SIZE, &a, &error), 0, "%s", error.text);
    return a;
}

static size_t count_files(void)
{
    DIR *dir = opendir(inner);
    size_t count = 0;

    for (struct dirent *e; (e = readdir(dir)) != NULL;) {
        count += e->d_name[0] == '.' ? 0 : 1;
    }
    (void)closedir(dir);
    return count;
}

static bool has_text(const struct nw_areas *a, const char *text)
{
    for (size_t i = 0; i < nw_areas_count(a); i++) {
        if (strcmp(nw_areas_at(a, i), text) == 0) {
            return true;
        }
    }
    return false;
}

Test(areas, what_was_written_is_there_at_the_next_start)
{
    struct nw_areas *a = open_areas("r.1"), *other = open_areas("r.2");

    cr_expect_eq(nw_areas_count(a), 0);
    strcpy(nw_areas_take(a), "one");
    strcpy(nw_areas_take(a), "two");
    strcpy(nw_areas_take(other), "three");
    nw_areas_close(a);
    nw_areas_close(other);
    a = open_areas("r.1");
    cr_expect_eq(nw_areas_count(a), 2);
    cr_expect(has_text(a, "one") && has_text(a, "two"));
    nw_areas_close(a);
}

Test(areas, what_is_given_back_is_taken_again_as_zeros)
{
    struct nw_areas *a = open_areas("r.1");
    char *first = nw_areas_take(a);

    memset(first, 'x', SIZE);
    nw_areas_give(a, first);
    cr_expect_eq((char *)nw_areas_take(a), first);
    for (size_t i = 0; i < SIZE; i++) {
        cr_assert_eq(first[i], 0);
    }
    nw_areas_close(a);
}

Test(areas, few_files_stay_of_many)
{
    struct nw_areas *a = open_areas("r.1");
    void *items[20];

    for (size_t i = 0; i < 20; i++) {
        items[i] = nw_areas_take(a);
        cr_assert_not_null(items[i]);
    }
    cr_expect_eq(count_files(), 20);
    for (size_t i = 0; i < 19; i++) {
        nw_areas_give(a, items[i]);
    }
    cr_expect_leq(count_files(), 3);
    nw_areas_close(a);
    cr_expect_eq(count_files(), 1);
}

Test(areas, what_is_damaged_is_kept_under_another_name)
{
    struct nw_areas *a = open_areas("r.1");
    char to[300] = "";

    strcpy(nw_areas_take(a), "bad");
    nw_areas_close(a);
    a = open_areas("r.1");
    nw_areas_reject(a, nw_areas_at(a, 0), to, sizeof to);
    cr_expect_eq(nw_areas_count(a), 0);
    cr_expect_eq(access(to, F_OK), 0, "%s", to);
    nw_areas_close(a);
    a = open_areas("r.1");
    cr_expect_eq(nw_areas_count(a), 0);
    cr_expect_not_null(nw_areas_take(a));
    nw_areas_close(a);
}

/* A file that was cut short is as long as the others: its end is zeros. */
Test(areas, a_file_that_was_cut_short_can_be_read)
{
    struct nw_areas *a = open_areas("r.1");
    char path[sizeof inner + 16];

    strcpy(nw_areas_take(a), "short");
    nw_areas_close(a);
    (void)snprintf(path, sizeof path, "%s/r.1.1", inner);
    cr_assert_eq(truncate(path, 100), 0);
    a = open_areas("r.1");
    cr_assert_eq(nw_areas_count(a), 1);
    cr_expect(has_text(a, "short"));
    cr_expect_eq(((char *)nw_areas_at(a, 0))[SIZE - 1], 0);
    nw_areas_close(a);
}

static bool is_over(const void *area, void *context)
{
    (void)context;
    return strcmp(area, "old") == 0;
}

Test(areas, a_sweep_takes_what_is_over_and_of_no_name)
{
    const char *names[] = {"kept.1"};
    const char *all[] = {"kept.1", "gone.1", "gone.2"};

    for (size_t i = 0; i < 3; i++) {
        struct nw_areas *a = open_areas(all[i]);
        strcpy(nw_areas_take(a), i == 2 ? "new" : "old");
        nw_areas_close(a);
    }
    nw_areas_sweep(inner, SIZE, names, 1, is_over, NULL);
    cr_expect_eq(count_files(), 2);
    nw_areas_close(open_areas("gone.1"));
    cr_expect_eq(count_files(), 2);
}

Test(areas, a_folder_that_cannot_be_made_is_an_error)
{
    struct nw_areas *a = NULL;
    struct nw_error error = {.text = ""};

    cr_expect_eq(nw_areas_open("/proc/none/dedupe", "r.1", SIZE, &a, &error), NW_EIO);
    cr_expect(strstr(error.text, "/proc/none/dedupe") != NULL, "%s", error.text);
}
