/* SPDX-License-Identifier: Apache-2.0 */
#include "hub/connection.h"

#include <pthread.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "hub/dialer.h"

/* ---- listeners ---- */

void nw_hub_sync(struct nw_hub *hub, struct nw_listener *listener)
{
    listener->confirmed_by = ++hub->syncs;
    nw_dialer_sync(hub->dialer, hub->syncs);
}

static void bring_up(struct nw_hub *hub, struct nw_listener *listener)
{
    if (listener->up != NULL) {
        listener->up(listener);
    }
    nw_hub_sync(hub, listener);
}

void nw_hub_listen(struct nw_hub *hub, struct nw_listener *listener)
{
    listener->next = hub->listeners;
    listener->link = &hub->listeners;
    if (listener->next != NULL) {
        listener->next->link = &listener->next;
    }
    hub->listeners = listener;
    if (hub->nc != NULL) {
        bring_up(hub, listener);
    } else if (hub->away && listener->down != NULL) {
        listener->down(listener, hub->down_text);
    }
}

void nw_hub_unlisten(struct nw_listener *listener)
{
    if (listener->link != NULL) {
        *listener->link = listener->next;
        if (listener->next != NULL) {
            listener->next->link = listener->link;
        }
        listener->link = NULL;
    }
}

/* ---- how much may be published ---- */

bool nw_hub_can_publish(struct nw_hub *hub)
{
    return hub->nc != NULL && !hub->blocked;
}

void nw_hub_published(struct nw_hub *hub, size_t bytes)
{
    hub->since_checked += (int64_t)bytes;
    if (hub->since_checked >= NW_HUB_BUFFER / 8) {
        hub->since_checked = 0;
        /* Only unblock() takes it back: it feeds those who wait. */
        hub->blocked |= natsConnection_Buffered(hub->nc) >= NW_HUB_BUFFER;
    }
}

/* Once a round: what was buffered may have been written. */
static void unblock(struct nw_hub *hub)
{
    struct nw_listener *l, *next;

    if (!hub->blocked || hub->nc == NULL || natsConnection_Buffered(hub->nc) >= NW_HUB_BUFFER / 2) {
        return;
    }
    hub->blocked = false;
    hub->since_checked = 0;
    for (l = hub->listeners; l != NULL && nw_hub_can_publish(hub); l = next) {
        next = l->next;
        if (l->feed != NULL) {
            l->feed(l);
        }
    }
}

/* ---- sessions ---- */

/* nats.c's delivery thread of the inbox. */
static void on_answer(natsConnection *nc, natsSubscription *sub, natsMsg *msg, void *closure)
{
    (void)nc;
    (void)sub;
    nw_requester_deliver(closure, msg);
}

/* The delivery thread has run on_answer for the last time. */
static void on_inbox_complete(void *closure)
{
    struct nw_hub *hub = closure;

    atomic_fetch_sub(&hub->open_inboxes, 1);
}

static natsStatus open_exact_inbox(struct nw_hub *hub)
{
    natsSubscription **inbox = &hub->inboxes[NW_INBOX_EXACT];
    natsStatus s = natsConnection_Subscribe(inbox, hub->nc,
                                            nw_requester_pattern(hub->requester, NW_INBOX_EXACT),
                                            on_answer, hub->requester);

    if (s != NATS_OK) {
        return s;
    }
    atomic_fetch_add(&hub->open_inboxes, 1);
    s = natsSubscription_SetOnCompleteCB(*inbox, on_inbox_complete, hub);
    if (s != NATS_OK) {
        atomic_fetch_sub(&hub->open_inboxes, 1);
        return s;
    }
    return natsSubscription_SetPendingLimits(*inbox, -1, -1);
}

static natsStatus open_inboxes(struct nw_hub *hub)
{
    natsSubscription **inbox = &hub->inboxes[NW_INBOX_QUICK];
    natsStatus s = natsConnection_SubscribeSync(
        inbox, hub->nc, nw_requester_pattern(hub->requester, NW_INBOX_QUICK));

    s = s == NATS_OK ? natsSubscription_SetPendingLimits(*inbox, -1, -1) : s;
    return s == NATS_OK ? open_exact_inbox(hub) : s;
}

static void close_inboxes(struct nw_hub *hub)
{
    for (size_t i = 0; i < 2; i++) {
        natsSubscription_Destroy(hub->inboxes[i]);
        hub->inboxes[i] = NULL;
    }
}

static void read_quick_inbox(struct nw_hub *hub)
{
    natsSubscription *inbox = hub->inboxes[NW_INBOX_QUICK];
    uint64_t there = 0;

    if (inbox == NULL || natsSubscription_QueuedMsgs(inbox, &there) != NATS_OK || there == 0) {
        return;
    }
    for (; there > 0; there--) {
        natsMsg *msg = NULL;
        natsStatus s = natsSubscription_NextMsg(&msg, inbox, 0);
        if (s == NATS_OK) {
            nw_requester_answer(hub->requester, msg);
        } else if (s == NATS_NO_RESPONDERS) {
            nw_requester_nobody(hub->requester);
        }
    }
    nw_requester_work(hub->requester);
}

void nw_hub_synced(struct nw_hub *hub, uint64_t count)
{
    struct nw_listener *l, *next;

    hub->synced = count;
    for (l = hub->listeners; l != NULL; l = next) {
        next = l->next;
        if (l->confirmed_by != 0 && l->confirmed_by <= count) {
            l->confirmed_by = 0;
            if (l->ready != NULL) {
                l->ready(l);
            }
        }
    }
}

static void keep_reason(struct nw_hub *hub)
{
    const char *text = NULL;
    natsStatus s = natsConnection_GetLastError(hub->nc, &text);

    if (nw_dialer_gave_up(hub->dialer)) {
        text = "the server does not answer";
    } else if (s == NATS_OK || s == NATS_IO_ERROR || s == NATS_CONNECTION_CLOSED ||
               s == NATS_NOT_PERMITTED || text == NULL || text[0] == '\0') {
        text = "the connection was lost";
    }
    (void)snprintf(hub->down_text, sizeof hub->down_text, "%s", text);
}

static void tell_down(struct nw_hub *hub)
{
    struct nw_listener *l, *next;

    hub->away = true;
    for (l = hub->listeners; l != NULL; l = next) {
        next = l->next;
        l->confirmed_by = 0;
        if (l->down != NULL) {
            l->down(l, hub->down_text);
        }
    }
}

void nw_hub_failed(struct nw_hub *hub, const char *text)
{
    (void)snprintf(hub->down_text, sizeof hub->down_text, "%s", text);
    if (!hub->away) {
        tell_down(hub);
    }
}

/* The loop's hook: the socket is gone. */
static void on_detached(void *context)
{
    struct nw_hub *hub = context;

    if (hub->nc == NULL) {
        return;
    }
    keep_reason(hub);
    close_inboxes(hub);
    hub->nc = NULL;
    nw_requester_fail_all(hub->requester, NW_REPLY_LOST);
    tell_down(hub);
    nw_dialer_lost(hub->dialer, hub->down_text);
}

void nw_hub_up(struct nw_hub *hub, natsConnection *nc)
{
    struct nw_listener *l, *next;

    hub->nc = nc;
    hub->away = false;
    hub->blocked = false;
    hub->since_checked = 0;
    hub->max_payload = natsConnection_GetMaxPayload(nc);
    if (natsConnection_IsClosed(nc)) {
        on_detached(hub); /* it broke before we knew of it */
        return;
    }
    if (open_inboxes(hub) != NATS_OK) {
        nw_loop_cut(hub->loop);
        return;
    }
    for (l = hub->listeners; l != NULL; l = next) {
        next = l->next;
        bring_up(hub, l);
    }
}

static void on_received(void *context)
{
    struct nw_hub *hub = context;
    struct nw_listener *l, *next;

    read_quick_inbox(hub);
    for (l = hub->listeners; l != NULL && hub->nc != NULL; l = next) {
        next = l->next;
        if (l->received != NULL) {
            l->received(l);
        }
    }
}

static void on_round(void *context)
{
    struct nw_hub *hub = context;

    if (hub->requester == NULL) {
        return; /* there was no memory for it: the loop is about to end */
    }
    nw_requester_work(hub->requester);
    if (hub->timeouts_seen != nw_requester_timeouts(hub->requester)) {
        hub->timeouts_seen = nw_requester_timeouts(hub->requester);
        nw_dialer_probe(hub->dialer);
    }
    unblock(hub);
}

/* ---- what the server reports ---- */

bool nw_hub_was_denied(struct nw_hub *hub)
{
    const char *text;

    return hub->nc != NULL && natsConnection_GetLastError(hub->nc, &text) == NATS_NOT_PERMITTED;
}

/* Permissions Violation for Publish to "subject" */
void nw_hub_reported(struct nw_hub *hub, const char *text)
{
    const char *begin = strchr(text, '"');
    const char *end = begin == NULL ? NULL : strchr(begin + 1, '"');
    bool publish = strstr(text, "Publish") != NULL;
    struct nw_slice subject;
    struct nw_listener *l, *next;

    if (end == NULL || hub->nc == NULL) {
        nw_connection_log(hub->connection, NW_LOG_ERROR, "%s", text);
        return;
    }
    subject = (struct nw_slice){begin + 1, (size_t)(end - begin - 1)};
    if (publish) {
        nw_requester_deny(hub->requester, subject);
    }
    for (l = hub->listeners; l != NULL; l = next) {
        next = l->next;
        if (l->denied != NULL) {
            l->denied(l, publish, subject, text);
        }
    }
    nw_connection_log(hub->connection, NW_LOG_ERROR, "%s", text);
}

/* ---- open and close ---- */

void nw_hub_free(struct nw_hub *hub)
{
    if (hub == NULL) {
        return;
    }
    nw_loop_stop(hub->loop);
    while (atomic_load(&hub->open_inboxes) > 0) {
        (void)usleep(1000); /* the last inbox is closed; its thread is about to say so */
    }
    nw_requester_free(hub->requester);
    nw_trash_empty(&hub->trash);
    nw_buffer_done(&hub->scratch);
    free(hub);
}

static pthread_once_t library_once = PTHREAD_ONCE_INIT;

/* nats.c frees messages on a thread of its own, and a woken thread takes the processor from who
 * woke it: for each single message, where there is no processor to spare. Threads take over the
 * policy of who starts them, and as a batch it waits for its turn and then finds many. */
static void open_library(void)
{
    struct sched_param before, none = {.sched_priority = 0};
    int policy;
    bool changed = pthread_getschedparam(pthread_self(), &policy, &before) == 0 &&
                   policy == SCHED_OTHER &&
                   pthread_setschedparam(pthread_self(), SCHED_BATCH, &none) == 0;

    (void)nats_Open(-1);
    if (changed) {
        (void)pthread_setschedparam(pthread_self(), policy, &before);
    }
}

static int hub_open(struct nw_connection *connection, const struct nw_connection_config *config,
                    void **state, struct nw_error *error)
{
    const struct nw_hub_options *options = config->options;
    struct nw_hub *hub = calloc(1, sizeof *hub);
    struct nw_loop_hooks hooks = {hub, on_received, on_round, on_detached};
    natsOptions *tried = NULL;
    int rc;

    if (hub == NULL) {
        return nw_error_set(error, NW_ENOMEM, "out of memory");
    }
    (void)pthread_once(&library_once, open_library);
    hub->connection = connection;
    hub->options = options;
    (void)snprintf(hub->name, sizeof hub->name, "%s%s", options->name == NULL ? "natsway " : "",
                   options->name == NULL ? config->bridge : options->name);
    (void)snprintf(hub->down_text, sizeof hub->down_text, "not connected to NATS yet");
    rc = nw_hub_options_make(options, hub->name, NULL, 0, &tried, error);
    natsOptions_Destroy(tried);
    if (rc == 0 && nw_loop_start(&hub->loop, &hooks) != 0) {
        rc = nw_error_set(error, NW_EIO, "no thread could be started");
    }
    if (rc == 0) {
        hub->requester = nw_requester_new(hub->loop, &hub->trash, options->inbox_prefix);
        rc = hub->requester == NULL ? nw_error_set(error, NW_ENOMEM, "out of memory") : 0;
    }
    if (rc == 0 && nw_dialer_start(hub, &hub->dialer) != 0) {
        rc = nw_error_set(error, NW_EIO, "no thread could be started");
    }
    if (rc != 0) {
        nw_hub_free(hub);
        return rc;
    }
    *state = hub;
    return 0;
}

static void hub_close(void *state)
{
    struct nw_hub *hub = state;

    if (nw_dialer_stop(hub->dialer)) {
        nw_hub_free(hub);
    }
}

const struct nw_connection_kind nw_hub_connection_kind = {
    .options = nw_hub_option_rows,
    .options_size = sizeof(struct nw_hub_options),
    .check = nw_hub_options_check,
    .open = hub_open,
    .close = hub_close,
    .probe = nw_hub_options_probe,
};
