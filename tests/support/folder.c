/* SPDX-License-Identifier: Apache-2.0 */
/* Temporary folders, and small helpers for whole files. */
#include "support/folder.h"

#include "support/fail.h"
#include <errno.h>
#include <fcntl.h>
#include <spawn.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <sys/xattr.h>
#include <unistd.h>

extern char **environ;

struct nwt_folder {
    char *path;
    int pipe;      /* its end makes the remover work; closed on exec, so only this process has it */
    pid_t remover; /* 0: the folder stays */
};

/* Servers that die with the test may still write while the folder is removed: hence the repeat. */
static const char remove_script[] =
    "cat >/dev/null; i=0; while [ $i -lt 50 ] && ! rm -rf \"$1\" 2>/dev/null; do "
    "i=$((i+1)); sleep 0.1; done";

static void start_remover(struct nwt_folder *folder)
{
    int ends[2];
    if (pipe2(ends, O_CLOEXEC) != 0) {
        nwt_fail("pipe: %s", strerror(errno));
    }
    posix_spawn_file_actions_t actions;
    posix_spawn_file_actions_init(&actions);
    posix_spawn_file_actions_adddup2(&actions, ends[0], STDIN_FILENO);
    posix_spawn_file_actions_addopen(&actions, STDOUT_FILENO, "/dev/null", O_WRONLY, 0);
    posix_spawn_file_actions_addopen(&actions, STDERR_FILENO, "/dev/null", O_WRONLY, 0);
    /* A group of its own: Ctrl-C on the test must not take the remover with it. */
    posix_spawnattr_t attributes;
    posix_spawnattr_init(&attributes);
    posix_spawnattr_setflags(&attributes, POSIX_SPAWN_SETPGROUP);
    posix_spawnattr_setpgroup(&attributes, 0);
    char *arguments[] = {"sh", "-c", (char *)remove_script, "sh", folder->path, NULL};
    int error = posix_spawn(&folder->remover, "/bin/sh", &actions, &attributes, arguments, environ);
    if (error != 0) {
        nwt_fail("cannot start /bin/sh: %s", strerror(error));
    }
    posix_spawnattr_destroy(&attributes);
    posix_spawn_file_actions_destroy(&actions);
    close(ends[0]);
    folder->pipe = ends[1];
}

struct nwt_folder *nwt_folder_new(void)
{
    struct nwt_folder *folder = calloc(1, sizeof *folder);
    const char *base = getenv("TMPDIR");
    if (folder == NULL ||
        asprintf(&folder->path, "%s/natsway-test-XXXXXX", base == NULL ? "/tmp" : base) < 0 ||
        mkdtemp(folder->path) == NULL) {
        nwt_fail("cannot make a temporary folder: %s", strerror(errno));
    }
    folder->pipe = -1;
    if (getenv("NATSWAY_TEST_KEEP") == NULL) {
        start_remover(folder);
    } else {
        fprintf(stderr, "support: keeping %s\n", folder->path);
    }
    return folder;
}

void nwt_folder_free(struct nwt_folder *folder)
{
    if (folder == NULL) {
        return;
    }
    if (folder->remover != 0) {
        close(folder->pipe);
        waitpid(folder->remover, NULL, 0);
    }
    free(folder->path);
    free(folder);
}

const char *nwt_folder_path(const struct nwt_folder *folder)
{
    return folder->path;
}

bool nwt_folder_has_attributes(const char *path)
{
    return setxattr(path, "user.test", "", 0, 0) == 0;
}

char *nwt_folder_file(const struct nwt_folder *folder, const char *format, ...)
{
    char *name = NULL, *path = NULL;
    va_list arguments;
    va_start(arguments, format);
    if (vasprintf(&name, format, arguments) < 0 ||
        asprintf(&path, "%s/%s", folder->path, name) < 0) {
        nwt_fail("no memory");
    }
    va_end(arguments);
    free(name);
    return path;
}

void nwt_file_write(const char *path, const char *format, ...)
{
    FILE *file = fopen(path, "we");
    if (file == NULL) {
        nwt_fail("cannot write %s: %s", path, strerror(errno));
    }
    va_list arguments;
    va_start(arguments, format);
    vfprintf(file, format, arguments);
    va_end(arguments);
    if (fclose(file) != 0) {
        nwt_fail("cannot write %s: %s", path, strerror(errno));
    }
}

void nwt_file_append(const char *path, const void *data, size_t len)
{
    FILE *file = fopen(path, "ae");
    if (file == NULL || fwrite(data, 1, len, file) != len || fclose(file) != 0) {
        nwt_fail("cannot append to %s: %s", path, strerror(errno));
    }
}

char *nwt_file_read(const char *path, size_t *len)
{
    FILE *file = fopen(path, "re");
    if (file == NULL) {
        return NULL;
    }
    char *data = NULL;
    size_t size = 0, capacity = 0, got;
    do {
        if (capacity - size < 65536) {
            capacity = capacity * 2 + 65536;
            data = realloc(data, capacity + 1);
            if (data == NULL) {
                nwt_fail("no memory");
            }
        }
        got = fread(data + size, 1, capacity - size, file);
        size += got;
    } while (got > 0);
    fclose(file);
    data[size] = '\0';
    if (len != NULL) {
        *len = size;
    }
    return data;
}

bool nwt_file_contains(const char *path, const char *text)
{
    char *data = nwt_file_read(path, NULL);
    bool found = data != NULL && strstr(data, text) != NULL;
    free(data);
    return found;
}
