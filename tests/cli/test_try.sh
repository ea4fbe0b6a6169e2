# SPDX-License-Identifier: Apache-2.0
# `try`: what a route makes of a message, without any server.
. "$(dirname "$0")/cli.sh"

cat >t.yaml <<'END'
name: bridge
routes:
  plain:
    from: {nats: "in"}
    to: {nats: "out"}
  wild:
    from: {nats: "old.*.>"}
    to: {nats: "new.{{wildcard(1)}}.{{wildcard(2)}}"}
  shaped:
    from: {nats: "in"}
    map:
      - filter: ".celsius > -40"
      - payload: "{t: .celsius, at: $meta.timestamp}"
      - set: {key: "{{json('.t')}}", headers: {Made-By: "{{bridge}}/{{route}}", Gone: null}}
    to: {jetstream: "out.{{key}}"}
  refused:
    from: {nats: "in"}
    map: [{reject: "not on {{subject}}"}]
    to: {nats: "out"}
  empty:
    from: {nats: "in"}
    map: [{payload: "{got: .}"}]
    to: {nats: "out"}
  many:
    from: {nats: "in"}
    to:
      - {nats: "high", when: '.n > 10'}
      - {nats: "even", when: '.n % 2 == 0'}
      - {nats: "rest", otherwise: true}
  choosy:
    from: {nats: "in"}
    to: [{nats: "high", when: '.n > 10'}]
  lacking:
    from: {nats: "in"}
    to: {nats: "out.{{header('X-Tenant')}}"}
  ids:
    from: {jetstream: "in", stream: S}
    to: {nats: "out.{{id}}.{{sequence}}"}
  parts:
    from: {nats: "in"}
    map: [{split: ".[]"}, {set: {key: "{{id}}"}}, {payload: $meta.id}]
    to: {nats: "out.{{id}}"}
END

printf '{"a": [1, 2.50],\n "b": 12345678901234567890}' >in
run 0 try t.yaml plain
out_is '{"to":"nats","address":"out","key":null,"headers":{},"payload":{"a":[1,2.50],"b":12345678901234567890}}'
printf 'just text' >in
run 0 try t.yaml plain --key k --header 'X: one' --header 'Y:two' --header 'x: three'
out_is '{"to":"nats","address":"out","key":"k","headers":{"X":["one","three"],"Y":["two"]},"payload":"just text"}'
printf '\377\376' >in
run 0 try t.yaml plain
out_is '{"to":"nats","address":"out","key":null,"headers":{},"payload_base64":"//4="}'
printf '' >in
run 0 try t.yaml plain
out_has '"payload":""'

# The address: the pattern's, unless it has wildcards.
run 2 try t.yaml wild
err_has 'has wildcards: say --address'
run 1 try t.yaml wild --address other.a.b
err_has 'cannot come from this route'
for address in old.a..b 'old.a.b c' 'old.a.>'; do
    run 1 try t.yaml wild --address "$address"
    err_has 'cannot come from this route'
done
out_is ''
run 0 try t.yaml wild --address old.a.b.c
out_has '"address":"new.a.b.c"'

# Steps.
printf '{"celsius":21}' >in
run 0 try t.yaml shaped --meta timestamp=2026-01-01T00:00:00Z --header 'Gone: x' --header 'Kept: y'
out_is '{"to":"jetstream","address":"out.21","key":"21","headers":{"Kept":["y"],"Made-By":["bridge/shaped"]},"payload":{"t":21,"at":"2026-01-01T00:00:00Z"}}'
printf '{"celsius":-50}' >in
run 0 try t.yaml shaped
out_is '{"filtered":"step 1"}'
printf 'no json' >in
run 1 try t.yaml shaped
out_has '{"rejected":"step 1 (filter): not JSON: '
grep -q 'no json' "$dir/out" && fail "shows the payload in an error"
run 1 try t.yaml refused
out_is '{"rejected":"not on in"}'

printf '' >in
run 0 try t.yaml empty
out_has '"payload":{"got":null}'

# Targets.
printf '{"n":12}' >in
run 0 try t.yaml many
out_is '{"to":"nats","address":"high","key":null,"headers":{},"payload":{"n":12}}
{"to":"nats","address":"even","key":null,"headers":{},"payload":{"n":12}}'
printf '{"n":3}' >in
run 0 try t.yaml many
out_is '{"to":"nats","address":"rest","key":null,"headers":{},"payload":{"n":3}}'
run 0 try t.yaml choosy
out_has '{"filtered":"'
run 1 try t.yaml lacking
out_has '{"rejected":"'
out_has 'X-Tenant'
run 0 try t.yaml lacking --header 'X-Tenant: a.b'
out_has '"address":"out.a%2Eb"'

# What the source knows.
run 0 try t.yaml ids
out_has '"address":"out.try-1.0"'
run 0 try t.yaml ids --meta id=order-7 --meta sequence=12
out_has '"address":"out.order-7.12"'
printf '[1,2]' >in
run 0 try t.yaml parts
out_is '{"to":"nats","address":"out.try-1|parts%2E0%2E0","key":"try-1|parts.0.0","headers":{},"payload":"try-1|parts.0.0"}
{"to":"nats","address":"out.try-1|parts%2E0%2E1","key":"try-1|parts.0.1","headers":{},"payload":"try-1|parts.0.1"}'
run 2 try t.yaml ids --meta sequenze=1
err_has 'did you mean "sequence"?'
run 2 try t.yaml ids --meta sequence=x
err_has 'wants a number'
run 2 try t.yaml ids --meta timestamp=yesterday
err_has '--meta timestamp'
run 2 try t.yaml ids --meta nothing
err_has '--meta wants name=value'
run 2 try t.yaml ids --header nothing
err_has "--header wants 'Name: value'"

run 2 try t.yaml plian
err_is 'natsway try: there is no route "plian"; did you mean "plain"?'
run 1 try nowhere.yaml plain
err_has 'nowhere.yaml'
finish
