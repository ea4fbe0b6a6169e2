/* SPDX-License-Identifier: Apache-2.0 */
/* Bad configurations and exactly what is said of them: jq programs and templates. */
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
    {"each mistake of a template",
     "routes:\n"
     "  a:\n"
     "    from: {nats: a.*}\n"
     "    map:\n"
     "      - set: {key: \"{{key}} {{ 'x}' }} {{wildcard(2)}}{{nothing}} {{id | low}} {{open\"}\n"
     "    to:\n"
     "      - {nats: \"z.{{topic}}.{{path}}\"}\n"
     "      - {nats: \"z.$2.{{topic}}..$3.$1\"}\n",
     "c.yaml:5:51: a: set.key: there is no wildcard 2: the source \"a.*\" has 1\n"
     "c.yaml:5:57: a: set.key: unknown name \"nothing\"\n"
     "c.yaml:5:74: a: set.key: unknown filter \"low\"; there are raw, lower, upper, base64, hex "
     "and sha256\n"
     "c.yaml:5:80: a: set.key: \"{{\" is not closed by \"}}\"\n"
     "c.yaml:7:21: a: nats: the route's source has no topic; its address is a subject: "
     "{{subject}}\n"
     "c.yaml:7:31: a: nats: the route's source has no path; its address is a subject: {{subject}}\n"
     "c.yaml:8:19: a: nats: there is no wildcard 2: the source \"a.*\" has 1\n"
     "c.yaml:8:24: a: nats: the route's source has no topic; its address is a subject: "
     "{{subject}}\n"
     "c.yaml:8:32: a: nats: the subject has an empty token\n"
     "c.yaml:8:33: a: nats: there is no wildcard 3: the source \"a.*\" has 1\n"},
};

Test(bad, programs)
{
    expect_bad(cases, sizeof cases / sizeof cases[0]);
}
