/* SPDX-License-Identifier: Apache-2.0 */
/* The calls of a lease. What to do is decided by lease_state.c, what a record looks like is in
 * lease_record.c; everything but the functions of lease.h is on the loop thread. */
#include "hub/lease.h"

#include <inttypes.h>
#include <pthread.h>
#include <semaphore.h>
#include <stdio.h>
#include <stdlib.h>

#include "hub/js_api.h"
#include "hub/js_parse.h"
#include "hub/kv_key.h"
#include "hub/lease_record.h"
#include "hub/lease_state.h"
#include "hub/token.h"

#define DEADLINE_NS (2 * NW_SECOND_NS)
#define RELEASE_NS NW_SECOND_NS
#define STREAM "KV_" NW_LEASE_BUCKET
#define REPLICAS 3 /* where the cluster has them; otherwise 1 */
#define NO_MESSAGE 10037
#define WRONG_SEQUENCE 10071
#define WRONG_SEQUENCE_TOO 10164 /* newer servers, of some requests */

struct nw_lease {
    struct nw_lease *next; /* of the hub's */
    struct nw_hub *hub;
    struct nw_lease_watcher watcher;
    char *route, *subject, *instance;
    struct nw_listener listener;
    struct nw_task open_task, want_task, leave_task, end_task;
    sem_t left;
    bool leave_posted; /* main thread */

    struct nw_lease_state state;
    enum nw_lease_phase told;
    char told_trouble[256];
    char since[NW_TIMESTAMP_TEXT_MAX]; /* when it was taken */
    struct nw_timer timer;
    struct nw_js_call call;            /* to look, and to make the bucket */
    struct nw_requester_client client; /* of what is put */
    bool releasing;                    /* what is put is that nobody has it */
    int replicas;                      /* to try next */
    bool driving, gone;

    pthread_mutex_t lock; /* guards view */
    struct nw_lease_view view;
};

#define LEASE_OF(pointer, member) \
    ((struct nw_lease *)((char *)(pointer)-offsetof(struct nw_lease, member)))

static void drive(struct nw_lease *l);

/* ---- telling ---- */

static void set_view(struct nw_lease *l)
{
    const struct nw_lease_state *s = &l->state;

    (void)pthread_mutex_lock(&l->lock);
    l->view.phase = s->phase;
    l->view.holder = s->record.holder;
    (void)snprintf(l->view.text, sizeof l->view.text, "%s", s->trouble);
    (void)pthread_mutex_unlock(&l->lock);
}

static void tell_trouble(struct nw_lease *l)
{
    const struct nw_lease_state *s = &l->state;

    if (s->phase == NW_LEASE_WAITING && strcmp(l->told_trouble, s->trouble) != 0) {
        (void)snprintf(l->told_trouble, sizeof l->told_trouble, "%s", s->trouble);
        l->watcher.trouble(l->watcher.context, s->trouble);
    } else if (s->phase == NW_LEASE_HELD || s->phase == NW_LEASE_STANDBY) {
        l->told_trouble[0] = '\0';
    }
}

/* What has changed since the last time. */
static void tell(struct nw_lease *l)
{
    const struct nw_lease_state *s = &l->state;
    enum nw_lease_phase before = l->told;

    set_view(l);
    tell_trouble(l);
    if (before == s->phase) {
        return;
    }
    l->told = s->phase;
    if (s->phase == NW_LEASE_HELD) {
        l->watcher.held(l->watcher.context);
    } else if (before == NW_LEASE_HELD && !s->leaving) {
        l->watcher.lost(l->watcher.context, s->trouble);
    }
    if (s->phase == NW_LEASE_STANDBY) {
        l->watcher.stands_by(l->watcher.context, &s->record.holder);
    }
}

/* ---- looking ---- */

static void make_bucket(struct nw_lease *l);

static void on_bucket(void *context, const struct nw_js_response *r)
{
    struct nw_lease *l = context;
    const struct nw_lease_record none = {.free = true};
    char text[400];

    if (!r->ok && !r->away && l->replicas > 1) {
        l->replicas = 1;
        make_bucket(l);
        return;
    }
    l->replicas = REPLICAS;
    if (r->ok) {
        nw_lease_state_looked(&l->state, &none, 0, nw_clock_monotonic_ns());
    } else {
        (void)snprintf(text, sizeof text, "the bucket " NW_LEASE_BUCKET " cannot be made: %s",
                       r->text);
        nw_lease_state_failed(&l->state, text, nw_clock_monotonic_ns());
    }
    drive(l);
}

static void make_bucket(struct nw_lease *l)
{
    nw_js_ask(&l->call, nw_lease_bucket(l->replicas), on_bucket, "STREAM.CREATE." STREAM);
}

static void on_looked(void *context, const struct nw_js_response *r)
{
    struct nw_lease *l = context;
    struct nw_lease_record record = {.free = true};
    uint64_t revision = 0;
    char text[400];

    if (!r->ok && r->error_code == NW_JS_ERR_STREAM_NOT_FOUND) {
        make_bucket(l);
        return;
    }
    if (r->ok) {
        jv message = nw_js_member(r->body, "message");
        revision = nw_lease_record_read(message, &record);
        jv_free(message);
    }
    if (r->ok || r->error_code == NO_MESSAGE) {
        nw_lease_state_looked(&l->state, &record, revision, nw_clock_monotonic_ns());
    } else {
        (void)snprintf(text, sizeof text,
                       "it cannot be read from the bucket " NW_LEASE_BUCKET ": %s", r->text);
        nw_lease_state_failed(&l->state, text, nw_clock_monotonic_ns());
    }
    drive(l);
}

static void look(struct nw_lease *l)
{
    jv request = jv_object_set(jv_object(), jv_string("last_by_subj"), jv_string(l->subject));

    nw_js_ask(&l->call, request, on_looked, "STREAM.MSG.GET." STREAM);
}

/* ---- putting ---- */

static void answered(struct nw_lease *l, natsMsg *msg)
{
    struct nw_slice json = {natsMsg_GetData(msg), (size_t)natsMsg_GetDataLength(msg)};
    int64_t now = nw_clock_monotonic_ns();
    struct nw_js_puback ack;
    char text[300];

    nw_js_parse_puback(json, &ack);
    if (ack.is_ack && l->releasing) {
        nw_lease_state_released(&l->state, ack.sequence);
    } else if (ack.is_ack) {
        nw_lease_state_stored(&l->state, ack.sequence, now);
    } else if (ack.error_code == WRONG_SEQUENCE || ack.error_code == WRONG_SEQUENCE_TOO) {
        nw_lease_state_refused(&l->state, now);
    } else {
        (void)snprintf(text, sizeof text, "the bucket " NW_LEASE_BUCKET " does not take it: %.*s",
                       (int)ack.description.len, ack.description.data);
        nw_lease_state_failed(&l->state, text, now);
    }
}

static void on_put(struct nw_requester_client *client, struct nw_reply *replies, size_t n)
{
    struct nw_lease *l = LEASE_OF(client, client);
    const char *text = "the connection to NATS was lost";

    (void)n; /* one at a time */
    if (replies[0].kind == NW_REPLY_CANCELLED) {
        return;
    }
    if (replies[0].kind == NW_REPLY_MESSAGE) {
        answered(l, replies[0].msg);
        drive(l);
        return;
    }
    if (replies[0].kind == NW_REPLY_DENIED) {
        text = "the NATS user may not publish to the bucket " NW_LEASE_BUCKET;
    } else if (replies[0].kind == NW_REPLY_NO_RESPONDER) {
        text = "the bucket " NW_LEASE_BUCKET " is not there";
    } else if (replies[0].kind == NW_REPLY_TIMEOUT) {
        text = "JetStream does not answer";
    }
    nw_lease_state_failed(&l->state, text, nw_clock_monotonic_ns());
    drive(l);
}

static bool was_published(struct nw_requester_client *client, void *item, struct nw_slice subject)
{
    (void)item;
    return nw_slice_equal(nw_slice_text(LEASE_OF(client, client)->subject), subject);
}

static natsStatus publish(struct nw_lease *l, const char *reply, const struct nw_buffer *value)
{
    char revision[24];
    natsMsg *msg = NULL;
    natsStatus s = natsMsg_Create(&msg, l->subject, reply, value->data, (int)value->len);

    (void)snprintf(revision, sizeof revision, "%" PRIu64, l->state.revision);
    if (s == NATS_OK) {
        s = natsMsgHeader_Set(msg, "Nats-Expected-Last-Subject-Sequence", revision);
    }
    if (s == NATS_OK && l->releasing) {
        s = natsMsgHeader_Set(msg, "KV-Operation", "DEL");
    }
    if (s == NATS_OK) {
        s = natsConnection_PublishMsg(l->hub->nc, msg);
    }
    nw_trash_add(&l->hub->trash, msg);
    return s;
}

/* false: it could not be sent. */
static bool send(struct nw_lease *l, const struct nw_buffer *value)
{
    int64_t due_ns = nw_clock_monotonic_ns() + (l->releasing ? RELEASE_NS : DEADLINE_NS);
    char reply[NW_REPLY_SUBJECT];
    int64_t slot;

    if (l->hub->nc == NULL || value->failed) {
        return false;
    }
    slot = nw_requester_begin(l->hub->requester, &l->client, NULL, NW_INBOX_EXACT, due_ns, reply);
    if (slot < 0) {
        return false;
    }
    if (publish(l, reply, value) != NATS_OK) {
        nw_requester_abandon(l->hub->requester, slot);
        return false;
    }
    return true;
}

static void put(struct nw_lease *l, bool release)
{
    struct nw_buffer value = {0};

    l->releasing = release;
    if (l->state.phase != NW_LEASE_HELD) {
        (void)nw_timestamp_format(nw_clock_real_ns(), l->since);
    }
    if (!release) {
        nw_lease_record_write(&l->state, l->instance, l->since, &value);
    }
    if (!send(l, &value)) {
        nw_lease_state_failed(&l->state, "it could not be sent", nw_clock_monotonic_ns());
    }
    nw_buffer_done(&value);
}

/* ---- driving ---- */

static void on_timer(struct nw_timer *timer)
{
    drive(LEASE_OF(timer, timer));
}

/* It was given back, or there is nothing to give back, or nobody to take it. */
static void go(struct nw_lease *l)
{
    struct nw_lease **at = &l->hub->leases;

    while (*at != l) {
        at = &(*at)->next;
    }
    *at = l->next;
    l->gone = true;
    nw_hub_unlisten(&l->listener);
    nw_loop_cancel_timer(&l->timer);
    nw_js_cancel(&l->call);
    nw_requester_cancel(l->hub->requester, &l->client);
    l->state.phase = l->told = NW_LEASE_IDLE;
    set_view(l);
    nw_loop_post(l->hub->loop, &l->end_task); /* the caller's caller may be in the lease's memory */
}

static void run_end(struct nw_task *task)
{
    (void)sem_post(&LEASE_OF(task, end_task)->left);
}

/* Do what is to be done, until an answer or the time is waited for. */
static void drive(struct nw_lease *l)
{
    enum nw_lease_action action = NW_LEASE_LOOK;
    int64_t due_ns;

    if (l->driving || l->gone) {
        return; /* a call that failed at once: the loop below goes on */
    }
    l->driving = true;
    while (action != NW_LEASE_NOTHING) {
        int64_t now = nw_clock_monotonic_ns();
        nw_lease_state_expire(&l->state, now);
        action = nw_lease_state_next(&l->state, now);
        if (action == NW_LEASE_LOOK) {
            look(l);
        } else if (action != NW_LEASE_NOTHING) {
            put(l, action == NW_LEASE_RELEASE);
        }
    }
    l->driving = false;
    tell(l);
    due_ns = nw_lease_state_due(&l->state);
    if (l->state.leaving && !l->state.asked) {
        go(l);
    } else if (due_ns == INT64_MAX) {
        nw_loop_cancel_timer(&l->timer);
    } else {
        nw_loop_set_timer(l->hub->loop, &l->timer, due_ns);
    }
}

/* ---- life ---- */

static void on_up(struct nw_listener *listener)
{
    struct nw_lease *l = LEASE_OF(listener, listener);

    nw_lease_state_up(&l->state, nw_clock_monotonic_ns());
    drive(l);
}

static void on_down(struct nw_listener *listener, const char *text)
{
    struct nw_lease *l = LEASE_OF(listener, listener);
    char why[256];

    (void)snprintf(why, sizeof why, "NATS: %.240s", text);
    nw_lease_state_down(&l->state, why);
    drive(l);
}

static void run_open(struct nw_task *task)
{
    struct nw_lease *l = LEASE_OF(task, open_task);

    l->next = l->hub->leases;
    l->hub->leases = l;
    nw_hub_listen(l->hub, &l->listener);
}

static void run_want(struct nw_task *task)
{
    struct nw_lease *l = LEASE_OF(task, want_task);

    nw_lease_state_want(&l->state, nw_clock_monotonic_ns());
    drive(l);
}

/* Reading the key is not waited for. */
static void run_leave(struct nw_task *task)
{
    struct nw_lease *l = LEASE_OF(task, leave_task);

    if (l->call.busy) {
        nw_js_cancel(&l->call);
        l->state.asked = false;
    }
    nw_lease_state_leave(&l->state);
    drive(l);
}

static bool copy_names(struct nw_lease *l, const struct nw_lease_names *names)
{
    struct nw_buffer subject = {0};

    nw_buffer_add_text(&subject, "$KV." NW_LEASE_BUCKET ".");
    nw_kv_key_add(&subject, nw_slice_text(names->bridge));
    nw_buffer_add_char(&subject, '.');
    nw_kv_key_add(&subject, nw_slice_text(names->route));
    l->subject = nw_buffer_take(&subject);
    nw_buffer_done(&subject);
    l->route = strdup(names->route);
    l->instance = strdup(names->instance);
    return l->subject != NULL && l->route != NULL && l->instance != NULL;
}

static void free_lease(struct nw_lease *l)
{
    (void)sem_destroy(&l->left);
    (void)pthread_mutex_destroy(&l->lock);
    free(l->subject);
    free(l->route);
    free(l->instance);
    free(l);
}

int nw_lease_new(void *hub, const struct nw_lease_names *names,
                 const struct nw_lease_watcher *watcher, struct nw_lease **out)
{
    struct nw_lease *l = calloc(1, sizeof *l);
    char run[NW_TOKEN_RANDOM];

    if (l == NULL) {
        return NW_ENOMEM;
    }
    (void)sem_init(&l->left, 0, 0);
    (void)pthread_mutex_init(&l->lock, NULL);
    if (!copy_names(l, names)) {
        free_lease(l);
        return NW_ENOMEM;
    }
    l->hub = hub;
    l->watcher = *watcher;
    l->replicas = REPLICAS;
    nw_token_random(run);
    nw_lease_state_init(&l->state, names->id, run);
    (void)snprintf(l->told_trouble, sizeof l->told_trouble, "%s", l->state.trouble);
    nw_js_call_init(&l->call, hub, l);
    l->client.complete = on_put;
    l->client.published = was_published;
    l->listener.up = on_up;
    l->listener.down = on_down;
    l->timer.fire = on_timer;
    l->open_task.run = run_open;
    l->want_task.run = run_want;
    l->leave_task.run = run_leave;
    l->end_task.run = run_end;
    set_view(l);
    nw_loop_post(l->hub->loop, &l->open_task);
    *out = l;
    return 0;
}

void nw_lease_want(struct nw_lease *lease)
{
    nw_loop_post(lease->hub->loop, &lease->want_task);
}

void nw_lease_leave(struct nw_lease *lease)
{
    if (!lease->leave_posted) {
        lease->leave_posted = true;
        nw_loop_post(lease->hub->loop, &lease->leave_task);
    }
}

void nw_lease_free(struct nw_lease *lease)
{
    if (lease == NULL) {
        return;
    }
    nw_lease_leave(lease);
    while (sem_wait(&lease->left) != 0) {
    }
    free_lease(lease);
}

void nw_lease_view(struct nw_lease *lease, struct nw_lease_view *out)
{
    (void)pthread_mutex_lock(&lease->lock);
    *out = lease->view;
    (void)pthread_mutex_unlock(&lease->lock);
}

struct nw_lease *nw_lease_find(const struct nw_hub *hub, const char *route)
{
    struct nw_lease *l = hub->leases;

    while (l != NULL && strcmp(l->route, route) != 0) {
        l = l->next;
    }
    return l;
}

bool nw_lease_is_good(const struct nw_lease *lease)
{
    return nw_lease_state_is_good(&lease->state, nw_clock_monotonic_ns());
}
