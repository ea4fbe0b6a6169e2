# SPDX-License-Identifier: Apache-2.0
# Installed under any prefix: the program finds its connectors, a connector finds the header.
. "$(dirname "$0")/cli.sh"
build=$(dirname "$(dirname "$natsway")")

cmake --install "$build" --prefix "$dir/usr" >"$dir/log" 2>&1 || {
    cat "$dir/log"
    exit 1
}
natsway=$dir/usr/bin/natsway
run 0 connectors
if [ -e "$build/connectors/file.so" ]; then
    out_has "$dir/usr/lib"
fi
cp -r "$dir/usr" "$dir/moved"
natsway=$dir/moved/bin/natsway
run 0 docs file

pc=$(find "$dir/usr" -name natsway.pc)
shown="pkg-config"
PKG_CONFIG_PATH=$(dirname "$pc") pkg-config --cflags natsway >"$dir/out" 2>"$dir/err"
code=$?
[ "$code" -eq 0 ] || fail "natsway.pc cannot be read"
echo '#include <natsway/connector.h>' >"$dir/a.c"
cc -fsyntax-only $(cat "$dir/out") "$dir/a.c" || fail "the header is not where natsway.pc says"
for file in README.md reference/configuration.md examples/tour.yaml; do
    find "$dir/usr/share/doc" -path "*/$file" | grep -q . || fail "$file is not installed"
done
finish
