# SPDX-License-Identifier: Apache-2.0
# contract_header.sh SOURCES CC [CXX]: natsway/connector.h is C11, can be included from C++, needs
# nothing else of ours, and stays under 400 lines.
header=$1/core/include/natsway/connector.h
dir=$(mktemp -d) || exit 1
trap 'rm -rf "$dir"' EXIT
bad=0

lines=$(wc -l <"$header")
if [ "$lines" -ge 400 ]; then
    echo "$header has $lines lines; under 400 is the promise"
    bad=1
fi
printf '#include <natsway/connector.h>\nint main(void) { return NW_ABI_VERSION == 0; }\n' >"$dir/a.c"
cp "$dir/a.c" "$dir/a.cc"
cp -r "$1/core/include" "$dir/include"
"$2" -std=c11 -pedantic -Wall -Wextra -Werror -I "$dir/include" -fsyntax-only "$dir/a.c" || bad=1
if [ -x "${3:-}" ]; then
    "$3" -std=c++11 -Wall -Wextra -Werror -I "$dir/include" -fsyntax-only "$dir/a.cc" || bad=1
fi
exit "$bad"
