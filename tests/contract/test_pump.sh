#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# test_pump.sh NATSWAY CONNECTORS CONFIG: the pump notices a connector that breaks the contract (a
# build with assertions ends there; any other says so in its log and goes on), and breaks none itself,
# however it is stopped and changed.
set -u
natsway=$1 connectors=$2 config=$3
dir=$(mktemp -d) || exit 1
pid=""
trap '[ -z "$pid" ] || kill -9 "$pid" 2>/dev/null; rm -rf "$dir"' EXIT
failures=0

fail() {
    echo "FAILED: $*"
    cat "$dir/log"
    failures=$((failures + 1))
}

# Wait for a line in the log, as long as it may take.
wait_for() {
    i=0
    while ! grep -q -- "$1" "$dir/log"; do
        i=$((i + 1))
        [ $i -lt 600 ] || return 1
        sleep 0.1
    done
}

# route SOURCE SINK: run it until it has delivered, and stop it. The exit code is in $code.
route() {
    cat >"$dir/a.yaml" <<END
admin: off
shutdown_timeout: 1s
routes:
  a:
    from: {broken: x, how: $1}
    to: {broken: y, how: $2}
END
    : >"$dir/log"
    rm -rf "$dir/state"
    "$natsway" run "$dir/a.yaml" --connectors "$connectors" --state-dir "$dir/state" \
        --log-level debug 2>>"$dir/log" &
    pid=$!
    # An open endpoint is ready; what it does then needs no server.
    wait_for 'ready.*from=broken\|broke its contract' || fail "$1 to $2: nothing happens"
    kill -TERM $pid 2>/dev/null
    wait $pid
    code=$?
    pid=""
}

# expect SOURCE SINK TEXT
expect() {
    route "$1" "$2"
    grep -q "the connector broke its contract: $3" "$dir/log" || fail "$1 to $2: not noticed"
    if [ "$config" = Debug ]; then
        [ $code -eq 134 ] || fail "$1 to $2: exit code $code, not that of an assertion"
    fi
}

route not not
[ $code -eq 0 ] || fail "exit code $code without any breach"
! grep -q 'broke its contract' "$dir/log" || fail "a breach that is none"
expect no_credit not 'it offered messages without credit'
expect after_stop not 'it offered messages after stop()'
expect closed_twice not 'nw_closed() twice'
expect not twice 'done for a message that it does not hold'
expect not never 'nw_closed(), and 1 messages are not done'
expect not closed_twice 'nw_closed() twice'

# The pump's own part: write_strict SOURCE SINK [ADDRESS].
write_strict() {
    cat >"$dir/b.yaml" <<END
admin: off
shutdown_timeout: 1s
routes:
  a:
    from: {strict: ${3:-x}, $1}
    to: {strict: y, $2}
  b:
    from: {strict: other, $1}
    to: [{strict: y, $2}, {strict: z}]
END
}

start_strict() {
    write_strict "$1" "$2"
    : >"$dir/log"
    rm -rf "$dir/state"
    "$natsway" run "$dir/b.yaml" --connectors "$connectors" --state-dir "$dir/state" \
        --log-level debug 2>>"$dir/log" &
    pid=$!
    wait_for 'running ' || fail "strict, $1 to $2: it does not run"
}

# end_strict WHAT: it has ended by itself, and every endpoint was closed once.
end_strict() {
    wait $pid
    code=$?
    pid=""
    [ $code -eq 0 ] || fail "$1: exit code $code"
    grep -q 'strict: .* each closed once' "$dir/log" || fail "$1: not all is closed"
}

# reload ADDRESS: the first route is another one; the second goes where that is "two", and comes again.
reload() {
    write_strict "count: 100, slow: true" "slow: true" "$1"
    [ "$1" != two ] || sed -i '/^  b:/,$d' "$dir/b.yaml"
    kill -HUP $pid
}

for source in "count: 100" "count: 100, slow: true"; do
    for sink in "slow: false" "holds: true" "holds: true, slow: true"; do
        start_strict "$source" "$sink"
        kill -TERM $pid
        end_strict "$source to $sink, one signal"
        start_strict "$source" "$sink"
        kill -TERM $pid
        kill -TERM $pid 2>/dev/null # at once again: the same signal, twice
        end_strict "$source to $sink, a signal twice"
    done
done
# Routes change, go and come, with what was before still closing; and the end comes meanwhile.
start_strict "count: 100, slow: true" "slow: true"
for address in one two three; do
    : >"$dir/log"
    reload $address
    wait_for 'reloaded: ' || fail "no reload"
done
kill -TERM $pid
end_strict "three reloads"
for address in one two; do
    start_strict "count: 100, slow: true" "slow: true"
    reload $address
    wait_for 'SIGHUP: reading' || fail "no reload"
    kill -TERM $pid
    end_strict "the end in a reload, $address"
    start_strict "count: 100, slow: true" "slow: true"
    reload $address
    reload three
    kill -TERM $pid
    end_strict "the end behind two reloads, $address"
done
[ $failures -eq 0 ] && echo passed
exit $((failures > 0))
