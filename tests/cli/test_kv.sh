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
  g: {from: {kv: "or.ders/x"}, to: {nats: g}}
  h: {from: {kv: "orders/"}, to: {nats: g}}
  i: {from: {kv: "orders/a.>.b"}, to: {nats: g}}
  j: {from: {kv: "orders/a b"}, to: {nats: g}}
  k: {from: {kv: "orders/a*"}, to: {nats: g}}
  l: {from: {kv: orders, durable: a.b}, to: {nats: g}}
  m: {from: {kv: orders, deliver: new}, to: {nats: g}}
  n: {from: {kv: "orders/a"}, to: {nats: "x.{{wildcard(1)}}"}}
END
run 1 check bad.yaml
err_has 'bad.yaml:2:37: a: "or.ders" cannot be the name of a bucket: letters, digits, - and _'
err_has 'bad.yaml:3:37: b: expected bucket/key, found "orders"'
err_has 'bad.yaml:4:37: c: the key ".x": the subject has an empty token'
err_has 'bad.yaml:5:46: d: kv: the KV key must not contain "*"'
err_has "bad.yaml:6:47: e: kv: the route's source has no topic"
err_has 'bad.yaml:8:18: g: "or.ders" cannot be the name of a bucket: letters, digits, - and _'
err_has 'bad.yaml:9:18: h: the key is empty: it is bucket/key'
err_has 'bad.yaml:10:18: i: the key "a.>.b": ">" must be the last token'
err_has 'bad.yaml:11:18: j: the key "a b": the subject has a blank or a control character'
err_has 'bad.yaml:12:18: k: the key "a*" is not letters, digits and - _ / = .'
err_has 'l: durable: "a.b" cannot be the name of a durable'
err_has 'm: kv has no option "deliver"; it has history, durable, ack_wait'
err_has 'n: nats: '
err_has 'f: kv has no option "only_writer"; it has message_id'

cat >good.yaml <<'END'
connections: {kafka: {brokers: "127.0.0.1:9092"}}
routes:
  put: {from: {nats: "in.*"}, to: {kv: "orders/{{wildcard(1)}}.{{key}}"}}
  table: {from: {kafka: t, group: g}, to: {kv: "t/{{key}}"}}
  watch: {from: {kv: "orders/*.state"}, to: {nats: "out.{{wildcard(1)}}.{{key}}.{{sequence}}"}}
  all: {from: {kv: orders, history: true}, to: {kv: "copy/{{subject}}"}}
  one: {from: {kv: "orders/one"}, to: {nats: "out.{{subject}}"}}
  loop: {from: {kv: loop}, to: {kv: "loop/{{subject}}"}}
  rename: {from: {nats: "x.*"}, to: {kv: "orders/{{wildcard(1)}}"}, map: [{set: {subject: "other/{{wildcard(1)}}"}}]}
END
if "$natsway" connectors | grep -q "^kafka "; then
    run 0 check good.yaml
fi
sed -i '/kafka/d' good.yaml
run 0 check good.yaml
err_has 'loop: warning: the route takes what it sends'
err_has 'rename: warning: there is no dead_letter'
printf '{"n":1}' >in
run 0 try good.yaml put --address in.a --key "k.1"
out_is '{"to":"kv","address":"orders/a.k=2E1","key":"k.1","headers":{},"payload":{"n":1}}'
run 0 try good.yaml rename --address x.b
out_has '"address":"other/b"'
run 0 try good.yaml watch --address 7.state
out_is '{"to":"nats","address":"out.7.7%2Estate.0","key":"7.state","headers":{},"payload":{"n":1}}'
run 0 try good.yaml one
out_has '"address":"out.one","key":"one"'
run 0 try good.yaml all --address a.b=2Ec/d
out_has '"address":"copy/a.b=3D2Ec/d"'
run 2 try good.yaml watch
err_has "the source's address *.state has wildcards: say --address"
run 1 try good.yaml watch --address other
err_has 'other cannot come from this route'
cat >tested.yaml <<'END'
routes:
  one:
    from: {kv: "orders/*"}
    to: {nats: "out.{{key}}"}
tests:
  - name: key
    route: one
    message: {address: a, payload: {n: 1}}
    expect: {address: out.a, payload: {n: 1}, key: a}
END
run 0 test tested.yaml
finish
