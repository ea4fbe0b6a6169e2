/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What is remembered of each file in the route's state, so that a restart goes on where the last
 * settled message ended, also when the file has another name by then.
 *
 * A record is one line of text. Records are packed into blobs under the keys "files.0", "files.1",
 * …, because a key holds 64 KiB at most and an offset should not rewrite everything; only blobs
 * that changed are written. Loop thread only, except for loading.
 */
#ifndef NATSWAY_FILE_RECORD_H
#define NATSWAY_FILE_RECORD_H

#include <natsway/connector.h>

#include "file_identity.h"

struct file_record {
    struct file_record *next; /* of the same blob */
    size_t blob;
    void *owner;           /* the reader's: who follows this file now, or NULL; not stored */
    bool whole;            /* of mode whole: delivered, or passed over */
    bool acting;           /* delivered, but not yet moved or deleted */
    struct file_stat stat; /* device, inode, birth; of whole files also size and time */
    char *path;            /* where it was found first */
    /* Of followed files. */
    uint64_t identity;   /* what ids are made of; 0: not known before the first line */
    uint32_t generation; /* counts truncations */
    uint32_t head_len;
    uint64_t head_hash;
    int64_t offset, lines; /* everything before is settled */
    uint64_t check_hash;   /* of the bytes just before offset */
    int64_t seen_ns;       /* real time when it was last known to be this file */
};

struct file_blob;

/* All zero is empty. */
struct file_records {
    struct file_blob *blobs;
    size_t count;
    bool changed;
};

/* Read what is stored for the endpoint. 0, NW_ENOMEM or NW_EIO. Lines that make no sense (of a
 * newer version) are passed over. */
int file_records_load(struct file_records *r, struct nw_endpoint *endpoint);

/* Make room, so that something is stored even while there is no file. 0 or NW_ENOMEM. */
int file_records_begin(struct file_records *r);

/* A new record for path; NULL without memory. It belongs to r. */
struct file_record *file_record_add(struct file_records *r, const char *path);
void file_record_remove(struct file_records *r, struct file_record *record);
/* The record was changed and is to be written. */
void file_record_touch(struct file_records *r, struct file_record *record);

/* Calls each for every record; each may remove the one it is given. */
void file_records_each(struct file_records *r,
                       void (*each)(struct file_record *record, void *context), void *context);

/* Hand changed blobs to the host's store. 0, NW_ENOMEM, or what the store says. */
int file_records_flush(struct file_records *r, struct nw_endpoint *endpoint);
void file_records_done(struct file_records *r);

#endif
