/* SPDX-License-Identifier: Apache-2.0 */
#include "store/areas.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#define SPARES 2 /* files that are kept for the next */
#define NUMBER_MAX 1000000000UL

struct area {
    void *map;
    unsigned long number; /* of its file */
    bool spare;           /* nobody uses it; all zero */
};

struct nw_areas {
    char *folder, *name;
    size_t size;
    struct area *items;
    size_t count, capacity;
    unsigned long last_number;
};

static char *path_of(const struct nw_areas *a, unsigned long number)
{
    char *path;

    return asprintf(&path, "%s/%s.%lu", a->folder, a->name, number) < 0 ? NULL : path;
}

static bool make_place(struct nw_areas *a)
{
    size_t capacity = a->capacity == 0 ? 8 : a->capacity * 2;
    struct area *more;

    if (a->count < a->capacity) {
        return true;
    }
    more = realloc(a->items, capacity * sizeof *more);
    if (more != NULL) {
        a->items = more;
        a->capacity = capacity;
    }
    return more != NULL;
}

static struct area *find(const struct nw_areas *a, const void *map)
{
    for (size_t i = 0; i < a->count; i++) {
        if (a->items[i].map == map) {
            return &a->items[i];
        }
    }
    return NULL;
}

static void remove_item(struct nw_areas *a, struct area *item, bool unlink_it)
{
    char *path = unlink_it ? path_of(a, item->number) : NULL;

    if (path != NULL) {
        (void)unlink(path);
    }
    free(path);
    (void)munmap(item->map, a->size);
    *item = a->items[--a->count];
}

/* The room is taken first: a page of a mapping that the disk has no room for kills who writes it.
 * NULL: there is none. */
static void *map_file(const char *path, size_t size, bool make)
{
    int fd = open(path, O_RDWR | O_CLOEXEC | (make ? O_CREAT | O_EXCL : 0), 0600);
    void *map = MAP_FAILED;

    if (fd < 0) {
        return NULL;
    }
    if (posix_fallocate(fd, 0, (off_t)size) == 0) {
        map = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
    }
    (void)close(fd);
    if (map == MAP_FAILED && make) {
        (void)unlink(path);
    }
    return map == MAP_FAILED ? NULL : map;
}

/* ---- taking and giving ---- */

size_t nw_areas_count(const struct nw_areas *a)
{
    return a->count;
}

void *nw_areas_at(const struct nw_areas *a, size_t index)
{
    return a->items[index].map;
}

void *nw_areas_take(struct nw_areas *a)
{
    struct area *item;
    char *path;
    void *map;

    for (size_t i = 0; i < a->count; i++) {
        if (a->items[i].spare) {
            a->items[i].spare = false;
            return a->items[i].map;
        }
    }
    path = make_place(a) ? path_of(a, a->last_number + 1) : NULL;
    map = path == NULL ? NULL : map_file(path, a->size, true);
    free(path);
    if (map == NULL) {
        return NULL;
    }
    item = &a->items[a->count++];
    *item = (struct area){map, ++a->last_number, false};
    return map;
}

static size_t count_spares(const struct nw_areas *a)
{
    size_t count = 0;

    for (size_t i = 0; i < a->count; i++) {
        count += a->items[i].spare ? 1 : 0;
    }
    return count;
}

void nw_areas_give(struct nw_areas *a, void *area)
{
    struct area *item = find(a, area);

    if (item == NULL) {
        return;
    }
    if (count_spares(a) >= SPARES) {
        remove_item(a, item, true);
        return;
    }
    memset(area, 0, a->size);
    item->spare = true;
}

void nw_areas_reject(struct nw_areas *a, void *area, char *to, size_t size)
{
    struct area *item = find(a, area);
    char *path = item == NULL ? NULL : path_of(a, item->number);

    (void)snprintf(to, size, "%s.damaged", path == NULL ? "" : path);
    if (path != NULL && rename(path, to) != 0) {
        (void)unlink(path);
    }
    if (item != NULL) {
        remove_item(a, item, false);
    }
    free(path);
}

/* ---- opening ---- */

/* "NAME.7": the length of the name and the number; false: it is no such file's. */
static bool read_name(const char *file, size_t *len, unsigned long *number)
{
    const char *dot = strrchr(file, '.');
    char *end;

    if (dot == NULL || dot[1] < '1' || dot[1] > '9') {
        return false;
    }
    *len = (size_t)(dot - file);
    *number = strtoul(dot + 1, &end, 10);
    return *end == '\0' && *number < NUMBER_MAX;
}

static int find_file(struct nw_areas *a, const char *file)
{
    unsigned long number;
    size_t len;
    char *path;
    void *map;

    if (!read_name(file, &len, &number) || len != strlen(a->name) ||
        memcmp(file, a->name, len) != 0) {
        return 0;
    }
    path = make_place(a) ? path_of(a, number) : NULL;
    if (path == NULL) {
        return NW_ENOMEM;
    }
    map = map_file(path, a->size, false);
    free(path);
    if (map != NULL) {
        a->items[a->count++] = (struct area){map, number, false};
    }
    if (number > a->last_number) { /* also of one that cannot be read */
        a->last_number = number;
    }
    return 0;
}

static int find_files(struct nw_areas *a, struct nw_error *error)
{
    const struct dirent *entry;
    DIR *dir;
    int rc = 0;

    if (mkdir(a->folder, 0700) != 0 && errno != EEXIST) {
        return nw_error_set(error, NW_EIO, "the folder %s cannot be made: %s", a->folder,
                            strerror(errno));
    }
    dir = opendir(a->folder);
    if (dir == NULL) {
        return nw_error_set(error, NW_EIO, "the folder %s cannot be read: %s", a->folder,
                            strerror(errno));
    }
    while (rc == 0 && (entry = readdir(dir)) != NULL) {
        rc = find_file(a, entry->d_name);
    }
    (void)closedir(dir);
    return rc == 0 ? 0 : nw_error_set(error, rc, "out of memory");
}

int nw_areas_open(const char *folder, const char *name, size_t size, struct nw_areas **out,
                  struct nw_error *error)
{
    struct nw_areas *a = calloc(1, sizeof *a);
    int rc;

    if (a == NULL) {
        return nw_error_set(error, NW_ENOMEM, "out of memory");
    }
    a->folder = strdup(folder);
    a->name = strdup(name);
    a->size = size;
    if (a->folder == NULL || a->name == NULL) {
        rc = nw_error_set(error, NW_ENOMEM, "out of memory");
    } else {
        rc = find_files(a, error);
    }
    if (rc != 0) {
        nw_areas_close(a);
        return rc;
    }
    *out = a;
    return 0;
}

void nw_areas_close(struct nw_areas *a)
{
    if (a == NULL) {
        return;
    }
    while (a->count > 0) {
        remove_item(a, &a->items[a->count - 1], a->items[a->count - 1].spare);
    }
    free(a->items);
    free(a->folder);
    free(a->name);
    free(a);
}

/* ---- sweeping ---- */

static bool is_named(const char *file, size_t len, const char *const *names, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        if (strlen(names[i]) == len && memcmp(names[i], file, len) == 0) {
            return true;
        }
    }
    return false;
}

void nw_areas_sweep(const char *folder, size_t size, const char *const *names, size_t count,
                    bool (*is_over)(const void *area, void *context), void *context)
{
    DIR *dir = opendir(folder);
    const struct dirent *entry;
    unsigned long number;
    size_t len;

    while (dir != NULL && (entry = readdir(dir)) != NULL) {
        char *path = NULL;
        void *map;

        if (!read_name(entry->d_name, &len, &number) ||
            is_named(entry->d_name, len, names, count) ||
            asprintf(&path, "%s/%s", folder, entry->d_name) < 0) {
            continue;
        }
        map = map_file(path, size, false);
        if (map != NULL && is_over(map, context)) {
            (void)unlink(path);
        }
        if (map != NULL) {
            (void)munmap(map, size);
        }
        free(path);
    }
    if (dir != NULL) {
        (void)closedir(dir);
    }
}
