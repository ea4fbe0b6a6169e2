#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# Installs what natsway needs on Debian 12: nothing when all is there, and never without saying what.
# As root, or with sudo. On a system without dpkg it only names the packages.
#
#   tools/install-dependencies.sh            to build natsway and to run the demo
#   tools/install-dependencies.sh --build    only to build it
#   tools/install-dependencies.sh --tests    the test suite too: Criterion, Java 17 and Maven
#   tools/install-dependencies.sh --lint     clang-format and clang-tidy too
#   tools/install-dependencies.sh --fuzz     to build the fuzzers
#   tools/install-dependencies.sh --valgrind the test suite and valgrind
#
# NATS_SERVER, MOSQUITTO and KAFKA_LIBS name servers of your own; theirs are not installed then.
set -eu

build="gcc libc6-dev cmake ninja-build pkg-config libnats-dev libyaml-dev libjq-dev libsqlite3-dev
    libmicrohttpd-dev librdkafka-dev libpaho-mqtt-dev libcurl4-openssl-dev libssl-dev
    zlib1g-dev libexpat1-dev libmsgpack-dev libcbor-dev libonig-dev"
demo="mosquitto-clients kcat curl"
[ -n "${NATS_SERVER:-}" ] || demo="$demo nats-server"
[ -n "${MOSQUITTO:-}" ] || demo="$demo mosquitto"
tests="libcriterion-dev openjdk-17-jre-headless openssl python3-jsonschema python3-yaml"
[ -n "${KAFKA_LIBS:-}" ] || tests="$tests maven"
lint="clang clang-format clang-tidy git"
fuzz="clang libclang-rt-dev"

wanted="$build"
case "${1:-}" in
--build) ;;
"") wanted="$wanted $demo" ;;
--tests) wanted="$wanted $demo $tests" ;;
--lint) wanted="$wanted $tests $lint" ;;
--fuzz) wanted="$wanted $fuzz" ;;
--valgrind) wanted="$wanted $demo $tests valgrind" ;;
*)
    sed -n '3,14s/^# \{0,1\}//p' "$0" >&2
    exit 2
    ;;
esac

if ! command -v dpkg-query >/dev/null || ! command -v apt-get >/dev/null; then
    echo "This is not a Debian. natsway needs what Debian calls:" $wanted >&2
    exit 0
fi

missing=""
for package in $wanted; do
    status=$(dpkg-query -W -f '${Status}' "$package" 2>/dev/null || true)
    [ "$status" = "install ok installed" ] || missing="$missing $package"
done
[ -n "$missing" ] || exit 0

echo "Installing with apt-get:$missing" >&2
as_root=""
if [ "$(id -u)" -ne 0 ]; then
    if ! command -v sudo >/dev/null; then
        echo "That needs root. As root: apt-get install --no-install-recommends$missing" >&2
        exit 1
    fi
    as_root="sudo"
fi
export DEBIAN_FRONTEND=noninteractive
# The tests and the demo start servers of their own: a package that is new here starts none.
policy=/usr/sbin/policy-rc.d
made_policy=""
if [ ! -e "$policy" ] && printf '#!/bin/sh\nexit 101\n' | $as_root tee "$policy" >/dev/null; then
    made_policy=yes
    $as_root chmod +x "$policy"
fi
rc=0
{ $as_root apt-get update -q && $as_root env DEBIAN_FRONTEND=noninteractive \
    apt-get install -q -y --no-install-recommends $missing; } >&2 || rc=$?
[ -z "$made_policy" ] || $as_root rm -f "$policy"
if [ "$rc" -ne 0 ]; then
    echo "apt-get could not install:$missing" >&2
    exit 1
fi
