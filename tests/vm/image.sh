#!/bin/sh
# Makes an archive of a root file system out of packages that are installed here, for tests in virtual machines: without a network,
# in seconds, and with the same versions of programs that sandboxes in namespaces see.
#
#     tests/vm/image.sh FILE.tar
set -eu
out=$1
wanted='base-files base-passwd bash coreutils dash debianutils diffutils dpkg findutils grep gzip hostname less libc-bin login login.defs mawk ncurses-base
        passwd procps python3 sed tar util-linux curl ca-certificates git iproute2 jupyter-server openssl perl-base python3-ipykernel vim-tiny xz-utils zstd'
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT

installed=
for package in $wanted; do
    if dpkg-query -L "$package" >/dev/null 2>&1; then installed="$installed $package"; fi
done
# What they depend on, installed alternatives included.
apt-cache depends --recurse --installed --no-recommends --no-suggests --no-conflicts --no-breaks --no-replaces --no-enhances \
    $installed 2>/dev/null | sed -n 's/^\([a-z0-9][^ ]*\)$/\1/p' | sort -u >"$work/packages"
while read -r package; do dpkg-query -L "$package" 2>/dev/null || true; done <"$work/packages" |
    grep -v -e '^/usr/share/doc/' -e '^/usr/share/man/' -e '^/usr/share/locale/' -e '^diverted by' -e '^/\.$' | sort -u >"$work/files"
# Modules as their packages' scripts have compiled them: a machine would do it at each start.
sed -n 's#/[^/]*\.py$#/__pycache__#p' "$work/files" | sort -u | while read -r dir; do
    if [ -d "$dir" ]; then find "$dir" -name '*.pyc'; fi
done >"$work/compiled"
cat "$work/compiled" >>"$work/files"
# What is not of a package: links of alternatives, the certificates, who may log in.
find /etc/alternatives /etc/pam.d /etc/ssl/certs -maxdepth 1 >>"$work/files"
for path in /bin /sbin /lib /lib64 /usr/bin /usr/sbin /etc/ld.so.cache /etc/nsswitch.conf; do echo "$path"; done >>"$work/files"
find /usr/bin /usr/sbin /bin /sbin -maxdepth 1 -lname '/etc/alternatives/*' >>"$work/files"
# Packages name files through /bin and /lib, which are links: their real places come into the archive.
while read -r path; do
    case $path in
    /bin | /sbin | /lib | /lib32 | /lib64 | /libx32) ;;
    /bin/* | /sbin/* | /lib/* | /lib64/*) if [ -L "/${path#/}" ] || [ -e "$path" ]; then path=$(realpath "${path%/*}")/${path##*/}; fi ;;
    esac
    if [ -e "$path" ] || [ -L "$path" ]; then echo "${path#/}"; fi
done <"$work/files" | sort -u >"$work/list"
tar -C / --numeric-owner --no-recursion -T "$work/list" -cf "$out"
for dir in dev etc/dpkg/dpkg.cfg.d home mnt opt proc root run srv sys tmp var/tmp var/log \
    var/lib/dpkg/alternatives var/lib/dpkg/info var/lib/dpkg/triggers var/lib/dpkg/updates; do mkdir -p "$work/dirs/$dir"; done
# Not the accounts of this machine.
sed 's/^\([^:]*\):[^:]*/\1:x/' /usr/share/base-passwd/passwd.master >"$work/dirs/etc/passwd"
sed 's/:.*/:*::0:99999:7:::/' /usr/share/base-passwd/passwd.master >"$work/dirs/etc/shadow"
cp /usr/share/base-passwd/group.master "$work/dirs/etc/group"
# dpkg's list of packages is empty, though their files are there: dependencies can't be checked.
echo force-depends >"$work/dirs/etc/dpkg/dpkg.cfg.d/depends"
: >"$work/dirs/var/lib/dpkg/status"
chmod 1777 "$work/dirs/tmp" "$work/dirs/var/tmp"
chmod 700 "$work/dirs/root"
chmod 640 "$work/dirs/etc/shadow"
tar -C "$work/dirs" --owner=0 --group=0 --numeric-owner -rf "$out" .
