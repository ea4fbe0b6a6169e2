# SPDX-License-Identifier: Apache-2.0
# What ${…} puts into templates and jq programs is that text, whatever it holds.
. "$(dirname "$0")/cli.sh"
export BRACES='{{id}}' OPEN='pa{{ss' DOLLAR='$1' REST='>' QUOTES='" or true or "' ESCAPE='\(1)\' \
    QUOTE="it's" NAME=X-A NUMBER=-1.5e2 WORD=true BLANK='a b' FIELD=id PARAMETER='$(a)'
printf 'l1 "q"\nl2\n' >lines.txt
printf '.a + 1\n# the end\n' >rule.jq

cat >a.yaml <<'END'
templates:
  t:
    with: {a: , b: "${PARAMETER}"}
    from: {jetstream: "t.*"}
    map: [{set: {headers: {A: "$(a)|{{wildcard(1)}}", B: $(b), C: "${PARAMETER}$(a)"}}}]
    to: {jetstream: "x.$(a)"}
dead_letter: dlq
routes:
  templates:
    from: {jetstream: "t.*"}
    map:
      - set:
          headers:
            A: "${BRACES}"
            B: "{{wildcard(1)}}${OPEN}{{wildcard(1)}}${BRACES}"
            C: "{{header('${NAME}') or 'x${BRACES}'}}"
            D: '{{header("${QUOTE}") or wildcard(${ONE:-1})}}'
            E: "{${OPEN:-}}"
    to: {jetstream: "x.${DOLLAR}"}
  parameters: {use: t, with: {a: "${BRACES}"}}
  strings:
    from: {jetstream: "s.*"}
    map:
      - payload: |
          # ${QUOTES} ${file:lines.txt}
          [if .secret == "${QUOTES}" then 1 else 2 end, "\("${QUOTES}" | length):${ESCAPE}",
           "a\"${file:lines.txt}", {"${QUOTES}": ${NUMBER}, b: ${WORD}}, .${FIELD}, "${BRACES}"]
    to: {jetstream: x}
  whole:
    from: {jetstream: "w.*"}
    map: [{payload: "${file:rule.jq}"}]
    to: {jetstream: x}
END
echo '{"secret":"x","id":7,"a":1}' >in
run 0 try a.yaml templates --address t.k
out_has '"address":"x.$1"'
out_has '"A":["{{id}}"],"B":["kpa{{ssk{{id}}"],"C":["x{{id}}"],"D":["k"],"E":["{pa{{ss}"]'
run 0 try a.yaml parameters --address t.k
out_has '"address":"x.{{id}}"'
out_has '"A":["{{id}}|k"],"B":["$(a)"],"C":["$(a){{id}}"]'
run 0 try a.yaml strings --address s.k
out_has '"payload":[2,"14:\\(1)\\","a\"l1 \"q\"\nl2",{"\" or true or \"":-150,"b":true},7,"{{id}}"]'
run 0 try a.yaml whole --address w.k
out_has '"payload":2'

cat >bad.yaml <<'END'
routes:
  a:
    from: {jetstream: "new.>"}
    map:
      - filter: '.a == ${BLANK}'
      - filter: |
          .a and
            .b == "\${BLANK}" and
            .c ==  ${QUOTES}
      - payload: '"${BLANK}" | gone'
      - set: {key: "${WORD}-{{header('${QUOTE}')}}"}
      - set: {key: "{{header('x') or ${BLANK}}}"}
      - set: {key: "${BRACES}{{topic}}"}
    to: {jetstream: "old.${REST}"}
END
run 1 check bad.yaml
err_is 'bad.yaml:5:24: a: filter: the value of ${BLANK} is neither a number nor a word; in jq'"'"'s quotes, "${BLANK}", it is a text whatever it holds
bad.yaml:8:21: a: filter: a backslash stands before ${BLANK}
bad.yaml:10:32: a: payload: jq: gone/0 is not defined
bad.yaml:11:39: a: set.key: what is put into an expression from outside must be a word, or stand in quotes that it does not have
bad.yaml:12:38: a: set.key: what is put into an expression from outside must be a word, or stand in quotes that it does not have
bad.yaml:13:32: a: set.key: the route'"'"'s source has no topic; its address is a subject: {{subject}}
bad.yaml:14:26: a: jetstream: the subject must not have a wildcard: write {{wildcard(1)}} for what it matched'
finish
