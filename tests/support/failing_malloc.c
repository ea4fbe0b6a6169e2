/* SPDX-License-Identifier: Apache-2.0 */
/*
 * An allocator that fails once, to be loaded before the C library's (LD_PRELOAD). The allocations
 * that natsway itself and its connectors ask for are counted; number FAIL_AT of them gets nothing.
 * What libraries ask for themselves is always given: some of them end the process without memory.
 * At the end the count is written to the file FAIL_COUNT.
 */
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <link.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

void *__libc_malloc(size_t size);
void *__libc_calloc(size_t count, size_t size);
void *__libc_realloc(void *old, size_t size);

static atomic_long counted;
static long fail_at;

__attribute__((constructor)) static void set_up(void)
{
    const char *text = getenv("FAIL_AT");

    fail_at = text == NULL ? 0 : strtol(text, NULL, 10);
}

/* Whether the program or a connector stands at this place. */
static bool is_ours(void *place)
{
    struct dl_find_object found;
    const char *name;

    if (_dl_find_object(place, &found) != 0 || found.dlfo_link_map == NULL) {
        return false;
    }
    name = found.dlfo_link_map->l_name;
    return name[0] == '\0' || strstr(name, "/connectors/") != NULL;
}

static bool fails(void *place)
{
    if (!is_ours(place) || atomic_fetch_add(&counted, 1) + 1 != fail_at) {
        return false;
    }
    struct dl_find_object found;
    char text[600];
    (void)_dl_find_object(place, &found);
    int n = snprintf(text, sizeof text, "allocation %ld fails: %s +0x%lx\n", fail_at,
                     found.dlfo_link_map->l_name,
                     (unsigned long)((char *)place - (char *)found.dlfo_link_map->l_addr));
    (void)!write(STDERR_FILENO, text, (size_t)n);
    errno = ENOMEM;
    return true;
}

#define FAILS() fails(__builtin_return_address(0))

void *malloc(size_t size)
{
    return FAILS() ? NULL : __libc_malloc(size);
}

void *calloc(size_t count, size_t size)
{
    return FAILS() ? NULL : __libc_calloc(count, size);
}

void *realloc(void *old, size_t size)
{
    return FAILS() ? NULL : __libc_realloc(old, size);
}

static char *copy(const char *text, size_t len)
{
    char *out = __libc_malloc(len + 1);

    if (out != NULL) {
        memcpy(out, text, len);
        out[len] = '\0';
    }
    return out;
}

char *strdup(const char *text)
{
    return FAILS() ? NULL : copy(text, strlen(text));
}

char *strndup(const char *text, size_t most)
{
    return FAILS() ? NULL : copy(text, strnlen(text, most));
}

__attribute__((destructor)) static void write_count(void)
{
    const char *path = getenv("FAIL_COUNT");
    int fd = path == NULL ? -1 : open(path, O_CREAT | O_WRONLY | O_TRUNC | O_CLOEXEC, 0644);

    if (fd >= 0) {
        (void)dprintf(fd, "%ld\n", atomic_load(&counted));
        (void)close(fd);
    }
}
