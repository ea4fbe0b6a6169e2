/* SPDX-License-Identifier: Apache-2.0 */
/* Bad configurations and exactly what is said of them: jq programs. */
#include <criterion/criterion.h>

#include "bad.h"

static const struct bad cases[] = {
    {"programs that are empty",
     "routes:\n"
     "  a:\n"
     "    from: {nats: a}\n"
     "    map:\n"
     "      - payload: \"\"\n"
     "      - payload: \"# hello\"\n"
     "      - filter: |\n"
     "          # one\n"
     "            # two\n"
     "      - {drop: true, when: \" \"}\n"
     "      - {lookup: {kv: b, key: \"\", into: .a}}\n"
     "      - payload: \"# hello\\n.\"\n"
     "      - filter: \n"
     "    to: {nats: b, when: '#'}\n",
     "c.yaml:5:18: a: payload: expected a jq program, found nothing but blanks and comments\n"
     "c.yaml:6:18: a: payload: expected a jq program, found nothing but blanks and comments\n"
     "c.yaml:7:17: a: filter: expected a jq program, found nothing but blanks and comments\n"
     "c.yaml:10:28: a: when: expected a jq program, found nothing but blanks and comments\n"
     "c.yaml:11:31: a: key: expected a jq program, found nothing but blanks and comments\n"
     "c.yaml:13:16: a: filter: expected a jq program, found nothing\n"
     "c.yaml:14:25: a: when: expected a jq program, found nothing but blanks and comments\n"},
};

Test(bad, programs)
{
    expect_bad(cases, sizeof cases / sizeof cases[0]);
}
