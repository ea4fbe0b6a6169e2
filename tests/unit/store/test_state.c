/* SPDX-License-Identifier: Apache-2.0 */
#include <criterion/criterion.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <sys/wait.h>
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

static _Noreturn void count_for_ever(int ready)
{
    struct nw_state_store *s = NULL;
    struct nw_error error;
    char value[32];

    if (nw_state_open(inner, &s, &error) != 0) {
        _exit(1);
    }
    for (unsigned n = 1;; n++) {
        int64_t now = nw_clock_monotonic_ns();
        int len = snprintf(value, sizeof value, "%lld", (long long)now);
        if (nw_state_set(s, "r", "time", value, (size_t)len) != 0) {
            _exit(1);
        }
        if (n == 1) {
            (void)!write(ready, "x", 1);
        }
        (void)usleep(1000);
    }
}

Test(state, a_killed_process_has_lost_at_most_200_ms)
{
    int ready[2];
    pid_t child;
    char x;

    cr_assert_eq(pipe(ready), 0);
    child = fork();
    if (child == 0) {
        count_for_ever(ready[1]);
    }
    cr_assert_eq(read(ready[0], &x, 1), 1);
    (void)usleep(700 * 1000); /* time itself is what is tested */
    int64_t killed = nw_clock_monotonic_ns();
    cr_assert_eq(kill(child, SIGKILL), 0);
    cr_assert_eq(waitpid(child, NULL, 0), child);

    struct nw_state_store *s = open_store();
    void *data = NULL;
    size_t len;
    cr_assert_eq(nw_state_get(s, "r", "time", &data, &len), 0);
    int64_t behind_ms = (killed - atoll(data)) / NW_MILLISECOND_NS;
    cr_assert(behind_ms < 400, "%lld ms behind", (long long)behind_ms); /* 200 and a slow machine */
    free(data);
    nw_state_close(s);
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
