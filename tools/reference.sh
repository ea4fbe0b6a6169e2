#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# reference.sh [BUILD_FOLDER]: writes docs/reference out of what the program says of itself.
set -eu
cd "$(dirname "$0")/.."
natsway=${1:-build/release}/bin/natsway
mkdir -p docs/reference
"$natsway" docs | sed '/^## Connectors$/,$d' >docs/reference/configuration.md
for name in nats jetstream kv kafka mqtt http file; do
    "$natsway" docs "$name" >docs/reference/$name.md
done
