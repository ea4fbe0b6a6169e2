#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# promises.sh SOURCES: every test that docs/guide/delivery.md names is there, under its suite.
set -u
sources=$1
failures=0
names=$(grep -o '`[a-z_]*/[a-z0-9_]*`' "$sources/docs/guide/delivery.md" | tr -d '`' | sort -u)
[ "$(echo "$names" | wc -l)" -ge 30 ] || { echo "fewer tests are named than there were"; exit 1; }
for name in $names; do
    suite=${name%%/*}
    grep -rqF "Test($suite, ${name#*/})" "$sources/tests/integration" || {
        echo "docs/guide/delivery.md names $name, which is no test"
        failures=$((failures + 1))
    }
done
exit "$failures"
