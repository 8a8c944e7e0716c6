#include "machines.h"

#include <stdio.h>
#include <stdlib.h>

#include "work.h"

#define KERNEL "/var/cache/wrenn/linux-image.deb"

const char *machines_path(const char *name) {
    static char paths[8][300];
    static size_t at;
    char *path = paths[at++ % 8];
    snprintf(path, sizeof(paths[0]), "%s/%s", test_dir(), name);
    return path;
}

const char *machines_kernel(void) {
    const char *own = getenv("WRENN_TEST_KERNEL");
    return own ? own : KERNEL;
}

const char *machines_kernel_tree(void) {
    const char *tree = getenv("WRENN_TEST_KERNEL_TREE");
    return tree && access(tree, F_OK) == 0 && !getenv("WRENN_TEST_KERNEL") ? tree : machines_kernel();
}

void machines_need(void) {
    static const char *const programs[] = {"qemu-system-x86_64", "sqfstar", "busybox", "dpkg-deb", "openssl"};
    char line[128];
    for (size_t i = 0; i < WRN_COUNT(programs); i++) {
        snprintf(line, sizeof(line), "PATH=$PATH:/usr/sbin:/sbin command -v %s > /dev/null", programs[i]);
        if (system(line) != 0) test_skip("there is no %s; run tools/install-deps.sh test", programs[i]);
    }
    if (access(machines_kernel(), R_OK) != 0)
        test_skip("there is no %s; run tools/install-deps.sh test", machines_kernel());
}

void machines_set_up(const char *kernel, const char *image, int status, const char *part) {
    int got;
    const char *const args[] = {"vm",
                                "setup",
                                "--data-dir",
                                machines_path("unused"),
                                "--vm-dir",
                                machines_path("vm"),
                                "--kernel",
                                kernel,
                                "--image",
                                image,
                                "--template-dir",
                                machines_path("templates"),
                                NULL};
    char *said = daemon_run(args, &got);
    CHECK_CONTAINS(said, part);
    CHECK_INT(got, status);
    free(said);
}

void machines_make_image(void) {
    char line[1024];
    snprintf(
        line, sizeof(line),
        "cd %s && mkdir -p img/bin img/etc img/root && cp $(command -v busybox) img/bin/busybox && "
        "for p in sh od cat ls cut uname hostname echo true sleep date wc head kill mkdir rm httpd reboot halt poweroff wget id fallocate mv touch; do "
        "ln -s busybox img/bin/$p; done && echo 0123456789abcdef0123456789abcdef > img/etc/machine-id && echo root:x:0:0::/root:/bin/sh > img/etc/passwd && "
        "for f in $(command -v openssl) $(ldd $(command -v openssl) | grep -o '/[^ ]*'); do mkdir -p img$(dirname $f) && cp -L $f img$f; done",
        test_dir());
    CHECK_INT(system(line), 0);
}
