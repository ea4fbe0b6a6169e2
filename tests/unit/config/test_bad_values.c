/* SPDX-License-Identifier: Apache-2.0 */
/* Bad configurations and exactly what is said of them: values of options. */
#include <criterion/criterion.h>

#include "bad.h"

static const struct bad cases[] = {
    {"a misspelt option",
     "connections: {kafka: {brokers: h}}\n"
     "routes:\n"
     "  orders:\n"
     "    from: {kafka: orders, gruop: natsway}\n"
     "    to: {nats: orders}\n",
     "c.yaml:4:27: orders: kafka has no option \"gruop\"; did you mean \"group\"?\n"},
    {"an option of another connector",
     "connections: {kafka: {brokers: h}}\n"
     "routes:\n"
     "  orders:\n"
     "    from: {kafka: orders, group: g, retained: keep}\n"
     "    to: {nats: orders}\n",
     "c.yaml:4:37: orders: kafka has no option \"retained\"; it has topics, group, start, "
     "properties, connection\n"},
    {"a misspelt choice",
     "connections: {kafka: {brokers: h}}\n"
     "routes:\n"
     "  orders:\n"
     "    from: {kafka: orders, group: g, start: earlest}\n"
     "    to: {nats: orders}\n",
     "c.yaml:4:44: orders: start: expected earliest, latest or {since: …}, found \"earlest\"; did "
     "you mean \"earliest\"?\n"},
    {"a choice that needs a value",
     "routes:\n"
     "  orders:\n"
     "    from: {jetstream: orders, deliver: since}\n"
     "    to: {nats: orders}\n",
     "c.yaml:3:40: orders: deliver: expected all, new, last, {sequence: …} or {since: …}, found "
     "\"since\"\n"},
    {"a number out of range",
     "connections: {mqtt: {url: \"mqtt://h\"}}\n"
     "routes:\n"
     "  plant:\n"
     "    from: {mqtt: \"plant/#\", qos: 3}\n"
     "    to: {nats: plant}\n",
     "c.yaml:4:34: plant: qos: expected a whole number from 0 to 2, found \"3\"\n"},
    {"no number",
     "routes:\n"
     "  plant:\n"
     "    lanes: many\n"
     "    from: {nats: a}\n"
     "    to: {nats: b}\n",
     "c.yaml:3:12: plant: lanes: expected a whole number from 1 to 256, found \"many\"\n"},
    {"a duration without a unit",
     "routes:\n"
     "  ask:\n"
     "    from: {nats: a}\n"
     "    to: {nats: b, request: 5}\n",
     "c.yaml:4:28: ask: request: expected a duration like 2s, from 1ms to 1h, found \"5\"\n"},
    {"a duration out of range",
     "routes:\n"
     "  ask:\n"
     "    from: {jetstream: a, ack_wait: 10ms}\n"
     "    to: {nats: b, request: 5h}\n",
     "c.yaml:3:36: ask: ack_wait: expected a duration like 2s, at least 1s, found \"10ms\"\n"
     "c.yaml:4:28: ask: request: expected a duration like 2s, from 1ms to 1h, found \"5h\"\n"},
    {"a size that is none",
     "routes:\n"
     "  log:\n"
     "    from: {file: /var/log/x, max_line: 1 MB}\n"
     "    to: {nats: b}\n",
     "c.yaml:3:40: log: max_line: expected a size like 64KiB, from 1 to 64MiB, found \"1 MB\"\n"},
    {"a boolean that is none",
     "routes:\n"
     "  ask:\n"
     "    from: {nats: a, reply: \"yes\"}\n"
     "    to: {nats: b}\n",
     "c.yaml:3:28: ask: reply: expected true or false, found \"yes\"\n"},
    {"a list where a text belongs",
     "routes:\n"
     "  ask:\n"
     "    from: {nats: a, queue: [x]}\n"
     "    to: {nats: b}\n",
     "c.yaml:3:28: ask: queue: expected a text, found a list\n"},
    {"an option without a value",
     "routes:\n"
     "  ask:\n"
     "    from: {nats: a, queue: }\n"
     "    to: {nats: b}\n",
     "c.yaml:3:28: ask: queue: expected a text, found nothing\n"},
    {"pairs that are a text",
     "connections: {kafka: {brokers: h, properties: linger.ms=5}}\n"
     "routes: {a: {from: {nats: a}, to: {kafka: b}}}\n",
     "c.yaml:1:47: properties: expected a mapping of names to texts, found \"linger.ms=5\"\n"},
    {"a required option is missing",
     "connections:\n"
     "  kafka: {}\n"
     "routes: {a: {from: {nats: a}, to: {kafka: b}}}\n",
     "c.yaml:2:10: brokers is missing: who is asked first\n"},
    {"a group that is a text",
     "nats: {tls: \"yes\"}\n"
     "routes: {a: {from: {nats: a}, to: {nats: b}}}\n",
     "c.yaml:1:13: tls: expected a mapping, found \"yes\"\n"},
    {"a misspelt option in a group",
     "nats: {tls: {cert: me.pem, kee: b}}\n"
     "routes: {a: {from: {nats: a}, to: {nats: b}}}\n",
     "c.yaml:1:28: nats has no option \"tls.kee\"; did you mean \"key\"?\n"},
    {"what the connector's own check says of an option in a group",
     "nats:\n"
     "  url: nats://h\n"
     "  tls: {ca: ca.pem, cert: me.pem}\n"
     "routes: {a: {from: {nats: a}, to: {nats: b}}}\n",
     "c.yaml:3:27: tls.cert: a certificate needs its key\n"},
    {"what the connector's own check says of a name in pairs",
     "connections:\n"
     "  kafka: {brokers: h, properties: {linger.ms: 5, lingerms: 7}}\n"
     "routes:\n"
     "  orders:\n"
     "    from: {kafka: , group: g, properties: {bogus: 1}}\n"
     "    to: {nats: b}\n",
     "c.yaml:2:60: properties.lingerms: the library knows no such property\n"
     "c.yaml:5:19: orders: expected a topic, or topics\n"
     "c.yaml:5:51: orders: properties.bogus: the library knows no such property\n"},
    {"a file that cannot be read",
     "nats: {credentials: absent.creds, tls: {ca: /absent/ca.pem}}\n"
     "routes: {a: {from: {nats: a}, to: {nats: b}}}\n",
     "c.yaml:1:21: credentials: cannot read FOLDER/absent.creds: No such file or directory\n"
     "c.yaml:1:45: tls.ca: cannot read /absent/ca.pem: No such file or directory\n"},
};

Test(bad_values, each_mistake_is_said_with_its_place)
{
    expect_bad(cases, sizeof cases / sizeof cases[0]);
}
