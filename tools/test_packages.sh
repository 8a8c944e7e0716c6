#!/bin/sh
# Makes the Debian packages in Debian 12 and Debian 13, without a network, shows them to lintian, installs them into a clean
# system of each release, uses them, and removes them without a trace. Makes a container image of those for Debian 13, too.
#
#     tools/test_packages.sh [bookworm] [trixie]
#
# The packages stay in build-packages/RELEASE. Ends with one line: N passed, N failed[, N skipped].
set -eu
cd "$(dirname "$0")/.."
. tools/debian.sh
want_root "$@"
version=$(sed -n "s/^  version: '\(.*\)',$/\1/p" meson.build)
results=build-packages/results
mkdir -p build-packages
: >$results

# Keeps what a program says, as TAP; what failed is shown at the end.
tap() {
    "$@" >build-packages/tap || true
    grep -q '^1\.\.' build-packages/tap || echo "not ok - $2 ended before its tests did" >>build-packages/tap
    cat build-packages/tap >>$results
    grep -v '^#' build-packages/tap || true
}

[ $# != 0 ] || set -- bookworm trixie
for release in "$@"; do
    echo "== $release"
    find_debian "packages-$release" "$release" 'build deb' ca-certificates,ccache,mount
    in_debian 'unshare --net tools/make_deb.sh "$1"' "build-packages/$release"
    find_debian "clean-$release" "$release" '' ca-certificates,mount
    tap /usr/bin/python3 tests/packaging/test_packages.py "build-packages/$release" "$root" "$version"
    if [ "$release" = trixie ]; then tap /usr/bin/python3 tests/packaging/test_image.py "build-packages/$release" "$root"; fi
done
echo "# end" >>$results
python3 tests/system/count.py $results
