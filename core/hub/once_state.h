/* SPDX-License-Identifier: Apache-2.0 */
/* What the files of once.h share: once.c admits, once_look.c and once_find.c look, once_keep.c
 * keeps the checkpoints. Loop thread. */
#ifndef NATSWAY_HUB_ONCE_STATE_H
#define NATSWAY_HUB_ONCE_STATE_H

#include "base/siphash.h"
#include "base/table.h"
#include "hub/js_api.h"
#include "hub/once.h"
#include "hub/once_name.h"
#include "hub/once_read.h"
#include "hub/once_record.h"
#include "hub/once_set.h"
#include "hub/once_track.h"

struct nw_once_partition {
    struct nw_once_partition *next;
    char *name;    /* as in struct nw_once_name */
    char *subject; /* of its key in the bucket */

    struct nw_once_track track;
    struct nw_once_history history;
    uint64_t revision;    /* of the key; 0: there is none */
    bool owned;           /* the revision is of our own put */
    bool checked;         /* messages may be sent, checkpoints put */
    bool changed;         /* since the last checkpoint */
    bool putting, failed; /* a put is under way; it failed */
    int64_t seen_ns;      /* when the last message came */
    int64_t checked_ns;   /* the end of the last look */
    int64_t stored_until; /* the highest offset in the set, -1: none */
    uint64_t from;        /* the look's sequence: floor of all up to stored_until */

    /* For the next look, or the one under way. */
    bool wanted;
    bool read;    /* what was stored, even if the checkpoint is the one we know */
    bool restart; /* forget what was sent before */
    int64_t offset;
    char *record; /* the value of the key; NULL: none */
    uint64_t record_revision;
};

/* What a message that was sent carries as its cookie, in its own memory. */
struct nw_once_ticket {
    struct nw_once_partition *partition;
    uint64_t index;
};

struct nw_once {
    struct nw_hub_sink *sink;
    struct nw_hub *hub;
    uint32_t message_id; /* slot, 0: the message's own */
    bool off;            /* in this session everything is sent unseen */
    char said[400];      /* why, the last time */
    bool blind;          /* no stream is known to take the subject: send and see */
    unsigned blinds;     /* answers that came all the same */
    unsigned moves;      /* answers of another stream */

    struct nw_once_stream stream; /* name "": not known */
    uint64_t last_sequence;       /* the highest known */
    int64_t window_ns;
    int64_t replicas;
    bool transforms;   /* the stream stores under other subjects */
    const char *which; /* NULL: the target that the messages name */

    struct nw_table by_name;
    struct nw_once_partition *partitions, *recent;

    struct nw_message *admitted; /* the last one, until it is sent, and what it is */
    struct nw_once_partition *admitted_to;
    struct nw_once_name admitted_name;

    /* The look. */
    bool looking, bucket_missing;
    struct nw_once_partition *at; /* whose record is being read */
    struct nw_js_call call;
    struct nw_once_read read;
    struct nw_once_set set;
    size_t set_before;     /* its count when the look began */
    struct nw_hash128 key; /* of hashes */
    uint64_t end;          /* the last sequence when it began */
    size_t claims;         /* puts not answered */
    bool overflow;
    struct nw_timer again;

    /* The checkpoints. */
    struct nw_requester_client puts;
    struct nw_timer tick;
};

/* once.c */
/* The partition that m belongs to, which is made if it is new. NULL: of none, or no memory. */
struct nw_once_partition *nw_once_partition_of(struct nw_once *o, const struct nw_message *m,
                                               struct nw_once_name *name);
/* Does something have to be looked up before m is sent? Notes in p what. */
bool nw_once_needs_look(struct nw_once *o, struct nw_once_partition *p, const struct nw_message *m,
                        const struct nw_once_name *name);
/* What is sent as Nats-Msg-Id. */
struct nw_slice nw_once_id(const struct nw_once *o, const struct nw_message *m);
/* What identifies a message beside its offset. */
uint64_t nw_once_hash(struct nw_once *o, struct nw_slice partition, struct nw_slice id,
                      struct nw_slice timestamp);
/* In this session, do without. Says why, if it is news. */
void nw_once_give_up(struct nw_once *o, enum nw_level level, const char *text);

/* once_look.c */
void nw_once_look_init(struct nw_once *o);
void nw_once_look(struct nw_once *o);
void nw_once_look_stop(struct nw_once *o);
/* All puts of the look have their answers. */
void nw_once_look_claimed(struct nw_once *o);

/* It did not work now, or a call failed: the messages go back, and the pump tries again; or all is
 * done without. */
void nw_once_look_fail(struct nw_once *o, const char *text);
void nw_once_look_fail_by(struct nw_once *o, const struct nw_js_response *r, const char *what);
/* The last step: put the checkpoints of those that wait. */
void nw_once_claim(struct nw_once *o);

#define NW_ONCE_ERR_NO_MESSAGE 10037 /* of JetStream */

/* once_find.c: records are read; ends in nw_once_claim, or a failure. */
void nw_once_find_init(struct nw_once *o);
void nw_once_find(struct nw_once *o);

/* once_keep.c */
void nw_once_keep_init(struct nw_once *o);
/* Put p's checkpoint. false: it could not be sent. */
bool nw_once_put(struct nw_once *o, struct nw_once_partition *p);
/* p has changed. */
void nw_once_keep_soon(struct nw_once *o, struct nw_once_partition *p);
void nw_once_keep_stop(struct nw_once *o);
/* The last of all, without waiting. */
void nw_once_keep_last(struct nw_once *o);

#endif
