/* SPDX-License-Identifier: Apache-2.0 */
#include "hub/requester.h"

#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/clock.h"
#include "hub/loop.h"
#include "hub/token.h"
#include "hub/trash.h"

#define NONE UINT32_MAX
#define TICK_NS (50 * NW_MILLISECOND_NS)
#define TICKS 512 /* of the wheel; a longer deadline is put in again when its tick comes */
#define RUN 256   /* answers given to a client at once */
/* After "nobody listens" without saying to whom: how long the missing answers may still take, and
 * how long the exact inbox is used. */
#define NOBODY_NS (500 * NW_MILLISECOND_NS)
#define EXACT_NS (10 * NW_SECOND_NS)

/* A slot is free (client NULL, next: the free list) or in the list of its tick. */
struct slot {
    struct nw_requester_client *client;
    void *item;
    int64_t due_ns;
    uint32_t generation;
    uint32_t next, previous; /* previous NONE: the head of its tick */
    uint32_t tick;
    bool quick, doubtful; /* doubtful: it may be the one that nobody listens to */
};

struct nw_requester {
    struct nw_loop *loop;
    struct nw_trash *trash;
    char inbox[2][48]; /* each with its last dot */
    size_t inbox_len;
    char pattern[2][52];
    int64_t exact_until_ns;

    struct slot *slots;
    uint32_t capacity, free;
    size_t in_flight;
    uint64_t timeouts;
    uint32_t wheel[TICKS];
    int64_t tick; /* all ticks up to this one are done */
    struct nw_timer timer;

    struct nw_reply run[RUN]; /* answers of one client, gathered */
    struct nw_requester_client *run_client;
    size_t run_count;

    pthread_mutex_t lock; /* guards arrived and its sizes */
    natsMsg **arrived, **taken;
    size_t arrived_count, arrived_capacity, taken_capacity;
};

static void on_tick(struct nw_timer *timer);

struct nw_requester *nw_requester_new(struct nw_loop *loop, struct nw_trash *trash,
                                      const char *prefix)
{
    struct nw_requester *r = calloc(1, sizeof *r);
    char token[NW_TOKEN_RANDOM];

    if (r == NULL) {
        return NULL;
    }
    nw_token_random(token);
    r->loop = loop;
    r->trash = trash;
    for (int i = 0; i < 2; i++) {
        r->inbox_len =
            (size_t)snprintf(r->inbox[i], sizeof r->inbox[i], "%.20s.%s%d.", prefix, token, i);
        (void)snprintf(r->pattern[i], sizeof r->pattern[i], "%.20s.%s%d.*", prefix, token, i);
    }
    r->free = NONE;
    r->timer.fire = on_tick;
    for (size_t i = 0; i < TICKS; i++) {
        r->wheel[i] = NONE;
    }
    (void)pthread_mutex_init(&r->lock, NULL);
    return r;
}

void nw_requester_free(struct nw_requester *r)
{
    if (r == NULL) {
        return;
    }
    for (size_t i = 0; i < r->arrived_count; i++) {
        natsMsg_Destroy(r->arrived[i]);
    }
    nw_loop_cancel_timer(&r->timer);
    (void)pthread_mutex_destroy(&r->lock);
    free(r->arrived);
    free(r->taken);
    free(r->slots);
    free(r);
}

const char *nw_requester_pattern(const struct nw_requester *r, enum nw_inbox inbox)
{
    return r->pattern[inbox];
}

bool nw_requester_is_inbox(const struct nw_requester *r, struct nw_slice subject)
{
    return subject.len == r->inbox_len + NW_TOKEN_LEN &&
           memcmp(subject.data, r->inbox[0], r->inbox_len - 2) == 0;
}

size_t nw_requester_in_flight(const struct nw_requester *r)
{
    return r->in_flight;
}

uint64_t nw_requester_timeouts(const struct nw_requester *r)
{
    return r->timeouts;
}

/* ---- slots ---- */

static int grow(struct nw_requester *r)
{
    uint32_t capacity = r->capacity == 0 ? 1024 : r->capacity * 2;
    struct slot *slots;

    if (capacity > (UINT32_C(1) << 24) || r->free != NONE) {
        return r->free != NONE ? 0 : NW_ENOMEM;
    }
    slots = realloc(r->slots, capacity * sizeof *slots);
    if (slots == NULL) {
        return NW_ENOMEM;
    }
    r->slots = slots;
    for (uint32_t i = capacity; i-- > r->capacity;) {
        r->slots[i] = (struct slot){.next = r->free};
        r->free = i;
    }
    r->capacity = capacity;
    return 0;
}

static void put_in_wheel(struct nw_requester *r, uint32_t index)
{
    struct slot *s = &r->slots[index];
    int64_t tick = s->due_ns / TICK_NS + 1;

    tick = tick <= r->tick ? r->tick + 1 : tick;
    tick = tick > r->tick + TICKS - 1 ? r->tick + TICKS - 1 : tick;
    s->tick = (uint32_t)(tick % TICKS);
    s->previous = NONE;
    s->next = r->wheel[s->tick];
    if (s->next != NONE) {
        r->slots[s->next].previous = index;
    }
    r->wheel[s->tick] = index;
}

static void take_from_wheel(struct nw_requester *r, uint32_t index)
{
    struct slot *s = &r->slots[index];

    if (s->previous == NONE) {
        r->wheel[s->tick] = s->next;
    } else {
        r->slots[s->previous].next = s->next;
    }
    if (s->next != NONE) {
        r->slots[s->next].previous = s->previous;
    }
}

static void release(struct nw_requester *r, uint32_t index)
{
    struct slot *s = &r->slots[index];

    take_from_wheel(r, index);
    s->client->in_flight--;
    s->client = NULL;
    s->generation++;
    s->next = r->free;
    r->free = index;
    r->in_flight--;
}

int64_t nw_requester_begin(struct nw_requester *r, struct nw_requester_client *client, void *item,
                           enum nw_inbox inbox, int64_t due_ns, char reply[NW_REPLY_SUBJECT])
{
    uint32_t index;
    struct slot *s;

    if (nw_loop_now(r->loop) < r->exact_until_ns) {
        inbox = NW_INBOX_EXACT;
    }

    if (grow(r) != 0) {
        return NW_ENOMEM;
    }
    if (r->in_flight == 0) {
        r->tick = nw_loop_now(r->loop) / TICK_NS;
        nw_loop_set_timer(r->loop, &r->timer, (r->tick + 1) * TICK_NS);
    }
    index = r->free;
    s = &r->slots[index];
    r->free = s->next;
    s->client = client;
    s->item = item;
    s->due_ns = due_ns;
    s->quick = inbox == NW_INBOX_QUICK;
    s->doubtful = false;
    put_in_wheel(r, index);
    client->in_flight++;
    r->in_flight++;
    memcpy(reply, r->inbox[inbox], r->inbox_len);
    nw_token_write(reply + r->inbox_len, index, s->generation);
    return index;
}

void nw_requester_abandon(struct nw_requester *r, int64_t slot)
{
    release(r, (uint32_t)slot);
}

/* ---- answers ---- */

static void flush_run(struct nw_requester *r)
{
    size_t n = r->run_count;

    if (n == 0) {
        return;
    }
    r->run_count = 0;
    r->run_client->complete(r->run_client, r->run, n);
    for (size_t i = 0; i < n; i++) {
        nw_trash_add(r->trash, r->run[i].msg);
    }
}

/* Free the slot and put its end into the run. Clients must not be called while a list of slots is
 * walked, except by flush_run at a place where the walk can begin anew. */
static void finish(struct nw_requester *r, uint32_t index, natsMsg *msg, enum nw_reply_kind kind)
{
    struct slot *s = &r->slots[index];
    struct nw_requester_client *client = s->client;
    void *item = s->item;

    if (r->run_count == RUN || (r->run_count > 0 && r->run_client != client)) {
        flush_run(r);
    }
    release(r, index);
    r->run_client = client;
    r->run[r->run_count++] = (struct nw_reply){item, msg, kind};
}

static bool is_no_responder(natsMsg *msg)
{
    return natsMsg_GetDataLength(msg) == 0 && natsMsg_IsNoResponders(msg);
}

static void take_answer(struct nw_requester *r, natsMsg *msg)
{
    const char *subject = natsMsg_GetSubject(msg);
    uint32_t index, generation;

    if (strlen(subject) != r->inbox_len + NW_TOKEN_LEN ||
        !nw_token_read(subject + r->inbox_len, &index, &generation) || index >= r->capacity ||
        r->slots[index].client == NULL ||
        (r->slots[index].generation & NW_TOKEN_GENERATIONS) != generation) {
        nw_trash_add(r->trash, msg); /* too late, or of an earlier connection */
        return;
    }
    if (is_no_responder(msg)) {
        finish(r, index, msg, NW_REPLY_NO_RESPONDER);
    } else {
        finish(r, index, msg, NW_REPLY_MESSAGE);
    }
}

void nw_requester_answer(struct nw_requester *r, natsMsg *msg)
{
    take_answer(r, msg);
}

void nw_requester_nobody(struct nw_requester *r)
{
    int64_t now = nw_loop_now(r->loop);

    if (now < r->exact_until_ns) {
        return; /* of those that are in doubt already */
    }
    r->exact_until_ns = now + EXACT_NS;
    for (uint32_t i = 0; i < r->capacity; i++) {
        struct slot *s = &r->slots[i];
        if (s->client != NULL && s->quick && s->due_ns > now + NOBODY_NS) {
            take_from_wheel(r, i);
            s->due_ns = now + NOBODY_NS;
            s->doubtful = true;
            put_in_wheel(r, i);
        }
    }
}

void nw_requester_deliver(struct nw_requester *r, natsMsg *msg)
{
    bool kept = true;

    (void)pthread_mutex_lock(&r->lock);
    if (r->arrived_count == r->arrived_capacity) {
        size_t capacity = r->arrived_capacity == 0 ? 1024 : r->arrived_capacity * 2;
        natsMsg **arrived = realloc(r->arrived, capacity * sizeof *arrived);
        kept = arrived != NULL;
        r->arrived = kept ? arrived : r->arrived;
        r->arrived_capacity = kept ? capacity : r->arrived_capacity;
    }
    if (kept) {
        r->arrived[r->arrived_count++] = msg;
    }
    (void)pthread_mutex_unlock(&r->lock);
    if (kept) {
        nw_loop_wake(r->loop);
    } else {
        natsMsg_Destroy(msg); /* its deadline will say so */
    }
}

void nw_requester_work(struct nw_requester *r)
{
    natsMsg **taken;
    size_t n, capacity;

    (void)pthread_mutex_lock(&r->lock);
    taken = r->arrived;
    n = r->arrived_count;
    capacity = r->arrived_capacity;
    r->arrived = r->taken;
    r->arrived_capacity = r->taken_capacity;
    r->arrived_count = 0;
    r->taken = taken;
    r->taken_capacity = capacity;
    (void)pthread_mutex_unlock(&r->lock);
    for (size_t i = 0; i < n; i++) {
        take_answer(r, taken[i]);
    }
    flush_run(r);
}

/* ---- ends without an answer ---- */

static void finish_tick(struct nw_requester *r, uint32_t tick)
{
    uint32_t index = r->wheel[tick];

    /* Clients may begin new requests from here: they go to later ticks. */
    while (index != NONE) {
        struct slot *s = &r->slots[index];
        if (s->due_ns > nw_loop_now(r->loop)) {
            uint32_t next = s->next;
            take_from_wheel(r, index);
            put_in_wheel(r, index);
            index = next;
            continue;
        }
        if (s->doubtful) {
            finish(r, index, NULL, NW_REPLY_NO_RESPONDER);
        } else {
            r->timeouts++;
            finish(r, index, NULL, NW_REPLY_TIMEOUT);
        }
        index = r->wheel[tick];
    }
}

static void on_tick(struct nw_timer *timer)
{
    struct nw_requester *r =
        (struct nw_requester *)((char *)timer - offsetof(struct nw_requester, timer));
    int64_t now = nw_loop_now(r->loop) / TICK_NS;

    if (now > r->tick + TICKS) {
        r->tick = now - TICKS; /* the machine slept; every tick is walked once */
    }
    while (r->tick < now) {
        r->tick++;
        finish_tick(r, (uint32_t)(r->tick % TICKS));
    }
    flush_run(r);
    if (r->in_flight > 0) {
        nw_loop_set_timer(r->loop, &r->timer, (r->tick + 1) * TICK_NS);
    }
}

/* Finish every slot that is wanted. Gathered first: a client may begin requests meanwhile. */
static void finish_where(struct nw_requester *r, enum nw_reply_kind kind,
                         bool (*wanted)(const struct slot *s, const void *what), const void *what)
{
    uint32_t capacity = r->capacity;
    uint64_t *found = calloc(capacity / 64 + 1, sizeof *found);

    for (uint32_t i = 0; i < capacity; i++) {
        if (r->slots[i].client != NULL && wanted(&r->slots[i], what)) {
            if (found != NULL) {
                found[i / 64] |= UINT64_C(1) << (i % 64);
            } else {
                finish(r, i, NULL, kind); /* no memory: a new request in this slot ends with it */
            }
        }
    }
    for (uint32_t i = 0; found != NULL && i < capacity; i++) {
        if ((found[i / 64] >> (i % 64) & 1) != 0 && r->slots[i].client != NULL) {
            finish(r, i, NULL, kind);
        }
    }
    flush_run(r);
    free(found);
}

static bool of_client(const struct slot *s, const void *client)
{
    return s->client == client;
}

static bool any(const struct slot *s, const void *unused)
{
    (void)s;
    (void)unused;
    return true;
}

static bool published_to(const struct slot *s, const void *subject)
{
    return s->client->published != NULL &&
           s->client->published(s->client, s->item, *(const struct nw_slice *)subject);
}

void nw_requester_cancel(struct nw_requester *r, struct nw_requester_client *client)
{
    if (client->in_flight > 0) {
        finish_where(r, NW_REPLY_CANCELLED, of_client, client);
    }
}

void nw_requester_fail_all(struct nw_requester *r, enum nw_reply_kind kind)
{
    if (r->in_flight > 0) {
        finish_where(r, kind, any, NULL);
    }
}

void nw_requester_deny(struct nw_requester *r, struct nw_slice subject)
{
    if (r->in_flight > 0) {
        finish_where(r, NW_REPLY_DENIED, published_to, &subject);
    }
}
