/* SPDX-License-Identifier: Apache-2.0 */
/* The windows of dedupe on disk: a bridge that comes again finds them. */
#include <criterion/criterion.h>
#include <dirent.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "log/log.h"
#include "pump/windows.h"

static char folder[] = "/tmp/natsway-windows-XXXXXX";
static struct nw_route_spec route = {.name = "r", .enabled = true};
static struct nw_route_spec *routes[] = {&route};
static struct nw_config config = {.state_dir = folder, .routes = routes, .route_count = 1};
static struct nw_windows *windows;

static void begin(void)
{
    cr_assert(mkdtemp(folder) != NULL);
    nw_log_setup(NW_LOG_ERROR, false);
}

static void end(void)
{
    char command[sizeof folder + 16];

    (void)snprintf(command, sizeof command, "rm -rf '%s'", folder);
    cr_assert(system(command) == 0);
}

TestSuite(windows, .init = begin, .fini = end);

static void start(int64_t length_ms)
{
    static const struct nw_template_scope scope = {.bridge = "b", .route = "r", .pattern = "a"};
    struct nw_template *t = NULL;
    struct nw_error error;

    route.map = nw_map_new();
    cr_assert_eq(
        nw_template_compile(NW_LITERAL("{{json('.id')}}"), NW_FILL_TEXT, &scope, &t, &error), 0);
    cr_assert_eq(nw_map_add_dedupe(route.map, t, length_ms, 1000, NULL), 0);
    nw_windows_sweep(&config);
    cr_assert_eq(nw_windows_open(&route, folder, &windows), 0);
}

static void stop(void)
{
    nw_windows_close(windows);
    nw_map_free(route.map);
    route.map = NULL;
}

static enum nw_window_answer ask(const char *id, const char *origin)
{
    struct nw_window *w = nw_map_window(route.map, 0);
    struct nw_message m = {.origin = nw_slice_text(origin)};
    struct nw_window_entry e = nw_window_entry(w, nw_slice_text(id), &m);

    return nw_window_ask(w, &e, nw_window_now(), true);
}

static char *only_file(void)
{
    char *path = NULL, inner[sizeof folder + 16];
    DIR *dir;

    (void)snprintf(inner, sizeof inner, "%s/dedupe", folder);
    dir = opendir(inner);
    cr_assert_not_null(dir);
    for (struct dirent *e; (e = readdir(dir)) != NULL;) {
        if (e->d_name[0] != '.') {
            cr_assert_null(path, "there is more than one file: %s", e->d_name);
            cr_assert_geq(asprintf(&path, "%s/%s", inner, e->d_name), 0);
        }
    }
    (void)closedir(dir);
    return path;
}

Test(windows, a_window_is_there_at_the_next_start)
{
    start(60000);
    cr_expect_eq(ask("a", "1"), NW_WINDOW_NEW);
    stop();
    for (int i = 0; i < 3; i++) {
        start(60000);
        cr_expect_eq(ask("a", "2"), NW_WINDOW_REPEAT);
        cr_expect_eq(ask("a", "1"), NW_WINDOW_AGAIN);
        stop();
    }
}

Test(windows, a_damaged_file_goes_out_of_the_way)
{
    char *path, *damaged;
    FILE *f;

    start(60000);
    (void)ask("a", "1");
    stop();
    path = only_file();
    cr_assert_not_null(path);
    f = fopen(path, "r+");
    cr_assert_not_null(f);
    cr_assert(fputs("what is this?", f) >= 0);
    cr_assert_eq(fclose(f), 0);
    start(60000);
    cr_expect_eq(ask("a", "2"), NW_WINDOW_NEW);
    cr_expect_eq(ask("a", "3"), NW_WINDOW_REPEAT);
    stop();
    cr_assert_geq(asprintf(&damaged, "%s.damaged", path), 0);
    cr_expect_eq(access(damaged, F_OK), 0, "%s", damaged);
    free(path);
    free(damaged);
}

Test(windows, without_a_folder_it_works_from_memory)
{
    char path[sizeof folder + 16];

    (void)snprintf(path, sizeof path, "%s/dedupe", folder);
    cr_assert_eq(fclose(fopen(path, "w")), 0); /* a file is in its place */
    start(60000);
    cr_expect_eq(ask("a", "1"), NW_WINDOW_NEW);
    cr_expect_eq(ask("a", "2"), NW_WINDOW_REPEAT);
    stop();
}

Test(windows, what_a_route_left_stays_until_its_time_is_over)
{
    char *path;

    start(60000);
    (void)ask("a", "1");
    stop();
    route.map = nw_map_new(); /* without dedupe */
    nw_windows_sweep(&config);
    cr_assert_eq(nw_windows_open(&route, folder, &windows), 0);
    cr_expect_null(windows);
    nw_map_free(route.map);
    path = only_file();
    cr_expect_not_null(path);
    free(path);
}

Test(windows, and_at_the_next_start_if_that_is_later)
{
    char *path;

    start(1);
    (void)ask("a", "1");
    stop();
    free(only_file());
    (void)usleep(2000); /* longer than the window: the condition itself is a time */
    route.map = nw_map_new();
    nw_windows_sweep(&config);
    cr_assert_eq(nw_windows_open(&route, folder, &windows), 0);
    nw_map_free(route.map);
    path = only_file();
    cr_expect_null(path, "%s", path);
    free(path);
}
