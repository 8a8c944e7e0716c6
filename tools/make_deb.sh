#!/bin/sh
# Builds the Debian packages of this checkout for the system that it runs on, and shows them to lintian.
#
#     tools/make_deb.sh OUTPUT
#
# Uses no network. Fails when lintian finds an error.
set -eu
cd "$(dirname "$0")/.."
mkdir -p "$1"
output=$(cd "$1" && pwd)
source=$output/wrenn
trap 'rm -rf "$source"' EXIT
trap 'exit 1' INT TERM HUP

rm -rf "$source" "$output"/*.deb "$output"/*.changes "$output"/*.buildinfo
mkdir "$source"
tar -c --exclude=./.git --exclude='./build*' --exclude=__pycache__ . | tar -x -C "$source"
if ! (cd "$source" && dpkg-buildpackage --build=binary --unsigned-source --unsigned-changes) >"$output/log" 2>&1; then
    tail -n 60 "$output/log" >&2
    echo "make_deb: building the packages failed, see above and $output/log" >&2
    exit 1
fi
ls "$output"/*.deb
lintian --allow-root --fail-on error --tag-display-limit 0 "$output"/*.changes
