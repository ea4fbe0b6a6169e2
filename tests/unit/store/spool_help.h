/* SPDX-License-Identifier: Apache-2.0 */
/* What the tests of the spool share: a folder of their own, and short ways to append and to read.
 */
#ifndef NATSWAY_TESTS_SPOOL_HELP_H
#define NATSWAY_TESTS_SPOOL_HELP_H

#include <criterion/criterion.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "store/spool.h"

static char folder[] = "/tmp/natsway-spool-XXXXXX";

static inline void make_folder(void)
{
    cr_assert(mkdtemp(folder) != NULL);
}

static inline void remove_folder(void)
{
    char command[sizeof folder + 16];

    cr_assert_eq(nw_message_alive(), 0);
    (void)snprintf(command, sizeof command, "rm -rf '%s'", folder);
    cr_assert(system(command) == 0);
}

static inline struct nw_spool *open_spool(void)
{
    struct nw_spool *s = NULL;
    struct nw_error error;
    char *moved_to = NULL;

    cr_assert_eq(nw_spool_open(folder, &s, &moved_to, &error), 0, "%s", error.text);
    cr_assert_null(moved_to);
    return s;
}

static inline struct nw_spool_route *open_route(struct nw_spool *s, const char *name,
                                                struct nw_spool_limits limits)
{
    struct nw_spool_route *r = NULL;
    struct nw_error error;

    cr_assert_eq(nw_spool_route(s, name, &limits, &r, &error), 0, "%s", error.text);
    return r;
}

/* Without limits. */
static inline struct nw_spool_route *plain_route(struct nw_spool *s, const char *name)
{
    return open_route(s, name, (struct nw_spool_limits){.max_size = 0});
}

static inline struct nw_message *text_message(const char *text)
{
    struct nw_message *m = nw_message_make();

    cr_assert_not_null(m);
    m->address = NW_LITERAL("a/b");
    m->payload = nw_message_copy(m, text, strlen(text));
    return m;
}

/* Appends one message and returns what append did. */
static inline int append(struct nw_spool_route *r, const char *text, uint64_t *row)
{
    struct nw_message *m = text_message(text);
    int rc = nw_spool_append(r, &m, 1, NULL);

    if (rc >= 0 && row != NULL) {
        *row = m->spool_row;
    }
    nw_message_unref(m);
    return rc;
}

static inline int append_number(struct nw_spool_route *r, unsigned number)
{
    char text[16];

    (void)snprintf(text, sizeof text, "%u", number);
    return append(r, text, NULL);
}

/* Reads all and expects the numbers first..last in order. */
static inline void expect_numbers(struct nw_spool_route *r, unsigned first, unsigned last)
{
    struct nw_message *batch[100];
    unsigned next = first;
    uint64_t after = 0;
    size_t n;

    while ((n = nw_spool_read(r, after, batch, 100)) > 0) {
        for (size_t i = 0; i < n; i++) {
            char text[16];
            (void)snprintf(text, sizeof text, "%u", next++);
            cr_assert(nw_slice_equal(batch[i]->payload, nw_slice_text(text)), "%.*s, not %s",
                      (int)batch[i]->payload.len, batch[i]->payload.data, text);
            cr_assert(batch[i]->spool_row > after);
            after = batch[i]->spool_row;
            nw_message_unref(batch[i]);
        }
    }
    cr_assert_eq(next, last + 1, "%u messages end before %u", next - first, last);
}

static inline void expect_size(struct nw_spool_route *r, uint64_t want)
{
    uint64_t messages, bytes;

    nw_spool_size(r, &messages, &bytes);
    cr_assert_eq(messages, want, "%llu messages", (unsigned long long)messages);
    cr_assert_eq(bytes == 0, want == 0, "%llu bytes", (unsigned long long)bytes);
}

static inline void fill(struct nw_spool_route *r, unsigned from, unsigned count, uint64_t *rows)
{
    for (unsigned i = 0; i < count; i++) {
        char text[1000];
        memset(text, 'x', sizeof text);
        text[snprintf(text, 16, "%u", from + i)] = ' ';
        text[sizeof text - 1] = '\0';
        cr_assert_geq(append(r, text, rows == NULL ? NULL : &rows[i]), 0);
    }
}

static inline off_t file_size(const char *name)
{
    char path[sizeof folder + 32];
    struct stat st;

    (void)snprintf(path, sizeof path, "%s/%s", folder, name);
    return stat(path, &st) == 0 ? st.st_size : -1;
}

static inline void damage(const char *name, long from, long to)
{
    char path[sizeof folder + 32];
    FILE *file;

    (void)snprintf(path, sizeof path, "%s/%s", folder, name);
    file = fopen(path, "r+");
    cr_assert_not_null(file);
    cr_assert_eq(fseek(file, from, SEEK_SET), 0);
    for (long i = from; i < to; i++) {
        cr_assert_neq(fputc(0x5a, file), EOF);
    }
    (void)fclose(file);
}

#endif
