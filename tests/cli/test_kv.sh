# SPDX-License-Identifier: Apache-2.0
# The connector kv on the command line: what check finds and try shows.
. "$(dirname "$0")/cli.sh"

cat >bad.yaml <<'END'
routes:
  a: {from: {nats: "a.*"}, to: {kv: "or.ders/x"}}
  b: {from: {nats: "b.*"}, to: {kv: "orders"}}
  c: {from: {nats: "c.*"}, to: {kv: "orders/.x"}}
  d: {from: {nats: "d.*"}, to: {kv: "orders/a*"}}
  e: {from: {nats: "e.*"}, to: {kv: "orders/{{topic}}"}}
  f: {from: {nats: "f.*"}, to: {kv: "orders/x", only_writer: true}}
END
run 1 check bad.yaml
err_has 'bad.yaml:2:37: a: "or.ders" cannot be the name of a bucket: letters, digits, - and _'
err_has 'bad.yaml:3:37: b: expected bucket/key, found "orders"'
err_has 'bad.yaml:4:37: c: the key ".x": the subject has an empty token'
err_has 'bad.yaml:5:46: d: kv: the KV key must not contain "*"'
err_has "bad.yaml:6:47: e: kv: the route's source has no topic"
err_has 'f: kv has no option "only_writer"; it has message_id'

cat >good.yaml <<'END'
connections: {kafka: {brokers: "127.0.0.1:9092"}}
routes:
  put: {from: {nats: "in.*"}, to: {kv: "orders/{{wildcard(1)}}.{{key}}"}}
  table: {from: {kafka: t, group: g}, to: {kv: "t/{{key}}"}}
  rename: {from: {nats: "x.*"}, to: {kv: "orders/{{wildcard(1)}}"}, map: [{set: {subject: "other/{{wildcard(1)}}"}}]}
END
if "$natsway" connectors | grep -q "^kafka "; then
    run 0 check good.yaml
fi
sed -i '/kafka/d' good.yaml
run 0 check good.yaml
printf '{"n":1}' >in
run 0 try good.yaml put --address in.a --key "k.1"
out_is '{"to":"kv","address":"orders/a.k=2E1","key":"k.1","headers":{},"payload":{"n":1}}'
run 0 try good.yaml rename --address x.b
out_has '"address":"other/b"'
finish
