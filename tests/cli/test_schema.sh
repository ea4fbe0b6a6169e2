# SPDX-License-Identifier: Apache-2.0
# `schema`: an independent validator takes all examples by it, and refuses what `check` refuses too.
. "$(dirname "$0")/cli.sh"
checker="$sources/tests/cli/schema.py"

python=""
for candidate in python3 /usr/bin/python3; do
    if "$candidate" -c 'import jsonschema, yaml' 2>/dev/null; then
        python=$candidate
        break
    fi
done
if [ -z "$python" ]; then
    shown="schema"
    fail "python3-jsonschema and python3-yaml are missing: tools/install-dependencies.sh --tests"
    finish
fi

run 0 schema
err_lines 0
mv out schema.json
: >out

awk '/^```yaml$/ { n++; inside = "guide-" n ".yaml"; next } /^```csv / { inside = $2; next }
     /^```$/ { inside = "" } inside != "" { print > inside }' \
    "$sources/docs/guide/mapping.md"
cat >good.yaml <<'END'
name: plant-1
instance: i
nats: {url: ["nats://127.0.0.1:4222", "nats://127.0.0.1:4223"], user: u, password: "${P}"}
connections:
  kafka: {brokers: ["127.0.0.1:9092"], properties: {linger.ms: 5}}
  plant: {type: mqtt, url: "mqtt://127.0.0.1:1883", version: 5, keep_alive: 30s}
  http:  {listen: "127.0.0.1:8080"}
admin: {listen: "127.0.0.1:8223"}
dead_letter: "dlq.{{route}}"
defaults: {lanes: 2, on_error: {backoff: 100ms..30s, retries: -1}}
memory: 64MiB
log: {level: debug}
include: []
routes:
  orders:
    from: {kafka: orders, group: natsway, start: {since: 2h}}
    map:
      - {decode: {csv: {delimiter: ";", types: {n: integer}}}}
      - {decode: {avro: {schema: s.avsc}}}
      - {encode: {avro: {schema: s.avsc, registry: "http://r", subject: record, register: false, tls: {ca: c}}}}
      - {split: ".[]", when: "true"}
      - {set: {key: null, headers: {A: 1}}}
      - {remove: [X-*]}
      - {check: {required: id, types: {id: string, x: null, y: "${T:-array}"}}}
      - {drop: true, when: .a}
      - {dedupe: {id: "{{json('.id')}}", window: 2m, max_entries: 1000}}
      - {lookup: {file: codes.csv, key: .code, into: .name, missing: {value: {a: 1}}}}
      - {lookup: {kv: b, key: .code, into: .name, missing: keep}, when: .b}
    to: {jetstream: "legacy.orders.{{key}}", stream: {name: LEGACY, subjects: ["legacy.>"], max_age: 24h}}
    spool: {max_size: 1GiB, full: hold}
    on_error: {retries: 10, then: drop}
  alarms:
    from: {jetstream: "alarms.>", deliver: {sequence: 7}}
    to:
      - {mqtt: "alarms/{{wildcard(1)}}", connection: plant, qos: "${QOS:-1}"}
      - {kv: "alarms/{{wildcard(1)}}", when: .kept, message_id: "{{id}}"}
      - {kafka: alarms, key: "{{token(2)}}", otherwise: true}
  watch: {from: {kv: "bucket/a.*", history: true, durable: d, ack_wait: 5s}, to: {nats: a}}
  call:
    from: {nats: erp.price, queue: bridge, reply: true}
    reply: [{payload: .price}]
    to: {http: "GET https://erp.example/price/{{json('.sku')}}", timeout: 2s}
END
"$python" "$checker" schema.json good good.yaml guide-*.yaml "$sources"/examples/*/*.yaml >said 2>&1 ||
    fail "a good file is refused: $(cat said)"

# What `check` takes, too, is written in more ways than one.
taken=0
taken() {
    taken=$((taken + 1))
    printf '%s\n' "$1" >"taken-$taken.yaml"
    run 0 check "taken-$taken.yaml"
}
taken 'routes: {a: {from: {nats: a}, map: [{decode: {csv: }}, {decode: {json: {}}}, {encode: {cbor: }}], to: {nats: b}}}'
taken 'routes: {a: {from: {nats: a}, map: [{check: {types: {a: null, b: "null"}}}], to: {nats: b}}}'
taken 'routes: {a: {from: {nats: a}, to: [{nats: b, when: .a, otherwise: false}, {nats: c, otherwise: "true"}]}}'
taken 'defaults:
connections:
tests:
templates:
use:
routes: {a: {from: {nats: a}, to: {nats: b}}}'
taken 'templates: {t: {with: {a: 1}, from: {nats: a}, to: {nats: b}}}
routes: {a: {use: t, with: }}
use: {t: {b: , c: {a: 2}}}'
taken 'templates: {t: {with: {a: , b: , c: }, from: $(a), map: $(b), to: [{nats: x}, $(c)]}}
use: {t: {r: {a: {nats: y}, b: [{filter: .a}], c: {nats: z}}}}'
"$python" "$checker" schema.json good taken-*.yaml >said 2>&1 ||
    fail "what check takes is refused: $(cat said)"

# bad TEXT: a whole file that must be refused, by `check` as well.
bad=0
bad() {
    bad=$((bad + 1))
    printf '%s\n' "$1" >"bad-$bad.yaml"
    run 1 check "bad-$bad.yaml"
}
bad 'routs: {}'
bad 'routes: {a: {from: {nats: a}}}'
bad 'routes: {a: {from: {nats: a, qeue: q}, to: {nats: b}}}'
bad 'routes: {a: {from: {natz: a}, to: {nats: b}}}'
bad 'routes: {a: {from: {nats: a}, to: {nats: b}, lanes: 0}}'
bad 'routes: {a: {from: {nats: a}, to: {nats: b}, lanes: many}}'
bad 'routes: {a: {from: {nats: a}, to: {nats: b}, order: sometimes}}'
bad 'routes: {a: {from: {nats: a}, map: [{explode: .a}], to: {nats: b}}}'
bad 'routes: {a: {from: {nats: a}, map: [{decode: yaml}], to: {nats: b}}}'
bad 'routes: {a: {from: {nats: a}, to: {nats: b}, enabled: perhaps}}'
bad 'routes: {a: {from: {nats: a}, to: {nats: b}, map_timeout: soon}}'
bad 'routes: {a: {from: {nats: a}, to: {nats: b}}}
connections: {kafka: {user: a, password: b}}'
bad 'routes: {a: {from: {nats: a}, to: {nats: b}}}
connections: {mqtt: {url: "mqtt://127.0.0.1", will: {payload: gone}}}'
bad 'routes: {a: {from: {nats: a}, to: {nats: b}}}
connections: {http: {listen: ":8080", tls: {cert: a.pem}}}'
bad 'routes: {a: {from: {http: "POST /a", verify: {hmac: {header: X-Signature}}}, to: {nats: b}}}
connections: {http: {listen: ":8080"}}'
bad 'routes: {a: {from: {http: "GET http://127.0.0.1/a"}, to: {nats: b}}}'
bad 'routes: {a: {from: {nats: a}, to: {kv: b/c, only_writer: true}}}'
bad 'routes: {a: {from: {nats: a}, to: {jetstream: b, stream: {subjects: b}}}}'
bad 'routes: {a: {from: {nats: a}, to: {nats: b}}}
connections: {kafka: {brokres: "127.0.0.1:9092"}}'
bad 'routes: {a: {from: {nats: a}, to: {nats: b}}}
tests: [{route: a, message: {adress: x}, expect: {filtered: true}}]'
bad 'routes: {a: {from: {nats: a}, map: [{decode: avro}], to: {nats: b}}}'
bad 'routes: {a: {from: {nats: a}, map: [{decode: {avro: {user: a, password: b}}}], to: {nats: b}}}'
bad 'routes: {a: {from: {nats: a}, map: [{decode: {avro: {registry: "http://a", shema: b}}}], to: {nats: b}}}'
bad 'routes: {a: {from: {nats: a}, to: {nats: b}}}
admin: {lisen: x}'
bad 'routes: {a: {from: {nats: a}, map: {filter: .a}, to: {nats: b}}}'
bad 'routes: {a: {from: {nats: a}, map: [{dedupe: {window: 2m}}], to: {nats: b}}}'
bad 'routes: {a: {from: {nats: a}, map: [{dedupe: {id: "{{id}}", windw: 2m}}], to: {nats: b}}}'
bad 'routes: {a: {from: {nats: a}, map: [{lookup: {kv: b, key: .a}}], to: {nats: b}}}'
bad 'routes: {a: {from: {nats: a}, map: [{lookup: {key: .a, into: .b}}], to: {nats: b}}}'
bad 'routes: {a: {from: {nats: a}, map: [{lookup: {kv: b, key: .a, into: .b, missing: ignore}}], to: {nats: b}}}'
bad 'routes: {a: {from: {nats: a}, map: [{check: {types: {a: foo}}}], to: {nats: b}}}'
bad 'routes: {a: {from: {nats: a}, map: [{decode: {csv: {types: {a: int}}}}], to: {nats: b}}}'
bad 'routes: {a: {from: {nats: a}, map: [{decode: {csv: {types: {a: null}}}}], to: {nats: b}}}'
bad 'routes: {a: {from: {nats: a}, map: [{filter: .a, payload: .b}], to: {nats: b}}}'
bad 'routes: {a: {from: {nats: a}, map: [{when: .a}], to: {nats: b}}}'
bad 'routes: {a: {from: {nats: a}, map: [{}], to: {nats: b}}}'
bad 'routes: {a: {from: {nats: a}, map: [{decode: {json: {a: b}}}], to: {nats: b}}}'
bad 'routes: {a: {from: {nats: a}, map: [{decode: {json: , csv: }}], to: {nats: b}}}'
bad 'routes: {a: {from: {nats: a}, to: [{nats: b, when: .a, otherwise: true}, {nats: c}]}}'
bad 'routes: {a: {with: {b: 1}, from: {nats: a}, to: {nats: b}}}'
"$python" "$checker" schema.json bad bad-*.yaml >said 2>&1 || fail "a bad file is taken: $(cat said)"
finish
