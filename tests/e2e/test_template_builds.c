/* `wrennd template build`, `list` and `remove`: what comes out runs, and hostile sources come to nothing. */
#include <dirent.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <sys/stat.h>

#include "base/buf.h"
#include "soak.h"
#include "work.h"

static char templates[256];

static void shell(const char *line) { CHECK_MSG(system(line) == 0, "%s", line); } // NOLINT(cert-env33-c)

/* These parts of images.py, in the current directory, and no templates yet. */
static void begin(const char *parts) {
    const char *const needed[] = {"busybox", "zstd"};
    char line[512];
    for (size_t i = 0; i < WRN_COUNT(needed); i++) {
        snprintf(line, sizeof(line), "command -v %s >/dev/null", needed[i]);
        if (system(line) != 0) test_skip("needs %s: tools/install-deps.sh test", needed[i]); // NOLINT(cert-env33-c)
    }
    snprintf(line, sizeof(line), "%s %s", IMAGES_PY, parts);
    shell(line);
    snprintf(templates, sizeof(templates), "%s/templates", test_dir());
}

/* "template ..." as one line, in words between blanks; what it said. */
static char *template(const char *line, int *status) {
    static char words[1024];
    const char *args[24] = {"template"};
    size_t count = 1;
    snprintf(words, sizeof(words), "%s", line);
    for (char *at = words, *word; (word = strsep(&at, " ")) && count < 20;) args[count++] = word;
    args[count++] = "--template-dir";
    args[count] = templates;
    return daemon_run(args, status);
}

static void must(const char *line) {
    int status;
    char *said = template(line, &status);
    CHECK_MSG(status == 0, "%s: %s", line, said);
    free(said);
}

static void must_fail(const char *line, const char *part) {
    int status;
    char *said = template(line, &status);
    CHECK_MSG(status == 1, "%s ended with %d: %s", line, status, said);
    CHECK_CONTAINS(said, part);
    CHECK_MSG(strchr(said, '\n') == strrchr(said, '\n'), "%s said more than one line: %s", line, said);
    free(said);
}

/* Entries of the directory of templates but the lock. */
static int entries(void) {
    int count = 0;
    DIR *dir = opendir(templates);
    for (struct dirent *entry; dir && (entry = readdir(dir));)
        count += strcmp(entry->d_name, ".") != 0 && strcmp(entry->d_name, "..") != 0 &&
                 strcmp(entry->d_name, ".wrennd-lock") != 0;
    if (dir) closedir(dir);
    return count;
}

static void start_here(test_daemon *d) { start(d, (const char *[]){"--template-dir", templates, NULL}); }

/* ---- what runs ---- */

static const char *owner(void) { return geteuid() == 0 ? "1000 1001\n" : "0 0\n"; }

static void check_tree(const test_daemon *d, const char *id) {
    CHECK_SH(d, id, "cat /etc/name /srv/mine /srv/žluť /srv/link /closed/in", "one\nmine\nname\none\nin\n");
    CHECK_SH(d, id, "stat -c '%u %g' /srv/mine", owner());
    CHECK_SH(d, id, "stat -c '%u %g %a' / /bin/sh /tmp", "0 0 755\n0 0 755\n0 0 1777\n");
    CHECK_SH(d, id, "stat -c '%a' /srv /srv/set /closed", "2775\n755\n0\n");
    CHECK_SH(d, id, "stat -c %h /bin/sh | { read n; test $n -gt 5 && echo linked; }", "linked\n");
    CHECK_SH(d, id, "stat -c %F /srv/pipe; test -e /srv/null || test -e /srv/disk || echo no devices",
             "fifo\nno devices\n");
    CHECK_SH(d, id, "test -d /proc/self && test -c /dev/null && test -d /root && touch /root/x /etc/x && echo fine",
             "fine\n");
}

static void archives(void) {
    static const char *const packings[] = {"", ".gz", ".xz", ".zst"};
    test_daemon d;
    char line[256], id[40];
    begin("tars packed");
    start_here(&d);
    for (size_t i = 0; i < WRN_COUNT(packings); i++) {
        snprintf(line, sizeof(line), "build t --replace --tar root.tar%s", packings[i]);
        int status;
        char *said = template(line, &status);
        CHECK_MSG(status == 0, "%s", said);
        CHECK_CONTAINS(said, "left out: 2 devices");
        free(said);
        make_from(&d, "t", id);
        check_tree(&d, id);
        destroy(&d, id);
    }
    shell("python3 -c 'import os; assert not os.listxattr(\"templates/t/rootfs/srv/capable\")'");
    CHECK_INT(entries(), 2);
    daemon_stop(&d);
}

/* From standard input, with all that a template can say. */
static void build_with(const char *name, const char *start, const char *port) {
    int status, fd = open("root.tar.gz", O_RDONLY | O_CLOEXEC);
    CHECK(fd >= 0 && dup2(fd, 0) == 0);
    close(fd);
    char *said =
        daemon_run((const char *[]){"template", "build", name, "--tar", "-", "--template-dir", templates, "--vcpus=2",
                                    "--memory-mb", "99", "--start", start, "--start-port", port, NULL},
                   &status);
    CHECK_MSG(status == 0, "%s", said);
    free(said);
}

static void services(void) {
    test_daemon d;
    char id[40];
    begin("packed");
    build_with("at-once", "touch /root/started", "0");
    build_with("web", "exec busybox httpd -f -p 8000 -h /etc", "8000");
    start_here(&d);
    reply r = call(&d, "POST", "/v1/sandboxes", "{\"template\":\"at-once\"}");
    CHECK_INT(r.status, 201);
    CHECK_INT(number(&r, "vcpus"), 2);
    CHECK_INT(number(&r, "memory_mb"), 99);
    snprintf(id, sizeof(id), "%s", member(&r, "id"));
    reply_free(&r);
    free(sh(&d, id, "while ! test -e /root/started; do :; done"));
    make_from(&d, "web", id);
    r = ask(&d, id, 8000, "GET", "/name");
    CHECK_INT(r.status, 200);
    CHECK_STR(r.body, "one\n");
    reply_free(&r);
    daemon_stop(&d);
}

static void directories(void) {
    test_daemon d;
    char id[40];
    begin("root");
    must("build t --dir root");
    start_here(&d);
    make_from(&d, "t", id);
    CHECK_SH(&d, id, "cat /etc/name; stat -c '%u %g' /etc/name",
             geteuid() == 0 ? "directory\n1000 1001\n" : "directory\n0 0\n");
    CHECK_SH(&d, id, "stat -c '%s %b' /sparse; stat -c %F /pipe; test -e /way || echo nowhere",
             "104857600 0\nfifo\nnowhere\n");
    CHECK_SH(&d, id, "stat -c %h /bin/sh | { read n; test $n -gt 5 && echo linked; }", "linked\n");
    must_fail("build u --dir nowhere", "nowhere is not a directory");
    must_fail("build u --dir .", ". contains the templates themselves");
    must_fail("build u --dir /", "/ contains the templates themselves");
    daemon_stop(&d);
}

static void images(void) {
    test_daemon d;
    char id[40];
    begin("oci contained");
    must("build t --oci oci:latest");
    must("build first --oci oci:first");
    must("build contained --oci contained");
    start_here(&d);
    make_from(&d, "t", id);
    CHECK_SH(&d, id, "cat /etc/name /dir; ls /etc/new /opaque /file /data /linked",
             "above\nfile now\n/etc/new\n\n/data:\nthrough\n\n/file:\nin\n\n/linked:\nown\n\n/opaque:\nc\n");
    CHECK_SH(&d, id, "ls -d /etc/old /gone /other /attested 2>/dev/null || echo hidden; readlink /way",
             "hidden\n/data\n");
    make_from(&d, "first", id);
    CHECK_SH(&d, id, "cat /etc/name; ls /opaque", "below\na\ndir\n");
    make_from(&d, "contained", id);
    char line[512];
    snprintf(line, sizeof(line), "cat %s/outside/new", test_dir());
    CHECK_SH(&d, id, line, "in\n");
    shell("test \"$(ls outside)\" = file && test \"$(cat outside/file)\" = precious");
    must_fail("build x --oci oci", "several images, among them \"latest\" and \"first\"");
    must_fail("build x --oci oci:none", "there is no image \"none\" for linux/");
    must_fail("build x --oci oci:other", ", but this machine is linux/");
    must_fail("build x --oci nowhere:latest", "is not an OCI image layout: oci-layout");
    daemon_stop(&d);
}

/* Commands run as the image's User says, as with Docker. */
static void image_users(void) {
    static const struct {
        const char *tag, *id; /* "uid gid home" */
    } cases[] = {
        {"name", "1001 7 /home/app"},
        {"uid", "1001 7 /home/app"},
        {"both", "1001 5 /home/app"},
        {"name-group", "1001 8 /home/app"},
        {"unnamed", "2002 0 /"},
        {"group-only", "0 8 /root"},
        {"no-group", "1001 7 /home/app"},
        {"root", "0 0 /root"},
        {"empty", "0 0 /root"},
        {"number", "0 0 /root"},
        {"null", "0 0 /root"},
    };
    static const char line[] = "echo $(id -u) $(id -g) $(pwd)";
    bool root = geteuid() == 0;
    test_daemon d;
    char id[40], args[100], want[100];
    begin("users");
    for (size_t i = 0; i < WRN_COUNT(cases); i++) {
        snprintf(args, sizeof(args), "build %s --oci users:%s", cases[i].tag, cases[i].tag);
        must(args);
    }
    must("build unknown --oci users:unknown");
    must("build other --oci users:name --user 1001:6");
    must_fail("build x --oci users:blank", "the image's User \"a b\" contains spaces or control characters");
    must_fail("build x --oci users:line", "contains spaces or control characters");
    must_fail("build x --oci users:long", "has more than 255 characters");
    start_here(&d);
    for (size_t i = 0; i < WRN_COUNT(cases); i++) {
        make_from(&d, cases[i].tag, id);
        if (root) snprintf(want, sizeof(want), "%s\n", cases[i].id);
        else snprintf(want, sizeof(want), "0 0 %s\n", strrchr(cases[i].id, ' ') + 1);
        CHECK_SH(&d, id, line, want);
    }
    make_from(&d, "other", id);
    CHECK_SH(&d, id, line, root ? "1001 6 /home/app\n" : "0 0 /home/app\n");
    make_from(&d, "unknown", id);
    reply r = call(&d, "POST", sandbox_path(id, "/exec"), "{\"cmd\":\"true\"}");
    CHECK_INT(r.status, 400);
    CHECK_CONTAINS(error_message(&r), "\"captain\"");
    reply_free(&r);
    CHECK_STATUS(call(&d, "POST", sandbox_path(id, "/exec"), "{\"cmd\":\"true\",\"user\":\"0\"}"), 200);
    daemon_stop(&d);
}

/* ---- what is refused ---- */

static void hostile(void) {
    static const struct {
        const char *from, *part;
    } cases[] = {
        {"--tar hostile-dotdot.tar", "\"bin/../../../outside/new\" leads out"},
        {"--tar hostile-absolute.tar", "/outside/new\" leads out"},
        {"--tar hostile-symlink.tar", "Cannot extract through symlink way/new"},
        {"--tar hostile-symlink-up.tar", "Cannot extract through symlink way/new"},
        {"--tar hostile-hardlink.tar", "\"stolen\" is a hard link that leads out"},
        {"--tar hostile-hardlink-absolute.tar", "\"stolen\" is a hard link that leads out"},
        {"--tar hostile-hardlink-symlink.tar", "Cannot extract through symlink way/file"},
        {"--tar hostile-root.tar", "\".\" replaces the root directory"},
        {"--tar hostile-nothing.tar", "it is empty"},
        {"--tar hostile-below.tar", "the root file system is below \"system\""},
        {"--tar hostile-dev.tar", "/dev must be a directory"},
        {"--tar hostile-short.tar", "the archive is damaged at \"bin/sh\""},
        {"--tar hostile-short.tar.gz", "truncated gzip input"},
        {"--tar hostile-text.tar", "hostile-text.tar: it is not a whole tar archive"},
        {"--tar nowhere.tar", "cannot open nowhere.tar: No such file"},
        {"--tar root", "tar root: it is not a whole tar archive"},
        {"--oci hostile-digest", "is damaged: its digest is"},
        {"--oci hostile-size", " bytes instead of "},
        {"--oci hostile-missing", "is missing"},
        {"--oci hostile-pipe", "is not a file"},
        {"--oci hostile-path", "\"sha256:../../../outside/file\" is not sha256: and 64 hex digits"},
        {"--oci hostile-algorithm", "is not sha256:"},
        {"--oci hostile-type", "unsupported type \"application/vnd.oci.image.layer.v1.tar+encrypted\""},
        {"--oci hostile-layers", "the image has no layers"},
        {"--oci hostile-nesting", "nested too deeply"},
        {"--oci hostile-json", "index.json: "},
        {"--oci hostile-whiteout-dotdot", "\".wh...\" names nothing that can be removed"},
        {"--oci hostile-whiteout-dot", "\".wh..\" names nothing that can be removed"},
        {"--oci hostile-whiteout-empty", "\".wh.\" names nothing that can be removed"},
        {"--oci hostile-whiteout-up", "leads out of the root file system"},
    };
    char line[256];
    begin("root tars hostile");
    for (size_t i = 0; i < WRN_COUNT(cases); i++) {
        snprintf(line, sizeof(line), "build x %s", cases[i].from);
        must_fail(line, cases[i].part);
        CHECK_MSG(entries() == 0, "%s left something", line);
    }
    if (geteuid() == 0) must_fail("build x --tar hostile-owner.tar", "belongs to user 70000");
    else must("build x --tar hostile-owner.tar");
    shell("test \"$(ls outside)\" = file && test \"$(cat outside/file)\" = precious");
    must_fail("build minimal --tar root.tar", "choose another name");
}

/* ---- names ---- */

static void replacing(void) {
    test_daemon d;
    char one[40], two[40], three[40];
    begin("tars");
    must("build t --tar root.tar");
    must_fail("build t --tar next.tar", "replace it with --replace");
    start_here(&d);
    make_from(&d, "t", one);
    free(sh(&d, one, "echo own > /own"));
    must("build t --tar next.tar --replace");
    make_from(&d, "t", two);
    CHECK_SH(&d, two, "cat /etc/name; test -e /srv || echo none", "two\nnone\n");
    /* What nobody had read of the old one before is still there, also for a snapshot. */
    CHECK_SH(&d, one, "cat /etc/name /srv/mine", "one\nmine\n");
    snap(&d, one, "kept");
    make_from(&d, "kept", three);
    CHECK_SH(&d, three, "cat /etc/name /srv/mine /own", "one\nmine\nown\n");
    must("remove t");
    CHECK_ERROR(call(&d, "POST", "/v1/sandboxes", "{\"template\":\"t\"}"), 404, "not_found");
    CHECK_SH(&d, two, "cat /etc/name", "two\n");
    CHECK_INT(entries(), 2);
    must_fail("remove t", "there is no template \"t\"");
    must_fail("remove minimal", "is built in");
    destroy(&d, one);
    destroy(&d, two);
    must("build u --tar next.tar");
    CHECK_INT(entries(), 2); /* u is a link and a directory */
    /* One that was made by hand is where its sandboxes look for it. */
    shell("mkdir -p templates/hand/layer/srv && echo '{\"base\":\"minimal\"}' > templates/hand/template.json");
    make_from(&d, "hand", one);
    must_fail("build hand --tar next.tar --replace", "is in use; destroy its sandboxes first");
    must_fail("remove hand", "is in use; destroy its sandboxes first");
    destroy(&d, one);
    must("build hand --tar next.tar --replace");
    make_from(&d, "hand", one);
    CHECK_SH(&d, one, "cat /etc/name", "two\n");
    CHECK_INT(entries(), 4);
    daemon_stop(&d);
    must("remove hand");
    must("remove u");
    CHECK_INT(entries(), 0);
}

static void listing(void) {
    test_daemon d;
    int64_t size = 0;
    int status;
    begin("tars");
    must("build t --tar root.tar --vcpus 3 --memory-mb 444");
    char *said = template("list --json", &status);
    wrn_json *list = NULL;
    const char *why;
    CHECK_MSG(wrn_json_parse(said, strlen(said), &list, &why), "%s", said);
    CHECK_INT(wrn_json_count(list), 2);
    const wrn_json *t = wrn_json_at(list, 1);
    CHECK_STR(wrn_json_string(wrn_json_get(t, "name"), NULL), "t");
    CHECK_STR(wrn_json_string(wrn_json_get(t, "origin"), NULL), "tar root.tar");
    CHECK(wrn_json_int(wrn_json_get(t, "size_bytes"), &size) && size > 500000);
    wrn_json_free(list);
    free(said);
    said = template("list", &status);
    CHECK_CONTAINS(said, "3        444  base, tar root.tar\n");
    free(said);
    start_here(&d);
    reply r = call(&d, "GET", "/v1/snapshots", NULL);
    int64_t shown = 0, vcpus = 0;
    t = wrn_json_at(r.json, 1);
    CHECK(wrn_json_int(wrn_json_get(t, "size_bytes"), &shown) && shown == size);
    CHECK(wrn_json_int(wrn_json_get(t, "vcpus"), &vcpus) && vcpus == 3);
    reply_free(&r);
    daemon_stop(&d);
}

/* ---- builds that end early ---- */

/* A build that is in the middle of its archive: it has read more than a pipe holds. */
static pid_t start_slow(int *feed, int out) {
    static char zeros[512 << 10];
    int pipes[2], tar = open("root.tar", O_RDONLY | O_CLOEXEC);
    CHECK(tar >= 0 && pipe2(pipes, O_CLOEXEC) == 0 && dup2(pipes[0], 0) == 0);
    close(pipes[0]);
    ssize_t size = read(tar, zeros, sizeof(zeros));
    close(tar);
    pid_t pid = daemon_spawn(
        (const char *[]){"template", "build", "x", "--tar", "-", "--template-dir", templates, NULL}, -1, out);
    int null = open("/dev/null", O_RDONLY | O_CLOEXEC);
    dup2(null, 0);
    close(null);
    for (ssize_t done = 0, now; done < size; done += now)
        CHECK((now = write(pipes[1], zeros + done, (size_t)(size - done))) > 0);
    *feed = pipes[1];
    return pid;
}

static void interrupted(void) {
    static const int signals[] = {SIGINT, SIGTERM, SIGHUP};
    int feed, out[2];
    begin("tars");
    for (size_t i = 0; i < WRN_COUNT(signals); i++) {
        char said[512] = "";
        CHECK(pipe2(out, O_CLOEXEC) == 0);
        pid_t pid = start_slow(&feed, out[1]);
        close(out[1]);
        must_fail("build y --tar root.tar", "another build is under way");
        kill(pid, signals[i]);
        CHECK_INT(daemon_wait(pid), 1);
        CHECK(read(out[0], said, sizeof(said) - 1) > 0);
        CHECK_CONTAINS(said, "interrupted");
        close(out[0]);
        close(feed);
        CHECK_INT(entries(), 0);
    }
    pid_t pid = start_slow(&feed, -1);
    kill(pid, SIGKILL);
    CHECK_INT(daemon_wait(pid), 128 + SIGKILL);
    close(feed);
    CHECK_INT(entries(), 1);
    must("build x --tar next.tar");
    CHECK_INT(entries(), 2);
}

/* ---- where archives are unpacked ---- */

/* A line of a file of the process, without what it begins with. */
static void read_line(pid_t pid, const char *file, const char *begin, char *out, size_t size) {
    char path[64], line[512];
    bool found = false;
    snprintf(path, sizeof(path), "/proc/%d/%s", (int)pid, file);
    FILE *from = fopen(path, "re");
    while (from && !found && fgets(line, sizeof(line), from)) found = strncmp(line, begin, strlen(begin)) == 0;
    if (from) fclose(from);
    CHECK_MSG(found, "%s has no %s", path, begin);
    line[strcspn(line, "\n")] = '\0';
    snprintf(out, size, "%s", line + strlen(begin));
}

static pid_t find_child(pid_t parent, const char *name) {
    char path[64];
    pid_t pid = 0;
    int ppid;
    DIR *proc = opendir("/proc");
    for (struct dirent *entry; proc && !pid && (entry = readdir(proc));) {
        char comm[64] = "";
        snprintf(path, sizeof(path), "/proc/%.20s/stat", entry->d_name);
        FILE *from = atoi(entry->d_name) > 0 ? fopen(path, "re") : NULL;
        if (from && fscanf(from, "%*d (%63[^)]) %*c %d", comm, &ppid) == 2 && ppid == parent && strcmp(comm, name) == 0)
            pid = (pid_t)atoi(entry->d_name);
        if (from) fclose(from);
    }
    if (proc) closedir(proc);
    return pid;
}

static void check_rights(pid_t pid) {
    static const struct {
        const char *begin, *want;
    } lines[] = {{"NoNewPrivs:\t", "1"},
                 {"Seccomp:\t", "2"},
                 {"CapEff:\t", "000000000000001b"},
                 {"CapPrm:\t", "000000000000001b"}};
    char line[512];
    for (size_t i = 0; i < WRN_COUNT(lines); i++) {
        read_line(pid, "status", lines[i].begin, line, sizeof(line));
        CHECK_STR(line, lines[i].want);
    }
    read_line(pid, "status", "Uid:\t", line, sizeof(line));
    unsigned long real = strtoul(line, NULL, 10);
    CHECK_MSG(geteuid() == 0 ? real >= 65536 : real == geteuid(), "its uid is %s", line);
    read_line(pid, "limits", "Max data size", line, sizeof(line));
    CHECK_MSG(!strstr(line, "unlimited"), "%s", line);
    read_line(pid, "limits", "Max core file size", line, sizeof(line));
    CHECK_CONTAINS(line, " 0 ");
    read_line(pid, "limits", "Max open files", line, sizeof(line));
    CHECK_CONTAINS(line, " 256 ");
}

static void check_place(pid_t pid) {
    static const char *const namespaces[] = {"user", "mnt", "pid", "net", "ipc", "uts", "cgroup"};
    char path[64], own[64] = "", its[64] = "";
    for (size_t i = 0; i < WRN_COUNT(namespaces); i++) {
        snprintf(path, sizeof(path), "/proc/self/ns/%s", namespaces[i]);
        CHECK(readlink(path, own, sizeof(own) - 1) > 0);
        snprintf(path, sizeof(path), "/proc/%d/ns/%s", (int)pid, namespaces[i]);
        CHECK(readlink(path, its, sizeof(its) - 1) > 0);
        CHECK_MSG(strcmp(own, its) != 0, "it is in our %s namespace", namespaces[i]);
    }
    char line[512];
    int mounts = 0;
    snprintf(path, sizeof(path), "/proc/%d/mountinfo", (int)pid);
    FILE *from = fopen(path, "re");
    while (from && fgets(line, sizeof(line), from)) mounts++;
    if (from) fclose(from);
    CHECK_INT(mounts, 1);
    CHECK_CONTAINS(line, "/rootfs / ");
}

static void locked_in(void) {
    int feed;
    begin("tars");
    pid_t pid = start_slow(&feed, -1), unpacker = find_child(pid, "wrenn-unpack");
    CHECK(unpacker > 0);
    check_rights(unpacker);
    check_place(unpacker);
    kill(pid, SIGTERM);
    CHECK_INT(daemon_wait(pid), 1);
    close(feed);
    CHECK_INT(entries(), 0);
}

/* ---- mmdebstrap ---- */

static void scripted(void) {
    test_daemon d;
    char id[40], path[512];
    begin("tars");
    shell("mkdir bin none && printf '#!/bin/sh\\nprintf \"%%s \" \"$@\" > args\\ncase $* in *broken*) exit 25;; esac\\n"
          "cat root.tar\\n' > bin/mmdebstrap && chmod +x bin/mmdebstrap");
    snprintf(path, sizeof(path), "%s/bin:%s", test_dir(), getenv("PATH"));
    setenv("PATH", path, 1);
    must("build t --mmdebstrap bookworm --include=curl,python3 --mirror http://mirror.invalid/debian");
    shell("test \"$(cat args)\" = '--variant=minbase --format=tar --include=curl,python3 -- bookworm - "
          "http://mirror.invalid/debian '");
    must("build u --mmdebstrap=-sid");
    shell("test \"$(cat args)\" = '--variant=minbase --format=tar -- -sid - '");
    start_here(&d);
    make_from(&d, "t", id);
    CHECK_SH(&d, id, "cat /etc/name", "one\n");
    daemon_stop(&d);
    must_fail("build v --mmdebstrap broken", "mmdebstrap ended with status 25");
    if (geteuid() != 0) must_fail("build v --mmdebstrap broken", "the package uidmap and ranges of ids in /etc/subuid");
    CHECK_INT(entries(), 4);
    setenv("PATH", test_dir(), 1);
    must_fail("build v --mmdebstrap bookworm", "apt-get install mmdebstrap");
}

static void debian(void) {
    test_daemon d;
    char id[40];
    snprintf(templates, sizeof(templates), "%s/templates", test_dir());
    must("build t --mmdebstrap bookworm --include=python3-minimal");
    start_here(&d);
    make_from(&d, "t", id);
    CHECK_SH(&d, id, "python3 -c 'print(6 * 7)'; stat -c %U /etc/passwd", "42\nroot\n");
    CHECK_SH(&d, id, "stat -c %G /etc/shadow", "shadow\n");
    daemon_stop(&d);
}

TEST_AS_BOTH(archives_become_templates, archives)
TEST_AS_BOTH(services_are_started, services)
TEST_AS_BOTH(directories_become_templates, directories)
TEST_AS_BOTH(oci_images_become_templates, images)
TEST_AS_BOTH(commands_run_as_the_user_of_the_image, image_users)
TEST_AS_BOTH(hostile_sources_are_refused, hostile)
TEST_AS_BOTH(names_are_replaced_and_removed, replacing)
TEST_AS_BOTH(templates_are_listed, listing)
TEST_AS_BOTH(a_build_that_ends_early_leaves_nothing, interrupted)
TEST_AS_BOTH(archives_are_unpacked_in_a_jail, locked_in)
TEST_AS_BOTH(mmdebstrap_is_called, scripted)

/* Downloads a Debian: only `make soak` does it. */
static test_case debian_runs = {"debian_runs", debian, 600, NULL};
__attribute__((constructor)) static void add_debian(void) {
    if (soak_minutes()) test_register(&debian_runs);
}

TEST_MAIN
