#!/bin/sh
# Runs the suite vm with sandboxes that are virtual machines: tests that are the same for all sandboxes, but for what they say they skip.
# One image, made of what is installed here, and one template serve all of them.
#
#     tools/test_vm.sh BUILD
#
# Needs QEMU, and the package of a kernel where tools/install-deps.sh puts it (or WRENN_TEST_KERNEL says). The machines' programs
# are in BUILD/vm. Takes half an hour on two processors where QEMU emulates the processor. Ends with one line: N passed, N failed[, N skipped].
set -eu
cd "$(dirname "$0")/.."
build=$1
kernel=${WRENN_TEST_KERNEL:-/var/cache/wrenn/linux-image.deb}
if [ ! -r "$kernel" ]; then
    echo "there is no $kernel; run tools/install-deps.sh test" >&2
    exit 1
fi
ninja -C "$build" src/server/wrennd src/server/backend/vm/wrenn-vm src/agent/wrenn-agent src/agent/wrenn-boot >/dev/null
mkdir -p -m 755 "$build/vm" # for tests of ordinary users, too
tests/vm/image.sh "$build/vm/image.tar"
"$build/src/server/wrennd" vm setup --data-dir "$build/vm/unused" --vm-dir "$build/vm" --kernel "$kernel" --image "$build/vm/image.tar"
rm "$build/vm/image.tar"
exec python3 tools/run_tests.py "$build:vm:vm"
