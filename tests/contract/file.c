/* SPDX-License-Identifier: Apache-2.0 */
/* Files: lines of one that grows, whole ones in a folder; appended, and one for each message. No
 * server, but a folder that may be missing. */
#include <dirent.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "contract.h"
#include "support/fail.h"

const char *const nwc_connector = "file";

static char folder[400], moved[420];

static void start(struct nwt_folder *of_program)
{
    (void)snprintf(folder, sizeof folder, "%s/files", nwt_folder_path(of_program));
    (void)snprintf(moved, sizeof moved, "%s.away", folder);
    (void)mkdir(folder, 0700);
}

static void begin(const char *name)
{
    char path[500];

    (void)snprintf(path, sizeof path, "%s/%s", folder, name);
    if (mkdir(path, 0700) != 0) {
        nwt_fail("cannot make %s: %s", path, strerror(errno));
    }
}

/* ---- sources ---- */

static void put_lines(const char *name, size_t from, size_t to)
{
    char path[500], line[100];

    (void)snprintf(path, sizeof path, "%s/%s/in.log", folder, name);
    for (size_t i = from; i < to; i++) {
        int n = snprintf(line, sizeof line, "%s\n", nwc_payload(i).data);
        nwt_file_append(path, line, (size_t)n);
    }
}

static void put_whole(const char *name, size_t from, size_t to)
{
    char path[500], hidden[500];

    for (size_t i = from; i < to; i++) {
        (void)snprintf(path, sizeof path, "%s/%s/%06zu.txt", folder, name, i);
        (void)snprintf(hidden, sizeof hidden, "%s/%s/.%06zu", folder, name, i);
        nwt_file_write(hidden, "%s", nwc_payload(i).data);
        if (rename(hidden, path) != 0) {
            nwt_fail("cannot rename %s: %s", hidden, strerror(errno));
        }
    }
}

/* ---- sinks ---- */

static struct nw_slice text(const char *data)
{
    return (struct nw_slice){data, strlen(data)};
}

static void collect_lines(const char *name)
{
    char path[500], *all, *rest, *line;

    (void)snprintf(path, sizeof path, "%s/%s/out.log", folder, name);
    all = rest = nwt_file_read(path, NULL);
    while (rest != NULL && (line = strsep(&rest, "\n")) != NULL) {
        if (*line != '\0') {
            nwc_arrived(text(line), (struct nw_slice){NULL, 0}, (struct nw_slice){NULL, 0});
        }
    }
    free(all);
}

/* Hidden ones are not finished. */
static void collect_whole(const char *name)
{
    char path[500];
    DIR *files;

    (void)snprintf(path, sizeof path, "%s/%s", folder, name);
    files = opendir(path);
    for (struct dirent *e; files != NULL && (e = readdir(files)) != NULL;) {
        char file[800], *all;
        (void)snprintf(file, sizeof file, "%s/%s", path, e->d_name);
        if (e->d_name[0] != '.' && (all = nwt_file_read(file, NULL)) != NULL) {
            nwc_arrived(text(all), (struct nw_slice){NULL, 0}, (struct nw_slice){NULL, 0});
            free(all);
        }
    }
    if (files != NULL) {
        (void)closedir(files);
    }
}

/* A file stands where the folder has been, so that no folder can be made. */
static void away(void)
{
    if (rename(folder, moved) != 0) {
        nwt_fail("cannot move the folder: %s", strerror(errno));
    }
    nwt_file_write(folder, "in the way");
}

static void back(void)
{
    if (unlink(folder) != 0 || rename(moved, folder) != 0) {
        nwt_fail("cannot move the folder back: %s", strerror(errno));
    }
}

/* A name that no file system takes. */
static void spoil(struct nw_message *m)
{
    size_t len = strlen(folder) + 302;
    char *path = nw_message_alloc(m, len + 1);

    (void)snprintf(path, len + 1, "%s/%0300d", folder, 0);
    nw_message_set_address(m, (struct nw_slice){path, strlen(path)});
}

/* ---- adapters; the folder is known when they start ---- */

static char lines_in[500], whole_in[500], lines_out[500], whole_out[500];

static void start_all(struct nwt_folder *of_program)
{
    start(of_program);
    (void)snprintf(lines_in, sizeof lines_in, "{file: \"%s/@/in.log\"}", folder);
    (void)snprintf(whole_in, sizeof whole_in, "{file: \"%s/@/*.txt\", mode: whole, after: delete}",
                   folder);
    (void)snprintf(lines_out, sizeof lines_out, "{file: \"%s/@/out.log\"}", folder);
    (void)snprintf(whole_out, sizeof whole_out,
                   "{file: \"%s/@/{{header('" NWC_HEADER "')}}.txt\", mode: whole}", folder);
}

static const struct nwc_adapter lines_source = {.name = "file, lines",
                                                .source = lines_in,
                                                .start = start_all,
                                                .begin = begin,
                                                .put = put_lines};
static const struct nwc_adapter whole_source = {
    .name = "file, whole", .source = whole_in, .begin = begin, .put = put_whole};
static const struct nwc_adapter lines_sink = {
    .name = "file, lines", .sink = lines_out, .begin = begin, .collect = collect_lines};
static const struct nwc_adapter whole_sink = {.name = "file, whole",
                                              .sink = whole_out,
                                              .begin = begin,
                                              .collect = collect_whole,
                                              .away = away,
                                              .back = back,
                                              .spoil = spoil};

const struct nwc_adapter *const nwc_adapters[] = {&lines_source, &whole_source, &lines_sink,
                                                  &whole_sink, NULL};
