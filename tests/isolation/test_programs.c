/* The programs that nearly every command maps are shared within a team only: see backend/ns/programs.c. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "host.h"
#include "server/backend/ns/internal.h"

static output o;

/* The shell as the box has it: its own file, or, if it has none, the host's. False for the latter. */
static bool stat_shell(const host *h, const char *id, struct stat *out) {
    char real[PATH_MAX], path[PATH_MAX + 512];
    CHECK(realpath("/usr/bin/sh", real) != NULL);
    CHECK(strncmp(real, "/usr/", 5) == 0);
    snprintf(path, sizeof(path), "%s/boxes/%s/" PROGRAMS "/%s", h->state_dir, id, real + 5);
    if (stat(path, out) == 0) return true;
    CHECK_INT(stat(real, out), 0);
    return false;
}

/* Whether the mount that the box sees has that layer. */
static bool shows_programs(host *h, wrn_box *box) {
    box_sh(h, box, "grep ' /usr ' /proc/self/mountinfo | grep -c ':box/" PROGRAMS ":'", &o);
    return o.out[0] == '1';
}

static void shared_within_a_team(void) {
    host h;
    struct stat host_shell, first, second, other;
    host_open(&h);
    wrn_box *alone = box_create_for(&h, "cl-alone", "a");
    CHECK(!stat_shell(&h, "cl-alone", &host_shell));
    CHECK(!shows_programs(&h, alone));

    wrn_box *boxes[] = {box_create_for(&h, "cl-first", "b"), box_create_for(&h, "cl-second", "b"),
                        box_create_for(&h, "cl-other", "a")};
    for (size_t i = 0; i < WRN_COUNT(boxes); i++) CHECK(shows_programs(&h, boxes[i]));
    CHECK(stat_shell(&h, "cl-first", &first) && stat_shell(&h, "cl-second", &second) &&
          stat_shell(&h, "cl-other", &other));
    CHECK(first.st_ino == second.st_ino);
    CHECK(first.st_ino != other.st_ino && first.st_ino != host_shell.st_ino && other.st_ino != host_shell.st_ino);
    CHECK(first.st_size == host_shell.st_size && first.st_mtime == host_shell.st_mtime &&
          first.st_mode == host_shell.st_mode);

    /* The next one takes them from whoever is left. */
    box_destroy(&h, boxes[0]);
    wrn_box *third = box_create_for(&h, "cl-third", "b");
    CHECK(stat_shell(&h, "cl-third", &first) && first.st_ino == second.st_ino);
    box_destroy(&h, third);
    for (size_t i = 1; i < WRN_COUNT(boxes); i++) box_destroy(&h, boxes[i]);
    box_destroy(&h, alone);
    host_close(&h);
}

static void as_the_hosts(void) {
    static const char line[] =
        "cd /usr; stat -c '%n %a %u %g %Y' . bin lib lib64 lib/*-linux-gnu bin/sh bin/bash; sha256sum bin/sh "
        "bin/bash lib/*-linux-gnu/libc.so.6; ls bin lib/*-linux-gnu | sort | sha256sum";
    static char with_the_hosts[sizeof(o.out)];
    char usr[64];
    struct stat info;
    host h;
    host_open(&h);
    CHECK_INT(stat("/usr", &info), 0);
    snprintf(usr, sizeof(usr), ". 755 0 0 %lld\n", (long long)info.st_mtime);
    wrn_box *alone = box_create_for(&h, "cl-alone", "a"), *own = box_create_for(&h, "cl-own", "b");
    box_sh(&h, alone, line, &o);
    CHECK_CONTAINS(o.out, usr);
    memcpy(with_the_hosts, o.out, sizeof(o.out));
    box_sh(&h, own, line, &o);
    CHECK_STR(o.out, with_the_hosts);
    box_destroy(&h, own);
    box_destroy(&h, alone);
    host_close(&h);
}

TEST_AS_ROOT(programs_are_shared_within_a_team_only, shared_within_a_team)
TEST_AS_ROOT(own_programs_look_as_the_hosts, as_the_hosts)

TEST_MAIN
