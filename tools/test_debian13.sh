#!/bin/sh
# Builds and tests on Debian 13, whose compiler, Meson, libcurl, json-c and HTTP parser are newer than those of Debian 12.
#
#     tools/test_debian13.sh [MESON-OPTION...]
#
# Wants root, for mmdebstrap and for mounts in a namespace of its own, which end with it. The system it makes comes from
# the mirror that apt has here. It stays below ${XDG_CACHE_HOME:-~/.cache}/wrenn, and what was compiled in
# build-debian13, so that the next run is quick. Ends with one line: N passed, N failed[, N skipped].
set -eu
suites=unit,sdk,packaging,examples
cd "$(dirname "$0")/.."
checkout=$PWD cache=${XDG_CACHE_HOME:-$HOME/.cache}/wrenn

if [ "$(id -u)" != 0 ]; then
    if command -v sudo >/dev/null; then exec sudo "$checkout/tools/test_debian13.sh" "$@"; fi
    echo "test_debian13: making and entering another system needs root: run it as root, or get sudo" >&2
    exit 1
fi

make_root() (
    tools/install-deps.sh debian13
    new=$(mktemp -d "$cache/new-XXXXXX")
    trap 'rm -rf --one-file-system "$new"' EXIT
    trap 'exit 1' INT TERM HUP
    mirror=$(apt-get indextargets --format '$(REPO_URI)' 'Created-By: Packages' 'Label: Debian' | head -n 1)
    echo "test_debian13: making $root" >&2
    if ! mmdebstrap --variant=apt --include=ca-certificates,ccache,mount \
        --customize-hook='copy-in tools/install-deps.sh /' \
        --customize-hook='chroot "$1" /install-deps.sh build library' \
        trixie "$new/root" $mirror >"$new/log" 2>&1; then
        cat "$new/log" >&2
        echo "test_debian13: mmdebstrap made no Debian 13 from ${mirror:-its own mirror}, see above" >&2
        exit 1
    fi
    rm -rf --one-file-system "$cache"/debian13-*
    mv "$new/root" "$root"
)

# Kept until what is installed there, or how, is changed. The lock is for others who make one, or replace it.
mkdir -p "$cache/ccache" build-debian13
how=$(cat tools/install-deps.sh && sed -n '/^make_root/,/^)/p' tools/test_debian13.sh)
root=$cache/debian13-$(echo "$how" | sha256sum | cut -c -16)
exec 9>"$cache/lock"
flock 9
[ -d "$root" ] || make_root
flock -s 9

# In there: read-only, but for /tmp, the checkout and the cache of the compiler.
enter='
root=$1 checkout=$2 cache=$3 suites=$4
shift 4
mount --bind "$root" "$root"
mount -t proc proc "$root/proc"
mount --rbind /dev "$root/dev"
mount --rbind /sys "$root/sys"
mount --rbind /run "$root/run" # where all wrennds of a machine agree on user ids
mount -t tmpfs -o mode=1777 tmpfs "$root/tmp"
mkdir "$root/tmp/ccache"
mount --bind "$checkout" "$root/srv"
mount --bind "$cache/ccache" "$root/tmp/ccache"
mount -o remount,ro,bind "$root"
cd "$root"
pivot_root . mnt
umount -l /mnt
cd /srv
export HOME=/tmp CCACHE_DIR=/tmp/ccache
python3 tools/configure.py build-debian13 "$@"
python3 tools/run_tests.py "build-debian13:$suites" || exit
'
unshare --mount --propagation private --pid --fork --kill-child \
    sh -euc "$enter" sh "$root" "$checkout" "$cache" "$suites" "$@" &
trap "kill -KILL $!" INT TERM HUP # unshare by itself would wait
wait $!
