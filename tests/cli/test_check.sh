# SPDX-License-Identifier: Apache-2.0
# `check`: one line and 0, or every error with its place and 1. The texts of single errors are in
# the configuration's own tests.
. "$(dirname "$0")/cli.sh"

cat >good.yaml <<'END'
dead_letter: "dlq.{{route}}"
routes:
  copy:
    from: {jetstream: "a.>"}
    to: {jetstream: "b.>"}
END
run 0 check good.yaml
out_has '1 route'
err_lines 0

run 1 check nowhere.yaml
err_has 'nowhere.yaml'
err_has 'No such file or directory'

printf '# nothing yet\n' >nothing.yaml
printf '' >more.yaml
run 1 check nothing.yaml more.yaml
err_is 'nothing.yaml, more.yaml: the configuration is empty'

cat >bad.yaml <<'END'
routes:
  one:
    from: {nats: x, qeue: q}
    to: {nats: y}
  two:
    from: {nats: x}
    to: {natz: y}
END
run 1 check bad.yaml
err_has 'bad.yaml:3:'
err_has ': one: '
err_has 'queue'
err_has 'bad.yaml:7:'
err_has ': two: '
err_lines 2

# run refuses the same, at once.
run 1 run bad.yaml
err_lines 2

# For programs: one JSON object, nothing on standard error, the same exit codes.
run 1 check --format json bad.yaml
err_lines 0
out_has '{"ok":false,"diagnostics":[{"file":"bad.yaml","line":3,"column":21,"route":"one","severity":"error","message":"nats has no option \"qeue\"; did you mean \"queue\"?"},{"file":"bad.yaml","line":7,"column":10,"route":"two","severity":"error","message":"there is no connector \"natz\";'
run 0 check --format json good.yaml
out_is '{"ok":true,"routes":1,"connections":0,"diagnostics":[]}'
run 2 check --format xml good.yaml

# A warning: exit 0, but 1 with --strict.
cat >warned.yaml <<'END'
routes:
  loose:
    from: {nats: a}
    to: {jetstream: b}
END
run 0 check warned.yaml
err_has 'warning: '
out_has ' warning'
run 1 check --strict warned.yaml
err_has 'warning: '
run 0 check --strict good.yaml
run 1 check --strict --format json warned.yaml
out_has '"severity":"warning"'

# A template has one place.
printf 'templates: {t: {from: {nats: a}, to: {nats: b}}}\nroutes: {r: {use: t}}\n' >one.yaml
printf 'templates: {t: {from: {nats: c}, to: {nats: d}}}\n' >two.yaml
run 1 check one.yaml two.yaml
err_is 'two.yaml:1:13: the template t is defined twice, first at one.yaml:1:13'

# Avro: each mistake at its option, and a schema's mistakes with their place in the schema.
mkdir conf
echo '{"type":"record","name":"R","fields":[{"name":"c","type":"duble"}]}' >conf/wrong.avsc
echo '{"type":"record","name":"R","fields":[{"name":"c","type":"int","default":"x"}]}' >conf/default.avsc
echo '["null","int"]' >conf/right.avsc
cat >conf/avro.yaml <<'END'
routes:
  a:
    from: {nats: a, reply: true}
    map:
      - decode: avro
      - decode: {avro: {schema: wrong.avsc}}
      - decode: {avro: {schema: default.avsc}}
      - encode: {avro: {schema: default.avsc}}
      - encode: {avro: {schema: missing.avsc}}
      - decode: {avro: {registry: "ftp://x", subject: record}}
      - encode: {avro: {registry: "http://u:p@x"}}
      - encode: {avro: {schema: right.avsc, token: x}}
      - decode: {avro: {registry: "http://x", user: x}}
      - encode: {avro: {schema: right.avsc, registry: "http://x", subject: record}}
      - decode: {avro: {shema: right.avsc}}
    reply:
      - encode: {avro: {schema: right.avsc, registry: "http://x"}}
    to: {nats: b, request: 1s}
  b:
    from: {nats: c}
    map: [{encode: {avro: {schema: right.avsc, registry: "http://x"}}}]
    to: {nats: "b.{{subject}}"}
  c:
    from: {nats: d}
    map: [{encode: {avro: {schema: right.avsc, registry: "http://x"}}}]
    to: {nats: e}
END
run 1 check conf/avro.yaml
err_lines 14
err_has 'conf/avro.yaml:5:17: a: avro needs schema: a file, or registry: a URL'
err_has 'conf/avro.yaml:6:33: a: avro.schema: '
err_has '/conf/wrong.avsc: avro schema: .fields[0].type: there is no type "duble"'
err_has '/conf/default.avsc: avro schema: the default of the field c: avro: expected int, found a string'
err_has 'conf/avro.yaml:9:33: a: schema: cannot read '
err_has 'conf/avro.yaml:10:35: a: avro.registry: expected http://host:port or https://host:port'
err_has 'conf/avro.yaml:10:55: a: avro.subject is for encode'
err_has 'conf/avro.yaml:11:17: a: avro: to encode needs schema: a file, beside registry:'
err_has 'conf/avro.yaml:11:35: a: avro.registry: who logs in stands in user and password, or token'
err_has 'conf/avro.yaml:12:52: a: avro.token needs a registry'
err_has 'conf/avro.yaml:13:53: a: avro: user and password belong together'
err_has 'conf/avro.yaml:14:76: a: avro.subject: record needs a schema that has a name'
err_has 'conf/avro.yaml:15:25: a: avro has no option "shema"; did you mean "schema"?'
err_has 'a: avro: there is no topic to name the subject after, because an answer has none'
err_has 'b: avro: there is no topic to name the subject after, because the address of the first target'

# On a terminal each mistake shows its line and a caret under it.
if command -v script >/dev/null; then
    script -qec "$natsway check bad.yaml" /dev/null >out 2>err </dev/null
    tr -d '\r' <out >plain
    printf '        from: {nats: x, qeue: q}\n                        ^\n' >wanted
    grep -qF "$(head -n 1 wanted)" plain || fail "no line on a terminal"
    grep -qxF "$(tail -n 1 wanted)" plain || fail "no caret on a terminal"
fi
cat >writer.yaml <<'END'
dead_letter: "dlq.{{route}}"
routes:
  one: {from: {nats: a, queue: q}, to: {jetstream: b, only_writer: true}}
  two:
    lanes: 2
    from: {nats: a, queue: q}
    to: {jetstream: b, only_writer: true}
END
run 1 check writer.yaml
err_has 'writer.yaml:7:24: two: only_writer: the route has 2 lanes, and each of them writes: lanes must be 1'
err_lines 1

# Too little memory for so many lanes: how much it takes.
cat >small.yaml <<'END'
name: small
memory: 5MiB
dead_letter: "dlq.{{route}}"
routes:
  copy:
    from: {jetstream: "a.>"}
    to: {jetstream: "b.>"}
    lanes: 3
END
run 0 check small.yaml
err_has 'small.yaml:2:9: warning: memory: 5MiB has no room for a message of 1MiB from each of 3 lanes: that takes 6MiB'
sed -i 's/5MiB/6MiB/' small.yaml
run 0 check small.yaml
err_lines 0

# The mistakes of a route are found at once, those of its templates behind a wrong address too; which
# wildcards that has nobody can tell.
cat >address.yaml <<'END'
dead_letter: "dlq.{{route}}"
connections: {mqtt: {url: "mqtt://127.0.0.1"}, http: {listen: "127.0.0.1:8080"}}
routes:
  a: {from: {mqtt: "a/#/b"}, to: {jetstream: "x.{{wildcard(2)}}.{{foo}}"}}
  b: {from: {http: "POST a/{c}"}, to: {jetstream: "x.{{param('d')}}.{{topic}}"}}
  c: {from: {nats: "a..b"}, to: {mqtt: "x/{{wildcard(4)}}/+"}}
END
run 1 check address.yaml
err_has 'address.yaml:4:20: a: # can only be the last level'
err_has 'a: jetstream: unknown name "foo"'
err_has 'address.yaml:5:20: b: expected a path that begins with "/"'
err_has "b: jetstream: the route's source has no topic"
err_has 'address.yaml:6:20: c: the subject has an empty token'
err_has 'c: mqtt: the MQTT topic must not have a wildcard'
err_lines 6

finish
