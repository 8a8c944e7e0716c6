/* Accounts, and what `minimal` has, as it is in namespaces: see backend/ns/template.c. */
#include <fcntl.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "agent/boot/boot.h"
#include "base/etc.h"

enum { USER = 1000 };

/* Appends the line to a file of accounts that has none of that name. */
static bool add_line(const char *path, const char *line) {
    static char text[64 << 10];
    int fd = open(path, O_RDWR | O_APPEND | O_CLOEXEC);
    ssize_t size = fd < 0 ? -1 : read(fd, text, sizeof(text) - 1);
    text[size > 0 ? size : 0] = '\0';
    bool is_there = strncmp(text, "user:", 5) == 0 || strstr(text, "\nuser:");
    bool added = size > 0 && size < (ssize_t)sizeof(text) - 1 && !is_there &&
                 write(fd, line, strlen(line)) == (ssize_t)strlen(line);
    if (fd >= 0) close(fd);
    return added;
}

static void add_account(void) {
    char line[128];
    /* "x" says that the password is in that file. PAM refuses an account with "x" that has no line there. */
    bool is_shadowed = add_line("/etc/shadow", "user:*::0:99999:7:::\n");
    snprintf(line, sizeof(line), "user:%s:%d:%d:user:/home/user:/bin/%s\n", is_shadowed ? "x" : "*", USER, USER,
             access("/bin/bash", X_OK) == 0 ? "bash" : "sh");
    if (!add_line("/etc/passwd", line)) return;
    snprintf(line, sizeof(line), "user:x:%d:\n", USER);
    add_line("/etc/group", line);
    mkdir("/home", 0755);
    if (mkdir("/home/user", 0755) == 0 && chown("/home/user", USER, USER) != 0) boot_fail("/home/user");
}

void boot_accounts(void) {
    if (access("/etc/passwd", F_OK) != 0) boot_put("/etc/passwd", WRN_ETC_PASSWD);
    if (access("/etc/group", F_OK) != 0) boot_put("/etc/group", WRN_ETC_GROUP);
}

/* pip refuses to install into the system's Python by default, and a sandbox has no other. */
#define PIP "[global]\nbreak-system-packages = true\nroot-user-action = ignore\n"

void boot_minimal(const char *sudo) {
    add_account();
    if (access("/usr/bin/sudo", F_OK) != 0 && access("/usr/local/bin/sudo", F_OK) != 0) {
        mkdir("/usr/local", 0755);
        mkdir("/usr/local/bin", 0755);
        boot_put("/usr/local/bin/sudo", sudo);
        chmod("/usr/local/bin/sudo", 0755);
    }
    if (access("/etc/pip.conf", F_OK) != 0) boot_put("/etc/pip.conf", PIP);
    mkdir("/etc/default", 0755); /* `su -` begins with what PAM finds there */
    if (access("/etc/default/locale", F_OK) != 0) boot_put("/etc/default/locale", "LANG=C.UTF-8\n");
    if (mkdir("/run/lock", 01777) == 0) chmod("/run/lock", 01777);
}
