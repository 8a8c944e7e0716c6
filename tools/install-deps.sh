#!/bin/sh
# Installs what building and testing needs from the distribution (Debian 12 or newer, Ubuntu 24.04 or newer).
#
#     tools/install-deps.sh [build] [library] [test] [lint] [fuzz] [deb] [debian] [system]
#
# The set library is what the suites unit, sdk, packaging and examples need; test is what all need.
#
# With everything there it does nothing and needs no rights. Otherwise it wants root, or sudo. Elsewhere it names the
# packages and leaves the rest to you: the build then says what it misses. A|B means that either will do.
set -eu

build='gcc libc6-dev meson ninja-build pkgconf|pkg-config python3 python3-yaml musl-tools linux-libc-dev
       libcurl4-openssl-dev|libcurl4-gnutls-dev libwslay-dev nettle-dev libjson-c-dev libuv1-dev
       libllhttp-dev|libhttp-parser-dev libsqlite3-dev libsodium-dev libseccomp-dev libarchive-dev libedit-dev libslirp-dev libssl-dev'
library='g++ cmake make binutils bubblewrap openssl jupyter-server python3-ipykernel libglib2.0-dev libsystemd-dev'
test="$library clang clang-format valgrind python3-jsonschema busybox-static zstd procps python3-pip python3-venv curl less iproute2 vim-tiny|vim qemu-system-x86 e2fsprogs squashfs-tools zsh fish"
lint='clang clang-tidy clang-format cppcheck abigail-tools'
fuzz='clang libclang-rt-14-dev|libclang-rt-18-dev|libclang-rt-19-dev|libclang-rt-dev'
deb='build-essential debhelper lintian'
debian='mmdebstrap debian-archive-keyring'
system='mmdebstrap debian-archive-keyring qemu-system-x86 e2fsprogs'

# The kernel of virtual machines is downloaded, not installed: nothing boots it here.
kernel_file=/var/cache/wrenn/linux-image.deb

wanted= wants_kernel=
for set in "${@:-build}"; do
    case $set in
    build) wanted="$wanted $build" ;;
    library) wanted="$wanted $library" ;;
    test) wanted="$wanted $test" wants_kernel=1 ;;
    lint) wanted="$wanted $lint" ;;
    fuzz) wanted="$wanted $fuzz" ;;
    deb) wanted="$wanted $deb" ;;
    debian) wanted="$wanted $debian" ;;
    system) wanted="$wanted $system" ;;
    *)
        echo "install-deps: unknown set '$set': use build, library, test, lint, fuzz, deb, debian or system" >&2
        exit 2
        ;;
    esac
done

if ! command -v dpkg-query >/dev/null || ! command -v apt-get >/dev/null; then
    echo "install-deps: not a Debian or Ubuntu system, nothing installed; needed is what these packages hold:" $wanted >&2
    exit 0
fi

installed=$(dpkg-query -W -f '${db:Status-Status} ${Package}\n' | sed -n 's/^installed //p')

is_installed() {
    case "
$installed
" in
    *"
$1
"*) return 0 ;;
    esac
    return 1
}

missing=
for entry in $wanted; do
    found=
    for package in $(echo "$entry" | tr '|' ' '); do
        if is_installed "$package"; then found=1; fi
    done
    case " $missing " in *" $entry "*) found=1 ;; esac
    [ -n "$found" ] || missing="$missing $entry"
done
if [ -r "$kernel_file" ] || [ "$(dpkg --print-architecture)" != amd64 ]; then wants_kernel=; fi
[ -n "$missing$wants_kernel" ] || exit 0

if [ "$(id -u)" = 0 ]; then
    as_root() { env DEBIAN_FRONTEND=noninteractive "$@"; }
elif command -v sudo >/dev/null && { [ -t 0 ] || sudo -n true 2>/dev/null; }; then
    as_root() { sudo env DEBIAN_FRONTEND=noninteractive "$@"; }
elif [ -z "$missing" ]; then
    exit 0 # the tests that want the kernel say that it is not there
else
    echo "install-deps: missing:$missing: run 'apt-get install' for them as root, or get sudo" >&2
    exit 1
fi

log=$(mktemp)
trap 'rm -f "$log"' EXIT
apt_get() { as_root apt-get -q -o DPkg::Lock::Timeout=300 -o Acquire::Retries=3 "$@" >>"$log" 2>&1 </dev/null; }

# Never an error: the tests of virtual machines are skipped without it.
get_kernel() {
    package=$(apt-cache depends linux-image-cloud-amd64 2>>"$log" | sed -n 's/^ *Depends: \(linux-image-[0-9][^ ]*\)$/\1/p' | head -n 1)
    [ -n "$package" ] || return 0
    echo "install-deps: downloading $package for $kernel_file" >&2
    as_root sh -c 'mkdir -p "$2" && cd "$2" && apt-get -q -o APT::Sandbox::User=root download "$1" && mv "$1"_*.deb "$3"' \
        sh "$package" "${kernel_file%/*}" "$kernel_file" >>"$log" 2>&1 </dev/null || echo "install-deps: cannot download $package" >&2
}

[ -z "$missing" ] || echo "install-deps: installing$missing" >&2
# Old lists are still good enough when the network is away, so a failure shows in the install.
apt_get update || true

chosen= unknown=
for entry in $missing; do
    pick=
    for package in $(echo "$entry" | tr '|' ' '); do
        if [ -z "$pick" ] && apt-cache show --no-all-versions "$package" >/dev/null 2>&1; then pick=$package; fi
    done
    if [ -n "$pick" ]; then chosen="$chosen $pick"; else unknown="$unknown $entry"; fi
done
if [ -n "$unknown" ]; then
    grep -E '^(E|W|Err)' "$log" >&2 || true
    echo "install-deps: missing:$unknown: the package sources do not have them; check the network and" \
        "/etc/apt/sources.list (on Ubuntu, universe must be on)" >&2
    exit 1
fi
if [ -n "$chosen" ] && ! apt_get install -y --no-install-recommends $chosen; then
    tail -n 20 "$log" >&2
    echo "install-deps: missing:$chosen: apt-get install failed, see above" >&2
    exit 1
fi
[ -z "$wants_kernel" ] || get_kernel
