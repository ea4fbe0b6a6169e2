#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# demo.sh BUILD_FOLDER [--stay]: starts NATS, an MQTT broker, a Kafka cluster and natsway with
# tour.yaml, sends messages through every route with the usual clients, and checks what comes out.
# Everything is on free loopback ports and in one temporary folder, which goes at the end.
set -u
export PATH="$PATH:/usr/sbin:/sbin"
here=$(cd "$(dirname "$0")" && pwd)
build=$(cd "${1:?"demo.sh BUILD_FOLDER [--stay]"}" && pwd)/bin
stay=no
case "${2:-}" in
--stay) stay=yes ;;
"") ;;
*)
    echo "demo: there is no option $2; there is --stay" >&2
    exit 2
    ;;
esac

dir=$(mktemp -d "${TMPDIR:-/tmp}/natsway-demo.XXXXXX") || exit 1
pids=""
bad=0
lines=3 # messages through each route

clean_up() {
    trap '' INT TERM HUP
    # natsway first: it confirms what it holds.
    for pid in $pids; do
        kill "$pid" 2>/dev/null
        wait "$pid" 2>/dev/null
    done
    rm -rf "$dir"
}
trap clean_up EXIT
trap 'exit 130' INT TERM HUP

# start NAME COMMAND...: in the background, ended before those started earlier.
start() {
    name=$1
    shift
    "$@" >"$dir/$name.out" 2>"$dir/$name.err" </dev/null &
    pids="$! $pids"
    last=$!
}

# wait_for WHAT COMMAND...: until it succeeds, 20 s at most.
wait_for() {
    what=$1
    shift
    for _ in $(seq 200); do
        "$@" >/dev/null 2>&1 && return 0
        sleep 0.1
    done
    echo "demo: $what does not come up; its log says:" >&2
    tail -n 5 "$dir"/*.err >&2
    exit 1
}

# ---- the servers ----

set -- $("$build/tour_nats" ports 4)
nats_port=$1 mqtt_port=$2 http_port=$3 admin_port=$4
export NATS_URL="nats://127.0.0.1:$nats_port"
export TOUR_NATS="$NATS_URL" TOUR_MQTT="mqtt://127.0.0.1:$mqtt_port" TOUR_DIR="$dir"
export TOUR_HTTP="127.0.0.1:$http_port" TOUR_ADMIN="127.0.0.1:$admin_port"
admin="http://$TOUR_ADMIN"

start nats "${NATS_SERVER:-nats-server}" -a 127.0.0.1 -p "$nats_port" -js -sd "$dir/jetstream"
printf 'listener %s 127.0.0.1\nallow_anonymous true\n' "$mqtt_port" >"$dir/mosquitto.conf"
start mosquitto "${MOSQUITTO:-mosquitto}" -c "$dir/mosquitto.conf"
start kafka "$build/tour_kafka" orders shipments
wait_for "NATS" "$build/tour_nats" stream TOUR "tour.>"
wait_for "Kafka" grep -q : "$dir/kafka.out"
wait_for "MQTT" mosquitto_pub -p "$mqtt_port" -t tour/hello -m hello
TOUR_KAFKA=$(cat "$dir/kafka.out")
export TOUR_KAFKA

# ---- natsway, and a NATS service that knows prices ----

start prices "$build/tour_nats" answer price.lookup
: >"$dir/in.log"
start natsway "$build/natsway" run "$here/tour.yaml" --state-dir "$dir/state"
natsway=$last
wait_for "natsway" curl -sf "$admin/readyz"

# ---- what goes in ----

# For each flow, in NAME.in and NAME.got: one line "address<TAB>payload" for each message.
tab=$(printf '\t')
numbers=$(seq "$lines")

mosquitto_sub -p "$mqtt_port" -i tour-reader -c -q 1 -t 'alarms/#' -E # makes the session
for n in $numbers; do
    echo "k$n$tab{\"order\":$n}" >>"$dir/orders.in"
    echo "plant/$n/temperature$tab{\"celsius\":2$n}" >>"$dir/telemetry.in"
    echo "POST /hooks/repo$n$tab{\"push\":$n}" >>"$dir/webhook.in"
    echo "in.log${tab}line $n" >>"$dir/log.in"
    echo "tour.shipments.s$n$tab{\"parcel\":$n}" >>"$dir/shipments.in"
    echo "tour.alarms.hall$n$tab{\"smoke\":$n}" >>"$dir/alarms.in"
    echo "tour.audit$tab{\"who\":$n}" >>"$dir/audit.in"
    echo "erp.price$tab{\"sku\":\"bolt$n\"}" >>"$dir/price.in"
done

kcat -q -P -b "$TOUR_KAFKA" -t orders -K "$tab" -l "$dir/orders.in"
while IFS="$tab" read -r address payload; do
    mosquitto_pub -p "$mqtt_port" -q 1 -t "$address" -m "$payload"
done <"$dir/telemetry.in"
mosquitto_pub -p "$mqtt_port" -q 1 -t plant/9/temperature -m 'not JSON' # a poisoned message
while IFS="$tab" read -r address payload; do
    curl -sS -o /dev/null -f "http://$TOUR_HTTP${address#POST }" -d "$payload" \
        -H 'Content-Type: application/json' || bad=1
done <"$dir/webhook.in"
cut -f 2 "$dir/log.in" >>"$dir/in.log"
for flow in shipments alarms audit; do
    while IFS="$tab" read -r address payload; do
        echo "$payload" | "$build/tour_nats" put "$address"
    done <"$dir/$flow.in"
done
while IFS="$tab" read -r address payload; do
    printf 'answer\t%s\n' "$("$build/tour_nats" request "$address" "$payload")"
done <"$dir/price.in" >"$dir/price.got"

# ---- what came out ----

"$build/tour_nats" take 'tour.orders.*' "$lines" >"$dir/orders.got"
"$build/tour_nats" take 'tour.plant.*.temperature' "$lines" >"$dir/telemetry.got"
"$build/tour_nats" take 'tour.hooks.*' "$lines" >"$dir/webhook.got"
"$build/tour_nats" take 'tour.log' "$lines" >"$dir/log.got"
"$build/tour_nats" take 'tour.dead.*' 1 >"$dir/dead.got"
timeout 20 kcat -q -C -b "$TOUR_KAFKA" -t shipments -o beginning -c "$lines" \
    -f 'shipments %k\t%s\n' >"$dir/shipments.got"
timeout 20 mosquitto_sub -p "$mqtt_port" -i tour-reader -c -q 1 -t 'alarms/#' -C "$lines" \
    -F '%t\t%p' >"$dir/alarms.got"
wait_for "the audit file" test "$(wc -l <"$dir/in.log")" -eq "$lines"
have_audit() {
    [ "$(cat "$dir/audit.jsonl" 2>/dev/null | wc -l)" -ge "$lines" ]
}
wait_for "the audit file" have_audit
sed "s/^/audit.jsonl$tab/" "$dir/audit.jsonl" >"$dir/audit.got"

for n in $numbers; do
    echo "tour.orders.k$n$tab{\"order\":$n}" >>"$dir/orders.want"
    echo "tour.plant.$n.temperature$tab{\"t\":2$n}" >>"$dir/telemetry.want"
    echo "tour.hooks.repo$n$tab{\"push\":$n}" >>"$dir/webhook.want"
    echo "tour.log${tab}line $n" >>"$dir/log.want"
    echo "shipments s$n$tab{\"parcel\":$n}" >>"$dir/shipments.want"
    echo "alarms/hall$n$tab{\"smoke\":$n}" >>"$dir/alarms.want"
    echo "audit.jsonl$tab{\"who\":$n}" >>"$dir/audit.want"
    echo "answer$tab{\"sku\":\"bolt$n\",\"price\":9.5}" >>"$dir/price.want"
done
printf 'plant/9/temperature\tnot JSON\n' >"$dir/dead.in"
printf 'tour.dead.telemetry\tnot JSON\n' >"$dir/dead.want"

# ---- side by side ----

# show FLOW FROM TO
show() {
    echo
    echo "$2 → $3"
    if cmp -s "$dir/$1.want" "$dir/$1.got"; then
        mark="ok "
    else
        mark="BAD"
        bad=1
    fi
    paste "$dir/$1.in" "$dir/$1.got" | while IFS="$tab" read -r from was to is; do
        printf '  %s %-22s %-18s →  %-24s %s\n' "$mark" "$from" "$was" "$to" "$is"
    done
}
show orders "Kafka" "JetStream (the key becomes a level of the subject)"
show telemetry "MQTT" "JetStream (reshaped)"
show webhook "HTTP" "JetStream (answered when it is stored)"
show log "a file" "JetStream"
show shipments "JetStream" "Kafka"
show alarms "JetStream" "MQTT"
show audit "JetStream" "a file"
show price "NATS request" "HTTP → NATS request → the answer, all the way back"
show dead "MQTT, not what the route can map" "its dead letters"

# ---- the ledger ----

echo
printf '%-12s %9s %9s %9s %9s %9s %9s\n' route received delivered filtered dead dropped in-flight
curl -s "$admin/api/routes" | sed 's/{"name":/\n&/g' | sed -n \
    's/^{"name":"\([^"]*\)".*"received":\([0-9]*\),"delivered":\([0-9]*\),"filtered":\([0-9]*\),"dead_lettered":\([0-9]*\),"dropped":\([0-9]*\),"in_flight":\([0-9]*\).*/\1 \2 \3 \4 \5 \6 \7/p' |
    while read -r name received delivered filtered dead dropped flying; do
        printf '%-12s %9s %9s %9s %9s %9s %9s\n' "$name" "$received" "$delivered" "$filtered" \
            "$dead" "$dropped" "$flying"
        [ "$received" -eq $((delivered + filtered + dead + dropped + flying)) ] ||
            echo "$name" >>"$dir/mismatch"
    done
[ ! -e "$dir/mismatch" ] || bad=1

echo
if [ "$bad" -ne 0 ]; then
    echo "Not everything crossed: see the lines marked BAD. natsway said:"
    tail -n 20 "$dir/natsway.err"
fi
if [ "$stay" = yes ]; then
    cat <<END
It keeps running; Ctrl-C ends it.
  NATS     $NATS_URL
  Kafka    $TOUR_KAFKA
  MQTT     127.0.0.1:$mqtt_port
  HTTP     http://$TOUR_HTTP/hooks/NAME
  file     echo hello >>$dir/in.log
  admin    $admin/api/routes $admin/metrics $admin/readyz
  log      $dir/natsway.err
END
    trap 'exit $bad' INT TERM HUP
    wait "$natsway"
    bad=1
    echo "natsway ended by itself:"
    tail -n 20 "$dir/natsway.err"
    exit 1
fi
if [ "$bad" -ne 0 ]; then
    exit 1
fi
echo "All crossed: $(cat "$dir"/*.got | wc -l) messages in both directions, and every ledger adds up."
