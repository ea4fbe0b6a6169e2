/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The sink `nats: subject`. A publish counts as done when the server has processed it: each batch
 * is closed by a fence. With `request:` every message is a request, and its answer rides nw_done.
 */
#include <stdio.h>
#include <stdlib.h>

#include "base/clock.h"
#include "hub/fence.h"
#include "hub/nats_ends.h"
#include "hub/publish.h"
#include "hub/receive.h"

struct nats_sink_options {
    int64_t request_ms; /* 0: publish only */
};

struct nats_sink {
    struct nw_hub_sink base;
    struct nw_fences fences;
    int64_t request_ms;
};

static const struct nw_option rows[] = {
    {.name = "request",
     .type = NW_OPTION_DURATION,
     .offset = offsetof(struct nats_sink_options, request_ms),
     .min = 1,
     .max = 24 * 3600 * 1000,
     .doc = "wait so long for an answer to each message, which becomes the route's reply"},
    {.name = NULL},
};

static void refuse(struct nw_hub_sink *base, struct nw_message *m, natsStatus s)
{
    struct nw_result r = {.message = m};

    nw_hub_publish_outcome(s, &r.outcome, &r.cause, &r.reason);
    nw_hub_sink_done(base, m, r.outcome, r.cause, r.reason);
}

/* ---- publish ---- */

static void publish_plain(struct nats_sink *k, struct nw_message *m, struct nw_slice subject)
{
    natsStatus s =
        nw_hub_publish(k->base.hub, &(struct nw_publication){.message = m, .subject = subject});

    if (s != NATS_OK) {
        refuse(&k->base, m, s);
    } else if (!nw_fences_add(&k->fences, m)) {
        nw_hub_sink_done(&k->base, m, NW_RETRY, NW_CAUSE_OUTAGE, "out of memory");
    }
}

/* ---- request ---- */

static int64_t request_due(const struct nats_sink *k, const struct nw_message *m)
{
    int64_t due = nw_loop_now(k->base.hub->loop) + k->request_ms * NW_MILLISECOND_NS;
    int64_t deadline = nw_message_deadline(m);

    return deadline != 0 && deadline < due ? deadline : due;
}

static void publish_request(struct nats_sink *k, struct nw_message *m, struct nw_slice subject)
{
    struct nw_hub *hub = k->base.hub;
    char reply[NW_REPLY_SUBJECT];
    int64_t slot = nw_requester_begin(hub->requester, &k->base.client, m, NW_INBOX_EXACT,
                                      request_due(k, m), reply);
    natsStatus s;

    if (slot < 0) {
        nw_hub_sink_done(&k->base, m, NW_RETRY, NW_CAUSE_OUTAGE, "out of memory");
        return;
    }
    s = nw_hub_publish(hub,
                       &(struct nw_publication){.message = m, .subject = subject, .reply = reply});
    if (s != NATS_OK) {
        nw_requester_abandon(hub->requester, slot);
        refuse(&k->base, m, s);
    }
}

/* A service's error where nobody waits for the answer: it was not done. */
static bool is_refused(struct nats_sink *k, struct nw_message *m, natsMsg *msg)
{
    const char *text = NULL, *code = NULL;
    char reason[300];
    long number;
    bool again;

    if (k->base.config->reply ||
        (natsMsgHeader_Get(msg, "Nats-Service-Error-Code", &code) != NATS_OK &&
         natsMsgHeader_Get(msg, "Nats-Service-Error", &text) != NATS_OK)) {
        return false;
    }
    (void)natsMsgHeader_Get(msg, "Nats-Service-Error", &text);
    number = code == NULL ? 400 : strtol(code, NULL, 10);
    again = number >= 500 || number == 408 || number == 425 || number == 429;
    (void)snprintf(reason, sizeof reason, "the service answered with error %ld: %.200s", number,
                   text == NULL ? "" : text);
    nw_hub_sink_done(&k->base, m, again ? NW_RETRY : NW_REJECT,
                     again ? NW_CAUSE_OUTAGE : NW_CAUSE_REFUSED, reason);
    nw_hub_sink_flush(&k->base);
    return true;
}

static void on_answer(struct nw_requester_client *client, struct nw_reply *replies, size_t n)
{
    struct nats_sink *k =
        (struct nats_sink *)((char *)client - offsetof(struct nats_sink, base.client));

    for (size_t i = 0; i < n; i++) {
        struct nw_message *m = replies[i].item, *answer;
        if (nw_hub_sink_unanswered(&k->base, m, replies[i].kind) ||
            is_refused(k, m, replies[i].msg)) {
            continue;
        }
        answer =
            k->base.config->reply ? nw_receive(k->base.endpoint, replies[i].msg, false, 0) : NULL;
        if (answer != NULL) {
            replies[i].msg = NULL; /* the answer's now */
            nw_hub_sink_ack(&k->base, m, answer);
        } else if (k->base.config->reply) {
            nw_hub_sink_done(&k->base, m, NW_RETRY, NW_CAUSE_OUTAGE, "out of memory");
        } else {
            nw_hub_sink_ack(&k->base, m, NULL);
        }
    }
    nw_hub_sink_flush(&k->base);
}

static bool was_published(struct nw_requester_client *client, void *item, struct nw_slice subject)
{
    (void)client;
    return nw_slice_equal(nw_message_address(item), subject);
}

/* ---- the sink ---- */

static void publish(struct nw_hub_sink *base, struct nw_message *m)
{
    struct nats_sink *k = (struct nats_sink *)base;
    struct nw_slice subject;

    if (!nw_hub_sink_subject(base, m, &subject)) {
        return;
    }
    if (k->request_ms > 0) {
        publish_request(k, m, subject);
    } else {
        publish_plain(k, m, subject);
    }
}

static void published(struct nw_hub_sink *base)
{
    nw_fences_close_batch(&((struct nats_sink *)base)->fences);
}

static void denied(struct nw_hub_sink *base, struct nw_slice subject, const char *text)
{
    (void)text;
    nw_fences_denied(&((struct nats_sink *)base)->fences, subject);
}

static void closed(struct nw_hub_sink *base)
{
    struct nats_sink *k = (struct nats_sink *)base;

    nw_fences_done(&k->fences);
    free(k);
}

static const struct nw_hub_sink_ops ops = {
    .publish = publish,
    .published = published,
    .denied = denied,
    .closed = closed,
};

static int open_sink(struct nw_endpoint *endpoint, const struct nw_endpoint_config *config,
                     void **state, struct nw_error *error)
{
    const struct nats_sink_options *options = config->options;
    struct nats_sink *k = calloc(1, sizeof *k);

    if (k == NULL) {
        return nw_error_set(error, NW_ENOMEM, "out of memory");
    }
    k->request_ms = options->request_ms;
    k->base.client.complete = on_answer;
    k->base.client.published = was_published;
    nw_fences_init(&k->fences, &k->base);
    nw_hub_sink_open(&k->base, endpoint, config, &ops);
    *state = k;
    return 0;
}

const struct nw_sink_kind nw_nats_sink = {
    .options = rows,
    .options_size = sizeof(struct nats_sink_options),
    .address = NW_FILL_SUBJECT,
    .address_doc = "the subject to publish to",
    .promise = "confirmed when the server has processed it; whoever does not listen at that time "
               "does not get it",
    .open = open_sink,
    .send = nw_hub_sink_send,
    .close = nw_hub_sink_close,
};
