#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# Puts every C source into the format of .clang-format.
set -eu
cd "$(dirname "$0")/.."
tools/sources.sh | xargs clang-format -i
