#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# valgrind.sh BUILD: one run of each flow under valgrind. Prints what it finds: memory that was not
# set, used after its end or lost. Takes some minutes.
set -u
build=$1
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
failures=0

cat >"$work/under" <<END
#!/bin/sh
exec valgrind --quiet --leak-check=full --show-leak-kinds=definite --errors-for-leak-kinds=definite \\
    --num-callers=24 --log-file="$work/found.%p" "\$@"
END
chmod +x "$work/under"

flow() {
    name=$2
    echo "== $name"
    NATSWAY_TEST_VALGRIND="$work/under" timeout 600 "$build/bin/integration_$1" --filter "$name" >"$work/out" 2>&1 || {
        tail -20 "$work/out"
        failures=$((failures + 1))
    }
    for found in "$work"/found.*; do
        [ -s "$found" ] || continue
        cat "$found"
        failures=$((failures + 1))
    done
    rm -f "$work"/found.*
}

flow hub_flow hub_flow/from_a_stream_to_another
flow hub_flow hub_flow/from_a_subject_to_a_stream
flow hub_request hub_request/is_answered_by_the_service_behind
flow file_in file_in/one_file_that_grows
flow file_out file_out/lines_in_order
flow file_whole file_whole/moved_when_delivered
flow http_source http_source/a_request_is_answered_when_it_is_stored
flow http_sink http_sink/every_message_arrives_in_order
flow http_request http_request/a_caller_gets_the_nats_answer
flow mqtt_in mqtt_in/version_5_qos_1
flow mqtt_out mqtt_out/version_5_qos_1
flow kafka kafka/to_jetstream_with_all_that_a_message_has
flow kafka kafka/through_jetstream_to_kafka_nothing_is_changed
[ "$failures" -eq 0 ] && echo "== nothing found"
exit "$failures"
