#!/bin/sh
# after_install.sh LIBDIR: lets programs find the library that was installed there, or says how they do.
set -eu
PATH=$PATH:/usr/sbin:/sbin
command -v ldconfig >/dev/null || exit 0
[ "$(id -u)" != 0 ] || ldconfig
if ! ldconfig -p | grep -q "=> $1/libwrenn\.so"; then
    echo "Programs will not find libwrenn in $1 by themselves: set LD_LIBRARY_PATH=$1, link them with" \
        "-Wl,-rpath,$1, or as root name it in /etc/ld.so.conf.d and run ldconfig."
fi
