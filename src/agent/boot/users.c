/* The account "user" of `minimal`, as it is in namespaces: see backend/ns/template.c. */
#include <fcntl.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "agent/boot/boot.h"

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

void boot_user(void) {
    char line[128];
    snprintf(line, sizeof(line), "user:x:%d:%d:user:/home/user:/bin/%s\n", USER, USER,
             access("/bin/bash", X_OK) == 0 ? "bash" : "sh");
    if (!add_line("/etc/passwd", line)) return;
    snprintf(line, sizeof(line), "user:x:%d:\n", USER);
    add_line("/etc/group", line);
    mkdir("/home", 0755);
    if (mkdir("/home/user", 0755) == 0 && chown("/home/user", USER, USER) != 0) boot_fail("/home/user");
}
