#include "agent/trust.h"

#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "wire/trust.h"

bool trust_add(const void *certificate, size_t size) {
    char *variables[] = {(char[]){WRN_TRUST_FIRST}, WRN_TRUST_REST};
    mkdir("/etc/ssl", 0755);
    mkdir("/etc/ssl/certs", 0755);
    int fd = open("/" WRN_TRUSTED, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0644);
    if (fd < 0) return false;
    bool ok = write(fd, "\n", 1) == 1 && write(fd, certificate, size) == (ssize_t)size;
    ok = close(fd) == 0 && ok;
    for (size_t i = 0; ok && variables[i]; i++) {
        char *value = strchr(variables[i], '=');
        *value = '\0';
        ok = setenv(variables[i], value + 1, 1) == 0;
    }
    return ok;
}
