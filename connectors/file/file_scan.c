/* SPDX-License-Identifier: Apache-2.0 */
#include "file_scan.h"

#include <dirent.h>
#include <errno.h>
#include <fnmatch.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static bool has_wildcard(const char *text, size_t len)
{
    for (size_t i = 0; i < len; i++) {
        if (text[i] == '\\') {
            i++;
        } else if (strchr("*?[", text[i]) != NULL) {
            return true;
        }
    }
    return false;
}

bool file_pattern_is_glob(const char *pattern)
{
    return has_wildcard(pattern, strlen(pattern));
}

bool file_pattern_fits(const char *pattern, const char *path)
{
    return fnmatch(pattern, path, FNM_PATHNAME | FNM_PERIOD) == 0;
}

static void failed(struct file_scan *scan, const char *path, int error)
{
    scan->error = error;
    snprintf(scan->error_path, sizeof scan->error_path, "%.511s", path);
}

/* The nearest folder above that exists, so that we learn when the rest of the way is made. */
static void watch_nearest(struct file_scan *scan, const char *folder)
{
    char path[PATH_MAX];
    struct file_stat stat;

    snprintf(path, sizeof path, "%s", folder);
    while (file_stat_path(path, &stat) != 0) {
        char *slash = strrchr(path, '/');
        if (slash == NULL) {
            snprintf(path, sizeof path, ".");
            break;
        }
        slash[slash == path ? 1 : 0] = '\0';
        if (slash == path) {
            break;
        }
    }
    scan->watch(scan->context, path);
}

static void expand(struct file_scan *scan, const char *folder, const char *rest);

/* One existing entry: go down, or it is a file that was looked for. */
static void enter(struct file_scan *scan, const char *path, const char *rest)
{
    struct file_stat stat;

    if (*rest != '\0') {
        expand(scan, path, rest);
        return;
    }
    int rc = file_stat_path(path, &stat);
    if (rc == 0 && stat.regular) {
        scan->files++;
        scan->found(scan->context, path, &stat);
    } else if (rc == 0 && !stat.folder) {
        failed(scan, path, ENOTSUP);
    } else if (rc == 0) {
        failed(scan, path, EISDIR);
    } else {
        failed(scan, path, -rc);
    }
}

static int by_name(const void *a, const void *b)
{
    return strcmp(*(char *const *)a, *(char *const *)b);
}

/* Names in folder that match one level of the pattern, sorted. */
static char **list(struct file_scan *scan, const char *folder, const char *level, size_t *count)
{
    char **names = NULL;
    size_t n = 0, capacity = 0;
    DIR *d = opendir(folder[0] == '\0' ? "." : folder);

    *count = 0;
    if (d == NULL) {
        failed(scan, folder, errno);
        return NULL;
    }
    for (struct dirent *e = readdir(d); e != NULL; e = readdir(d)) {
        if (fnmatch(level, e->d_name, FNM_PERIOD) != 0) {
            continue;
        }
        if (n == capacity) {
            char **more = realloc(names, (capacity = capacity * 2 + 16) * sizeof *names);
            if (more == NULL) {
                break;
            }
            names = more;
        }
        if ((names[n] = strdup(e->d_name)) == NULL) {
            break;
        }
        n++;
    }
    closedir(d);
    if (n > 1) {
        qsort(names, n, sizeof *names, by_name);
    }
    *count = n;
    return names;
}

bool file_join(char *path, const char *folder, const char *name)
{
    size_t at = strcmp(folder, ".") == 0 ? 0 : strlen(folder);
    const char *slash = at == 0 || folder[at - 1] == '/' ? "" : "/";
    int n = snprintf(path, PATH_MAX, "%s%s%s", at == 0 ? "" : folder, slash, name);

    return n > 0 && n < PATH_MAX;
}

static void expand_wildcard(struct file_scan *scan, const char *folder, const char *level,
                            const char *rest)
{
    char path[PATH_MAX];
    struct file_stat stat;
    size_t count;

    scan->watch(scan->context, folder[0] == '\0' ? "." : folder);
    char **names = list(scan, folder, level, &count);
    for (size_t i = 0; i < count; i++) {
        /* Below a wildcard only folders are followed, and only files are taken. */
        if (file_join(path, folder, names[i]) && file_stat_path(path, &stat) == 0 &&
            (*rest != '\0' ? stat.folder : stat.regular)) {
            enter(scan, path, rest);
        }
        free(names[i]);
    }
    free(names);
}

static void unescape(char *text)
{
    char *to = text;

    for (const char *p = text; *p != '\0'; p++) {
        if (*p == '\\' && p[1] != '\0') {
            p++;
        }
        *to++ = *p;
    }
    *to = '\0';
}

/* folder exists or is a way that has not been looked at yet; rest is the pattern below it. */
static void expand(struct file_scan *scan, const char *folder, const char *rest)
{
    char level[NAME_MAX + 1], path[PATH_MAX];
    struct file_stat stat;
    size_t len = strcspn(rest, "/");
    const char *below = rest + len + strspn(rest + len, "/");

    if (len > NAME_MAX) {
        failed(scan, rest, ENAMETOOLONG);
        return;
    }
    memcpy(level, rest, len);
    level[len] = '\0';
    if (has_wildcard(level, len)) {
        expand_wildcard(scan, folder, level, below);
        return;
    }
    unescape(level);
    if (!file_join(path, folder, level)) {
        failed(scan, folder, ENAMETOOLONG);
        return;
    }
    if (*below == '\0') {
        scan->watch(scan->context, folder[0] == '\0' ? "." : folder);
    } else {
        int rc = file_stat_path(path, &stat);
        if (rc != 0 || !stat.folder) {
            failed(scan, path, rc == 0 ? ENOTDIR : -rc);
            watch_nearest(scan, path);
            /* Made before the watch was there: nobody tells of it. */
            scan->again |= file_stat_path(path, &stat) == 0 && stat.folder;
            return;
        }
    }
    enter(scan, path, below);
}

void file_scan_run(struct file_scan *scan, const char *pattern)
{
    scan->files = 0;
    scan->error = 0;
    scan->again = false;
    if (pattern[0] == '/') {
        expand(scan, "/", pattern + strspn(pattern, "/"));
    } else {
        expand(scan, "", pattern);
    }
}
