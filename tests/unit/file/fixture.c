/* SPDX-License-Identifier: Apache-2.0 */
#include "fixture.h"

#include <criterion/criterion.h>
#include <fcntl.h>
#include <ftw.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define KEYS 16

static struct {
    char key[40];
    char *text;
} states[KEYS];
unsigned fixture_writes;

static char folder[] = "/tmp/natsway-unit-XXXXXX";

void fixture_begin(void)
{
    cr_assert_not_null(mkdtemp(folder));
    cr_assert_eq(chdir(folder), 0);
}

static int remove_entry(const char *path, const struct stat *st, int type, struct FTW *ftw)
{
    (void)st, (void)type, (void)ftw;
    return remove(path);
}

void fixture_end(void)
{
    (void)!chdir("/");
    (void)nftw(folder, remove_entry, 8, FTW_DEPTH | FTW_PHYS);
    for (int i = 0; i < KEYS; i++) {
        free(states[i].text);
        states[i].text = NULL;
    }
}

void fixture_write(const char *name, const char *text)
{
    FILE *file = fopen(name, "we");

    cr_assert_not_null(file, "%s", name);
    fputs(text, file);
    fclose(file);
}

int fixture_open(const char *name)
{
    int fd = open(name, O_RDONLY | O_CLOEXEC);

    cr_assert_geq(fd, 0, "%s", name);
    return fd;
}

/* ---- The state of a route ---- */

static char **slot(const char *key)
{
    for (int i = 0; i < KEYS; i++) {
        if (strcmp(states[i].key, key) == 0) {
            return &states[i].text;
        }
    }
    for (int i = 0; i < KEYS; i++) {
        if (states[i].key[0] == '\0') {
            snprintf(states[i].key, sizeof states[i].key, "%s", key);
            return &states[i].text;
        }
    }
    cr_assert_fail("more than %d keys", KEYS);
    return NULL;
}

const char *fixture_state(const char *key)
{
    return *slot(key);
}

void fixture_put_state(const char *key, const char *text)
{
    char **at = slot(key);

    free(*at);
    *at = text == NULL ? NULL : strdup(text);
}

int nw_state_read(struct nw_endpoint *endpoint, const char *key, void **data, size_t *len)
{
    char *text = *slot(key);

    (void)endpoint;
    if (text == NULL) {
        return NW_ENOTFOUND;
    }
    *data = strdup(text);
    *len = strlen(text);
    return 0;
}

int nw_state_write(struct nw_endpoint *endpoint, const char *key, const void *data, size_t len)
{
    char *text = data == NULL ? NULL : strndup(data, len);

    (void)endpoint;
    cr_assert_leq(len, (size_t)64 * 1024);
    fixture_writes++;
    fixture_put_state(key, text);
    free(text);
    return 0;
}
