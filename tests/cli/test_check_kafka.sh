# SPDX-License-Identifier: Apache-2.0
# What `check` says of transactions to Kafka.
. "$(dirname "$0")/cli.sh"

"$natsway" connectors 2>/dev/null | grep -q '^kafka' || { echo "built without kafka"; exit 0; }

cat >good.yaml <<'END'
dead_letter: "dlq.{{route}}"
connections: {kafka: {brokers: "127.0.0.1:9092"}}
routes:
  fixed:
    from: {jetstream: "a.>"}
    to: {kafka: orders, transactional: true, transaction_time: 50ms, transaction_messages: 500}
  template:
    from: {jetstream: "a.>"}
    map: [{set: {key: "{{token(2)}}"}}]
    to: {kafka: "{{token(1)}}", transactional: true, position_topic: positions}
END
run 0 check good.yaml
out_has '2 routes'
err_lines 0

cat >bad.yaml <<'END'
dead_letter: "dlq.{{route}}"
connections: {kafka: {brokers: "127.0.0.1:9092", properties: {transactional.id: x}}}
routes:
  source:
    from: {nats: "a.>"}
    to: {kafka: orders, transactional: true}
  lanes:
    lanes: 2
    from: {jetstream: "a.>"}
    to: {kafka: orders, transactional: true}
  two:
    from: {jetstream: "a.>"}
    to: [{kafka: orders, transactional: true}, {kafka: others, transactional: true}]
  parts:
    from: {jetstream: "a.>"}
    map: [{split: .items}, {set: {timestamp: "{{json('.at')}}"}}]
    to: {kafka: orders, transactional: true}
  template:
    from: {jetstream: "a.>"}
    to: {kafka: "{{token(1)}}", transactional: true}
END
run 1 check bad.yaml
err_has 'bad.yaml:2:81: properties.transactional.id: transactional.id cannot be set: use `transactional` of the sink'
err_has 'bad.yaml:6:25: source: transactional: the position that goes into the transaction is one in a stream: from: jetstream, not '
err_has 'bad.yaml:10:25: lanes: transactional: the route has 2 lanes, and one position in the stream: lanes must be 1'
err_has 'bad.yaml:13:64: two: transactional: another target of the route is; one can be'
err_has 'bad.yaml:16:12: parts: split: the target is transactional'
err_has 'bad.yaml:16:35: parts: set.timestamp: the target is transactional'
err_has 'bad.yaml:20:48: template: transactional: where the topic is a template'

finish
