/* SPDX-License-Identifier: Apache-2.0 */
/* Configurations that are right and probably not meant. */
#include <criterion/criterion.h>
#include <stdlib.h>

#include "fakes.h"

#define SYSTEMS                                                                                    \
    "connections: {kafka: {brokers: h}, mqtt: {url: \"mqtt://h\"}, other: {type: mqtt, url: x}}\n" \
    "dead_letter: dlq\nroutes:\n"

static const struct {
    const char *what, *yaml, *says;
} cases[] = {
    {"nothing to say",
     SYSTEMS "  a: {from: {kafka: t, group: g}, to: {jetstream: \"x.{{key}}\"}}\n"
             "  b: {from: {jetstream: \"y.>\"}, to: {kafka: \"u\"}}\n",
     ""},
    {"an integer that a rule rebuilds",
     SYSTEMS "  a:\n    from: {jetstream: \"y.>\"}\n    to: {kafka: u}\n    map:\n"
             "      - check: {types: {.order.id: integer, n: number}}\n"
             "      - filter: .order.id > 3\n"
             "      - payload: \"{i: .order.id}\"\n"
             "      - payload: \". + {x: 1}\"\n"
             "      - payload: \"{idle: .n, s: \\\"a. b\\\"}\"\n",
     "c.yaml:10:18: a: warning: payload: the integer .order.id is exact only below 2^53 when a "
     "rule "
     "rebuilds it; if it stays below, its type can be number\n"},
    {"integers that other steps rebuild",
     SYSTEMS
     "  a: {from: {jetstream: y}, to: {kafka: u}, map: [{check: {types: {n: integer}}}, {payload: "
     "del(.x)}]}\n"
     "  b: {from: {jetstream: y}, to: {kafka: u}, map: [{check: {types: {n: integer}}}, {encode: "
     "json}, {payload: .n}]}\n"
     "  c: {from: {jetstream: y}, to: {kafka: u}, map: [{check: {types: {n: integer}}}, {encode: "
     "msgpack}]}\n"
     "  d: {from: {jetstream: y}, to: {kafka: u}, map: [{check: {types: {n: integer}}}, {encode: "
     "{csv: {header: false}}}]}\n"
     "  e: {from: {jetstream: y}, to: {kafka: u}, map: [{check: {types: {n: integer}}}, {lookup: "
     "{kv: b, key: .x, into: .y}}]}\n"
     "  f: {from: {jetstream: y}, to: {kafka: u}, map: [{check: {types: {n: integer}}}, {payload: "
     "'.x |= 1'}]}\n"
     "  g: {from: {jetstream: y}, to: {kafka: u}, map: [{check: {types: {n: integer, m: string}}}, "
     "{payload: '{a: (.m == .x and .k >= 1), u: \"x=\\(.k)\", v: (.w | del(.x)), t: .del}'}, "
     "{encode: json}]}\n",
     "c.yaml:4:93: a: warning: payload: the integer n is exact only below 2^53 when a rule "
     "rebuilds it; if it stays below, its type can be number\n"
     "c.yaml:5:109: b: warning: payload: the integer n is exact only below 2^53 when a rule "
     "rebuilds it; if it stays below, its type can be number\n"
     "c.yaml:6:92: c: warning: encode: the integer n is exact only below 2^53 when a rule rebuilds "
     "it; if it stays below, its type can be number\n"
     "c.yaml:7:92: d: warning: encode: the integer n is exact only below 2^53 when a rule rebuilds "
     "it; if it stays below, its type can be number\n"
     "c.yaml:8:92: e: warning: lookup: the integer n is exact only below 2^53 when a rule rebuilds "
     "it; if it stays below, its type can be number\n"
     "c.yaml:9:93: f: warning: payload: the integer n is exact only below 2^53 when a rule "
     "rebuilds it; if it stays below, its type can be number\n"},
    {"integers in a part that is taken whole",
     SYSTEMS "  a: {from: {jetstream: y}, to: {kafka: u}, map: [{check: {types: {\".c.d[0].n\": "
             "integer}}}, "
             "{payload: '{c}'}]}\n"
             "  b: {from: {jetstream: y}, to: {kafka: u}, map: [{check: {types: {\".c.d[0].n\": "
             "integer}}}, "
             "{split: '.c.d[]'}]}\n"
             "  c: {from: {jetstream: y}, to: {kafka: u}, map: [{check: {types: {n: integer}}}, "
             "{split: '.[]'}]}\n"
             "  d: {from: {jetstream: y}, to: {kafka: u}, map: [{check: {types: {\".c.d[0].n\": "
             "integer}}}, "
             "{payload: '{c: .c.x, d: .c.d[0].x, cd: .e}'}, {encode: json}]}\n",
     "c.yaml:4:103: a: warning: payload: the integer .c.d[0].n is exact only below 2^53 when a "
     "rule "
     "rebuilds it; if it stays below, its type can be number\n"
     "c.yaml:5:101: b: warning: split: the integer .c.d[0].n is exact only below 2^53 when a rule "
     "rebuilds it; if it stays below, its type can be number\n"
     "c.yaml:6:91: c: warning: split: the integer n is exact only below 2^53 when a rule rebuilds "
     "it; if it stays below, its type can be number\n"},
    {"loops through set: {subject}",
     SYSTEMS
     "  a: {from: {jetstream: \"a.>\"}, map: [{set: {subject: a.x}}], to: {jetstream: z}}\n"
     "  b: {from: {jetstream: \"b.>\"}, map: [{set: {subject: x}}], to: {jetstream: b.z}}\n"
     "  c: {from: {jetstream: \"c.>\"}, map: [{set: {subject: x}, when: .a}], to: {jetstream: "
     "c.z}}\n"
     "  d: {from: {jetstream: \"d.>\"}, map: [{set: {subject: \"{{subject}}\"}, when: .a}], to: "
     "[{jetstream: y}, {jetstream: w}]}\n"
     "  e: {from: {jetstream: \"e.>\"}, map: [{set: {subject: e.x}}, {set: {subject: null}}], to: "
     "{jetstream: x}}\n",
     "c.yaml:4:3: a: warning: the route takes what it sends; what comes back is filtered\n"
     "c.yaml:6:3: c: warning: the route takes what it sends; what comes back is filtered\n"
     "c.yaml:7:3: d: warning: the route takes what it sends; what comes back is filtered\n"},
    {"dead letters that come back",
     SYSTEMS
     "  a: {from: {jetstream: \"a.>\"}, to: {jetstream: z}, on_error: {dead_letter: a.dlq}}\n"
     "  b: {from: {jetstream: \"*\"}, to: {kafka: z}}\n"
     "  c: {from: {jetstream: \"c.>\"}, to: {kafka: z}, on_error: {dead_letter: "
     "\"{{subject}}\"}}\n"
     "  d: {from: {jetstream: \"d.*\"}, to: {kafka: z}, on_error: {dead_letter: \"d.dlq.x\"}}\n"
     "  e: {from: {jetstream: \"e.>\"}, to: {kafka: z}, on_error: {dead_letter: e.dlq, then: "
     "drop}}\n",
     "c.yaml:2:14: b: warning: the dead letters come back: * is what the route takes\n"
     "c.yaml:4:77: a: warning: the dead letters come back: a.> is what the route takes\n"
     "c.yaml:6:73: c: warning: the dead letters come back: c.> is what the route takes\n"},
    {"core NATS promises nothing",
     SYSTEMS "  a: {from: {nats: x}, to: {kafka: t}}\n"
             "  b: {from: {nats: y, reply: true}, to: {kafka: t}}\n",
     "c.yaml:4:13: a: warning: core NATS promises nothing: what is published while nobody listens "
     "is lost; a stream keeps it, and jetstream: reads it\n"},
    {"JetStream without dead letters",
     "routes:\n"
     "  a: {from: {jetstream: x}, to: {jetstream: y}}\n"
     "  b: {from: {jetstream: x}, to: {jetstream: y}, on_error: {then: stop}}\n"
     "  c: {from: {jetstream: x}, to: {jetstream: y}, on_error: {dead_letter: d}}\n",
     "c.yaml:2:33: a: warning: there is no dead_letter: what is refused is dropped\n"},
    {"one durable for two routes",
     SYSTEMS "  a: {from: {jetstream: x, durable: d}, to: {kafka: t}}\n"
             "  b: {from: {jetstream: y, durable: d}, to: {kafka: t}}\n"
             "  c: {from: {jetstream: z, durable: e, stream: s}, to: {kafka: t}}\n"
             "  d: {from: {jetstream: z, durable: e, stream: r}, to: {kafka: t}}\n",
     "c.yaml:5:13: b: warning: the durable d is also that of the route a: each gets a part of the "
     "messages\n"},
    {"one group and topic for two routes",
     SYSTEMS "  a: {from: {kafka: t, group: g}, to: {jetstream: x}}\n"
             "  b: {from: {kafka: u, topics: [v, t], group: g}, to: {jetstream: x}}\n"
             "  c: {from: {kafka: t, group: h}, to: {jetstream: x}}\n",
     "c.yaml:5:13: b: warning: the group g reads t also for the route a: each gets a part of the "
     "messages\n"},
    {"a route that takes what it sends",
     SYSTEMS "  a: {from: {jetstream: \"x.>\"}, to: {jetstream: \"x.y\"}}\n"
             "  b: {from: {jetstream: \"y.>\"}, to: {jetstream: \"z.y\"}}\n",
     "c.yaml:4:3: a: warning: the route takes what it sends; what comes back is filtered\n"},
    {"a loop through MQTT",
     SYSTEMS
     "  in: {from: {mqtt: \"plant/#\", connection: mqtt}, to: {jetstream: }}\n"
     "  out: {from: {jetstream: \"plant.>\"}, to: {mqtt: \"{{subject}}\", connection: mqtt}}\n",
     "c.yaml:4:3: in: warning: a loop of routes: in, out, in; what comes back is filtered\n"},
    {"no loop: another broker",
     SYSTEMS
     "  in: {from: {mqtt: \"plant/#\", connection: mqtt}, to: {jetstream: \"plant.x\"}}\n"
     "  out: {from: {jetstream: \"plant.>\"}, to: {mqtt: \"plant/x\", connection: other}}\n",
     ""},
    {"no loop: other words",
     SYSTEMS "  in: {from: {mqtt: \"plant/+/up\", connection: mqtt}, to: {jetstream: "
             "\"p.{{wildcard(1)}}.up\"}}\n"
             "  out: {from: {jetstream: \"p.*.down\"}, to: {mqtt: \"plant/{{wildcard(1)}}/down\", "
             "connection: mqtt}}\n",
     ""},
    {"a loop of three; one of them is switched off",
     SYSTEMS "  a: {from: {jetstream: a.b}, to: {jetstream: \"b.{{sequence}}\"}}\n"
             "  b: {from: {jetstream: \"b.*\"}, to: {jetstream: c}}\n"
             "  c: {from: {jetstream: \"*\"}, to: {jetstream: a.b}}\n"
             "  d: {from: {jetstream: \"m\"}, to: {jetstream: n}, enabled: false}\n"
             "  e: {from: {jetstream: \"n\"}, to: {jetstream: m}}\n",
     "c.yaml:2:14: c: warning: the dead letters come back: * is what the route takes\n"
     "c.yaml:4:3: a: warning: a loop of routes: a, b, c, a; what comes back is filtered\n"},
    {"otherwise after a target that takes everything",
     SYSTEMS "  a:\n"
             "    from: {jetstream: x}\n"
             "    to: [{kafka: t}, {kafka: u, when: .a}, {kafka: v, otherwise: true}]\n",
     "c.yaml:6:44: a: warning: nothing is left for this target: the one in line 6 takes every "
     "message\n"},
    {"answers that nobody gets or gives",
     SYSTEMS
     "  a: {from: {kafka: t, group: g}, to: {nats: x, request: 1s}, reply: [{payload: .a}]}\n"
     "  b: {from: {nats: y, reply: true}, to: {kafka: t}, reply: [{payload: .a}]}\n"
     "  c: {from: {nats: y, reply: true}, to: {nats: z}, reply: [{payload: .a}]}\n"
     "  d: {from: {nats: y, reply: true}, to: [{kafka: t, when: .a}, {http: \"GET https://h\"}], "
     "reply: [{payload: .a}]}\n"
     "  e: {from: {kafka: t, group: h}, to: {nats: x}, reply: []}\n",
     "c.yaml:4:63: a: warning: these steps never run: nobody waits for an answer at the source\n"
     "c.yaml:5:53: b: warning: these steps never run: the target gives no answer, as a request "
     "would\n"
     "c.yaml:6:52: c: warning: these steps never run: the target gives no answer, as a request "
     "would\n"},
    {"conditions that are constants",
     SYSTEMS "  a:\n    from: {jetstream: x}\n    to:\n"
             "      - {kafka: t, when: 1}\n"
             "      - {kafka: t, when: \"false\"}\n"
             "      - {kafka: t, when: '\"high\"'}\n"
             "      - {kafka: t, when: .a}\n"
             "      - {kafka: t, when: '\"\\(.a)\"'}\n"
             "      - {kafka: t, when: \"1 == .n\"}\n"
             "      - {kafka: t, when: \"null\"}\n",
     "c.yaml:7:26: a: warning: when: 1 is true of every message: only false and null are not true\n"
     "c.yaml:8:26: a: warning: when: false is never true: this target gets no message\n"
     "c.yaml:9:26: a: warning: when: \"high\" is true of every message: only false and null are "
     "not "
     "true\n"
     "c.yaml:13:26: a: warning: when: null is never true: this target gets no message\n"},
    {"lanes of core NATS without a queue group",
     "routes:\n"
     "  a: {from: {nats: x, reply: true}, to: {nats: y}, lanes: 2}\n"
     "  b: {from: {nats: x, reply: true, queue: q}, to: {nats: y}, lanes: 2}\n",
     "c.yaml:2:52: a: warning: lanes: each lane gets every message, which is sent as often; lanes "
     "with `queue: group` in from: share them\n"},
    {"an answer that nobody waits for",
     "routes:\n"
     "  a: {from: {nats: x, reply: true, timeout: 5s}, to: {nats: y, request: 8s}}\n"
     "  b:\n    from: {nats: x, timeout: 2s, reply: true}\n"
     "    to: [{http: \"GET http://h\", timeout: 60s}, {nats: y, request: 2s}]\n"
     "  c: {from: {nats: x, reply: true}, to: {nats: y, request: 8s}}\n"
     "  d: {from: {nats: x, reply: true, timeout: 5s}, to: {http: \"GET http://h\"}}\n",
     "c.yaml:2:64: a: warning: request: 8s is longer than the source's timeout, 5s: whoever asked "
     "waits no longer than that\n"
     "c.yaml:5:33: b: warning: timeout: 60s is longer than the source's timeout, 2s: whoever asked "
     "waits no longer than that\n"},
    {"what a connector warns of", SYSTEMS "  a: {from: {kafka: t}, to: {jetstream: x}}\n",
     "c.yaml:4:21: a: warning: group: everybody reads everything\n"},
};

Test(warnings, are_said_and_the_configuration_stands)
{
    folder_enter();
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct nw_config *config = NULL;
        char *said = load_text(cases[i].yaml, &config);

        cr_expect_not_null(config, "%s: %s", cases[i].what, said);
        cr_expect_str_eq(said, cases[i].says, "%s\nsaid:\n%sexpected:\n%s", cases[i].what, said,
                         cases[i].says);
        nw_config_free(config);
        free(said);
    }
    folder_leave();
}
