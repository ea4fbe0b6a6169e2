#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# lint.sh BUILD_FOLDER: checks format, licence lines, scripts, and the sources with clang-tidy. All
# is checked before it ends; exit 1 if anything was found.
set -u
cd "$(dirname "$0")/.." || exit 1
build=${1:?"lint.sh BUILD_FOLDER"}
bad=0

echo "clang-format"
tools/sources.sh | xargs clang-format --dry-run -Werror || bad=1

echo "first lines"
for file in $(tools/sources.sh); do
    IFS= read -r first <"$file"
    if [ "$first" != "/* SPDX-License-Identifier: Apache-2.0 */" ]; then
        echo "$file:1: the first line is not the licence line"
        bad=1
    fi
done

echo "scripts"
for file in run .ci/run $(find tools examples tests -name '*.sh'); do
    sh -n "$file" || bad=1
done

# Only what the build compiles has flags to check it with; some are gcc's own.
echo "clang-tidy"
sed -n 's/^ *"file": "\(.*\)",\{0,1\}$/\1/p' "$build/compile_commands.json" | LC_ALL=C sort -u |
    grep -v '/generated/' |
    xargs -P "${JOBS:-$(nproc)}" -n 8 clang-tidy -p "$build" --quiet --warnings-as-errors='*' \
        --extra-arg=-Wno-unknown-warning-option \
        2>/dev/null || bad=1

[ "$bad" -eq 0 ] && echo "lint: nothing found"
exit "$bad"
