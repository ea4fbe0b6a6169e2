#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# bench.sh BUILD-FOLDER [FLOW]...: every flow, or those named, beside its bare limit.
# ROUNDS=3 and COUNT=200000 say how often and how much.
set -eu
build=$1
shift
exec "$build/bin/bench" "$build/bin/bench_bare" "$@"
