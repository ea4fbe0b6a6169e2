/* SPDX-License-Identifier: Apache-2.0 */
/* Bad configurations and exactly what is said of them: what is no configuration at all. */
#include <criterion/criterion.h>

#include "bad.h"

static const struct bad cases[] = {
    {"yaml that does not close",
     "routes:\n"
     "  orders:\n"
     "    from: {kafka: orders\n"
     "    to: {nats: x}\n",
     "c.yaml:4:7: orders: not valid YAML: did not find expected ',' or '}', while parsing a flow "
     "mapping that began in line 3\n"},
    {"a template without quotes", "routes: {a: {from: {nats: a}, to: {nats: {{key}}}}}\n",
     "c.yaml:1:43: a: a key must be a text; a template like \"{{key}}\" needs quotes\n"},
    {"a template without quotes behind a text",
     "routes: {a: {from: {nats: a}, to: {nats: b.{{key}}}}}\n",
     "c.yaml:1:44: a: not valid YAML: a template like \"{{key}}\" needs quotes\n"},
    {"a template without quotes on a line",
     "routes:\n"
     "  a:\n"
     "    map: [{set: {id: x}}]\n"
     "    dead_letter:\n"
     "      x: {{key}}\n",
     "c.yaml:5:11: a: a key must be a text; a template like \"{{key}}\" needs quotes\n"},
    {"a program without quotes",
     "routes:\n"
     "  \xC3\xBC:\n"
     "    map:\n"
     "      - filter: .a == \"x: y\"\n",
     "c.yaml:4:25: \xC3\xBC: not valid YAML: a text with a colon and a blank in it needs quotes\n"},
    {"a program without quotes in a mapping",
     "routes: {\xC3\xBC: {map: [{filter: .a == \"x: y\"}]}}\n",
     "c.yaml:1:37: \xC3\xBC: not valid YAML: a text with a colon and a blank in it needs quotes\n"},
    {"a tab instead of blanks",
     "routes:\n"
     "\torders:\n",
     "c.yaml:2:1: not valid YAML: a tab; lines are indented with blanks\n"},
    {"no mapping at all",
     "- a\n"
     "- b\n",
     "c.yaml:1:1: expected a mapping with nats:, connections: and routes:, found a list\n"},
    {"an empty file", "", "c.yaml: the configuration is empty\n"},
    {"no routes", "name: x\n", "c.yaml:1:1: there are no routes\n"},
    {"a key given twice",
     "routes:\n"
     "  orders:\n"
     "    from: {nats: a}\n"
     "    to: {nats: b}\n"
     "    from: {nats: c}\n",
     "c.yaml:5:5: orders: \"from\" is given twice, first in line 3\n"},
    {"a merge key",
     "defaults: &d {lanes: 1}\n"
     "routes:\n"
     "  orders:\n"
     "    <<: *d\n"
     "    from: {nats: a}\n"
     "    to: {nats: b}\n",
     "c.yaml:4:5: orders: << is not supported: it hides which value counts; use an alias for a "
     "whole value, or defaults: for what all routes share\n"},
    {"a merge key with what is missing then",
     "connections: {kafka: {<<: {brokers: h}}}\n"
     "routes:\n"
     "  a: {<<: {from: {nats: a}}}\n"
     "  b: {use: t}\n"
     "  c: {from: {nats: a}, map: [{set: {<<: {key: b}}}, {<<: {filter: .a}}], to: {nats: b}}\n"
     "templates: {t: {<<: {from: {nats: a}}, to: {nats: b}}}\n",
     "c.yaml:1:23: << is not supported: it hides which value counts; use an alias for a whole "
     "value, or defaults: for what all routes share\n"
     "c.yaml:3:7: a: << is not supported: it hides which value counts; use an alias for a whole "
     "value, or defaults: for what all routes share\n"
     "c.yaml:5:37: c: << is not supported: it hides which value counts; use an alias for a whole "
     "value, or defaults: for what all routes share\n"
     "c.yaml:5:54: c: << is not supported: it hides which value counts; use an alias for a whole "
     "value, or defaults: for what all routes share\n"
     "c.yaml:6:17: << is not supported: it hides which value counts; use an alias for a whole "
     "value, or defaults: for what all routes share\n"},
    {"an anchor that is not there", "routes: {a: *b}\n",
     "c.yaml:1:13: a: there is no anchor &b before this\n"},
    {"an alias inside of itself", "routes: &r {a: *r}\n",
     "c.yaml:1:16: a: *r stands inside of itself\n"},
    {"a custom tag", "name: !env NAME\n", "c.yaml:1:7: tags like !env are not supported\n"},
    {"a second document",
     "routes: {a: {from: {nats: a}, to: {nats: b}}}\n"
     "---\n"
     "routes: {}\n",
     "c.yaml:2:1: a second document: a file holds one\n"},
    {"text that is not UTF-8",
     "name: \"\xff"
     "\"\n",
     "c.yaml:1:1: no UTF-8 text: invalid leading UTF-8 octet at byte 7\n"},
    {"nul",
     "name: \"a\\0b\"\n"
     "routes: {}\n",
     "c.yaml:1:7: a text must not have a NUL byte\n"},
    {"complex key",
     "? [a]\n"
     ": b\n",
     "c.yaml:1:3: a key must be a text\n"},
};

Test(bad_yaml, each_mistake_is_said_with_its_place)
{
    expect_bad(cases, sizeof cases / sizeof cases[0]);
}
