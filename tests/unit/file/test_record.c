/* SPDX-License-Identifier: Apache-2.0 */
/* What the source remembers of files. */
#include <criterion/criterion.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "connectors/file/file_record.h"
#include "fixture.h"

TestSuite(record, .init = fixture_begin, .fini = fixture_end);

static struct file_records records;

struct search {
    const char *path;
    struct file_record *found;
    size_t count;
};

static void look(struct file_record *record, void *context)
{
    struct search *s = context;

    s->count++;
    if (strcmp(record->path, s->path) == 0) {
        s->found = record;
    }
}

static struct search search(const char *path)
{
    struct search s = {.path = path};

    file_records_each(&records, look, &s);
    return s;
}

static void write_and_load(void)
{
    cr_assert_eq(file_records_flush(&records, NULL), 0);
    file_records_done(&records);
    cr_assert_eq(file_records_load(&records, NULL), 0);
}

Test(record, what_is_written_is_read)
{
    static const char *const paths[] = {"/var/log/a b.log", "/with\nnewline\tand%41", "/ümläut"};
    static const struct file_record values = {
        .whole = true,
        .acting = true,
        .stat = {.device = 1, .inode = UINT64_MAX, .birth_ns = 3, .modify_ns = -4, .size = 5},
        .identity = 6,
        .generation = 7,
        .head_len = 8,
        .head_hash = UINT64_MAX,
        .offset = INT64_MAX,
        .lines = 11,
        .check_hash = 12,
        .seen_ns = 13};

    for (int i = 0; i < 3; i++) {
        struct file_record *r = file_record_add(&records, paths[i]);
        struct file_record kept = *r;
        *r = values;
        r->next = kept.next;
        r->blob = kept.blob;
        r->path = kept.path;
    }
    write_and_load();
    for (int i = 0; i < 3; i++) {
        struct search s = search(paths[i]);
        cr_assert_eq(s.count, 3);
        cr_assert_not_null(s.found, "%s", paths[i]);
        const struct file_record *r = s.found;
        cr_assert(r->whole && r->acting && r->owner == NULL);
        cr_assert(r->stat.device == values.stat.device && r->stat.inode == values.stat.inode &&
                  r->stat.birth_ns == values.stat.birth_ns && r->stat.size == values.stat.size &&
                  r->stat.modify_ns == values.stat.modify_ns &&
                  r->stat.change_ns == values.stat.change_ns);
        cr_assert(r->identity == 6 && r->generation == 7 && r->head_len == 8 &&
                  r->head_hash == UINT64_MAX && r->offset == INT64_MAX && r->lines == 11 &&
                  r->check_hash == 12 && r->seen_ns == 13);
    }
    file_records_done(&records);
}

/* An offset that moves does not write everything again. */
Test(record, only_what_changed_is_written)
{
    char path[120];

    for (int i = 0; i < 400; i++) {
        snprintf(path, sizeof path, "/a/long/enough/path/to/fill/more/than/one/key/%d", i);
        cr_assert_not_null(file_record_add(&records, path));
    }
    write_and_load();
    cr_assert_gt(records.count, 3);
    fixture_writes = 0;
    struct search s = search(path);
    cr_assert_eq(s.count, 400);
    s.found->offset = 1000;
    file_record_touch(&records, s.found);
    cr_assert_eq(file_records_flush(&records, NULL), 0);
    cr_assert_eq(fixture_writes, 1);
    cr_assert_eq(file_records_flush(&records, NULL), 0);
    cr_assert_eq(fixture_writes, 1);
    file_records_done(&records);
}

static void remove_first_key(struct file_record *record, void *context)
{
    (void)context;
    if (record->blob == 0) {
        file_record_remove(&records, record);
    }
}

/* Later keys are read also when all records of an earlier one are gone. */
Test(record, an_empty_key_does_not_end_the_reading)
{
    char path[120];

    for (int i = 0; i < 300; i++) {
        snprintf(path, sizeof path, "/a/long/enough/path/to/fill/more/than/one/key/%d", i);
        cr_assert_not_null(file_record_add(&records, path));
    }
    file_records_each(&records, remove_first_key, NULL);
    write_and_load();
    cr_assert_not_null(search(path).found);
    file_records_done(&records);
}

Test(record, what_makes_no_sense_is_passed_over)
{
    fixture_put_state("files.0", "z 1 2 3\n\nl 1 2\n"
                                 "l 1 2 3 4 5 0000000000000006 7 8 0000000000000009 10 11 "
                                 "000000000000000c 13 /good\n"
                                 "l 1 2 3 4 5 0000000000000006 7 8 0000000000000009 -10 11 "
                                 "000000000000000c 13 /negative\n");
    cr_assert_eq(file_records_load(&records, NULL), 0);
    struct search s = search("/good");
    cr_assert_eq(s.count, 1);
    cr_assert(s.found->offset == 10 && !s.found->whole);
    file_records_done(&records);
}
