/* SPDX-License-Identifier: Apache-2.0 */
/* Bad configurations and exactly what is said of them: routes, their steps and the top level. */
#include <criterion/criterion.h>

#include <stdlib.h>

#include "bad.h"
#include "fakes.h"

static const struct bad cases[] = {
    {"a step that is not there",
     "routes:\n"
     "  a:\n"
     "    from: {nats: a}\n"
     "    map: [{fliter: .a}, {explode: .b}, {split: \".[]\"}, {filter: .a, drop: true}, drop]\n"
     "    reply: [{set: {subject: x}}, {split: \".[]\"}]\n"
     "    to: {nats: b}\n",
     "c.yaml:4:12: a: there is no step \"fliter\"; did you mean \"filter\"? there are filter, "
     "payload, split, set, remove, decode, encode, check, dedupe, lookup, drop, reject\n"
     "c.yaml:4:26: a: there is no step \"explode\"; there are filter, payload, split, set, remove, "
     "decode, encode, check, dedupe, lookup, drop, reject\n"
     "c.yaml:4:69: a: a step has one key beside when: drop is a second one\n"
     "c.yaml:4:82: a: expected a step like {filter: …}, found \"drop\"\n"
     "c.yaml:5:5: a: warning: these steps never run: nobody waits for an answer at the source\n"
     "c.yaml:5:20: a: set.subject: an answer has no address to set\n"
     "c.yaml:5:42: a: split: an answer is one message\n"},
    {"a rejection without a reason",
     "routes:\n"
     "  a: {from: {nats: a}, map: [{reject: \"\"}], to: {nats: b}}\n",
     "c.yaml:2:39: a: reject: expected the reason, a template, found \"\"\n"},
    {"formats and checks",
     "routes:\n"
     "  a:\n"
     "    from: {nats: a}\n"
     "    map:\n"
     "      - decode: yaml\n"
     "      - decode: {csv: {delimiter: \";;\", types: {n: int}, head: true}}\n"
     "      - encode: {xml: {root: a}}\n"
     "      - encode: [csv]\n"
     "      - decode: {csv: 1}\n"
     "      - check: true\n"
     "      - check: {require: a, types: {b: date}}\n"
     "      - check: {required: [a, .b, .c..d], types: {\".e[\": string, \".f[1]\": array}}\n"
     "      - check: {required: \".g.\"}\n"
     "      - decode: {csv: {types: {a: object, b: text, c: \"null\", d: [x]}}}\n"
     "      - decode: {csv: {columns: [a, b, a], types: {a: integer, c: number}}}\n"
     "      - decode: {csv: {header: false, types: {a: integer}}}\n"
     "    to: {nats: b}\n",
     "c.yaml:5:17: a: decode: expected one of json, text, base64, csv, xml, msgpack, cbor, "
     "avro, found "
     "\"yaml\"\n"
     "c.yaml:6:35: a: csv.delimiter: expected one character of ASCII, no quote and no line break, "
     "found \";;\"\n"
     "c.yaml:6:52: a: types.n: expected string, integer, number or boolean, found \"int\"\n"
     "c.yaml:6:58: a: csv has no option \"head\"; it has delimiter, header, columns, types\n"
     "c.yaml:7:24: a: xml has no options\n"
     "c.yaml:8:17: a: encode: expected one of json, text, base64, csv, xml, msgpack, cbor, "
     "avro, found a "
     "list\n"
     "c.yaml:9:23: a: csv: expected a mapping of options, found \"1\"\n"
     "c.yaml:10:16: a: check: expected {required: [names], types: {name: type}}, found \"true\"\n"
     "c.yaml:11:17: a: check has no option \"require\"; did you mean \"required\"?\n"
     "c.yaml:11:40: a: types.b: expected string, integer, number, boolean, object, array or null, "
     "found \"date\"\n"
     "c.yaml:12:35: a: check.required: \".c..d\": expected a path into the payload, like .a.b, "
     ".a[0] or .[\"a b\"]\n"
     "c.yaml:12:51: a: check.types: \".e[\": expected a path into the payload, like .a.b, .a[0] "
     "or .[\"a b\"]\n"
     "c.yaml:13:27: a: check.required: \".g.\": expected a path into the payload, like .a.b, "
     ".a[0] or .[\"a b\"]\n"
     "c.yaml:14:35: a: types.a: expected string, integer, number or boolean, found \"object\"\n"
     "c.yaml:14:55: a: types.c: expected string, integer, number or boolean, found \"null\"\n"
     "c.yaml:14:66: a: types.d: expected string, integer, number or boolean, found a list\n"
     "c.yaml:15:40: a: csv.columns: \"a\" is there twice\n"
     "c.yaml:15:64: a: csv.types: there is no column \"c\"\n"
     "c.yaml:16:47: a: csv.types: there is no column \"a\"\n"},
    {"values of steps",
     "routes:\n"
     "  a:\n"
     "    from: {nats: a}\n"
     "    map:\n"
     "      - drop: false\n"
     "      - remove: [[x], \"a*b\"]\n"
     "      - set: {keys: x}\n"
     "      - set: {headers: text}\n"
     "      - set: key\n"
     "      - reject: \"{{topic}}\"\n"
     "      - filter: [x]\n"
     "    to: {nats: b}\n",
     "c.yaml:5:15: a: drop: expected true, found \"false\"\n"
     "c.yaml:6:18: a: remove: expected the name of a header, or Prefix-*, found a list\n"
     "c.yaml:6:23: a: remove: * stands only at the end\n"
     "c.yaml:7:15: a: set has no \"keys\"; did you mean \"key\"? it has key, subject, headers, "
     "timestamp, id\n"
     "c.yaml:8:24: a: set.headers: expected a mapping of names to templates, found \"text\"\n"
     "c.yaml:9:14: a: set: expected a mapping of key, subject, headers, timestamp, id, found "
     "\"key\"\n"
     "c.yaml:10:20: a: reject: the route's source has no topic; its address is a subject: "
     "{{subject}}\n"
     "c.yaml:11:17: a: filter: expected a jq program, found a list\n"},
    {"places that another route has",
     "connections: {http: {listen: \"127.0.0.1:8080\"}, api: {type: http, listen: "
     "\"127.0.0.1:1\"}}\n"
     "routes:\n"
     "  a: {from: {http: \"GET|POST /a/{x}\", connection: http}, to: {nats: b}}\n"
     "  b: {from: {http: \"POST /a/{y}\", connection: http}, to: {nats: b}}\n"
     "  c: {from: {http: \"POST /a/{y}\", connection: api}, to: {nats: b}}\n"
     "  d: {from: {http: \"PUT /a/{y}\", connection: http}, to: {nats: b}}\n"
     "  e: {from: {http: \"GET /a/y\", connection: http}, to: {nats: b}}\n"
     "  f: {from: {file: \"-\"}, to: {nats: b}}\n"
     "  g: {from: {file: \"-\"}, to: {nats: b}}\n"
     "  h: {from: {file: \"-\"}, to: {nats: b}, enabled: false}\n",
     "c.yaml:4:13: b: POST /a/{y} is already that of the route a\n"
     "c.yaml:9:13: g: standard input is already that of the route f\n"},
    {"a map that is no list",
     "routes:\n"
     "  a:\n"
     "    from: {nats: a}\n"
     "    map: {filter: .a}\n"
     "    to: {nats: b}\n",
     "c.yaml:4:10: a: map: expected a list of steps, found a mapping\n"},
    {"on_error",
     "routes:\n"
     "  a:\n"
     "    from: {nats: a}\n"
     "    to: {nats: b}\n"
     "    on_error: {retries: -2, backoff: 30s..100ms, then: dead_leter}\n"
     "  b:\n"
     "    from: {nats: a}\n"
     "    to: {nats: b}\n"
     "    on_error: {then: dead_letter, backoff: 1s}\n",
     "c.yaml:5:25: a: on_error.retries: expected a whole number from -1 to 1000000000, found "
     "\"-2\"\n"
     "c.yaml:5:38: a: on_error.backoff: the first wait must be above zero and not longer than the "
     "last, found \"30s..100ms\"\n"
     "c.yaml:5:56: a: on_error.then: expected dead_letter, drop or stop, found \"dead_leter\"; did "
     "you mean \"dead_letter\"?\n"
     "c.yaml:9:16: b: on_error.then: dead_letter needs a subject: on_error.dead_letter, or "
     "dead_letter at the top level\n"
     "c.yaml:9:44: b: on_error.backoff: expected two durations like 100ms..30s, found \"1s\"\n"},
    {"a dead-letter subject that is wrong",
     "dead_letter: \"dlq.{{topic}}\"\n"
     "routes:\n"
     "  a:\n"
     "    from: {nats: a}\n"
     "    to: {nats: b}\n",
     "c.yaml:1:21: a: dead_letter: the route's source has no topic; its address is a subject: "
     "{{subject}}\n"},
    {"no targets, and a target with when and otherwise",
     "routes:\n"
     "  a: {from: {nats: a}, to: []}\n"
     "  b: {from: {nats: a}, to: [{nats: x, when: .a, otherwise: true}]}\n",
     "c.yaml:2:28: a: to: expected from 1 to 65535 targets\n"
     "c.yaml:3:39: b: a target has when: or otherwise:, not both\n"},
    {"with: without use:, a use: of nothing, two that take what is left",
     "routes:\n"
     "  a: {with: {b: 1}, from: {nats: a}, to: {nats: b}}\n"
     "  b:\n"
     "    from: {nats: a}\n"
     "    to:\n"
     "      - {nats: x, when: .a}\n"
     "      - {nats: y, otherwise: true}\n"
     "      - {nats: z, otherwise: true}\n"
     "templates: {t: {from: {nats: \"$(a)\"}, to: {nats: b}}}\n"
     "use: {nosuch: {}, t: {}}\n",
     "c.yaml:2:7: a: with: gives a template its parameters; there is no use:, which names one\n"
     "c.yaml:8:9: b: the target in line 7 has otherwise: true already; only one takes what is "
     "left\n"
     "c.yaml:9:31: the template has no parameter a; those it has stand in its with:\n"
     "c.yaml:10:7: there is no template \"nosuch\"\n"},
    {"a wrong address hides nothing but expressions",
     "dead_letter: \"dlq.{{nothing}}.\"\n"
     "routes:\n"
     "  a:\n"
     "    from: {nats: [a]}\n"
     "    map: [{set: {subject: \"x..{{topic}}\", key: \"{{wildcard(9)}\"}}]\n"
     "    reply: [{set: {key: \"{{nothing}}\"}}]\n"
     "    to: [{nats: \"z.\"}, {nats: \"{{wildcard(3)}}.$4.>\"}, {nats: \"{{topic}}. \"}, {nats: "
     "}]\n",
     "c.yaml:1:31: a: dead_letter: the subject has an empty token\n"
     "c.yaml:4:18: a: nats: expected an address, found a list\n"
     "c.yaml:5:30: a: set.subject: the subject has an empty token\n"
     "c.yaml:5:49: a: set.key: \"{{\" is not closed by \"}}\"\n"
     "c.yaml:6:28: a: set.key: unknown name \"nothing\"\n"
     "c.yaml:7:20: a: nats: the subject has an empty token\n"
     "c.yaml:7:74: a: nats: the subject must not contain a blank (byte 0x20)\n"},
    {"a wrong option or connection of the source hides no expression",
     "dead_letter: \"dlq.{{nothing}}\"\n"
     "routes:\n"
     "  a:\n"
     "    from: {nats: a, qeue: q}\n"
     "    map: [{set: {subject: \"x.{{topic}}\", key: \"{{wildcard(9)}}\"}}]\n"
     "    to: {nats: \"{{wildcard(3)}}.z\"}\n"
     "  b:\n"
     "    from: {kafka: t, group: g, connection: nowhere}\n"
     "    to: {nats: \"{{subject}}\"}\n",
     "c.yaml:1:21: a: dead_letter: unknown name \"nothing\"\n"
     "c.yaml:1:21: b: dead_letter: unknown name \"nothing\"\n"
     "c.yaml:4:21: a: nats has no option \"qeue\"; did you mean \"queue\"?\n"
     "c.yaml:5:32: a: set.subject: the route's source has no topic; its address is a subject: "
     "{{subject}}\n"
     "c.yaml:5:59: a: set.key: there is no wildcard: the source is \"a\"\n"
     "c.yaml:6:28: a: nats: there is no wildcard: the source is \"a\"\n"
     "c.yaml:8:44: b: there is no connection \"nowhere\"\n"
     "c.yaml:9:19: b: nats: the route's source has no subject; its address is a topic: "
     "{{topic}}\n"},
    {"strict order with requests side by side",
     "routes:\n"
     "  a:\n"
     "    order: strict\n"
     "    from: {nats: a}\n"
     "    to: {http: \"POST https://h/x\", concurrency: 8}\n",
     "c.yaml:5:36: a: concurrency above 1 cannot keep order: strict; use key or relaxed\n"},
    {"a variable that is not set, in and outside of a route",
     "name: ${NATSWAY_TEST_UNSET}\n"
     "routes:\n"
     "  a:\n"
     "    from: {nats: \"a.${NATSWAY_TEST_UNSET}\"}\n"
     "    to: {nats: \"${1x}\"}\n"
     "  b:\n"
     "    from: {nats: \"${file:absent}\"}\n"
     "    to: {nats: \"${open\"}\n"
     "  c:\n"
     "    from: {nats: \"${file:}\"}\n"
     "    to: {nats: \"${HOME:-${USER}}\"}\n",
     "c.yaml:1:7: the environment variable NATSWAY_TEST_UNSET is not set; ${NATSWAY_TEST_UNSET:-…} "
     "would give a default\n"
     "c.yaml:4:21: a: the environment variable NATSWAY_TEST_UNSET is not set; "
     "${NATSWAY_TEST_UNSET:-…} would give a default\n"
     "c.yaml:5:17: a: expected ${NAME}, ${NAME:-default} or ${file:PATH}; $${ stands for ${ "
     "itself\n"
     "c.yaml:7:19: b: cannot read FOLDER/absent: No such file or directory\n"
     "c.yaml:8:17: b: ${ without its }; $${ stands for ${ itself\n"
     "c.yaml:10:19: c: expected ${NAME}, ${NAME:-default} or ${file:PATH}; $${ stands for ${ "
     "itself\n"
     "c.yaml:11:17: c: a default cannot have a ${…} of its own\n"},
    {"a value from outside is not shown",
     "routes:\n"
     "  a:\n"
     "    lanes: ${NATSWAY_TEST_SECRET}\n"
     "    from: {nats: a}\n"
     "    to: {nats: b}\n",
     "c.yaml:3:12: a: lanes: expected a whole number from 1 to 256, found the value of "
     "\"${NATSWAY_TEST_SECRET}\"\n"},
    {"names",
     "name: a b\n"
     "connections: {\"a/b\": {type: mqtt, url: x}}\n"
     "routes:\n"
     "  \"a b\": {from: {nats: a}, to: {nats: b}}\n"
     "  \"*\": {from: {nats: a}, to: {nats: b}}\n",
     "c.yaml:1:7: the name of a bridge must not have blanks, controls, or * > / \\\n"
     "c.yaml:2:15: the name of a connection must not have blanks, controls, or * > / \\\n"
     "c.yaml:4:3: a b: the name of a route must not have blanks, controls, or * > / \\\n"
     "c.yaml:5:3: *: the name of a route must not have blanks, controls, or * > / \\\n"},
    {"templates",
     "templates:\n"
     "  t: {with: {a: , b: 1}, from: {nats: \"x.$(a)\"}, to: {nats: \"y.$(a).$(c)\"}, lanes: "
     "$(b)}\n"
     "  u: text\n"
     "routes:\n"
     "  r: {use: tt, with: {a: 1}}\n"
     "  s: {use: t, with: {aa: 1}}\n"
     "  v: {use: t, with: {a: [1], b: 0}}\n"
     "  w: {use: u}\n"
     "  x: {use: t, with: 7}\n"
     "use:\n"
     "  t: {y: {b: 2}, r: {a: 1}}\n"
     "  n: {z: {}}\n",
     "c.yaml:2:69: the template has no parameter c; those it has stand in its with:\n"
     "c.yaml:3:6: w: a template: expected a mapping: a route with parameters, found \"text\"\n"
     "c.yaml:5:12: r: there is no template \"tt\"\n"
     "c.yaml:6:7: s: the template needs the parameter a\n"
     "c.yaml:6:22: s: the template has no parameter \"aa\"\n"
     "c.yaml:7:25: v: the parameter a stands in the middle of a text, so it is a text\n"
     "c.yaml:9:21: x: with: expected a mapping of parameters, found \"7\"\n"
     "c.yaml:11:7: y: the template needs the parameter a\n"
     "c.yaml:11:18: r: the route is defined twice, first at c.yaml:5:3\n"
     "c.yaml:12:3: z: there is no template \"n\"\n"},
    {"a template that no route uses",
     "templates:\n"
     "  t:\n"
     "    with: {a: , b: 1}\n"
     "    from: {nats: \"x.$(a).$(c)\"}\n"
     "    too: {nats: y}\n"
     "  u: [t]\n"
     "  v: {with: 7}\n"
     "routes: {r: {from: {nats: a}, to: {nats: b}}}\n",
     "c.yaml:4:26: the template has no parameter c; those it has stand in its with:\n"
     "c.yaml:5:5: a template has no option \"too\"; did you mean \"to\"?\n"
     "c.yaml:6:6: a template: expected a mapping: a route with parameters, found a list\n"
     "c.yaml:7:13: with: expected a mapping of parameters and what they are without a value, "
     "found \"7\"\n"},
    {"parameters beside with:",
     "templates:\n"
     "  t:\n"
     "    with: {a: , lanes: 1}\n"
     "    from: {nats: \"x.$(a)\"}\n"
     "    to: {nats: y}\n"
     "    lanes: $(lanes)\n"
     "  v: {use: t, with: {a: 1}}\n"
     "routes:\n"
     "  r: {use: t, a: 1}\n"
     "  u: {use: v}\n"
     "  s: {use: t, with: {a: 1}, lanes: x, to: {}, map: {}}\n",
     "c.yaml:7:7: u: a template does not use another one\n"
     "c.yaml:9:15: r: a is a parameter of the template; it stands in with: {a: …}\n"
     "c.yaml:11:36: s: lanes: expected a whole number from 1 to 256, found \"x\"\n"
     "c.yaml:11:43: s: expected {connector: address, options}, found an empty mapping\n"
     "c.yaml:11:52: s: map: expected a list of steps, found an empty mapping\n"},
    {"templates that are no mappings",
     "templates: [t]\n"
     "use: some\n"
     "routes:\n"
     "  r: {use: t}\n",
     "c.yaml:1:12: templates: expected {name: a route with parameters}, found a list\n"
     "c.yaml:2:6: use: expected {template: {route: {parameter: value}}}, found \"some\"\n"
     "c.yaml:4:12: r: there is no template \"t\"\n"},
    {"admin and log",
     "admin: {listen: 8223, tokn: x}\n"
     "log: {level: verbose}\n"
     "workers: -1\n"
     "memory: 1\n"
     "shutdown_timeout: soon\n"
     "routes: {a: {from: {nats: a}, to: {nats: b}}}\n",
     "c.yaml:1:17: admin.listen: expected an address like 127.0.0.1:8223, found \"8223\"\n"
     "c.yaml:1:23: admin has no option \"tokn\"; did you mean \"token\"?\n"
     "c.yaml:2:14: log.level: expected error, warning, info or debug, found \"verbose\"\n"
     "c.yaml:3:10: workers: expected a whole number from 0 to 1024, found \"-1\"\n"
     "c.yaml:4:9: memory: expected a size like 64KiB, at least 1MiB, found \"1\"\n"
     "c.yaml:5:19: shutdown_timeout: expected a duration like 2s, from 0 to 1d, found \"soon\"\n"},
    {"sections that are texts",
     "nats: nats://h\n"
     "connections: none\n"
     "defaults: none\n"
     "admin: none\n"
     "routes: none\n",
     "c.yaml:1:7: nats: expected a mapping like {url: nats://127.0.0.1:4222}, found \"nats://h\"\n"
     "c.yaml:2:14: connections: expected a mapping of names, found \"none\"\n"
     "c.yaml:3:11: defaults: expected a mapping of route options, found \"none\"\n"
     "c.yaml:4:8: admin: expected {listen: address} or off, found \"none\"\n"
     "c.yaml:5:9: routes: expected a mapping of names, found \"none\"\n"},
    {"a route that is a text", "routes: {a: b}\n",
     "c.yaml:1:13: a: expected a mapping with from: and to:, found \"b\"\n"},
    {"mistakes in defaults are said once",
     "defaults: {lanes: 0, on_error: {backoff: 1s}, from: x}\n"
     "routes:\n"
     "  a: {from: {nats: a}, to: {nats: b}}\n"
     "  b: {from: {nats: c}, to: {nats: d}}\n",
     "c.yaml:1:19: lanes: expected a whole number from 1 to 256, found \"0\"\n"
     "c.yaml:1:42: on_error.backoff: expected two durations like 100ms..30s, found \"1s\"\n"
     "c.yaml:1:47: defaults has no option \"from\"; it has description, lanes, max_in_flight, "
     "order, on_error, spool, map_timeout, enabled, trace\n"},
    {"all at once, sorted by place",
     "connections:\n"
     "  kafka: {brokres: h}\n"
     "routes:\n"
     "  orders:\n"
     "    from: {kafka: orders, start: lates}\n"
     "    map: [{paylod: .a}]\n"
     "    to: {jetstream: \"x\", qos: 1}\n"
     "    lanes: 0\n"
     "  others:\n"
     "    form: {nats: x}\n",
     "c.yaml:2:10: brokers is missing: who is asked first\n"
     "c.yaml:2:11: kafka has no option \"brokres\"; did you mean \"brokers\"?\n"
     "c.yaml:5:34: orders: start: expected earliest, latest or {since: …}, found \"lates\"; did "
     "you mean \"latest\"?\n"
     "c.yaml:6:12: orders: there is no step \"paylod\"; did you mean \"payload\"? there are "
     "filter, payload, split, set, remove, decode, encode, check, dedupe, lookup, drop, reject\n"
     "c.yaml:7:26: orders: jetstream has no option \"qos\"; it has message_id, connection, when, "
     "otherwise\n"
     "c.yaml:8:12: orders: lanes: expected a whole number from 1 to 256, found \"0\"\n"
     "c.yaml:9:3: others: from is missing: {connector: address}\n"
     "c.yaml:9:3: others: to is missing: {connector: address}\n"
     "c.yaml:10:5: others: a route has no option \"form\"; did you mean \"from\"?\n"},
};

Test(bad_routes, each_mistake_is_said_with_its_place)
{
    expect_bad(cases, sizeof cases / sizeof cases[0]);
}

/* jq's own words, at our place. */
Test(bad_routes, a_wrong_program_is_said_with_its_place)
{
    char *said;

    folder_enter();
    said = load_text("routes:\n"
                     "  a:\n"
                     "    from: {nats: a}\n"
                     "    map: [{filter: \".a >\"}]\n"
                     "    to: {nats: b, when: \".b ===\"}\n",
                     NULL);
    cr_expect_eq(strncmp(said, "c.yaml:4:21: a: filter: ", 24), 0, "%s", said);
    cr_expect_not_null(strstr(said, "\nc.yaml:5:26: a: when: "), "%s", said);
    free(said);
    folder_leave();
}
