#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# bench.sh BUILD-FOLDER [FLOW]...: every flow, or those named, beside its bare limit. ROUNDS=3 and
# COUNT=200000 say how often and how much. "rules" instead of a flow: mapping rules beside libjq.
set -eu
build=$1
shift
case "$*" in
"") "$build/bin/bench_rules" ;;
rules) exec "$build/bin/bench_rules" ;;
esac
exec "$build/bin/bench" "$build/bin/bench_bare" "$@"
