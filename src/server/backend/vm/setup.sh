# Puts together what virtual machines need: setup.c runs this with a new directory, which becomes the setup. What it says on
# standard error before it fails is the reason. Arguments: DIR, then KERNEL, IMAGE, MIRROR and SUITE, which may be empty.
set -eu
umask 022
dir=$1 kernel=$2 image=$3 mirror=$4
root=$dir/root tmp=$dir/tmp
mkdir -p "$root/proc" "$root/dev" "$root/fw" "$root/qm" "$dir/modules" "$tmp"
: >"$root/dev/null" >"$root/dev/kvm"
PATH=$PATH:/usr/local/sbin:/usr/sbin:/sbin

fail() {
    echo "$*" >&2
    exit 1
}

need() { command -v "$1" >/dev/null || fail "there is no program $1; on Debian and Ubuntu: apt-get install $2"; }

[ -z "$image" ] || [ -r "$image" ] || fail "cannot read $image"

# ---- QEMU, its libraries, its firmware ----

need qemu-system-x86_64 qemu-system-x86
need mke2fs e2fsprogs
qemu=$(command -v qemu-system-x86_64)
cp -L "$qemu" "$root/qemu"
for place in /usr/lib/*/qemu /usr/lib/qemu /usr/lib64/qemu; do
    if [ -f "$place/accel-tcg-x86_64.so" ]; then cp -L "$place/accel-tcg-x86_64.so" "$root/qm/"; fi
done
for program in "$qemu" "$root"/qm/*.so; do
    if [ -f "$program" ]; then ldd "$program"; fi
done | sed -n 's/^.*=> \(\/[^ ]*\) (.*$/\1/p; s/^[[:space:]]*\(\/[^ ]*\) (.*$/\1/p' | sort -u >"$tmp/libraries"
[ -s "$tmp/libraries" ] || fail "ldd does not tell which libraries $qemu needs"
while read -r library; do
    mkdir -p "$root${library%/*}"
    cp -L "$library" "$root$library"
done <"$tmp/libraries"
# Not SeaBIOS, which boots no kernel without option ROMs.
for file in /usr/share/qemu/bios-microvm.bin /usr/share/qemu/qboot.rom; do
    if [ -f "$file" ]; then cp -L "$file" "$root/fw/bios-microvm.bin"; fi
done
[ -f "$root/fw/bios-microvm.bin" ] || fail "QEMU's firmware qboot.rom is not in /usr/share/qemu; on Debian and Ubuntu: apt-get install qemu-system-data"
"$qemu" --version | sed -n '1s/^.*version \([0-9.]*\).*$/qemu \1/p' >"$dir/versions"

# ---- the kernel ----

if [ -z "$kernel" ]; then
    need apt-get "apt, or give --kernel"
    package=$(apt-cache depends linux-image-cloud-amd64 2>/dev/null | sed -n 's/^ *Depends: \(linux-image-[0-9][^ ]*\)$/\1/p' | head -n 1)
    [ -n "$package" ] || fail "apt does not know linux-image-cloud-amd64; run apt-get update, or give the package of a kernel with --kernel"
    (cd "$tmp" && apt-get -q -o APT::Sandbox::User=root download "$package" >download.log 2>&1) ||
        fail "apt-get can't download $package: $(tail -n 1 "$tmp/download.log"); give the file with --kernel"
    kernel=$(ls "$tmp"/linux-image-*.deb)
fi
if [ -d "$kernel" ]; then
    files=$kernel
else
    need dpkg-deb dpkg
    files=$tmp/kernel
    dpkg-deb -x "$kernel" "$files" || fail "$kernel is not the package of a kernel"
fi
version=$(ls "$files/lib/modules" 2>/dev/null || ls "$files/usr/lib/modules" 2>/dev/null) || fail "$kernel has no modules of a kernel"
[ -f "$files/boot/vmlinuz-$version" ] || fail "$kernel has no boot/vmlinuz-$version, or more than one kernel"
cp "$files/boot/vmlinuz-$version" "$dir/vmlinuz"
for module in virtio_ring virtio virtio_mmio virtio_console virtio_blk squashfs overlay virtio-rng failover net_failover virtio_net; do
    found=$(find "$files/lib/modules/$version/" "$files/usr/lib/modules/$version/" -name "$module.ko*" 2>/dev/null | head -n 1) || true
    case $found in
    *.ko) cp "$found" "$dir/modules/$module.ko" ;;
    *.ko.xz) xz -dc "$found" >"$dir/modules/$module.ko" ;;
    *.ko.zst) zstd -dcq "$found" >"$dir/modules/$module.ko" ;;
    *) continue ;; # built in
    esac
    if command -v strip >/dev/null; then strip --strip-debug "$dir/modules/$module.ko" || true; fi
    echo "$module.ko" >>"$dir/modules/order"
done
[ -f "$dir/modules/order" ] || fail "$kernel has none of the modules for virtual machines"
echo "kernel $version" >>"$dir/versions"

# ---- the root file system of `minimal` ----

need sqfstar squashfs-tools
if [ -z "$image" ]; then
    need mmdebstrap mmdebstrap
    image=$tmp/image.tar
    mmdebstrap --quiet --variant=minbase --format=tar --include=ca-certificates,curl,jupyter-server,procps,python3,python3-ipykernel -- bookworm "$image" \
        ${mirror:+"$mirror"} >"$tmp/mmdebstrap.log" 2>&1 ||
        fail "mmdebstrap failed: $(tail -n 1 "$tmp/mmdebstrap.log"); give an archive of a root file system with --image"
fi
if [ -d "$image" ]; then
    tar -C "$image" --numeric-owner -cf "$tmp/dir.tar" . || fail "cannot read all of $image"
    image=$tmp/dir.tar
fi
case $image in
*.squashfs) cp "$image" "$dir/minimal.squashfs" ;;
*.gz | *.tgz) gzip -dc "$image" >"$tmp/plain.tar" ;;
*.xz) xz -dc "$image" >"$tmp/plain.tar" ;;
*.zst) zstd -dcq "$image" >"$tmp/plain.tar" ;;
*) ln -s "$(realpath "$image")" "$tmp/plain.tar" ;;
esac
if [ ! -f "$dir/minimal.squashfs" ]; then
    sqfstar -quiet -no-progress -comp lz4 "$dir/minimal.squashfs" <"$tmp/plain.tar" >"$tmp/sqfstar.log" 2>&1 ||
        fail "sqfstar can't read $image: $(tail -n 1 "$tmp/sqfstar.log")"
fi
# What snapshots compare.
echo "programs $(sha256sum <"$root/qemu" | cut -d ' ' -f 1)" >>"$dir/versions"
echo "image $(sha256sum <"$dir/minimal.squashfs" | cut -d ' ' -f 1)" >>"$dir/versions"
rm -rf "$tmp"
