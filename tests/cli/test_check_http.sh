# SPDX-License-Identifier: Apache-2.0
# `check` of what the http connector itself finds wrong with `verify:`.
. "$(dirname "$0")/cli.sh"
"$natsway" connectors | grep -q '^http ' || exit 0 # built without it

cat >bad.yaml <<'END'
dead_letter: dlq
connections:
  http: {listen: "127.0.0.1:8080"}
routes:
  a: {from: {http: "POST /a", verify: {github: ""}}, to: {jetstream: x}}
  b: {from: {http: "POST /b", verify: {hmac: {secret: s}}}, to: {jetstream: x}}
  c: {from: {http: "POST /c", verify: {hmac: {header: S}}}, to: {jetstream: x}}
  d: {from: {http: "POST /d", verify: {hmac: {secret: s, header: S, signed: "{time}.{body}"}}}, to: {jetstream: x}}
  e: {from: {http: "POST /e", verify: {hmac: {secret: s, header: S, signed: "{id}"}}}, to: {jetstream: x}}
  f: {from: {http: "POST /f", verify: {hmac: {secret: s, header: S, timestamp: T}}}, to: {jetstream: x}}
  g: {from: {http: "POST /g", verify: {githup: s}}, to: {jetstream: x}}
END
run 1 check bad.yaml
err_has 'bad.yaml:5:'
err_has ': a: verify.github: an empty secret is none'
err_has 'header: is missing'
err_has 'secret: is missing'
err_has 'expected {body}, {timestamp} or {id}, found "{time}"'
err_has '{id} needs the name of its header'
err_has 'without {body} the body may be anything'
err_has 'without {timestamp} the time may be anything'
err_has 'did you mean "github"?'
err_lines 8

cat >good.yaml <<'END'
dead_letter: dlq
connections:
  http: {listen: "127.0.0.1:8080"}
routes:
  a:
    from:
      http: "POST /a"
      verify:
        hmac: {secret: [new, old], algorithm: sha256, header: X-Signature, prefix: "sha256=", encoding: hex,
               signed: "{timestamp}.{body}", timestamp: X-Timestamp, window: 5m, id: X-Delivery}
    to: {jetstream: x}
END
run 0 check good.yaml

cat >slow.yaml <<'END'
connections:
  http: {listen: "127.0.0.1:8080"}
routes:
  a: {from: {http: "GET /a", timeout: 5s}, to: {nats: slow, request: 8s}}
  b: {from: {http: "GET /b"}, to: {nats: slow, request: 8s}}
  c: {from: {nats: c, reply: true, timeout: 5s}, to: {http: "GET http://x", timeout: 20s}}
END
run 0 check slow.yaml
err_is "slow.yaml:4:61: a: warning: request: 8s is longer than the source's timeout, 5s: whoever asked waits no longer than that
slow.yaml:6:77: c: warning: timeout: 20s is longer than the source's timeout, 5s: whoever asked waits no longer than that"
finish
