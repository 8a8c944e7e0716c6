#!/bin/sh
# Builds and tests on Debian 13, whose compiler, Meson, libcurl, json-c, HTTP parser and libslirp are newer than those of
# Debian 12.
#
#     tools/test_debian13.sh [MESON-OPTION...]
#
# What was compiled stays in build-debian13. Ends with one line: N passed, N failed[, N skipped].
set -eu
cd "$(dirname "$0")/.."
. tools/debian.sh
want_root "$@"
mkdir -p build-debian13
find_debian debian13 trixie 'build library' ca-certificates,ccache,curl,iproute2,mount,python3-pip
in_debian '
python3 tools/configure.py build-debian13 "$@"
python3 tools/run_tests.py build-debian13:unit,sdk,packaging,examples,gate || exit
' "$@"
