/* SPDX-License-Identifier: Apache-2.0 */
/* Bad configurations and exactly what is said of them: dedupe and lookup. */
#include <criterion/criterion.h>

#include "bad.h"

static const struct bad cases[] = {
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
     "c.yaml:10:22: a: dedupe: an answer is no repeat\n"},
};

Test(bad, steps_with_state)
{
    expect_bad(cases, sizeof cases / sizeof cases[0]);
}
