/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The chaos test: numbered messages go from one system to another through natsway while a seeded
 * schedule of faults kills, freezes and cuts off what takes part; at the end everything must be
 * there, whole and in order.
 *
 *     main.c       options, one process for each run, the table
 *     run.c        one run: begin, the faults in turn, the checks at the end
 *     schedule.c   which fault comes when, from the seed
 *     fault.c      how each fault is made and ended
 *     flow.c       the flows: a source and a sink each, the faults they know, what is promised
 *     feed_….c     sources: how numbered messages get into the system that natsway reads
 *     take_….c     sinks: what has come out at the other end
 *
 * natsway reaches every server through a proxy (support/proxy.h); the test itself goes there
 * directly. Messages are fed in portions: a part of one before each fault and the rest during it,
 * so that there is always something to move on with.
 */
#ifndef NATSWAY_TESTS_CHAOS_H
#define NATSWAY_TESTS_CHAOS_H

#include "support/bridge.h"
#include "support/http_server.h"
#include "support/kafka_broker.h"
#include "support/mosquitto.h"
#include "support/nats_client.h"
#include "support/nats_server.h"
#include "support/numbered.h"
#include "support/proxy.h"
#include <stdatomic.h>

#define PAYLOAD_SIZE 200
#define FAULTS_MOST 1000

/* NATS is at one end of every flow; "other" is the system at the other end. */
enum fault_kind {
    FAULT_KILL,   /* natsway: SIGKILL, and started again */
    FAULT_FREEZE, /* natsway: SIGSTOP, and SIGCONT */
    FAULT_NATS_KILL,
    FAULT_NATS_STOP, /* SIGTERM */
    FAULT_NATS_CUT,  /* its connections; new ones are taken at once */
    FAULT_NATS_CLOSE,
    FAULT_NATS_STALL,
    FAULT_NATS_VANISH,
    FAULT_OTHER_KILL,
    FAULT_OTHER_STOP,
    FAULT_OTHER_CUT,
    FAULT_OTHER_CLOSE,
    FAULT_OTHER_STALL,
    FAULT_OTHER_VANISH,
    FAULT_DISK,       /* full */
    FAULT_HTTP_ERROR, /* the target answers 500 */
    FAULT_HTTP_BUSY,  /* 429 */
    FAULT_HTTP_SLOW,  /* later than natsway waits */
    FAULT_REBALANCE,  /* a second natsway joins the group, and leaves it */
    FAULT_ROTATE,     /* a followed file, or the one that is written */
    FAULT_TRUNCATE,   /* a followed file, after it was copied */
    FAULT_KINDS
};

struct fault {
    enum fault_kind kind;
    unsigned at;      /* thousandths of what was fed that have arrived by then */
    int delay_ms;     /* and then so much later */
    int lasts_ms;     /* at least */
    int way_ms;       /* how long bytes are on their way through the proxies, from before it on */
    bool burst;       /* the portion is fed as quickly as possible, or over some 200 ms */
    bool kill_within; /* natsway is killed and started again meanwhile */
};

/* ---- schedule.c ---- */

const char *fault_name(enum fault_kind kind);
/* Fill `faults`, `count` of them, out of the kinds whose bits are set in `known`; so many of a
 * hundred are FAULT_KILL. The same seed gives the same. */
void schedule_make(uint64_t seed, uint32_t known, unsigned kill_percent, struct fault *faults,
                   size_t count);

/* ---- what a run has measured: plain data, for it goes through a pipe ---- */

struct figures {
    size_t messages, missing, duplicates, wrong, disordered;
    size_t kills, faults;             /* kills of natsway; other faults */
    size_t ledger_wrong;              /* how often a ledger did not add up */
    size_t untrue;                    /* how often /readyz told an untruth for more than 2 s */
    int64_t unready_worst_ms;         /* how long it said 200 after an end was gone, at most */
    int64_t memory_kib[2];            /* the largest resident memory of each half */
    size_t recovery_count;            /* after kills of natsway alone: */
    int32_t recovery_ms[FAULTS_MOST]; /* from its start to the first message that moved */
    int32_t silence_ms[FAULT_KINDS];  /* the same from the end of another fault, at most */
    int exit_code;                    /* of natsway after SIGTERM */
    bool finished;
};

/* ---- flows ---- */

struct run;

struct source {
    /* Make the system and its proxy, and fill in run->from (and connections). */
    void (*open)(struct run *run);
    /* On the feeder's thread: put numbers first … first + n - 1 in, in order. Returns how many are
     * surely in, which may be fewer while the system is away; the rest is asked for again. (And
     * more, if what was asked for before turns out to be in.) NULL: it feeds itself, up to
     * run->allowed. */
    size_t (*feed)(struct run *run, size_t first, size_t n);
    /* The key within which order is kept; NULL: number % flow->groups. */
    unsigned (*group)(const struct run *run, size_t number);
    void (*close)(struct run *run);
};

struct sink {
    /* As above, with run->to. */
    void (*open)(struct run *run);
    /* How many messages have arrived, -1 if that cannot be seen now. */
    int64_t (*arrived)(struct run *run);
    /* Take all that is there into run->numbers, which was reset. NULL: it is taken as it comes. */
    void (*collect)(struct run *run);
    void (*close)(struct run *run);
};

struct flow {
    const char *name;
    const struct source *source;
    const struct sink *sink;
    uint32_t faults; /* bits of fault_kind */
    unsigned groups;
    bool once;        /* nothing may come twice */
    const char *more; /* further lines of the route */
};

extern const struct flow flows[];
extern const size_t flow_count;

struct run {
    const struct flow *flow;
    size_t messages, fault_count;
    struct fault faults[FAULTS_MOST];
    struct figures figures;

    struct nwt_folder *folder;
    struct nwt_nats *nats;
    struct nwt_nats_client *client; /* of the main thread */
    struct nwt_kafka *kafka;
    struct nwt_mosquitto *mosquitto;
    struct nwt_http_server *server;
    struct nwt_proxy *nats_proxy, *other_proxy;
    struct nwt_bridge *bridge, *second;
    struct nwt_numbered *numbers;
    char connections[300], from[300], to[300]; /* parts of the configuration */

    pthread_t feeder;
    atomic_size_t allowed, fed; /* the numbers below `allowed` may be fed, those below `fed` are */
    atomic_bool burst, ending;
    size_t portion;
    pthread_mutex_t file_lock; /* of the files: the feeder writes, faults rotate */
    atomic_int http_way;       /* of the HTTP target: a fault_kind, FAULT_KINDS: none */
    char *disk;                /* the small file system; NULL: none */
    int64_t arrived;           /* as seen last */
    void *source_state, *sink_state;
};

unsigned run_group(const struct run *run, size_t number);
/* How many have arrived; as before if that cannot be seen now. */
int64_t run_arrived(struct run *run);
/* One whole run in this process; figures are left in run->figures. */
void run_all(struct run *run);

/* ---- fault.c ---- */

/* Make the fault, feed the rest of its portion, end it, and wait until messages move again. */
void fault_run(struct run *run, const struct fault *fault, size_t index);
/* Mount a small file system at a path (which is made) for FAULT_DISK; false, with a word, where
 * that is not allowed. */
bool disk_mount(struct run *run, const char *path);
void disk_unmount(struct run *run);

/* ---- sources and sinks ---- */

extern const struct source feed_jetstream, feed_kafka, feed_mqtt, feed_http, feed_file;
extern const struct sink take_jetstream, take_nats, take_kafka, take_kafka_transactional, take_mqtt,
    take_http, take_file;

/* Where natsway finds the NATS server. */
const char *run_nats_url(const struct run *run);
/* feed_file.c: what FAULT_ROTATE and FAULT_TRUNCATE do to a followed file. */
void file_source_rotate(struct run *run);
void file_source_truncate(struct run *run);
/* take_file.c: FAULT_ROTATE of the file that is written. */
void file_sink_rotate(struct run *run);

#endif
