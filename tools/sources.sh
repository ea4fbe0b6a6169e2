#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# Prints the names of all C sources and headers, one in a line.
cd "$(dirname "$0")/.." || exit 1
find core connectors mappings examples tests cmake -name '*.[ch]' | LC_ALL=C sort
