/* SPDX-License-Identifier: Apache-2.0 */
/* What the broker keeps for a source while natsway is away, and what is removed from it again. */
#include "support/mqtt_flow.h"
#include "support/wait.h"
#include <criterion/criterion.h>
#include <stdio.h>
#include <string.h>

#define COUNT 1000
#define IN "  in:\n    from: {mqtt: \"t/+\"}\n    to: {jetstream: \"s.{{wildcard(1)}}\"}\n"
#define OTHER(filter) \
    "  other:\n    from: {mqtt: \"" filter "\"}\n    to: {jetstream: \"o.{{topic}}\"}\n"

/* No deadline measures speed: each only ends a test that hangs, also on a machine under load. */
#define DEADLINE_MS 60000

TestSuite(mqtt_session, .timeout = 600);

static struct nwt_mqtt_client *publisher(struct nwt_flow *f)
{
    return nwt_mqtt_connect(f->mosquitto->url, "publisher", 5, true, NULL, NULL);
}

static bool other_has(struct nwt_flow *f, int64_t count)
{
    return NWT_WAIT(DEADLINE_MS, nwt_stream_count(f->client, "o") == count);
}

/* Killed or stopped: what is published meanwhile waits at the broker. */
static void stay_away(const char *connection)
{
    struct nwt_flow *f = nwt_flow_new(COUNT, NULL);
    struct nwt_mqtt_client *p = publisher(f);

    nwt_flow_bridge(f, connection, IN);
    nwt_bridge_run(f->bridge);
    cr_assert_eq(nwt_bridge_stop(f->bridge), 0);
    nwt_flow_publish_mqtt(f, p, 0, COUNT / 2, 1);
    nwt_bridge_run(f->bridge);
    cr_assert(nwt_flow_stream_has(f, COUNT / 2, DEADLINE_MS));
    nwt_bridge_kill(f->bridge);
    nwt_flow_publish_mqtt(f, p, COUNT / 2, COUNT / 2, 1);
    nwt_bridge_run(f->bridge);
    cr_assert(nwt_flow_read_stream(f, DEADLINE_MS));
    /* After a kill the broker sends again what it has not seen confirmed. */
    cr_assert(nwt_numbered_complete(f->numbers, true));
    nwt_mqtt_close(p);
    nwt_flow_free(f);
}

Test(mqtt_session, keeps_what_came_while_the_bridge_was_away)
{
    stay_away("version: 5");
}

Test(mqtt_session, keeps_what_came_while_the_bridge_was_away_version_311)
{
    stay_away("version: 3.1.1");
}

/* A route with another filter than before: the old one is removed at the broker, what it had kept
 * still comes, and nothing of it is lost or kept for ever. */
Test(mqtt_session, a_changed_filter_replaces_the_old_one)
{
    struct nwt_flow *f = nwt_flow_new(1, NULL);
    struct nwt_mqtt_client *p = publisher(f);

    nwt_stream_add(f->client, "o", "o.>");
    nwt_flow_bridge(f, "", OTHER("old/+"));
    nwt_bridge_run(f->bridge);
    nwt_mqtt_publish(p, "old/1", "a", 1, 1, false);
    cr_assert(other_has(f, 1));
    cr_assert_eq(nwt_bridge_stop(f->bridge), 0);
    nwt_flow_rewrite(f, "", OTHER("new/+"));
    nwt_bridge_run(f->bridge);
    cr_assert(NWT_WAIT(DEADLINE_MS, nwt_bridge_logged(f->bridge, "removed the subscription "
                                                                 "\\\"old/+\\\"")));
    nwt_mqtt_publish(p, "old/2", "b", 1, 1, false);
    nwt_mqtt_publish(p, "new/1", "c", 1, 1, false);
    nwt_mqtt_publish(p, "new/2", "d", 1, 1, false);
    cr_assert(other_has(f, 3), "of the old filter nothing comes any more");
    nwt_mqtt_close(p);
    nwt_flow_free(f);
}

/* A route that is gone: its session is removed, or the broker would fill it for ever. */
Test(mqtt_session, a_removed_route_leaves_no_session_behind)
{
    struct nwt_flow *f = nwt_flow_new(1, NULL);
    struct nwt_mqtt_client *p = publisher(f);

    nwt_stream_add(f->client, "o", "o.>");
    nwt_flow_bridge(f, "", IN OTHER("other/+"));
    nwt_bridge_run(f->bridge);
    nwt_mqtt_publish(p, "other/1", "a", 1, 1, false);
    cr_assert(other_has(f, 1));
    cr_assert_eq(nwt_bridge_stop(f->bridge), 0);
    nwt_flow_rewrite(f, "", IN);
    nwt_bridge_run(f->bridge);
    cr_assert(NWT_WAIT(DEADLINE_MS, nwt_bridge_logged(f->bridge, "removed the session")));
    nwt_mqtt_publish(p, "other/2", "b", 1, 1, false);
    nwt_mqtt_flush(p);
    cr_assert_eq(nwt_bridge_stop(f->bridge), 0);
    /* The route comes back: the broker has kept nothing for it. */
    nwt_flow_rewrite(f, "", IN OTHER("other/+"));
    nwt_bridge_run(f->bridge);
    nwt_mqtt_publish(p, "other/3", "c", 1, 1, false);
    cr_assert(other_has(f, 2));
    nwt_mqtt_close(p);
    nwt_flow_free(f);
}
