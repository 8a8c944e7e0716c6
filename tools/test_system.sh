#!/bin/sh
# Boots a Debian 13 with systemd in QEMU, without KVM, and tests there what takes a whole system: units, delegated cgroups
# and restarts; and what depends on the system of the suites unit, isolation and e2e (tests/system/chosen.py), as root and as a
# user. Takes tens of minutes, for all is emulated; at most two hours.
#
#     tools/test_system.sh [WORD...]
#     tools/test_system.sh --shell
#
# With words only the tests whose names contain one of them: of the system, like system_unit, or all of a program of a suite, like
# user:isolation-copies; isolation-copies/links is those tests of the program whose names contain links. --shell opens a
# shell in the system instead; `mount -L tests /srv; python3 /srv/tests/system/guest.py [WORD...]` runs tests
# there, and `poweroff -f` ends it.
#
# What was compiled stays in build-system; the console is in build-system/console.log. Ends with one line:
# N passed, N failed[, N skipped].
set -eu
cd "$(dirname "$0")/.."
. tools/debian.sh
want_root "$@"
tools/install-deps.sh system
mkdir -p build-system
find_debian system13 trixie build \
    ca-certificates,ccache,mount,passwd,procps,systemd-sysv,libpam-systemd,dbus-user-session,linux-image-cloud-amd64,initramfs-tools,iproute2,curl,git,python3-pip
in_debian '
python3 tools/configure.py build-system --prefix=/usr/local
ninja -C build-system $(python3 tests/system/chosen.py build-system) $(python3 packaging/installed.py targets build-system)
rm -rf build-system/stage
meson install --quiet --no-rebuild -C build-system --destdir stage
'

# The system's disk, to which nothing of this run is kept, and one with the checkout's programs and tests.
work=$(mktemp -d "$cache/run-XXXXXX")
trap 'rm -rf "$work"' EXIT
trap 'exit 1' INT TERM HUP
make_disk() { mkfs.ext4 -q -O ^has_journal -L "$1" -d "$2" "$work/$1.img" "$3"; }
mkdir "$work/tests"
tar -c --exclude='*.o' --exclude='*.a' build-system tests | tar -x -C "$work/tests"
echo "$*" >"$work/tests/words"
make_disk system "$root" 3G
make_disk tests "$work/tests" 2G
debugfs -w -R "write tests/system/guest.service /etc/systemd/system/guest.service" "$work/system.img" >"$work/log" 2>&1

case $* in
--shell) words='systemd.debug_shell=ttyS1 systemd.tty.term.ttyS1=dumb' serial=mon:stdio ;;
*) words=systemd.wants=guest.service serial=file:build-system/results.log ;;
esac
# Its clocks count instructions: however slow this machine is, or how long it stands still, nothing takes longer in there.
# `panic=-1` and -no-reboot: whatever goes wrong in there ends it. cmpxchg16b of QEMU 7.2 sometimes leaves flags that no
# processor has, of which the kernel dies (double fault); page tables of five levels are slow to walk.
# norandmaps: QEMU translates what is at another address once more, so each program's start took a third longer.
set -- -accel tcg,thread=single -icount shift=0 -rtc clock=vm -cpu max,cx16=off,la57=off,svm=off -smp 2 -m 2048 \
    -nodefaults -no-user-config -display none -no-reboot -kernel "$root"/boot/vmlinuz-* -initrd "$root"/boot/initrd.img-* \
    -append "root=LABEL=system rw console=ttyS0 panic=-1 mitigations=off tsc=reliable no_timer_check norandmaps systemd.unit=multi-user.target $words" \
    -drive "if=none,id=system,format=raw,file=$work/system.img" -device virtio-blk-pci,drive=system \
    -drive "if=none,id=tests,format=raw,file=$work/tests.img" -device virtio-blk-pci,drive=tests \
    -serial file:build-system/console.log -serial "$serial"
if [ "$serial" = mon:stdio ]; then
    qemu-system-x86_64 "$@"
    exit
fi
timeout --kill-after=10 7200 qemu-system-x86_64 "$@" </dev/null &
trap "kill $! 2>/dev/null; exit 1" INT TERM HUP # KILL would end `timeout` alone
wait $! || echo "test_system: QEMU ended with status $?, see build-system/console.log" >&2
python3 tests/system/count.py build-system/results.log
