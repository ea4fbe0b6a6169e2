/* SPDX-License-Identifier: Apache-2.0 */
/* A reload with MQTT: routes of one connection are sessions of their own, the spool of a changed
 * route is its again, and the session of a removed one goes. */
#include "support/mqtt_flow.h"
#include "support/wait.h"
#include <criterion/criterion.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define ROUNDS 6
#define EACH 200
#define DEADLINE_MS 60000

TestSuite(reload_mqtt, .timeout = 600);

#define IN "  in:\n    from: {mqtt: \"t/+\"}\n    to: {jetstream: \"s.{{wildcard(1)}}\"}\n"

static void write_round(struct nwt_flow *f, int round)
{
    char routes[600];

    snprintf(routes, sizeof routes,
             IN "  other:\n    from: {mqtt: \"other/+\"}\n"
                "    map: [{set: {headers: {Round: \"%d\"}}}]\n"
                "    to: {jetstream: \"o.{{topic}}\"}\n",
             round);
    nwt_flow_rewrite(f, "", routes);
}

Test(reload_mqtt, sessions_and_spools_stay_with_their_routes)
{
    struct nwt_flow *f = nwt_flow_new(ROUNDS * EACH, NULL);
    struct nwt_mqtt_client *p =
        nwt_mqtt_connect(f->mosquitto->url, "publisher", 5, true, NULL, NULL);

    nwt_stream_add(f->client, "o", "o.>");
    nwt_flow_bridge(f, "", IN);
    write_round(f, -1);
    nwt_bridge_run(f->bridge);
    for (int round = 0; round < ROUNDS; round++) {
        char *said;
        nwt_flow_publish_mqtt(f, p, (size_t)round * EACH, EACH, 1);
        for (int i = 0; i < EACH; i++) {
            nwt_mqtt_publish(p, "other/1", "x", 1, 1, false);
        }
        write_round(f, round);
        cr_assert_eq(nwt_bridge_tell(f->bridge, &said, "reload", NULL), 0, "%s", said);
        cr_assert(strstr(said, "other: changed: map") != NULL, "%s", said);
        free(said);
    }
    nwt_mqtt_flush(p);
    cr_assert(nwt_flow_read_stream(f, DEADLINE_MS));
    cr_expect(nwt_numbered_complete(f->numbers, false), "the unchanged route has repeated nothing");
    cr_expect(NWT_WAIT(DEADLINE_MS, nwt_stream_count(f->client, "o") == ROUNDS * EACH), "%lld",
              (long long)nwt_stream_count(f->client, "o"));
    cr_expect_eq(nwt_bridge_number(f->bridge, "in", "received"), ROUNDS * EACH);
    cr_expect(nwt_bridge_ledger_adds_up(f->bridge, "other"));
    cr_expect_not(nwt_bridge_logged(f->bridge, "removed the session"));
    nwt_mqtt_close(p);
    nwt_flow_free(f);
}

#define OTHER "  other:\n    from: {mqtt: \"other/+\"}\n    to: {jetstream: \"o.{{topic}}\"}\n"

static void reload(struct nwt_flow *f, const char *routes)
{
    char *said;

    nwt_flow_rewrite(f, "", routes);
    cr_assert_eq(nwt_bridge_tell(f->bridge, &said, "reload", NULL), 0, "%s", said);
    free(said);
}

static bool other_has(struct nwt_flow *f, int64_t count)
{
    return NWT_WAIT(DEADLINE_MS, nwt_stream_count(f->client, "o") == count);
}

/* What is published while the route is gone does not come with it when it is there again. */
Test(reload_mqtt, a_removed_route_leaves_no_session_behind)
{
    struct nwt_flow *f = nwt_flow_new(1, NULL);
    struct nwt_mqtt_client *p =
        nwt_mqtt_connect(f->mosquitto->url, "publisher", 5, true, NULL, NULL);

    nwt_stream_add(f->client, "o", "o.>");
    nwt_flow_bridge(f, "", IN OTHER);
    nwt_bridge_run(f->bridge);
    nwt_mqtt_publish(p, "other/1", "a", 1, 1, false);
    cr_assert(other_has(f, 1));
    reload(f, IN);
    cr_assert(NWT_WAIT(DEADLINE_MS, nwt_bridge_logged(f->bridge, "removed the session")));
    nwt_mqtt_publish(p, "other/2", "b", 1, 1, false);
    nwt_mqtt_flush(p);
    reload(f, IN OTHER);
    cr_assert(NWT_WAIT(DEADLINE_MS, nwt_bridge_ready(f->bridge)));
    nwt_mqtt_publish(p, "other/3", "c", 1, 1, false);
    cr_assert(other_has(f, 2), "%lld", (long long)nwt_stream_count(f->client, "o"));
    nwt_mqtt_publish(p, "t/1", "d", 1, 1, false);
    cr_expect(NWT_WAIT(DEADLINE_MS, nwt_bridge_number(f->bridge, "in", "received") == 1));
    nwt_mqtt_close(p);
    nwt_flow_free(f);
}

/* Whose session is taken over by another route, or that comes back at once, keeps it. */
Test(reload_mqtt, a_session_that_has_a_route_again_is_left_alone)
{
    struct nwt_flow *f = nwt_flow_new(1, NULL);
    struct nwt_mqtt_client *p =
        nwt_mqtt_connect(f->mosquitto->url, "publisher", 5, true, NULL, NULL);
    int64_t count = 0;

    nwt_stream_add(f->client, "o", "o.>");
    nwt_flow_bridge(f, "", IN OTHER);
    nwt_bridge_run(f->bridge);
    for (int round = 0; round < 4; round++) {
        reload(f, IN);
        nwt_mqtt_publish(p, "other/1", "a", 1, 1, false);
        nwt_mqtt_flush(p);
        reload(f, IN OTHER);
        cr_assert(other_has(f, ++count), "%lld", (long long)nwt_stream_count(f->client, "o"));
    }
    /* The time after which it would have gone, seen at one that does go. */
    reload(f, IN OTHER "  gone:\n    from: {mqtt: \"gone/+\"}\n    to: {jetstream: o.gone}\n");
    cr_assert(NWT_WAIT(DEADLINE_MS, nwt_bridge_ready(f->bridge)));
    reload(f, IN OTHER);
    cr_assert(NWT_WAIT(DEADLINE_MS, nwt_bridge_logged(f->bridge, "-gone\\\", which no route")));
    cr_expect_not(nwt_bridge_logged(f->bridge, "-other\\\", which no route"));
    nwt_mqtt_publish(p, "other/1", "a", 1, 1, false);
    cr_assert(other_has(f, ++count));
    nwt_mqtt_close(p);
    nwt_flow_free(f);
}
