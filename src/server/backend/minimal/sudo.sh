#!/bin/sh
# sudo of a sandbox: whoever is root may do all there is to do, so the command just runs; others can't get more rights.
user=root group= mode= background=

fail() {
    echo "sudo: $*" >&2
    exit 1
}

usage() {
    echo "usage: sudo [-EHbnS] [-i | -s] [-u user] [-g group] [-D directory] [VAR=value] [command]" >&2
    exit 1
}

# Options that say how to ask for a password, or what to keep, have nothing to say here.
take_option() {
    case $1 in
    u | user) user=$2 ;;
    g | group) group=$2 ;;
    D | chdir) cd "$2" || exit 1 ;;
    i | login) mode=-l ;;
    s | shell) mode=-s ;;
    v | validate | K | remove-timestamp) exit 0 ;;
    l | list) echo "root may run all commands" && exit 0 ;;
    V | version) echo "sudo of a sandbox" && exit 0 ;;
    b | background) background=yes ;;
    [EHnSPABkpChrtTUR] | preserve-env | set-home | non-interactive | stdin | preserve-groups | askpass) ;;
    bell | reset-timestamp | prompt | close-from | host | role | type | command-timeout | other-user | chroot) ;;
    *) usage ;;
    esac
}

while [ $# -gt 0 ]; do
    case $1 in
    --) shift && break ;;
    --user | --group | --chdir | --prompt | --close-from | --host | --role | --type | --command-timeout | --other-user | --chroot)
        [ $# -gt 1 ] || usage
        take_option "${1#--}" "$2"
        shift
        ;;
    --*)
        name=${1#--}
        take_option "${name%%=*}" "${1#*=}"
        ;;
    -?*)
        letters=${1#-}
        while [ -n "$letters" ]; do
            more=${letters#?} letter=${letters%"${letters#?}"} value=
            case $letter in
            [ugDpChrtTUR]) # the value is the rest of the word, or the next one
                if [ -z "$more" ]; then
                    [ $# -gt 1 ] || usage
                    shift
                    more=$1
                fi
                value=$more more=
                ;;
            esac
            take_option "$letter" "$value"
            letters=$more
        done
        ;;
    *) break ;;
    esac
    shift
done

[ "$(id -u)" = 0 ] || fail "in a sandbox no program gets more rights: only root can use it"
[ $# -gt 0 ] || [ -n "$mode" ] || usage
entry=$(getent passwd "${user#\#}") || case $user in
\#[0-9]*) entry=":x:${user#\#}:0::/:/bin/sh" ;;
*) fail "unknown user $user" ;;
esac
IFS=: read -r name _ uid gid _ home login_shell <<END
$entry
END
if [ -n "$group" ]; then
    gid=$(getent group "${group#\#}" | cut -d: -f3)
    [ -n "$gid" ] || fail "unknown group $group"
fi
[ -z "$mode" ] || set -- "${login_shell:-/bin/sh}" ${mode#-s} ${1:+-c 'exec "$@"' sudo "$@"}
[ "$mode" != -l ] || cd "$home" || exit 1
set -- env HOME="$home" USER="$name" LOGNAME="$name" SUDO_USER="${USER:-root}" SUDO_UID=0 SUDO_GID=0 "$@"
# Without another user there is nothing to change, and in some sandboxes there is no other one.
[ "$uid:$gid" = 0:0 ] ||
    set -- setpriv --reuid "$uid" --regid "$gid" ${name:+--init-groups} $([ -n "$name" ] || echo --clear-groups) "$@"
[ -n "$background" ] || exec "$@"
"$@" &
