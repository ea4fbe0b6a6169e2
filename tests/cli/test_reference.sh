# SPDX-License-Identifier: Apache-2.0
# docs/reference is what the program says today; tools/reference.sh writes it anew.
. "$(dirname "$0")/cli.sh"

run 0 docs
sed '/^## Connectors$/,$d' out >got
shown="docs"
diff -u "$sources/docs/reference/configuration.md" got || fail "docs/reference/configuration.md is old: run tools/reference.sh"
for name in nats jetstream kv kafka mqtt http file; do
    if "$natsway" connectors | grep -q "^$name "; then
        run 0 docs "$name"
        diff -u "$sources/docs/reference/$name.md" out || fail "docs/reference/$name.md is old: run tools/reference.sh"
    fi
done
run 2 docs kafca
err_has 'there is no connector "kafca"'
finish
