# SPDX-License-Identifier: Apache-2.0
# Each example of the guide is a whole file whose tests pass. What stands in a block with a file's
# name (```json event.avsc) is that file.
. "$(dirname "$0")/cli.sh"

awk '/^```[a-z]+ [a-z.]+$/ { name = $2; next } /^```$/ { name = "" } name != "" { print > name }' \
    "$sources/docs/guide/mapping.md"
awk '/^```yaml$/ { n++; inside = 1; next } /^```$/ { inside = 0 } inside { print > ("example-" n ".yaml") }' \
    "$sources/docs/guide/mapping.md"
[ "$(ls example-*.yaml | wc -l)" -ge 8 ] || fail "the guide has too few examples"
for example in example-*.yaml; do
    run 0 test "$example"
    out_has ', 0 failed'
    ! grep -q '^0 tests' out || fail "$example has no tests"
done
finish
