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
    {"programs of several lines",
     "routes:\n"
     "  a:\n"
     "    from: {nats: a}\n"
     "    map:\n"
     "      - payload: |\n"
     "          # what\n"
     "          .a |\n"
     "            foo(1)\n"
     "      - payload: >\n"
     "          .a |\n"
     "          nope\n"
     "\n"
     "          | . + gone\n"
     "      - payload: \".a |\\n\n"
     "          )\"\n"
     "      - filter: '.b == \n"
     "\n"
     "            $it'\n"
     "      - filter: |-\n"
     "          .a\n"
     "          | env\n"
     "      - filter: |\n"
     "          .a ==\n"
     "      - filter: \".a | nope\"\n"
     "      - filter: .a and\n"
     "          input\n"
     "    to: {nats: b}\n",
     "c.yaml:8:13: a: payload: jq: foo/1 is not defined\n"
     "c.yaml:11:11: a: payload: jq: nope/0 is not defined\n"
     "c.yaml:15:11: a: payload: jq: syntax error, unexpected INVALID_CHARACTER\n"
     "c.yaml:18:13: a: filter: jq: $it is not defined\n"
     "c.yaml:21:13: a: filter: jq's \"env\" is not allowed in a rule\n"
     "c.yaml:23:11: a: filter: jq: syntax error, unexpected $end\n"
     "c.yaml:24:23: a: filter: jq: nope/0 is not defined\n"
     "c.yaml:26:11: a: filter: jq's \"input\" is not allowed in a rule\n"},
};

Test(bad, programs)
{
    expect_bad(cases, sizeof cases / sizeof cases[0]);
}
