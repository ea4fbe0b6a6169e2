#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# promises.sh SOURCES: every test that a page of promises names is there, under its suite.
set -u
sources=$1
failures=0
for page in docs/guide/delivery.md docs/cases.md; do
    names=$(grep -o '`[a-z_][a-z_]*/[a-z0-9_]*`' "$sources/$page" | tr -d '`' | sort -u)
    [ "$(echo "$names" | wc -l)" -ge 30 ] || { echo "$page: fewer tests are named than there were"; exit 1; }
    for name in $names; do
        suite=${name%%/*}
        grep -rqE "Test\($suite, ${name#*/}[,)]" "$sources/tests/integration" "$sources/tests/unit" || {
            echo "$page names $name, which is no test"
            failures=$((failures + 1))
        }
    done
done
exit "$failures"
