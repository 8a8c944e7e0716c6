/* What tests of virtual machines start with. */
#pragma once

/* A path in the test's directory; good until the eighth call after this one. */
const char *machines_path(const char *name);
/* Skips the test without QEMU, or without the package of a kernel where tools/install-deps.sh puts it (or WRENN_TEST_KERNEL says). */
void machines_need(void);
const char *machines_kernel(void);
/* The same, unpacked where the build has done that (tests/e2e/meson.build), for setups that are not about packages. */
const char *machines_kernel_tree(void);
/* Makes the directory "img", a small root with BusyBox and openssl. */
void machines_make_image(void);
/* Runs `wrennd vm setup`, which must end with that status and say `part`, for the directory "vm". */
void machines_set_up(const char *kernel, const char *image, int status, const char *part);
