#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# test_pump.sh NATSWAY CONNECTORS CONFIG: the pump notices a connector that breaks the contract. A
# build with assertions ends there; any other says so in its log and goes on.
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
        --log-level debug 2>"$dir/log" &
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
[ $failures -eq 0 ] && echo passed
exit $((failures > 0))
