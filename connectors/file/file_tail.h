/* SPDX-License-Identifier: Apache-2.0 */
/*
 * One followed file: where it is read, what is in flight, what is settled.
 *
 *     0 ... settled ........ begin .......... next ...... size
 *           records keep it  not offered yet  not read yet
 *
 * The file is kept open, so neither a new name nor its removal takes it away before its end. A
 * truncated file goes on as a new tail with the next generation, and the old tail ends with what it
 * had read, or with the copy that was made before (copytruncate), if there is one.
 */
#ifndef NATSWAY_FILE_TAIL_H
#define NATSWAY_FILE_TAIL_H

#include "file_source.h"

struct file_tail {
    struct file_tail *next;
    struct file_tail *before; /* its predecessor at the same path, until that is read */
    char *path;               /* under which it was found first: the address of its messages */
    char *name;               /* under which it was seen last; "" when that is another's now */
    uint32_t move;            /* of inotify, between the two halves of a move; or 0 */
    int64_t born_ns;          /* files of one path are read in this order */
    int fd;
    struct file_stat stat; /* of fd; size and times as seen last */
    uint64_t identity;     /* 0: not known before the first line */
    uint64_t head_hash;
    uint32_t head_len, generation;
    struct file_record *record; /* NULL: nothing is to be remembered */

    struct file_chunk *chunk;
    size_t begin, end;          /* in chunk: read and not offered */
    int64_t offset;             /* of next, in the file */
    char check[FILE_CHECK_MAX]; /* the bytes just before offset */
    size_t check_len;
    int64_t lines; /* offered or lost so far */

    struct file_batch *batches; /* in flight, oldest first */
    int64_t settled, settled_lines;

    int64_t grown_ns; /* monotonic, when it was seen to grow last */
    bool look;        /* there may be something to read */
    bool gone;        /* no longer at a path of the pattern */
    bool matched;     /* during a scan */
    bool input;       /* standard input: no offsets, no second reading */
    bool over;        /* nothing more comes: truncated, or the end of the input */
    bool ended;       /* the end of the input is told */
    bool skipping;    /* inside a line that is too long */
    bool swallow;     /* its last line was taken without a newline: one that comes is not a line */
    bool again;       /* settled with NW_RETRY: go back when nothing is in flight */
};

/* ---- file_follow.c ---- */

/* Append a tail; takes fd in any case. NULL without memory. */
struct file_tail *file_tail_add(struct file_source *s, int fd, const char *path,
                                const struct file_stat *stat);
/* t has come to its end and is forgotten, with its record. */
void file_tail_remove(struct file_source *s, struct file_tail *t);

/* The one that reads this file, or NULL. */
struct file_tail *file_tail_find(struct file_source *s, const struct file_stat *stat);
/* It was seen under this name. */
void file_tail_rename(struct file_tail *t, const char *name);
/* Nothing of t is read yet, and it was found first at another path. false: no memory. */
bool file_tail_repath(struct file_source *s, struct file_tail *t, const char *path);

/* The regular file `seen` stands at `name` and came to the pattern at `path`: follow it unless that
 * is done already. NULL when it cannot be opened. */
struct file_tail *file_follow_take(struct file_source *s, const char *name, const char *path,
                                   const struct file_stat *seen);

/* What was read of t is not there any more: the file begins anew, as another tail. */
void file_follow_replaced(struct file_source *s, struct file_tail *t);

/* Of struct file_reader. */
void file_follow_scan(struct file_source *s);
void file_follow_note(struct file_source *s);
void file_follow_done(struct file_source *s);

/* ---- file_rename.c ---- */

/* Of struct file_reader. */
bool file_follow_event(struct file_source *s, const struct file_event *event);

/* Let files that nothing is read of yet wait for those that were at the same path before. */
void file_follow_order(struct file_source *s);

void file_renames_done(struct file_source *s);

/* ---- file_tail_read.c ---- */

enum file_tail_result {
    FILE_TAIL_IDLE,     /* at the end */
    FILE_TAIL_MORE,     /* did its share; there is more */
    FILE_TAIL_BLOCKED,  /* no credit */
    FILE_TAIL_REPLACED, /* what was read before is not there any more */
    FILE_TAIL_ERROR     /* errno says why */
};

/* Read and offer some. */
enum file_tail_result file_tail_read(struct file_source *s, struct file_tail *t, int64_t now_ns);

/* The last line has no newline and gets none any more: offer it. false: no credit, or no memory. */
bool file_tail_offer_rest(struct file_source *s, struct file_tail *t);

/* Take in what was settled; nothing of what is left in flight is before t->settled. */
void file_tail_advance(struct file_source *s, struct file_tail *t);

/* Set where to read; what was read before is forgotten. 0 or negative errno. */
int file_tail_seek(struct file_tail *t, int64_t offset, int64_t lines);

/* Where the last complete line of the file ends: a start at the end begins there. */
int64_t file_tail_last_line(int fd, int64_t size);

#endif
