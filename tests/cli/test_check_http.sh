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
err_has 'verify.hmac.header is missing: the header with the signature'
err_has 'verify.hmac.secret is missing: what the sender signs with'
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

cat >respond.yaml <<'END'
dead_letter: dlq
connections:
  http: {listen: "127.0.0.1:8080"}
routes:
  a: {from: {http: "GET /a", respond: accepted}, to: {nats: x, request: 1s}}
  b: {from: {http: "GET /b", respond: {status: 201}}, to: {nats: x, request: 1s}}
  c: {from: {http: "GET /c"}, to: {nats: x, request: 1s}, spool: {max_size: 1MiB}}
  d: {from: {http: "POST /d", respond: acepted}, to: {jetstream: x}}
  e: {from: {http: "POST /e", respond: {status: 204, body: x}}, to: {jetstream: x}}
  f: {from: {http: "POST /f", respond: {body: "{{key}}"}}, to: {jetstream: x}}
  g: {from: {http: "POST /g", respond: {headers: {Connection: x}}}, to: {jetstream: x}}
  h: {from: {http: "POST /h", respond: [accepted]}, to: {jetstream: x}}
END
run 1 check respond.yaml
err_has 'respond.yaml:5:64: a: respond: accepted cannot be with request:, whose answer is the response'
err_has 'respond.yaml:6:69: b: respond: says what is answered, and so does request:'
err_has 'respond.yaml:7:45: c: spool: cannot be with request:'
err_has 'd: respond: expected delivered or accepted, found "acepted"; did you mean "accepted"?'
err_has 'e: respond.status: a response with this status has no body'
err_has 'respond.yaml:10:'
err_has 'g: respond.headers.Connection: this header cannot be set'
err_has 'h: respond: expected a text or a mapping'
err_lines 8

cat >responds.yaml <<'END'
dead_letter: dlq
connections:
  http: {listen: "127.0.0.1:8080"}
defaults: {spool: {max_size: 2MiB}}
routes:
  a: {from: {http: "POST /a", respond: accepted}, to: {jetstream: x}}
  b: {from: {http: "POST /b", respond: {status: 201, headers: {X: "{{param('n')}}"}, body: "{{json('.id')}}"}}, to: {jetstream: x}}
  c: {from: {http: "POST /c/{n}", respond: {when: accepted, headers: {X: "{{param('n')}}"}}}, to: {jetstream: x}}
  d: {from: {http: "POST /d", respond: delivered}, to: {jetstream: x}, spool: {sync: none, full: drop_oldest, max_age: 1h}}
  e: {from: {http: "GET /e"}, to: {nats: x, request: 1s}}
END
sed -i "s|X: \"{{param('n')}}\"}, body|X: y}, body|" responds.yaml
run 0 check responds.yaml

cat >unused.yaml <<'END'
dead_letter: dlq
routes:
  a: {from: {nats: a}, to: {jetstream: x}, spool: {max_size: 1MiB}}
END
run 0 check unused.yaml
err_has 'unused.yaml:3:44: a: warning: spool: has no effect: what nats holds waits there, not in a spool'
finish
