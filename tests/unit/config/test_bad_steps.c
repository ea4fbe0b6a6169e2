/* SPDX-License-Identifier: Apache-2.0 */
/* Bad configurations and exactly what is said of them: dedupe and lookup. */
#include <criterion/criterion.h>

#include "bad.h"

static const struct bad cases[] = {
    {"types that are no texts",
     "routes:\n"
     "  a:\n"
     "    from: {nats: a}\n"
     "    map:\n"
     "      - check: {types: {a: [string, null]}}\n"
     "      - check: {types: {a: [x], b: ~, c: , d: {}, e: null}}\n"
     "      - check: {types: [a]}\n"
     "      - decode: {csv: {types: {a: null, b: [x], c: array, d: text}}}\n"
     "      - check: {types: {a: \"${NATSWAY_TEST_UNSET}\"}}\n"
     "    to: {nats: b}\n",
     "c.yaml:5:28: a: types.a: expected string, integer, number, boolean, object, array or null, "
     "found a list\n"
     "c.yaml:6:28: a: types.a: expected string, integer, number, boolean, object, array or null, "
     "found a list\n"
     "c.yaml:6:36: a: types.b: expected string, integer, number, boolean, object, array or null, "
     "found nothing\n"
     "c.yaml:6:42: a: types.c: expected string, integer, number, boolean, object, array or null, "
     "found nothing\n"
     "c.yaml:6:47: a: types.d: expected string, integer, number, boolean, object, array or null, "
     "found an empty mapping\n"
     "c.yaml:7:24: a: types: expected a mapping of names to types, found a list\n"
     "c.yaml:8:35: a: types.a: expected string, integer, number or boolean, found nothing\n"
     "c.yaml:8:44: a: types.b: expected string, integer, number or boolean, found a list\n"
     "c.yaml:8:52: a: types.c: expected string, integer, number or boolean, found \"array\"\n"
     "c.yaml:9:29: a: the environment variable NATSWAY_TEST_UNSET is not set; "
     "${NATSWAY_TEST_UNSET:-…} would give a default\n"},
    {"steps without a key, a program without quotes, a column that is not there",
     "routes:\n"
     "  a:\n"
     "    from: {nats: a}\n"
     "    map:\n"
     "      - {when: .}\n"
     "      - {}\n"
     "      - []\n"
     "      - payload: {a: .b}\n"
     "      - {lookup: {file: codes.csv, key: .a, into: .b, take: nme}}\n"
     "      - {lookup: {file: codes.csv, key: .a, into: .b, by: cde, take: cde}}\n"
     "    to: {nats: b}\n",
     "c.yaml:5:9: a: the step's key is missing: filter, payload, split, set, remove, decode, "
     "encode, check, dedupe, lookup, drop, reject\n"
     "c.yaml:6:9: a: the step's key is missing: filter, payload, split, set, remove, decode, "
     "encode, check, dedupe, lookup, drop, reject\n"
     "c.yaml:7:9: a: expected a step like {filter: …}, found an empty list\n"
     "c.yaml:8:18: a: payload: expected a jq program, in quotes where it begins with {, found a "
     "mapping\n"
     "c.yaml:9:61: a: take: codes.csv: line 1: there is no column \"nme\"; did you mean \"name\"?\n"
     "c.yaml:10:59: a: by: codes.csv: line 1: there is no column \"cde\"; did you mean "
     "\"code\"?\n"},
    {"names that $meta does not have",
     "routes:\n"
     "  a:\n"
     "    from: {nats: a}\n"
     "    map:\n"
     "      - filter: $meta.header.x == 1\n"
     "      - payload: |\n"
     "          {a: $meta.key,\n"
     "           b: $meta[\"adress\"]}\n"
     "    to: {nats: b, when: $meta.offset2 > 1}\n",
     "c.yaml:5:23: a: filter: $meta has no \"header\"; did you mean \"headers\"?\n"
     "c.yaml:8:22: a: payload: $meta has no \"adress\"; did you mean \"address\"?\n"
     "c.yaml:9:31: a: when: $meta has no \"offset2\"; did you mean \"offset\"?\n"},
    {"expressions that are none",
     "routes:\n"
     "  a:\n"
     "    from: {nats: a}\n"
     "    map:\n"
     "      - filter: .a | test(\"(\")\n"
     "      - payload: |\n"
     "          {a: .b,\n"
     "           c: (.d | sub(\"[a\"; \"b\"))}\n"
     "    to: {nats: b, when: 'test(\"a\"; \"q\")'}\n",
     "c.yaml:5:27: a: filter: \"(\" is no regular expression: end pattern with unmatched "
     "parenthesis\n"
     "c.yaml:8:25: a: payload: \"[a\" is no regular expression: premature end of char-class\n"
     "c.yaml:9:31: a: when: \"a\" is no regular expression: its flags are letters of g, i, x, s, "
     "n, p and l\n"},
    {"pairs without a value",
     "connections: {kafka: {brokers: h, properties: {bogus: null, linger.ms: [5]}}}\n"
     "routes: {a: {from: {kafka: t, group: g, properties: {other: }}, to: {nats: b}}}\n",
     "c.yaml:1:55: properties.bogus: expected a text, found nothing\n"
     "c.yaml:1:72: properties.linger.ms: expected a text, found a list\n"
     "c.yaml:2:61: a: properties.other: expected a text, found nothing\n"},
    {"dedupe",
     "routes:\n"
     "  a:\n"
     "    from: {nats: a}\n"
     "    map:\n"
     "      - dedupe: {window: 2m}\n"
     "      - dedupe: {id: \"{{json('.id')}}\", windw: 2m}\n"
     "      - dedupe: {id: \"{{nothing}}\", window: soon, max_entries: 0}\n"
     "      - dedupe: {id: all}\n"
     "      - dedupe: \"{{id}}\"\n"
     "    reply: [{dedupe: {id: \"{{id}}\"}}]\n"
     "    to: {nats: b}\n",
     "c.yaml:5:17: a: id is missing: a template: what is equal in repeats and in nothing else; "
     "where it is empty, the message is no repeat\n"
     "c.yaml:6:41: a: dedupe has no option \"windw\"; did you mean \"window\"?\n"
     "c.yaml:7:25: a: dedupe.id: unknown name \"nothing\"\n"
     "c.yaml:7:45: a: window: expected a duration like 2s, from 1ms to 366d, found \"soon\"\n"
     "c.yaml:7:64: a: max_entries: expected a whole number from 1 to 100000000, found \"0\"\n"
     "c.yaml:8:22: a: dedupe.id is the same for every message; expected a template like "
     "\"{{json('.id')}}\"\n"
     "c.yaml:9:17: a: dedupe: expected {id: template, window: 2m}, found \"{{id}}\"\n"
     "c.yaml:10:5: a: warning: these steps never run: nobody waits for an answer at the source\n"
     "c.yaml:10:22: a: dedupe: an answer is no repeat\n"},
    {"lookup",
     "routes:\n"
     "  a:\n"
     "    from: {nats: a}\n"
     "    map:\n"
     "      - lookup: {file: c.yaml, kv: b, key: .code, into: .name}\n"
     "      - lookup: {key: .code, into: .name}\n"
     "      - lookup: {kv: b, into: .name}\n"
     "      - lookup: {kv: b, key: .code, ino: .name}\n"
     "      - lookup: {file: gone.csv, key: .code, into: .name}\n"
     "      - lookup: {file: c.yaml, key: .code, into: .name}\n"
     "      - lookup: {file: c.yaml, format: json, key: .code, into: .name}\n"
     "      - lookup: {file: c.yaml, format: csv, delimiter: tab, key: .code, into: .name}\n"
     "      - lookup: {kv: b, key: \".code |\", into: .name}\n"
     "      - lookup: {kv: b, key: .code, into: name}\n"
     "      - lookup: {kv: b, key: .code, into: .}\n"
     "      - lookup: {kv: b, key: .code, into: .n, missing: ignore}\n"
     "      - lookup: {kv: b, key: .code, into: .n, missing: {val: 1}}\n"
     "      - lookup: {kv: a.b, by: x, key: .code, into: .n}\n"
     "      - lookup: codes.csv\n"
     "    to: {nats: b}\n",
     "c.yaml:5:17: a: lookup has file: and kv:; one of them is meant\n"
     "c.yaml:6:17: a: lookup needs file: or kv:\n"
     "c.yaml:7:17: a: key is missing: jq: what is looked for, a text or a number\n"
     "c.yaml:8:17: a: into is missing: where in the payload the value goes: a path like .name or "
     ".a.b\n"
     "c.yaml:8:37: a: lookup has no option \"ino\"; did you mean \"into\"?\n"
     "c.yaml:9:24: a: file: cannot read FOLDER/gone.csv: No such file or directory\n"
     "c.yaml:10:24: a: file: its name does not say what it is; format: csv or json\n"
     "c.yaml:11:24: a: file: c.yaml: not JSON: unexpected character at line 1, column 1\n"
     "c.yaml:12:24: a: file: c.yaml: line 5 has 4 fields, expected 1\n"
     "c.yaml:12:56: a: delimiter: expected one character of ASCII, no quote and no line break, of "
     "a CSV file, found \"tab\"\n"
     "c.yaml:13:31: a: key: jq: syntax error, unexpected $end\n"
     "c.yaml:14:43: a: into: expected a path into the payload, like .a.b, .a[0] or .[\"a b\"]\n"
     "c.yaml:15:43: a: into: that is the whole payload; expected a path like .name\n"
     "c.yaml:16:56: a: missing: expected reject, keep or {value: …}, found \"ignore\"\n"
     "c.yaml:17:56: a: missing: expected reject, keep or {value: …}, found a mapping\n"
     "c.yaml:18:22: a: kv: expected the name of a bucket: letters, digits, - and _, found \"a.b\"\n"
     "c.yaml:18:27: a: by is for files; a bucket has its keys\n"
     "c.yaml:19:17: a: lookup: expected {file: path, key: jq, into: path} or {kv: bucket, …}, "
     "found \"codes.csv\"\n"},
};

Test(bad, steps_with_state)
{
    expect_bad(cases, sizeof cases / sizeof cases[0]);
}
