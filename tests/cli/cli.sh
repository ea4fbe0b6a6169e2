# SPDX-License-Identifier: Apache-2.0
# What the tests of the command line share; read with "." by a script that was called with
# NATSWAY MODULES SOURCES. Each run is in an empty folder that goes at the end.
natsway=$1
modules=$2
sources=$3
dir=$(mktemp -d) || exit 1
trap 'rm -rf "$dir"' EXIT
cd "$dir" || exit 1
export XDG_STATE_HOME="$dir/state"
failures=0

# fail TEXT: the last run, and what was expected of it.
fail() {
    failures=$((failures + 1))
    echo "FAILED: natsway $shown: $1"
    echo "  exit $code"
    sed 's/^/  out: /' "$dir/out"
    sed 's/^/  err: /' "$dir/err"
}

# run CODE ARGUMENT...: natsway, which must exit with CODE. Its standard input is $dir/in if there.
run() {
    wanted=$1
    shift
    shown=$*
    if [ -e "$dir/in" ]; then
        "$natsway" "$@" <"$dir/in" >"$dir/out" 2>"$dir/err"
    else
        "$natsway" "$@" </dev/null >"$dir/out" 2>"$dir/err"
    fi
    code=$?
    [ "$code" -eq "$wanted" ] || fail "the exit code should be $wanted"
}

# Exactly these lines, or a line that has this.
out_is() {
    [ "$(cat "$dir/out")" = "$1" ] || fail "should print: $1"
}
err_is() {
    [ "$(cat "$dir/err")" = "$1" ] || fail "should say: $1"
}
out_has() {
    grep -qF -e "$1" "$dir/out" || fail "should print something with: $1"
}
err_has() {
    grep -qF -e "$1" "$dir/err" || fail "should say something with: $1"
}
err_lines() {
    [ "$(wc -l <"$dir/err")" -eq "$1" ] || fail "should say $1 lines"
}

# The last command of each test.
finish() {
    if [ "$failures" -ne 0 ]; then
        echo "$failures failed"
        exit 1
    fi
    exit 0
}
