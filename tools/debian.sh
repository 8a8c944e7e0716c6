# Debian systems for tests, to be sourced by scripts in this directory after `cd` to the checkout. They want root, for
# mmdebstrap and for mounts in a namespace of their own, which end with it.
#
# The systems come from the mirror that apt has here. They stay below ${XDG_CACHE_HOME:-~/.cache}/wrenn, so that the next
# run is quick.
script=$(basename "$0" .sh) checkout=$PWD cache=${XDG_CACHE_HOME:-$HOME/.cache}/wrenn

want_root() {
    if [ "$(id -u)" = 0 ]; then return; fi
    if command -v sudo >/dev/null; then exec sudo "$checkout/tools/$script.sh" "$@"; fi
    echo "$script: making and entering another system needs root: run it as root, or get sudo" >&2
    exit 1
}

make_debian() (
    tools/install-deps.sh debian
    new=$(mktemp -d "$cache/new-XXXXXX")
    trap 'rm -rf --one-file-system "$new"' EXIT
    trap 'exit 1' INT TERM HUP
    mirror=$(apt-get indextargets --format '$(REPO_URI)' 'Created-By: Packages' 'Label: Debian' | head -n 1)
    echo "$script: making $root" >&2
    if ! mmdebstrap --variant=apt --include="$4" \
        --customize-hook='copy-in tools/install-deps.sh /' \
        --customize-hook="[ -z '$3' ] || chroot \"\$1\" /install-deps.sh $3" \
        "$2" "$new/root" $mirror >"$new/log" 2>&1; then
        cat "$new/log" >&2
        echo "$script: mmdebstrap made no $2 from ${mirror:-its own mirror}, see above" >&2
        exit 1
    fi
    rm -rf --one-file-system "$cache/$1"-*
    mv "$new/root" "$root"
)

# find_debian NAME RELEASE SETS PACKAGES: sets $root to a system of that release with those packages and sets of
# tools/install-deps.sh. It is kept until what is installed there, or how, is changed. The lock is for others who make one, or
# replace it.
find_debian() {
    mkdir -p "$cache/ccache"
    root=$cache/$1-$(echo "$@" | cat - tools/install-deps.sh tools/debian.sh | sha256sum | cut -c -16)
    exec 9>"$cache/lock"
    flock 9
    [ -d "$root" ] || make_debian "$@"
    flock -s 9
}

# in_debian SCRIPT [ARG...]: runs lines of shell in it, at the checkout. It is read-only, but for /tmp, the checkout and
# the cache of the compiler.
in_debian() {
    enter='
    root=$1 checkout=$2 cache=$3 run=$4
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
    eval "$run"
    '
    unshare --mount --propagation private --pid --fork --kill-child \
        sh -euc "$enter" sh "$root" "$checkout" "$cache" "$@" &
    trap "kill -KILL $!" INT TERM HUP # unshare by itself would wait
    wait $!
}
