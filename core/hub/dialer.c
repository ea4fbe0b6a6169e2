/* SPDX-License-Identifier: Apache-2.0 */
#include "hub/dialer.h"

#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "base/backoff.h"
#include "base/clock.h"
#include "hub/connection.h"
#include "hub/hub.h"

#define CONNECT_TIMEOUT_MS 4000
#define IO_BUFFER (64 * 1024)
/* With TLS a write waits for the socket with the connection's lock held; not longer than this. */
#define WRITE_DEADLINE_MS 10000
/* A server that says nothing for so long is asked, and has so long to answer. */
#define SILENCE_NS (5 * NW_SECOND_NS)
#define ANSWER_MS 3000
#define FIRST_WAIT_MS 100
#define LONGEST_WAIT_MS 3000

/* How long stopping waits for a connection attempt. */
#define STOP_NS (900 * NW_MILLISECOND_NS)

struct nw_dialer {
    struct nw_hub *hub;
    pthread_t thread;

    pthread_mutex_t lock; /* guards what the loop and the dialer tell each other */
    pthread_cond_t changed;
    bool ending;  /* the connection's close has begun: it must not be called any more */
    bool ended;   /* the thread touches nothing any more */
    bool orphan;  /* nobody waits for the end */
    bool up;      /* the loop has a session, or is about to get it */
    bool gave_up; /* it did not answer */
    bool closed;  /* nats.c has called its last callback of the session */
    bool probing; /* asked to look */
    uint64_t sync_wanted, sync_done;
    char lost_text[256];

    /* The dialer's thread. */
    char **discovered;
    int discovered_count;
    struct nw_backoff backoff;
};

struct session_task {
    struct nw_task task;
    struct nw_hub *hub;
    natsConnection *nc;
    uint64_t count;
    char text[256];
};

/* ---- to the loop ---- */

static void run_up(struct nw_task *task)
{
    struct session_task *t = (struct session_task *)task;

    nw_hub_up(t->hub, t->nc);
    free(t);
}

static void run_failed(struct nw_task *task)
{
    struct session_task *t = (struct session_task *)task;

    nw_hub_failed(t->hub, t->text);
    free(t);
}

static void run_synced(struct nw_task *task)
{
    struct session_task *t = (struct session_task *)task;

    nw_hub_synced(t->hub, t->count);
    free(t);
}

static void run_reported(struct nw_task *task)
{
    struct session_task *t = (struct session_task *)task;

    nw_hub_reported(t->hub, t->text);
    free(t);
}

static bool post(struct nw_hub *hub, void (*run)(struct nw_task *), natsConnection *nc,
                 uint64_t count, const char *text)
{
    struct session_task *t = calloc(1, sizeof *t);

    if (t == NULL) {
        return false;
    }
    t->task.run = run;
    t->hub = hub;
    t->nc = nc;
    t->count = count;
    (void)snprintf(t->text, sizeof t->text, "%.255s", text == NULL ? "" : text);
    nw_loop_post(hub->loop, &t->task);
    return true;
}

/* nats.c's thread for callbacks. It ends with on_closed, for which serve() waits: so the dialer
 * lives. */
static void on_error(natsConnection *nc, natsSubscription *sub, natsStatus status, void *closure)
{
    struct nw_dialer *d = closure;
    const char *text = nats_GetLastError(NULL);

    (void)nc;
    (void)sub;
    if (status == NATS_NOT_PERMITTED) {
        (void)post(d->hub, run_reported, NULL, 0, text);
    }
}

static void on_closed(natsConnection *nc, void *closure)
{
    struct nw_dialer *d = closure;

    (void)nc;
    (void)pthread_mutex_lock(&d->lock);
    d->closed = true;
    (void)pthread_cond_broadcast(&d->changed);
    (void)pthread_mutex_unlock(&d->lock);
}

/* The connection may be told only until its close. */
static void report(struct nw_dialer *d, enum nw_state state, const char *text)
{
    (void)pthread_mutex_lock(&d->lock);
    if (!d->ending) {
        nw_connection_state(d->hub->connection, state, text);
    }
    (void)pthread_mutex_unlock(&d->lock);
}

/* ---- waiting ---- */

/* Lock held. true: something changed before due_ns. */
static bool wait_until(struct nw_dialer *d, int64_t due_ns)
{
    struct timespec t = {due_ns / NW_SECOND_NS, due_ns % NW_SECOND_NS};

    return pthread_cond_timedwait(&d->changed, &d->lock, &t) == 0;
}

/* ---- connecting ---- */

static void forget_discovered(struct nw_dialer *d)
{
    for (int i = 0; i < d->discovered_count; i++) {
        free(d->discovered[i]);
    }
    free(d->discovered);
    d->discovered = NULL;
    d->discovered_count = 0;
}

/* The servers the cluster told of are tried as well next time. */
static void remember_servers(struct nw_dialer *d, natsConnection *nc)
{
    char **servers = NULL;
    int count = 0;

    if (natsConnection_GetDiscoveredServers(nc, &servers, &count) == NATS_OK && count > 0) {
        forget_discovered(d);
        d->discovered = servers;
        d->discovered_count = count;
    } else {
        free(servers);
    }
}

static natsStatus set_defaults(struct nw_dialer *d, natsOptions *o, struct nw_loop *loop)
{
    natsStatus s = nw_loop_install(loop, o);

    s = s == NATS_OK ? natsOptions_SetAllowReconnect(o, false) : s;
    s = s == NATS_OK ? natsOptions_SetReconnectBufSize(o, 0) : s;
    s = s == NATS_OK ? natsOptions_SetPingInterval(o, 0) : s; /* the dialer asks itself */
    s = s == NATS_OK ? natsOptions_SetTimeout(o, CONNECT_TIMEOUT_MS) : s;
    s = s == NATS_OK ? natsOptions_SetWriteDeadline(o, WRITE_DEADLINE_MS) : s;
    s = s == NATS_OK ? natsOptions_SetIOBufSize(o, IO_BUFFER) : s;
    s = s == NATS_OK ? natsOptions_SetErrorHandler(o, on_error, d) : s;
    return s == NATS_OK ? natsOptions_SetClosedCB(o, on_closed, d) : s;
}

static bool is_ending(struct nw_dialer *d)
{
    bool ending;

    (void)pthread_mutex_lock(&d->lock);
    ending = d->ending;
    (void)pthread_mutex_unlock(&d->lock);
    return ending;
}

/* What the configuration said, plus what was learnt. Credentials are read anew each time. Whoever
 * ends us may have given up waiting while we connected, and with us the configuration: it is not
 * looked at then. */
static natsStatus connect_once(struct nw_dialer *d, natsConnection **nc, struct nw_error *error)
{
    struct nw_hub *hub = d->hub;
    natsOptions *o = NULL;
    natsStatus s;

    if (nw_hub_options_make(hub->options, hub->name, (const char *const *)d->discovered,
                            d->discovered_count, &o, error) != 0) {
        return NATS_INVALID_ARG;
    }
    s = is_ending(d) ? NATS_CONNECTION_CLOSED : set_defaults(d, o, hub->loop);
    s = s == NATS_OK ? natsConnection_Connect(nc, o) : s;
    if (s != NATS_OK && !is_ending(d)) {
        nw_hub_options_explain(hub->options, s, error);
    }
    natsOptions_Destroy(o);
    return s;
}

/* The server's address without what a URL may hold besides: a password. */
static void say_up(struct nw_dialer *d, natsConnection *nc)
{
    char url[256] = "", text[256];
    const char *at, *scheme;

    (void)natsConnection_GetConnectedUrl(nc, url, sizeof url);
    at = strrchr(url, '@');
    scheme = strstr(url, "://");
    (void)snprintf(text, sizeof text, "%s",
                   at != NULL       ? at + 1
                   : scheme != NULL ? scheme + 3
                                    : url);
    report(d, NW_STATE_READY, text);
}

/* ---- a session ---- */

/* Ask the server. false: it does not answer, or there is no connection. */
static bool ask(struct nw_dialer *d, natsConnection *nc)
{
    struct nw_hub *hub = d->hub;
    int64_t began = nw_clock_monotonic_ns();
    uint64_t count = d->sync_wanted;
    natsStatus s;

    (void)pthread_mutex_unlock(&d->lock);
    s = natsConnection_FlushTimeout(nc, ANSWER_MS);
    if (s == NATS_OK && count != d->sync_done && !post(hub, run_synced, NULL, count, NULL)) {
        s = NATS_NO_MEMORY;
    }
    (void)pthread_mutex_lock(&d->lock);
    if (s == NATS_OK) {
        d->sync_done = count;
        return true;
    }
    /* It may be busy taking or sending a great deal: that is no silence. */
    return s == NATS_TIMEOUT && nw_loop_last_activity(hub->loop) > began;
}

/* Lock held; returns when the loop has let go of the session. */
static void watch(struct nw_dialer *d, natsConnection *nc)
{
    bool cut = false;

    while (d->up) {
        int64_t due = nw_loop_last_activity(d->hub->loop) + SILENCE_NS;
        int64_t now = nw_clock_monotonic_ns();
        bool wanted = d->sync_wanted != d->sync_done || d->probing;
        if (cut) {
            (void)wait_until(d, now + NW_SECOND_NS);
            continue;
        }
        if (d->ending) {
            (void)pthread_mutex_unlock(&d->lock);
            (void)natsConnection_FlushTimeout(nc, 500);
            (void)pthread_mutex_lock(&d->lock);
        } else if (!wanted && now < due) {
            (void)wait_until(d, due);
            continue;
        } else {
            d->probing = false;
            if (ask(d, nc)) {
                continue;
            }
            d->gave_up = true;
        }
        cut = true;
        nw_loop_cut(d->hub->loop);
    }
}

/* A connection was made: give it to the loop and stay until it is over. */
static void serve(struct nw_dialer *d, natsConnection *nc)
{
    char text[sizeof d->lost_text];

    say_up(d, nc);
    (void)pthread_mutex_lock(&d->lock);
    d->up = true;
    d->closed = false;
    d->gave_up = false;
    d->probing = false;
    d->sync_done = d->sync_wanted;
    d->lost_text[0] = '\0';
    (void)pthread_mutex_unlock(&d->lock);
    while (!post(d->hub, run_up, nc, 0, NULL)) {
        (void)usleep(10000); /* no memory for a task: nothing works now, but it may again */
    }
    (void)pthread_mutex_lock(&d->lock);
    watch(d, nc);
    (void)snprintf(text, sizeof text, "%s", d->lost_text);
    (void)pthread_mutex_unlock(&d->lock);
    remember_servers(d, nc);
    natsConnection_Destroy(nc);
    report(d, NW_STATE_DOWN, text);
    (void)pthread_mutex_lock(&d->lock);
    while (!d->closed) {
        (void)pthread_cond_wait(&d->changed, &d->lock);
    }
    (void)pthread_mutex_unlock(&d->lock);
}

static void wait_to_try_again(struct nw_dialer *d)
{
    int64_t due =
        nw_clock_monotonic_ns() + (int64_t)nw_backoff_next(&d->backoff) * NW_MILLISECOND_NS;

    (void)pthread_mutex_lock(&d->lock);
    while (!d->ending && wait_until(d, due)) {
    }
    (void)pthread_mutex_unlock(&d->lock);
}

static void free_dialer(struct nw_dialer *d)
{
    forget_discovered(d);
    (void)pthread_cond_destroy(&d->changed);
    (void)pthread_mutex_destroy(&d->lock);
    free(d);
}

/* Dialers that go on without anybody waiting for them. */
static atomic_int orphans;

bool nw_hub_lingers(void)
{
    return atomic_load(&orphans) > 0;
}

static void *run(void *context)
{
    struct nw_dialer *d = context;
    struct nw_hub *hub = d->hub;
    bool orphan;

    (void)pthread_setname_np(pthread_self(), "nats-dialer");
    while (!is_ending(d)) {
        natsConnection *nc = NULL;
        struct nw_error error = {0};
        if (connect_once(d, &nc, &error) == NATS_OK) {
            nw_backoff_reset(&d->backoff);
            serve(d, nc);
        } else {
            report(d, NW_STATE_DOWN, error.text);
            (void)post(hub, run_failed, NULL, 0, error.text);
        }
        wait_to_try_again(d);
    }
    (void)pthread_mutex_lock(&d->lock);
    d->ended = true;
    orphan = d->orphan;
    (void)pthread_cond_broadcast(&d->changed);
    (void)pthread_mutex_unlock(&d->lock);
    if (orphan) {
        (void)pthread_detach(pthread_self());
        free_dialer(d);
        nw_hub_free(hub);
        atomic_fetch_sub(&orphans, 1);
    }
    return NULL;
}

int nw_dialer_start(struct nw_hub *hub, struct nw_dialer **out)
{
    struct nw_dialer *d = calloc(1, sizeof *d);
    pthread_condattr_t monotonic;

    if (d == NULL) {
        return NW_ENOMEM;
    }
    d->hub = hub;
    nw_backoff_init(&d->backoff, (struct nw_backoff_range){FIRST_WAIT_MS, LONGEST_WAIT_MS},
                    (uint64_t)nw_clock_monotonic_ns());
    (void)pthread_mutex_init(&d->lock, NULL);
    (void)pthread_condattr_init(&monotonic);
    (void)pthread_condattr_setclock(&monotonic, CLOCK_MONOTONIC);
    (void)pthread_cond_init(&d->changed, &monotonic);
    (void)pthread_condattr_destroy(&monotonic);
    *out = d; /* the thread may need it before this returns */
    if (pthread_create(&d->thread, NULL, run, d) != 0) {
        *out = NULL;
        free_dialer(d);
        return NW_EIO;
    }
    return 0;
}

/* ---- from the loop ---- */

void nw_dialer_lost(struct nw_dialer *d, const char *text)
{
    (void)pthread_mutex_lock(&d->lock);
    d->up = false;
    (void)snprintf(d->lost_text, sizeof d->lost_text, "%s", text);
    (void)pthread_cond_broadcast(&d->changed);
    (void)pthread_mutex_unlock(&d->lock);
}

bool nw_dialer_gave_up(struct nw_dialer *d)
{
    bool gave_up;

    (void)pthread_mutex_lock(&d->lock);
    gave_up = d->gave_up;
    (void)pthread_mutex_unlock(&d->lock);
    return gave_up;
}

void nw_dialer_sync(struct nw_dialer *d, uint64_t count)
{
    (void)pthread_mutex_lock(&d->lock);
    d->sync_wanted = count;
    (void)pthread_cond_broadcast(&d->changed);
    (void)pthread_mutex_unlock(&d->lock);
}

void nw_dialer_probe(struct nw_dialer *d)
{
    (void)pthread_mutex_lock(&d->lock);
    d->probing = true;
    (void)pthread_cond_broadcast(&d->changed);
    (void)pthread_mutex_unlock(&d->lock);
}

bool nw_dialer_stop(struct nw_dialer *d)
{
    int64_t due = nw_clock_monotonic_ns() + STOP_NS;
    pthread_t thread = d->thread;
    bool ended;

    (void)pthread_mutex_lock(&d->lock);
    d->ending = true;
    (void)pthread_cond_broadcast(&d->changed);
    while (!d->ended && wait_until(d, due)) {
    }
    ended = d->ended;
    d->orphan = !ended;
    atomic_fetch_add(&orphans, ended ? 0 : 1);
    (void)pthread_mutex_unlock(&d->lock);
    if (ended) {
        (void)pthread_join(thread, NULL);
        free_dialer(d);
    }
    return ended;
}
