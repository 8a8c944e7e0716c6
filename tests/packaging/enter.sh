#!/bin/sh
# Runs lines of shell as root in the system below ROOT, with processes of its own and the network of this machine.
#
#     enter.sh ROOT SHARED SCRIPT [ARG...]
#
# SHARED is /srv in there. With CONTAINER=DIR, ROOT is not written to: what would be goes below DIR, as in a container, but
# for /var/lib/wrennd, which is DIR/volume.
set -eu
inside='
root=$1 shared=$2 run=$3
shift 3
if [ -n "${CONTAINER:-}" ]; then
    mkdir -p "$CONTAINER/upper" "$CONTAINER/work" "$CONTAINER/merged" "$CONTAINER/volume"
    mount -t overlay -o "lowerdir=$root,upperdir=$CONTAINER/upper,workdir=$CONTAINER/work" overlay "$CONTAINER/merged"
    root=$CONTAINER/merged
    mount --bind "$CONTAINER/volume" "$root/var/lib/wrennd"
else
    mount --bind "$root" "$root"
fi
# All wrennds of a machine agree on user ids by locks on this file.
mkdir -p /run/wrennd
[ -e /run/wrennd/uid-ranges ] || (umask 077 && : >>/run/wrennd/uid-ranges)
mount -t tmpfs -o mode=755 tmpfs "$root/run"
mkdir "$root/run/wrennd"
: >"$root/run/wrennd/uid-ranges"
mount --bind /run/wrennd/uid-ranges "$root/run/wrennd/uid-ranges"
mount -t tmpfs -o mode=1777 tmpfs "$root/tmp"
mount -t proc proc "$root/proc"
mount --rbind /dev "$root/dev"
mount --rbind /sys "$root/sys"
mount --bind "$shared" "$root/srv"
cd "$root"
pivot_root . mnt
umount -l /mnt
cd /srv
export HOME=/root LC_ALL=C.UTF-8 DEBIAN_FRONTEND=noninteractive PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin
unset CONTAINER XDG_RUNTIME_DIR XDG_STATE_HOME XDG_CACHE_HOME TMPDIR CC CFLAGS LDFLAGS
eval "$run"
'
exec unshare --mount --propagation private --pid --fork --kill-child sh -euc "$inside" enter.sh "$@"
