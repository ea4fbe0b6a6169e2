/* SPDX-License-Identifier: Apache-2.0 */
/* The queue that all sinks of the hub share, without a loop, a server and a pump: nothing gets
 * ahead of what failed, whatever is under way between the threads at that moment. */
#include <criterion/criterion.h>

#include "hub/connection.h"
#include "hub/sink.h"
#include "hub/subject.h"
#include "message/message.h"

/* ---- in place of the rest ---- */

#define MOST 16

static struct nw_task *posted[MOST];
static size_t posted_count;
static bool room, pending;
static char story[200]; /* "+1" published, "r1" back with NW_RETRY, "a1" with NW_ACK */

static void tell(char what, const struct nw_message *m)
{
    size_t len = strlen(story);

    snprintf(story + len, sizeof story - len, "%s%c%d", len == 0 ? "" : " ", what, (int)m->number);
}

void nw_loop_post(struct nw_loop *loop, struct nw_task *task)
{
    (void)loop;
    posted[posted_count++] = task;
}

bool nw_hub_can_publish(struct nw_hub *hub)
{
    (void)hub;
    return room;
}

void nw_hub_listen(struct nw_hub *hub, struct nw_listener *listener)
{
    (void)hub;
    (void)listener;
}

void nw_hub_unlisten(struct nw_listener *listener)
{
    (void)listener;
}

void nw_requester_cancel(struct nw_requester *requester, struct nw_requester_client *client)
{
    (void)requester;
    (void)client;
}

int nw_subject_check(struct nw_slice subject, struct nw_error *error)
{
    (void)subject;
    (void)error;
    return 0;
}

void nw_endpoint_state(struct nw_endpoint *endpoint, enum nw_state state, const char *text)
{
    (void)endpoint;
    (void)state;
    (void)text;
}

void nw_closed(struct nw_endpoint *endpoint)
{
    (void)endpoint;
}

void nw_done(struct nw_endpoint *endpoint, const struct nw_result *results, size_t n)
{
    (void)endpoint;
    for (size_t i = 0; i < n; i++) {
        tell(results[i].outcome == NW_RETRY ? 'r' : 'a', results[i].message);
    }
}

bool nw_retry_pending(const struct nw_endpoint *endpoint)
{
    (void)endpoint;
    return pending;
}

/* ---- a sink ---- */

static struct nw_hub hub;
static struct nw_endpoint_config config;
static struct nw_hub_sink sink;
static struct nw_message *messages[MOST];

static void publish(struct nw_hub_sink *s, struct nw_message *m)
{
    tell('+', m);
    if (m->number == 9) { /* this one cannot be published */
        nw_hub_sink_done(s, m, NW_RETRY, NW_CAUSE_OUTAGE, "no");
    }
}

static void closed(struct nw_hub_sink *s)
{
    (void)s;
}

static const struct nw_hub_sink_ops ops = {.publish = publish, .closed = closed};

static void run_posted(void)
{
    size_t n = posted_count;

    posted_count = 0;
    for (size_t i = 0; i < n; i++) {
        posted[i]->run(posted[i]);
    }
}

static void set_up(void)
{
    config = (struct nw_endpoint_config){.order = NW_ORDER_STRICT, .connection = &hub};
    room = true;
    for (size_t i = 0; i < MOST; i++) {
        messages[i] = nw_message_make();
        messages[i]->number = i;
    }
    nw_hub_sink_open(&sink, NULL, &config, &ops);
    run_posted();
    nw_hub_sink_ready(&sink);
}

static void tear_down(void)
{
    nw_hub_sink_close(&sink);
    run_posted();
    for (size_t i = 0; i < MOST; i++) {
        nw_message_unref(messages[i]);
    }
}

TestSuite(hub_sink, .init = set_up, .fini = tear_down);

static void send(size_t from, size_t to)
{
    nw_hub_sink_send(&sink, messages + from, to - from);
}

static void fail(size_t number)
{
    nw_hub_sink_done(&sink, messages[number], NW_RETRY, NW_CAUSE_OUTAGE, "full");
    nw_hub_sink_flush(&sink);
}

Test(hub_sink, what_was_sent_before_the_failure_was_known_goes_back)
{
    send(0, 2);
    run_posted();
    send(2, 4); /* the loop has not seen them yet */
    fail(0);
    fail(1);
    run_posted();
    cr_assert_str_eq(story, "+0 +1 r0 r1 r2 r3");
    send(0, 1); /* the pump knows: it begins with the first */
    run_posted();
    cr_assert_str_eq(story, "+0 +1 r0 r1 r2 r3 +0");
}

Test(hub_sink, what_is_sent_while_the_failure_is_on_its_way_goes_back)
{
    send(0, 1);
    run_posted();
    fail(0);
    pending = true;
    send(1, 3);
    pending = false;
    run_posted();
    cr_assert_str_eq(story, "+0 r0 r1 r2");
}

Test(hub_sink, what_waits_for_room_goes_back)
{
    send(0, 1);
    run_posted();
    room = false;
    send(1, 4);
    run_posted();
    fail(0);
    room = true;
    nw_hub_sink_feed(&sink);
    cr_assert_str_eq(story, "+0 r0 r1 r2 r3");
}

Test(hub_sink, what_is_behind_one_that_cannot_be_published_goes_back)
{
    send(8, 12);
    run_posted();
    cr_assert_str_eq(story, "+8 +9 r9 r10 r11");
}

/* Its caller would be told that it failed, and it has not. */
Test(hub_sink, what_somebody_waits_for_goes_on)
{
    nw_message_set_deadline(messages[2], 1);
    send(0, 1);
    run_posted();
    room = false;
    send(1, 4);
    run_posted();
    fail(0);
    room = true;
    nw_hub_sink_feed(&sink);
    cr_assert_str_eq(story, "+0 r0 r1 r3 +2");
}

Test(hub_sink, without_an_order_all_goes_on)
{
    config.order = NW_ORDER_RELAXED;
    send(0, 1);
    run_posted();
    send(1, 3);
    fail(0);
    run_posted();
    cr_assert_str_eq(story, "+0 r0 +1 +2");
}
