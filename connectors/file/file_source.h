/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A source: its life cycle, credit, what is in flight and what it says about itself. How files are
 * read is in file_tail.c (lines) and file_whole.c (whole files), which both are a struct
 * file_reader.
 *
 * Threads: open, credit, settle, stop and close come on the lane's worker; everything else runs on
 * the loop. They meet in the fields under `lock`, which is held for a moment only.
 */
#ifndef NATSWAY_FILE_SOURCE_H
#define NATSWAY_FILE_SOURCE_H

#include <pthread.h>

#include "file_record.h"
#include "file_scan.h"
#include "file_watch.h"

#define FILE_BATCH 256                      /* messages offered at once */
#define FILE_QUIET_NS (2 * FILE_SECOND_NS)  /* left alone so long: nobody writes it any more */
#define FILE_CHUNK_MAX ((size_t)256 * 1024) /* bytes read at once */

struct file_source;

/* Bytes that were read, shared by the messages that lie in them; freed with the last of them. The
 * file's path lies behind, because addresses have to live as long. */
struct file_chunk {
    atomic_size_t references;
    size_t capacity, path_len;
    char data[];
};

/* NULL without memory. One reference is the caller's. */
struct file_chunk *file_chunk_new(size_t capacity, const char *path);
void file_chunk_unref(void *chunk);
struct nw_slice file_chunk_path(const struct file_chunk *chunk);

/* One message in flight; its cookie points here. */
struct file_place {
    int64_t end;    /* offset behind it */
    uint32_t index; /* in its batch */
    uint32_t line;  /* counted from its batch's first_line */
    bool settled, again;
};

/* What was offered together from one file, oldest first in a list. Under the source's lock once it
 * is offered. */
struct file_batch {
    struct file_batch *next;
    void *owner; /* the reader's own */
    int64_t first_line;
    uint32_t count, left;
    bool again; /* some of it must come again */
    struct file_place places[];
};

/* One way of reading: all on the loop. */
struct file_reader {
    /* The folders are to be looked through; ends when all is noted. */
    void (*scan)(struct file_source *s);
    /* As in struct file_task; true: a scan is needed. */
    bool (*event)(struct file_source *s, const struct file_event *event);
    /* Read, offer and see what is settled; returns when to run again. Nothing is offered when
     * s->may_offer is false. */
    int64_t (*work)(struct file_source *s, int64_t now_ns);
    /* Bring the records up to date before they are written. */
    void (*note)(struct file_source *s);
    void (*done)(struct file_source *s);
};
extern const struct file_reader file_tail_reader, file_whole_reader, file_input_reader;

struct file_source {
    struct file_task task; /* first: what the loop knows */
    struct nw_endpoint *endpoint;
    const struct nw_endpoint_config *config;
    const struct file_source_options *options;
    const struct file_reader *reader;

    pthread_mutex_t lock;
    bool stopped, closing; /* lock */
    bool settled_some;     /* lock: since the loop looked last */
    bool note_pending;     /* lock: the loop will look by itself */

    /* Loop thread. */
    bool may_offer;
    bool first_start; /* nothing is stored: `start` counts */
    bool scanned, scan_wanted, note_wanted;
    bool sought;           /* `natsway seek`: it was done, or refused */
    bool fresh;            /* a file has come of which nothing is on disk yet */
    bool polling;          /* changes are not told by inotify */
    int64_t scan_ns;       /* when the last scan was */
    int64_t note_ns;       /* when the records were written last */
    int64_t backlog_bytes; /* not offered yet */
    int64_t told_lag, read_bytes, read_lines;
    int unreadable; /* errno of the last file that could not be opened */
    char unreadable_path[512];
    bool input_is_file; /* standard input can always be read */
    struct file_records records;
    struct file_tail *tails;     /* of file_tail.c */
    struct file_rename *renames; /* of file_rename.c */
    bool order_wanted;           /* tails have come */
    struct file_wholes *wholes;  /* of file_whole.c */
    enum nw_state told_state;
    char told_text[600];
};

/* NULL without memory. */
struct file_batch *file_batch_new(uint32_t count, void *owner);

/* Offer a batch's messages, whose cookies are its places, and append it to *list. false: the source
 * was stopped, and everything is still the caller's. Credit was taken. */
bool file_source_offer(struct file_source *s, struct file_batch *batch, struct file_batch **list,
                       struct nw_message *const *messages);

/* "file:<identity>" or "file:<identity>/<offset>" as the message's origin. false: no memory. */
bool file_set_origin(struct nw_message *message, uint64_t identity, int64_t offset);

/* Say where the source stands; only a change reaches the host. */
void file_source_say(struct file_source *s, enum nw_state state, const char *format, ...)
    __attribute__((format(printf, 3, 4)));

/* The records need writing. */
void file_source_note(struct file_source *s);

/* During a scan: path cannot be read, for the reason of errno's value. */
void file_source_unreadable(struct file_source *s, const char *path, int error);

/* Run a scan of the source's pattern with `found`, set the watches, and say how it went. */
void file_source_scan(struct file_source *s,
                      void (*found)(void *source, const char *path, const struct file_stat *stat));

#endif
