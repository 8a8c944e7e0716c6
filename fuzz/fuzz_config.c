/* wrennd's configuration files. */
#include <sys/mman.h>
#include <unistd.h>

#include "fuzz.h"
#include "server/config.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    static char name[] = "wrennd", flag[] = "--config";
    char path[64];
    wrn_why why = {""};
    int fd = memfd_create("config", MFD_CLOEXEC);
    FUZZ_CHECK(fd >= 0 && write(fd, data, size) == (ssize_t)size);
    snprintf(path, sizeof(path), "/proc/self/fd/%d", fd);
    clearenv();
    setenv("HOME", "/nonexistent", 1);
    wrn_config config;
    char *argv[] = {name, flag, path, NULL};
    if (wrn_config_load(&config, 3, argv, &why)) {
        FUZZ_CHECK(config.data_dir && config.listen.count <= WRN_LIST_MAX);
        FUZZ_CHECK(config.http.connections_max >= 1 && config.http.body_max >= 1024);
    } else {
        FUZZ_CHECK(*why.text);
    }
    wrn_config_free(&config);
    close(fd);
    return 0;
}
