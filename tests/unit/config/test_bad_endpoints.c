/* SPDX-License-Identifier: Apache-2.0 */
/* Bad configurations and exactly what is said of them: what connectors and connections are named.
 */
#include <criterion/criterion.h>

#include "bad.h"

static const struct bad cases[] = {
    {"an unknown key at the top",
     "rotues: {}\n"
     "routes: {a: {from: {nats: a}, to: {nats: b}}}\n",
     "c.yaml:1:1: the top level has no option \"rotues\"; did you mean \"routes\"?\n"},
    {"a key that is far from all",
     "nats: {url: x, brokers: y}\n"
     "routes: {a: {from: {nats: a}, to: {nats: b}}}\n",
     "c.yaml:1:16: nats has no option \"brokers\"; it has url, user, password, credentials, tls\n"},
    {"an unknown connector",
     "routes:\n"
     "  orders:\n"
     "    from: {kafak: orders}\n"
     "    to: {nats: orders}\n",
     "c.yaml:3:12: orders: there is no connector \"kafak\"; did you mean \"kafka\"? there are "
     "nats, jetstream, kafka, mqtt, http, file, pulse\n"},
    {"a connector that is not there",
     "routes:\n"
     "  orders:\n"
     "    from: {pulsar: orders}\n"
     "    to: {nats: orders}\n",
     "c.yaml:3:12: orders: there is no connector \"pulsar\"; did you mean \"pulse\"? there are "
     "nats, jetstream, kafka, mqtt, http, file, pulse\n"},
    {"dead_letter is no endpoint",
     "routes:\n"
     "  orders:\n"
     "    from: {nats: orders}\n"
     "    to: {dead_letter: x}\n",
     "c.yaml:4:10: orders: there is no connector \"dead_letter\"; there are nats, jetstream, "
     "kafka, mqtt, http, file, pulse\n"},
    {"the connector is not first",
     "connections: {kafka: {brokers: h}}\n"
     "routes:\n"
     "  orders:\n"
     "    from: {group: g, kafka: orders}\n"
     "    to: {nats: orders}\n",
     "c.yaml:4:12: orders: the connector comes first: write kafka: before group:\n"},
    {"an endpoint that is a text",
     "routes:\n"
     "  orders:\n"
     "    from: orders\n"
     "    to: {nats: orders}\n",
     "c.yaml:3:11: orders: expected {connector: address, options}, found \"orders\"\n"},
    {"an address that is a list",
     "connections: {kafka: {brokers: h}}\n"
     "routes:\n"
     "  orders:\n"
     "    from: {kafka: [a, b]}\n"
     "    to: {nats: orders}\n",
     "c.yaml:4:19: orders: kafka: expected an address, found a list\n"},
    {"from and to are missing",
     "routes:\n"
     "  orders: {lanes: 2}\n",
     "c.yaml:2:3: orders: from is missing: {connector: address}\n"
     "c.yaml:2:3: orders: to is missing: {connector: address}\n"},
    {"lanes that would each get every message",
     "connections: {mqtt: {url: \"mqtt://h\"}}\n"
     "routes:\n"
     "  t: {from: {mqtt: a}, to: {nats: b}, lanes: 3}\n"
     "  u: {from: {mqtt: a, shared: g}, to: {nats: b}, lanes: 3}\n",
     "c.yaml:3:39: t: lanes: each lane would get every message: several lanes need `shared: group` "
     "in from:\n"},
    {"a connection that is not there",
     "connections: {plant: {type: mqtt, url: \"mqtt://h\"}}\n"
     "routes:\n"
     "  t:\n"
     "    from: {mqtt: a, connection: plent}\n"
     "    to: {nats: b}\n",
     "c.yaml:4:33: t: there is no connection \"plent\"; did you mean \"plant\"?\n"},
    {"no connection of the type",
     "routes:\n"
     "  t:\n"
     "    from: {mqtt: a}\n"
     "    to: {nats: b}\n",
     "c.yaml:3:11: t: there is no connection of type mqtt: connections: {mqtt: …}\n"},
    {"several connections of the type",
     "connections: {plant: {type: mqtt, url: \"mqtt://h\"}, office: {type: mqtt, url: "
     "\"mqtt://o\"}}\n"
     "routes:\n"
     "  t:\n"
     "    from: {mqtt: a}\n"
     "    to: {nats: b}\n",
     "c.yaml:4:11: t: there are several connections of type mqtt: say which with connection: "
     "plant, office\n"},
    {"a connection of another type",
     "connections: {plant: {type: mqtt, url: \"mqtt://h\"}, kafka: {brokers: h}}\n"
     "routes:\n"
     "  t:\n"
     "    from: {mqtt: a, connection: kafka}\n"
     "    to: {nats: b}\n",
     "c.yaml:4:33: t: the connection kafka is of type kafka, not mqtt\n"},
    {"a connection where there is none to choose",
     "routes:\n"
     "  t:\n"
     "    from: {nats: a, connection: other}\n"
     "    to: {file: /tmp/x, connection: disk}\n",
     "c.yaml:3:21: t: nats has no connection to choose\n"
     "c.yaml:4:24: t: file has no connection to choose\n"},
    {"connections of no type, of a wrong type, of nats, of file",
     "connections:\n"
     "  plant: {url: \"mqtt://h\"}\n"
     "  kafak: {brokers: h}\n"
     "  other: {type: mqt, url: \"mqtt://h\"}\n"
     "  nats: {url: x}\n"
     "  file: {}\n"
     "routes:\n"
     "  t: {from: {mqtt: a, connection: other}, to: {nats: b}}\n",
     "c.yaml:2:3: plant is not the name of a connector, so it needs type: CONNECTOR\n"
     "c.yaml:3:3: kafak is not the name of a connector, so it needs type: CONNECTOR; or did you "
     "mean \"kafka\"?\n"
     "c.yaml:4:17: there is no connector \"mqt\"; did you mean \"mqtt\"? there are nats, "
     "jetstream, kafka, mqtt, http, file, pulse\n"
     "c.yaml:5:3: the connection to NATS is the top-level nats:\n"
     "c.yaml:6:3: file needs no connection\n"},
    {"a target that is only a source, and no NATS at either end",
     "connections: {kafka: {brokers: h}, mqtt: {url: \"mqtt://h\"}}\n"
     "routes:\n"
     "  a: {from: {nats: a}, to: {pulse: x}}\n"
     "  b: {from: {mqtt: \"a/#\"}, to: {kafka: x}}\n",
     "c.yaml:3:29: a: pulse is only a source, not a target\n"
     "c.yaml:4:32: b: NATS is at one end of every route: mqtt to kafka is two routes, with a "
     "subject between them\n"},
    {"a template that does not close",
     "routes:\n"
     "  a:\n"
     "    from: {nats: a}\n"
     "    to: {jetstream: \"b.{{key\"}\n",
     "c.yaml:4:24: a: jetstream: \"{{\" is not closed by \"}}\"\n"},
    {"a template with what the source does not have",
     "routes:\n"
     "  a:\n"
     "    from: {nats: a}\n"
     "    to: {jetstream: \"b.{{topic}}\", message_id: 'ä {{topic}}'}\n",
     "c.yaml:4:26: a: jetstream: the route's source has no topic; its address is a subject: "
     "{{subject}}\n"
     "c.yaml:4:53: a: message_id: the route's source has no topic; its address is a subject: "
     "{{subject}}\n"},
};

Test(bad_endpoints, each_mistake_is_said_with_its_place)
{
    expect_bad(cases, sizeof cases / sizeof cases[0]);
}
