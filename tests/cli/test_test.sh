# SPDX-License-Identifier: Apache-2.0
# `test`: a line for each test, what differs under it, and 1 if one failed.
. "$(dirname "$0")/cli.sh"

for example in "$sources"/examples/*/*.yaml; do
    run 0 test "$example"
    out_has ', 0 failed'
done

cat >routes.yaml <<'END'
routes:
  rows:
    from: {nats: "in.*"}
    map:
      - split: ".[]"
      - filter: ".ok != false"
      - reject: "bad {{json('.id')}}"
        when: ".id == 3"
      - set: {key: "{{json('.id')}}", headers: {Id: "{{json('.id')}}"}}
    to: {jetstream: "out.{{wildcard(1)}}.{{key}}"}
  fan:
    from: {nats: fan}
    to:
      - {jetstream: big, when: ".n > 10"}
      - {nats: small, otherwise: true}
  web:
    from: {http: "GET /things/{id}"}
    map: [{payload: "{id: $meta.param.id, q: $meta.query.q, at: $meta.timestamp}"}]
    to: {nats: things, request: 2s}
connections: {http: {listen: "127.0.0.1:0"}}
END

cat >good.yaml <<'END'
tests:
  - route: rows
    name: parts
    message: {address: in.a, payload: [{id: 1}, {id: 2, ok: false}, {id: 3}, {id: 4, v: 1.50}]}
    expect:
      - {to: jetstream, address: out.a.1, payload: {id: 1}, key: "1", headers: {Id: "1", Gone: null}}
      - rejected: bad 3
      - {address: out.a.4, payload: {id: 4}, match: subset}
  - {route: rows, message: {address: in.a, payload: []}, expect: {filtered: true}}
  - {route: rows, message: {address: in.a, payload: "17"}, expect: {rejected: Cannot iterate}}
  - {route: fan, message: {payload: {n: 11}}, expect: {address: big, key: null}}
  - {route: fan, message: {payload: '{"n": 3}'}, expect: {address: small, payload: '{"n": 3}'}}
  - {route: fan, message: {payload: {n: 3.0}}, expect: {address: small, payload: '{"n":3.0}'}}
  - route: web
    message: {address: "/things/7?q=x%20y", meta: {timestamp: "2026-01-01T00:00:00Z"}}
    expect: {payload: {id: "7", q: "x y", at: "2026-01-01T00:00:00Z"}}
END
run 0 test routes.yaml good.yaml
out_has 'ok   rows: parts (good.yaml:2:5)'
out_has '7 tests, 0 failed'
err_lines 0

cat >wrong.yaml <<'END'
tests:
  - {route: rows, message: {address: in.a, payload: [{id: 1}]}, expect: {address: out.b.1, payload: {id: 2}, headers: {Id: [x, y]}}}
  - {route: rows, message: {address: in.a, payload: []}, expect: {address: out.a.1}}
  - {route: rows, message: {address: in.a, payload: [{id: 1}, {id: 4}]}, expect: {address: out.a.1}}
  - {route: rows, message: {address: in.a, payload: [{id: 3}]}, expect: {rejected: good}}
  - {route: rows, message: {address: elsewhere, payload: []}, expect: {filtered: true}}
  - {route: rows, message: {payload: []}, expect: {filtered: true}}
  - {route: rows, message: {address: in.a, payload: [], meta: {sequenze: 1}}, expect: {filtered: true}}
END
run 1 test routes.yaml wrong.yaml --junit junit.xml
out_is 'FAIL rows (wrong.yaml:2:5)
    address
      expected: "out.b.1"
      found:    "out.a.1"
    header Id
      expected: "x", "y"
      found:    "1"
    payload
      expected: {"id":2}
      found:    {"id":1}
FAIL rows (wrong.yaml:3:5)
    what comes out
      expected: a message
      found:    {"filtered":"step 1"}
FAIL rows (wrong.yaml:4:5)
    1 thing is expected, and 2 came out:
      {"to":"jetstream","address":"out.a.1","key":"1","headers":{"Id":["1"]},"payload":{"id":1}}
      {"to":"jetstream","address":"out.a.4","key":"4","headers":{"Id":["4"]},"payload":{"id":4}}
FAIL rows (wrong.yaml:5:5)
    what comes out
      expected: that it is rejected with "good"
      found:    {"rejected":"bad 3"}
FAIL rows (wrong.yaml:6:5)
    message.address elsewhere cannot come from this route'"'"'s source, in.*
FAIL rows (wrong.yaml:7:5)
    the source'"'"'s address in.* has wildcards: say message.address
FAIL rows (wrong.yaml:8:5)
    message.meta: there is no "sequenze"; did you mean "sequence"? there are id, timestamp, partition, offset, sequence, qos, retained, line, status, stream, method, remote, param.NAME and query.NAME
7 tests, 7 failed'
grep -q '<testsuite name="natsway" tests="7" failures="7">' junit.xml || fail "no JUnit"
grep -q 'expected: &#34;out.b.1&#34;' junit.xml || fail "no failure in JUnit"

cat >bad.yaml <<'END'
tests:
  - {route: rovs, message: {adress: x}, expect: {payload: 1, filtered: true}}
  - {route: rows, message: [], expect: {match: some}}
  - {message: {headers: {A: {b: c}}}, expect: {filtered: no}}
  - rows
END
run 1 check routes.yaml bad.yaml
err_is 'bad.yaml:2:13: there is no route "rovs"; did you mean "rows"?
bad.yaml:2:29: message has no "adress"; did you mean "address"? it has address, key, headers, payload, meta
bad.yaml:2:49: expect: nothing is sent where a message is filtered, so nothing stands beside it
bad.yaml:3:28: message: expected a message, or several, found an empty list
bad.yaml:3:48: expect.match: expected exact or subset, found "some"
bad.yaml:4:5: a test needs route:
bad.yaml:4:29: A: expected a text, found a mapping
bad.yaml:4:58: expect.filtered: expected true, found "no"
bad.yaml:5:5: tests: expected {route: …, message: …, expect: …}, found "rows"'
run 1 test routes.yaml bad.yaml
run 2 test

# What differs looks different: bytes in quotes, and what is not there.
cat >same.yaml <<'END'
routes: {raw: {from: {nats: a}, to: {nats: b}}}
tests:
  - {route: raw, message: {payload: "null"}, expect: {payload: null}}
  - {route: raw, message: {payload: {a: 1}}, expect: {payload: '{"a": 1}'}}
  - {route: raw, message: {address: a}, expect: {payload: ""}}
END
run 1 test same.yaml
out_is 'FAIL raw (same.yaml:3:5)
    payload
      expected: none
      found:    "null"
FAIL raw (same.yaml:4:5)
    payload
      expected: "{\"a\": 1}"
      found:    "{\"a\":1}"
FAIL raw (same.yaml:5:5)
    payload
      expected: ""
      found:    none
3 tests, 3 failed'
finish
