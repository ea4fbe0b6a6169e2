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

# Each word of jq that is refused is named there, and refused.
words=$(sed -n '/what reaches out of it in jq is refused/,/end holds up nobody/p' "$sources/docs/guide/mapping.md" |
    grep -o '`[^` ]*`' | tr -d '`' | grep -v -e '^\.$' -e map_timeout)
[ "$(echo "$words" | wc -l)" -eq 14 ] || fail "the guide names other words: $words"
for word in $words; do
    printf "routes: {r: {from: {nats: a}, map: [{filter: '%s'}], to: {nats: b}}}\n" "$word" >refused.yaml
    run 1 check refused.yaml
    err_has "\"${word#\$}\" is not allowed in a rule"
done
for word in $(sed -n '/char \*const refused\[\]/,/;/p' "$sources/mappings/program_text.c" | grep -o '"[a-z_]*"' |
    tr -d '"'); do
    echo "$words" | grep -qx "$word" || fail "the guide does not say that $word is refused"
done
finish
