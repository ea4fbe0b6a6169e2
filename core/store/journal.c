/* SPDX-License-Identifier: Apache-2.0 */
#include "store/journal.h"

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#define FILE_SIZE (32 * 1024 * 1024)
#define RESIDENT_MAX (1024 * 1024) /* of it in our memory, about */
#define MAGIC "natsway journal"

/* In the byte order of the machine: on another one no checksum fits, and the file counts as empty.
 */
struct file_head {
    char magic[16];
    uint64_t round, check;
};

enum kind { MESSAGE = 1, SETTLED };

struct entry_head {
    uint64_t check; /* of all behind it */
    uint64_t round, row;
    int64_t time_ms;
    uint32_t len; /* of name and record */
    uint16_t name_len;
    uint16_t kind;
};

/* FNV-1a over words of eight bytes: it has to find what was never written, not an attacker. */
static uint64_t checksum(const char *data, size_t len)
{
    uint64_t sum = UINT64_C(0xcbf29ce484222325), word;

    for (; len >= sizeof word; data += sizeof word, len -= sizeof word) {
        memcpy(&word, data, sizeof word);
        sum = (sum ^ word) * UINT64_C(0x100000001b3);
        sum ^= sum >> 32;
    }
    word = len;
    memcpy(&word, data, len);
    return (sum ^ word ^ (uint64_t)len << 56) * UINT64_C(0x100000001b3);
}

void nw_journal_begin(struct nw_journal *j, uint64_t first_row)
{
    struct file_head head = {.magic = MAGIC, .round = j->round + 1};

    j->count = j->live = 0;
    j->synced = 0;
    j->first_row = first_row;
    j->end = sizeof head;
    if (j->map != NULL) {
        j->round++;
        head.check = checksum((const char *)&head, offsetof(struct file_head, check));
        memcpy(j->map, &head, sizeof head);
    }
}

/* So many bytes more are in our memory. At times all are given back: what was written stays with
 * the kernel, which writes it to disk. */
static void touch(struct nw_journal *j, size_t len)
{
    j->touched += len;
    if (j->touched > RESIDENT_MAX) {
        (void)madvise(j->map, FILE_SIZE, MADV_DONTNEED);
        j->touched = 0;
    }
}

/* ---- writing ---- */

void nw_journal_prepare(struct nw_journal *j, struct nw_slice name)
{
    struct entry_head head = {.name_len = (uint16_t)name.len};

    nw_buffer_clear(&j->buffer);
    nw_buffer_add(&j->buffer, &head, sizeof head);
    nw_buffer_add_slice(&j->buffer, name);
}

/* Send the buffer, which was prepared, to the file. */
static int write_entry(struct nw_journal *j, enum kind kind, uint64_t row, int64_t time_ms)
{
    struct entry_head head;
    size_t len = j->buffer.len;

    if (j->buffer.failed) {
        return NW_ENOMEM;
    }
    if (j->end + len > FILE_SIZE) {
        return NW_EFULL;
    }
    memcpy(&head, j->buffer.data, sizeof head);
    head.round = j->round;
    head.row = row;
    head.time_ms = time_ms;
    head.kind = (uint16_t)kind;
    head.len = (uint32_t)(len - sizeof head);
    memcpy(j->buffer.data, &head, sizeof head);
    head.check = checksum(j->buffer.data + sizeof head.check, len - sizeof head.check);
    memcpy(j->buffer.data, &head.check, sizeof head.check);
    memcpy(j->map + j->end, j->buffer.data, len);
    j->end += (uint32_t)len;
    touch(j, len);
    return 0;
}

static bool make_place(struct nw_journal *j)
{
    size_t capacity = j->capacity == 0 ? 1024 : j->capacity * 2;
    struct nw_journal_entry *more;

    if (j->count < j->capacity) {
        return true;
    }
    more = realloc(j->entries, capacity * sizeof *more);
    if (more != NULL) {
        j->entries = more;
        j->capacity = capacity;
    }
    return more != NULL;
}

int nw_journal_append(struct nw_journal *j, void *owner, uint64_t row, int64_t time_ms)
{
    struct entry_head head;
    uint32_t start = j->end;
    int rc = make_place(j) ? write_entry(j, MESSAGE, row, time_ms) : NW_ENOMEM;

    if (rc == 0) {
        memcpy(&head, j->buffer.data, sizeof head);
        j->entries[j->count++] = (struct nw_journal_entry){
            .owner = owner,
            .row = row,
            .time_ms = time_ms,
            .at = start + (uint32_t)sizeof head + head.name_len,
            .len = head.len - head.name_len,
        };
        j->live++;
    }
    return rc;
}

int nw_journal_note(struct nw_journal *j, const uint64_t *ranges, size_t n)
{
    nw_journal_prepare(j, (struct nw_slice){"", 0});
    nw_buffer_add(&j->buffer, ranges, 2 * n * sizeof *ranges);
    return write_entry(j, SETTLED, 0, 0);
}

void nw_journal_take_back(struct nw_journal *j, size_t count, uint32_t end)
{
    memset(j->map + end, 0, j->end - end); /* or the next start would find them */
    j->live -= j->count - count;
    j->count = count;
    j->end = end;
}

int nw_journal_sync(const struct nw_journal *j, uint32_t from, uint32_t to)
{
    uint32_t page = (uint32_t)sysconf(_SC_PAGESIZE), start = from - from % page;

    return j->map == NULL || to <= from || msync(j->map + start, to - start, MS_SYNC) == 0 ? 0
                                                                                           : NW_EIO;
}

/* ---- the entries ---- */

size_t nw_journal_from(const struct nw_journal *j, uint64_t row)
{
    size_t low = 0, high = j->count;

    while (low < high) {
        size_t middle = low + (high - low) / 2;
        if (j->entries[middle].row < row) {
            low = middle + 1;
        } else {
            high = middle;
        }
    }
    return low;
}

struct nw_journal_entry *nw_journal_find(struct nw_journal *j, const void *owner, uint64_t row)
{
    size_t i = nw_journal_from(j, row);

    return i < j->count && j->entries[i].row == row && j->entries[i].owner == owner ? &j->entries[i]
                                                                                    : NULL;
}

void nw_journal_settle(struct nw_journal *j, struct nw_journal_entry *entry)
{
    entry->owner = NULL;
    j->live--;
}

struct nw_slice nw_journal_record(struct nw_journal *j, const struct nw_journal_entry *entry)
{
    touch(j, entry->len);
    return (struct nw_slice){j->map + entry->at, entry->len};
}

/* ---- opening ---- */

/* The entry at `at`, if there is one; *end is behind it. */
static bool get_entry(const struct nw_journal *j, uint32_t at, struct entry_head *head,
                      uint32_t *end)
{
    if (at + sizeof *head > FILE_SIZE) {
        return false;
    }
    memcpy(head, j->map + at, sizeof *head);
    if (head->round != j->round || head->len > FILE_SIZE - at - sizeof *head ||
        head->name_len > head->len) {
        return false;
    }
    *end = at + (uint32_t)sizeof *head + head->len;
    return head->check == checksum(j->map + at + sizeof head->check,
                                   sizeof *head + head->len - sizeof head->check);
}

/* Mark the entries of the rows from..to. */
static void settle_range(struct nw_journal *j, uint64_t from, uint64_t to)
{
    for (size_t i = nw_journal_from(j, from); i < j->count && j->entries[i].row <= to; i++) {
        j->entries[i].owner = NULL;
    }
}

static void take_note(struct nw_journal *j, const char *data, size_t len)
{
    for (uint64_t range[2]; len >= sizeof range; data += sizeof range, len -= sizeof range) {
        memcpy(range, data, sizeof range);
        settle_range(j, range[0], range[1]);
    }
}

/* What the file holds into j->entries, each owned by its own text, as far as it is not settled. */
static int take_entries(struct nw_journal *j)
{
    struct entry_head head;

    for (uint32_t at = sizeof(struct file_head), end; get_entry(j, at, &head, &end); at = end) {
        char *body = j->map + at + sizeof head;
        if (head.kind == SETTLED) {
            take_note(j, body, head.len);
        } else if (!make_place(j)) {
            return NW_ENOMEM;
        } else {
            j->entries[j->count++] = (struct nw_journal_entry){
                .owner = body, .row = head.row, .time_ms = head.time_ms, .len = head.len};
        }
    }
    return 0;
}

static int give_entries(struct nw_journal *j, nw_journal_found *found, void *context)
{
    int rc = 0;

    for (size_t i = 0; rc == 0 && i < j->count; i++) {
        const struct nw_journal_entry *e = &j->entries[i];
        const char *body = e->owner;
        struct entry_head head;
        if (body == NULL) {
            continue;
        }
        memcpy(&head, body - sizeof head, sizeof head);
        rc = found(context, (struct nw_slice){body, head.name_len}, e->row, e->time_ms,
                   (struct nw_slice){body + head.name_len, head.len - head.name_len});
    }
    return rc;
}

static bool is_head(const struct file_head *head)
{
    return memcmp(head->magic, MAGIC, sizeof head->magic) == 0 &&
           head->check == checksum((const char *)head, offsetof(struct file_head, check));
}

/* Only what is there is read: usually nothing. */
static int take_over(struct nw_journal *j, nw_journal_found *found, void *context)
{
    struct file_head head;
    int rc = 0;

    memcpy(&head, j->map, sizeof head);
    if (is_head(&head)) {
        j->round = head.round;
        rc = take_entries(j);
        rc = rc != 0 ? rc : give_entries(j, found, context);
    }
    j->count = 0;
    return rc;
}

/* The room is taken first: a page of a mapping that the disk has no room for kills who writes it.
 */
static void map_file(struct nw_journal *j, const char *path)
{
    int fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0600);

    if (fd < 0) {
        return;
    }
    if (posix_fallocate(fd, 0, FILE_SIZE) == 0) {
        void *map = mmap(NULL, FILE_SIZE, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
        j->map = map == MAP_FAILED ? NULL : map;
    }
    (void)close(fd);
}

int nw_journal_open(struct nw_journal *j, const char *folder, nw_journal_found *found,
                    void *context)
{
    char *path = NULL;
    int rc;

    *j = (struct nw_journal){.map = NULL};
    if (asprintf(&path, "%s/spool.journal", folder) < 0) {
        return NW_ENOMEM;
    }
    map_file(j, path);
    free(path);
    rc = j->map == NULL ? 0 : take_over(j, found, context);
    if (rc != 0) {
        nw_journal_close(j);
    }
    return rc;
}

void nw_journal_close(struct nw_journal *j)
{
    if (j->map != NULL) {
        (void)munmap(j->map, FILE_SIZE);
    }
    free(j->entries);
    nw_buffer_done(&j->buffer);
    *j = (struct nw_journal){.map = NULL};
}
