/* SPDX-License-Identifier: Apache-2.0 */
#include <criterion/criterion.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/slice.h"
#include "store/state.h"

static char folder[] = "/tmp/natsway-state-XXXXXX";
static char inner[sizeof folder + 16];

static void make_folder(void)
{
    cr_assert(mkdtemp(folder) != NULL);
    (void)snprintf(inner, sizeof inner, "%s/a/b", folder);
}

static void remove_folder(void)
{
    char command[sizeof folder + 16];

    (void)snprintf(command, sizeof command, "rm -rf '%s'", folder);
    cr_assert(system(command) == 0);
}

TestSuite(state, .init = make_folder, .fini = remove_folder);

static struct nw_state_store *open_store(void)
{
    struct nw_state_store *s = NULL;
    struct nw_error error;

    cr_assert_eq(nw_state_open(inner, &s, &error), 0, "%s", error.text);
    return s;
}

static void expect_value(struct nw_state_store *s, const char *owner, const char *key,
                         const char *want)
{
    void *data = NULL;
    size_t len = 0;
    int rc = nw_state_get(s, owner, key, &data, &len);

    if (want == NULL) {
        cr_assert_eq(rc, NW_ENOTFOUND, "%s/%s", owner, key);
        return;
    }
    cr_assert_eq(rc, 0, "%s/%s", owner, key);
    cr_assert(len == strlen(want) && memcmp(data, want, len) == 0, "%s/%s is %.*s", owner, key,
              (int)len, (char *)data);
    free(data);
}

static void set(struct nw_state_store *s, const char *owner, const char *key, const char *value)
{
    cr_assert_eq(nw_state_set(s, owner, key, value, value == NULL ? 0 : strlen(value)), 0);
}

Test(state, makes_its_folder_for_its_user_only)
{
    struct nw_state_store *s = open_store();
    struct stat st;

    cr_assert_eq(stat(inner, &st), 0);
    cr_assert_eq(st.st_mode & 0777, 0700);
    nw_state_close(s);
}

Test(state, gives_the_newest_value_written_or_not_and_after_a_restart)
{
    struct nw_state_store *s = open_store();

    expect_value(s, "r#0", "k", NULL);
    set(s, "r#0", "k", "1");
    set(s, "r#0", "k", "2");
    set(s, "r#1", "k", "other");
    set(s, "r#0", "empty", "");
    expect_value(s, "r#0", "k", "2");
    expect_value(s, "r#0", "empty", "");
    nw_state_flush(s);
    expect_value(s, "r#0", "k", "2");
    set(s, "r#0", "k", "3");
    set(s, "r#1", "k", NULL);
    expect_value(s, "r#1", "k", NULL);
    nw_state_close(s);
    s = open_store();
    expect_value(s, "r#0", "k", "3");
    expect_value(s, "r#0", "empty", "");
    expect_value(s, "r#1", "k", NULL);
    nw_state_close(s);
}

Test(state, refuses_a_value_that_is_too_long)
{
    struct nw_state_store *s = open_store();
    static char value[NW_STATE_VALUE_MAX + 1];

    cr_assert_eq(nw_state_set(s, "r", "k", value, NW_STATE_VALUE_MAX), 0);
    cr_assert_eq(nw_state_set(s, "r", "k", value, NW_STATE_VALUE_MAX + 1), NW_EINVAL);
    nw_state_close(s);
}

Test(state, keeps_its_instance)
{
    struct nw_state_store *s = open_store();
    char *first = NULL, *second = NULL;
    struct nw_error error;

    cr_assert_eq(nw_state_instance(s, &first, &error), 0);
    nw_state_close(s);
    s = open_store();
    cr_assert_eq(nw_state_instance(s, &second, &error), 0);
    cr_assert(strlen(first) >= 8);
    cr_assert_str_eq(first, second);
    nw_state_close(s);
    free(first);
    free(second);
}

Test(state, refuses_a_second_process_and_names_the_first)
{
    struct nw_state_store *s = open_store(), *again = NULL;
    struct nw_error error;
    char pid[24];

    (void)snprintf(pid, sizeof pid, "process %ld", (long)getpid());
    cr_assert_eq(nw_state_open(inner, &again, &error), NW_EIO);
    cr_assert(strstr(error.text, pid) != NULL, "%s", error.text);
    nw_state_close(s);
    nw_state_close(open_store());
}

Test(state, says_what_is_wrong_with_the_folder)
{
    struct nw_state_store *s = NULL;
    struct nw_error error;
    char path[sizeof folder + 16];
    FILE *file;

    (void)snprintf(path, sizeof path, "%s/file", folder);
    file = fopen(path, "w");
    cr_assert(file != NULL);
    (void)fclose(file);
    (void)snprintf(path, sizeof path, "%s/file/x", folder);
    cr_assert_eq(nw_state_open(path, &s, &error), NW_EIO);
    cr_assert(strstr(error.text, path) != NULL, "%s", error.text);
    cr_assert(strstr(error.text, "Not a directory") != NULL, "%s", error.text);
}

/* A process that sets two values, one behind the other, says so and stands still. */
static _Noreturn void set_and_stand(int ready)
{
    struct nw_state_store *s = NULL;
    struct nw_error error;

    if (nw_state_open(inner, &s, &error) != 0 || nw_state_set(s, "r", "at", "1", 1) != 0 ||
        nw_state_set(s, "r", "at", "2", 1) != 0 || write(ready, "x", 1) != 1) {
        _exit(1);
    }
    for (;;) {
        (void)pause();
    }
}

/* Whether what is on disk now, read without the process that writes it, has the newer value. */
static bool is_on_disk(void)
{
    char command[500];
    struct nw_state_store *s = NULL;
    void *data = NULL;
    size_t len;
    bool found;

    (void)snprintf(command, sizeof command,
                   "rm -rf %s/copy && mkdir %s/copy && cp %s/state.db* %s/copy", folder, folder,
                   inner, folder);
    cr_assert_eq(system(command), 0);
    (void)snprintf(command, sizeof command, "%s/copy", folder);
    if (nw_state_open(command, &s, NULL) != 0) {
        return false; /* copied in the middle of a write */
    }
    found = nw_state_get(s, "r", "at", &data, &len) == 0 && len == 1 && *(char *)data == '2';
    free(data);
    nw_state_close(s);
    return found;
}

/* Nobody asks for it, and the process is not ended in an orderly way. */
Test(state, a_killed_process_has_left_its_newest_values)
{
    int64_t until = nw_clock_monotonic_ns() + 60 * NW_SECOND_NS;
    struct timespec step = {0, 20 * NW_MILLISECOND_NS};
    bool found = false;
    int ready[2];
    pid_t child;
    char x;

    cr_assert_eq(pipe(ready), 0);
    child = fork();
    if (child == 0) {
        set_and_stand(ready[1]);
    }
    cr_assert_eq(read(ready[0], &x, 1), 1);
    while (!(found = is_on_disk()) && nw_clock_monotonic_ns() < until) {
        (void)nanosleep(&step, NULL);
    }
    cr_assert_eq(kill(child, SIGKILL), 0);
    cr_assert_eq(waitpid(child, NULL, 0), child);
    cr_assert(found, "not on disk after a minute");
}

Test(state, a_damaged_file_is_named)
{
    struct nw_state_store *s = open_store();
    char path[sizeof inner + 16];
    struct nw_error error;
    FILE *file;

    nw_state_close(s);
    (void)snprintf(path, sizeof path, "%s/state.db", inner);
    file = fopen(path, "w");
    cr_assert(file != NULL && fputs("this is no database, and longer than a header", file) >= 0);
    (void)fclose(file);
    cr_assert_eq(nw_state_open(inner, &s, &error), NW_EINVAL);
    cr_assert(strstr(error.text, path) != NULL, "%s", error.text);
    cr_assert(strstr(error.text, "not a database") != NULL, "%s", error.text);
}
