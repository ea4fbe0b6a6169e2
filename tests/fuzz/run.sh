#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# run.sh BUILD_FOLDER SECONDS [NAME...]: each fuzzer for so long, beginning with its corpus. What it
# finds is left in BUILD_FOLDER/fuzz. Exit 1 if one found something.
set -u
build=${1:?"run.sh BUILD_FOLDER SECONDS"}
seconds=${2:?"run.sh BUILD_FOLDER SECONDS"}
shift 2
here=$(dirname "$0")
bad=0
export UBSAN_OPTIONS=halt_on_error=1:print_stacktrace=1

for source in "$here"/fuzz_*.c; do
    name=$(basename "$source" .c)
    name=${name#fuzz_}
    case " ${*:-$name} " in *" $name "*) ;; *) continue ;; esac
    mkdir -p "$build/fuzz/$name"
    echo "fuzz $name: $seconds s"
    if ! "$build/bin/fuzz_$name" -max_total_time="$seconds" -timeout=60 -rss_limit_mb=2048 \
        -malloc_limit_mb=1024 -print_final_stats=1 -artifact_prefix="$build/fuzz/$name-" \
        "$build/fuzz/$name" "$here/corpus/$name" >"$build/fuzz/$name.log" 2>&1; then
        bad=1
        tail -n 40 "$build/fuzz/$name.log"
    fi
    sed -n 's/^stat::number_of_executed_units: */  inputs: /p' "$build/fuzz/$name.log"
done
exit "$bad"
