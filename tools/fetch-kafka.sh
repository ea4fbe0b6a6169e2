#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# Puts the jars of an Apache Kafka broker into a cache folder and prints its path. Fetches once for
# each version; later calls only print. For the tests, which run the broker with Java 17.
#
#   KAFKA_LIBS      a folder with the jars: nothing is fetched, its path is printed
#   KAFKA_VERSION   another version than kafka-pom.xml names
#   XDG_CACHE_HOME  where the cache is (default ~/.cache)
set -eu

tools=$(cd "$(dirname "$0")" && pwd)

if [ -n "${KAFKA_LIBS:-}" ]; then
    if ! ls "$KAFKA_LIBS"/kafka_*.jar >/dev/null 2>&1; then
        echo "fetch-kafka: there is no kafka_*.jar in KAFKA_LIBS=$KAFKA_LIBS" >&2
        exit 1
    fi
    echo "$KAFKA_LIBS"
    exit 0
fi

version=${KAFKA_VERSION:-$(sed -n 's/.*<kafka.version>\(.*\)<.*/\1/p' "$tools/kafka-pom.xml")}
libs=${XDG_CACHE_HOME:-${HOME:-/tmp}/.cache}/natsway/kafka-$version
if [ ! -e "$libs/complete" ]; then
    command -v mvn >/dev/null || {
        echo "fetch-kafka: mvn is not installed (Debian: apt-get install maven)" >&2
        exit 1
    }
    mkdir -p "$libs"
    # Two calls at once may fetch twice; each file is whole, and `complete` comes last.
    mvn -B -q -f "$tools/kafka-pom.xml" -Dkafka.version="$version" \
        dependency:copy-dependencies -DoutputDirectory="$libs" >&2
    touch "$libs/complete"
fi
echo "$libs"
