/* What files in /etc of every sandbox say, whatever it was made from and whatever keeps it in. Libc only. */
#pragma once

#include <stddef.h>

/* Of roots that have none. */
#define WRN_ETC_PASSWD "root:x:0:0:root:/root:/bin/sh\nnobody:x:65534:65534:nobody:/nonexistent:/sbin/nologin\n"
#define WRN_ETC_GROUP "root:x:0:\nnogroup:x:65534:\n"

/* A longer /etc/hosts is not changed. HOSTS_ROOM: what one that is changed may grow to. */
enum { WRN_HOSTS_MAX = 64 << 10, WRN_HOSTS_ROOM = WRN_HOSTS_MAX + 512 };

/* Writes /etc/hosts as it is to be, from its text as it was: with localhost, and with the name of this sandbox in place of that of
 * another one which it is a copy of. Returns the size. */
size_t wrn_etc_hosts(const char *text, size_t size, const char *hostname, char out[WRN_HOSTS_ROOM]);
