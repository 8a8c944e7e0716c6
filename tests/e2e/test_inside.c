/* What programs find in a sandbox, whatever it was made from. */
#include <signal.h>
#include <stdio.h>
#include <sys/stat.h>

#include "base/buf.h"
#include "work.h"

static void shell(const char *line) { CHECK_MSG(system(line) == 0, "%s", line); } // NOLINT(cert-env33-c)

static void begin(test_daemon *d) {
    static char templates[256];
    snprintf(templates, sizeof(templates), "%s/templates", test_dir());
    CHECK(mkdir(templates, 0755) == 0 && chmod(test_dir(), 0711) == 0);
    start(d, (const char *[]){"--template-dir", templates, NULL});
}

/* As `wrennd vm setup` makes it of templates that were made by hand. */
static void make_disk(const char *name) {
    char line[256];
    snprintf(
        line, sizeof(line),
        "cd templates/%s && mksquashfs rootfs .disk -noappend -quiet -no-progress > /dev/null && mv .disk disk.squashfs",
        name);
    if (test_in_machines()) shell(line);
}

/* A root with these programs of the host's and their libraries, and nothing in /etc. */
static void make_root(const char *name) {
    char line[1024];
    snprintf(line, sizeof(line),
             "root=templates/%s/rootfs && mkdir -p $root/bin $root/root && for p in sh cat getent ls id; do"
             " f=$(command -v $p) && cp -L $f $root/bin && for lib in $(ldd $f | grep -o '/[^ ]*'); do"
             " mkdir -p $root/$(dirname $lib) && cp -L $lib $root/$lib; done; done &&"
             " echo '{\"base\":null}' > templates/%s/template.json",
             name, name);
    shell(line);
    make_disk(name);
}

static const char resolves[] = "getent hosts localhost >/dev/null && getent ahosts $(cat /etc/hostname) >/dev/null &&"
                               " test $(cat /etc/hostname) = $WRENN_SANDBOX_ID && echo resolves";
static const char lines_of_others[] = "grep -c 'this sandbox' /etc/hosts && grep -c $(hostname) /etc/hosts";

/* ---- /etc ---- */

static void empty_root(void) {
    test_daemon d;
    char one[40], two[40];
    begin(&d);
    make_root("bare");
    make_from(&d, "bare", one);
    CHECK_SH(&d, one, resolves, "resolves\n");
    CHECK_SH(&d, one, "getent passwd 0; getent group 0; id -un; cat /etc/resolv.conf",
             "root:x:0:0:root:/root:/bin/sh\nroot:x:0:\nroot\n");
    /* What is changed there comes back, under another name. */
    free(sh(&d, one, "echo 'nameserver 127.0.0.9' > /etc/resolv.conf; echo '127.0.0.3 mine' >> /etc/hosts"));
    snap(&d, one, "more");
    make_from(&d, "more", two);
    CHECK_SH(&d, two, resolves, "resolves\n");
    CHECK_SH(&d, two, "cat /etc/resolv.conf; getent hosts mine", "nameserver 127.0.0.9\n127.0.0.3       mine\n");
    daemon_stop(&d);
}

/* Files that a root brings stay; what is none is replaced, and followed nowhere. */
static void own_files(void) {
    static const struct {
        const char *setup, *line, *want;
    } cases[] = {
        {"echo 127.0.0.1 localhost > hosts", "cat /etc/hosts | { read a b; echo $a $b; }", "127.0.0.1 localhost\n"},
        {"printf '127.0.0.7 seven # localhost' > hosts", "getent hosts seven", "127.0.0.7       seven\n"},
        {"printf '\\n\\n127.0.0.7 seven\\t\\r\\n# c\\n127.0.0.8\\tx localhost' > hosts", "getent hosts seven",
         "127.0.0.7       seven\n"},
        {"ln -s /srv/hosts hosts && mkdir ../srv && echo 127.0.0.7 seven > ../srv/hosts", "getent hosts seven",
         "127.0.0.7       seven\n"},
        {"ln -s /etc/machine-id hosts", "read -r x < /etc/hosts; case $x in 127*) echo own;; esac", "own\n"},
        {"ln -s ../../../../../../../../../../etc/hostname hosts", "echo own", "own\n"},
        {"mkfifo hosts", "cat /etc/hosts > /dev/null; echo read", "read\n"},
        {"mkdir hosts", "cat /etc/hosts > /dev/null; echo read", "read\n"},
        {"ln -s hosts hosts", "cat /etc/hosts > /dev/null; echo read", "read\n"},
        {": > hosts; ln -s ../run/systemd/resolve/stub-resolv.conf resolv.conf", "cat /etc/resolv.conf; echo read",
         "read\n"},
        {"echo nameserver 127.0.0.5 > resolv.conf", "cat /etc/resolv.conf", "nameserver 127.0.0.5\n"},
        {"echo x:x:0:0::/root:/bin/sh > passwd", "id -un", "x\n"},
        {"echo other > hostname", "echo ok", "ok\n"},
    };
    test_daemon d;
    char id[40], line[512];
    begin(&d);
    make_root("own");
    for (size_t i = 0; i < WRN_COUNT(cases); i++) {
        snprintf(line, sizeof(line), "cd templates/own/rootfs && rm -rf etc srv && mkdir etc && cd etc && %s",
                 cases[i].setup);
        shell(line);
        make_disk("own");
        make_from(&d, "own", id);
        CHECK_SH(&d, id, cases[i].line, cases[i].want);
        CHECK_SH(&d, id, resolves, "resolves\n");
        destroy(&d, id);
    }
    /* A list of a hundred thousand names is nobody's default. */
    shell(
        "cd templates/own/rootfs/etc && rm -f hosts && i=0 && while [ $i -lt 5000 ]; do echo 0.0.0.0 blocked$i.example;"
        " i=$((i+1)); done > hosts");
    make_disk("own");
    make_from(&d, "own", id);
    CHECK_SH(&d, id, "getent hosts blocked4999.example", "0.0.0.0         blocked4999.example\n");
    daemon_stop(&d);
}

static void names_of_minimal(void) {
    test_daemon d;
    char one[40], two[40], three[40];
    begin(&d);
    make_sandbox(&d, "{}", one);
    CHECK_SH(&d, one, resolves, "resolves\n");
    free(sh(&d, one, "echo 127.0.0.3 mine >> /etc/hosts"));
    snap(&d, one, "more");
    make_from(&d, "more", two);
    CHECK_SH(&d, two, resolves, "resolves\n");
    CHECK_SH(&d, two, lines_of_others, "1\n1\n");
    CHECK_SH(&d, two, "getent hosts mine", "127.0.0.3       mine\n");
    /* One that was deleted is owed all the same. */
    free(sh(&d, two, "rm /etc/hosts"));
    snap(&d, two, "less");
    make_from(&d, "less", three);
    CHECK_SH(&d, three, resolves, "resolves\n");
    CHECK_SH(&d, three, "getent hosts mine || echo gone", "gone\n");
    daemon_stop(&d);
}

/* ---- users ---- */

static void tools_for_users(void) {
    test_daemon d;
    char id[40];
    begin(&d);
    make_sandbox(&d, "{}", id);
    CHECK_SH(&d, id,
             "sudo id -u; sudo -n -E A=b sh -c 'echo $A $HOME'; sudo -i pwd; sudo -s echo shell; sudo -k true;"
             " sudo -- echo -n x; sudo -H --user=root whoami",
             "0\nb /root\n/root\nshell\nxroot\n");
    CHECK_SH(&d, id, "command -v sudo; sudo 2>/dev/null || echo $?; sudo -u nowhere true 2>&1 || echo $?",
             "/usr/local/bin/sudo\n1\nsudo: unknown user nowhere\n1\n");
    CHECK_SH(&d, id, "cd /tmp && sudo -D /srv pwd; sudo -D/opt pwd; sudo sh -c 'exit 7' || echo $?", "/srv\n/opt\n7\n");
    if (geteuid() == 0) {
        CHECK_SH(&d, id, "runuser -u user -- id -un; su user -c 'id -un'; su - user -c 'pwd; echo $LANG'",
                 "user\nuser\n/home/user\nC.UTF-8\n");
        CHECK_SH(&d, id,
                 "sudo -u user sh -c 'id -un; echo $HOME'; sudo -u '#1000' -g daemon id -gn; sudo -nu user id -un",
                 "user\n/home/user\ndaemon\nuser\n");
        /* Somebody else gets nothing by it. */
        CHECK_SH(&d, id, "su user -c 'sudo id' 2>&1 || echo $?",
                 "sudo: in a sandbox no program gets more rights: only root can use it\n1\n");
        CHECK_SH(&d, id, "su user -c 'su root -c id </dev/null' >/dev/null 2>&1 || echo refused", "refused\n");
    }
    daemon_stop(&d);
}

/* ---- what Debian has ---- */

/* Users that packages name, settings that programs do not start without, and packages of one's own. */
static void debian(void) {
    test_daemon d;
    char id[40];
    begin(&d);
    make_sandbox(&d, "{}", id);
    CHECK_SH(&d, id, "getent passwd www-data _apt mail | cut -d: -f1,3; getent group users staff utmp | cut -d: -f1,3",
             "www-data:33\n_apt:42\nmail:8\nusers:100\nstaff:50\nutmp:43\n");
    CHECK_SH(&d, id,
             "shell=$(getent passwd 0 user | cut -d: -f7 | sort -u); test -x /bin/bash || shell=/bin/bash; echo $shell",
             "/bin/bash\n");
    CHECK_SH(&d, id, "sh -lc 'echo \"$PS1\"' | grep -c w || stat -c %a /run/lock", "0\n1777\n");
    CHECK_SH(&d, id,
             "! command -v openssl >/dev/null || openssl req -x509 -newkey rsa:2048 -nodes -subj /CN=x -days 1"
             " -keyout /tmp/key -out /tmp/cert 2>/dev/null && echo made",
             "made\n");
    if (geteuid() == 0)
        CHECK_SH(
            &d, id,
            "! test -e /etc/login.defs || useradd -m alice 2>&1 && su - alice -c 'id -gn; pwd' && userdel -r alice 2>/dev/null",
            "alice\n/home/alice\n");
    CHECK_SH(
        &d, id,
        "cd /tmp && mkdir -p p/DEBIAN p/opt/own && echo own > p/opt/own/file && printf '%s\\n' 'Package: own' 'Version: 1'"
        " 'Architecture: all' 'Maintainer: a <a@b>' 'Depends: libc6' 'Description: x' > p/DEBIAN/control &&"
        " dpkg-deb -b p own.deb >/dev/null && dpkg -i own.deb >/dev/null 2>&1 && cat /opt/own/file &&"
        " dpkg -l own | grep -c ^ii && dpkg -r own >/dev/null 2>&1 && ! test -e /opt/own",
        "own\n1\n");
    CHECK_SH(&d, id, "sudo -b sh -c 'echo >/tmp/behind; read x'; until test -e /tmp/behind; do :; done; echo $?",
             "0\n");
    daemon_stop(&d);
}

/* ---- text ---- */

static void locale(void) {
    test_daemon d;
    char id[40];
    begin(&d);
    make_root("bare");
    make_from(&d, "bare", id);
    CHECK_SH(&d, id, "echo $LANG", "C.UTF-8\n");
    destroy(&d, id);
    make_sandbox(&d, "{}", id);
    CHECK_SH(&d, id, "locale charmap; LANG=C sh -c 'locale charmap'", "UTF-8\nANSI_X3.4-1968\n");
    CHECK_SH(&d, id, "echo žluť | python3 -c 'print(open(\"/dev/null\").encoding, ascii(input()))'",
             "UTF-8 '\\u017elu\\u0165'\n");
    daemon_stop(&d);
}

/* ---- names of templates ---- */

static void aliases(void) {
    test_daemon d;
    char id[40];
    begin(&d);
    make_from(&d, "minimal-ubuntu", id);
    CHECK_SH(&d, id, "echo $WRENN_TEMPLATE_ID; test -x /usr/bin/python3 && echo host", "minimal-ubuntu\nhost\n");
    reply r = call(&d, "POST", "/v1/snapshots", "{\"sandbox_id\":\"x\",\"name\":\"minimal-ubuntu\"}");
    CHECK(r.status >= 400);
    reply_free(&r);
    /* One of the operator's has the name, when there is one. */
    make_root("minimal-ubuntu");
    make_from(&d, "minimal-ubuntu", id);
    CHECK_SH(&d, id, "test -e /usr/bin/python3 || echo own", "own\n");
    /* So has a link. */
    shell("ln -s minimal-ubuntu templates/other");
    make_from(&d, "other", id);
    CHECK_SH(&d, id, "echo $WRENN_TEMPLATE_ID", "other\n");
    daemon_stop(&d);
}

/* ---- packages ---- */

static const char wheel[] =
    "import zipfile\n"
    "with zipfile.ZipFile('tiny-1.0-py3-none-any.whl', 'w') as z:\n"
    "    z.writestr('tiny/__init__.py', 'answer = 42\\n')\n"
    "    z.writestr('tiny-1.0.dist-info/METADATA', 'Metadata-Version: 2.1\\nName: tiny\\nVersion: 1.0\\n')\n"
    "    z.writestr('tiny-1.0.dist-info/WHEEL',\n"
    "               'Wheel-Version: 1.0\\nGenerator: x\\nRoot-Is-Purelib: true\\nTag: py3-none-any\\n')\n"
    "    z.writestr('tiny-1.0.dist-info/RECORD', '')\n";

static void wheels(void) {
    test_daemon d;
    char id[40], line[1024];
    begin(&d);
    make_sandbox(&d, "{}", id);
    char *pip = sh(&d, id, "command -v pip3 || true");
    if (!*pip) test_skip("needs the package python3-pip");
    free(pip);
    snprintf(line, sizeof(line), "cd /root && cat > make.py <<'END'\n%sEND\npython3 make.py", wheel);
    free(sh(&d, id, line));
    free(sh(&d, id, "pip3 install -q --no-index --disable-pip-version-check /root/tiny-1.0-py3-none-any.whl 2>&1"));
    CHECK_SH(&d, id, "cd / && python3 -c 'import tiny; print(tiny.answer)'", "42\n");
    daemon_stop(&d);
}

/* ---- what it was given ---- */

static const char share[] = "nproc && cat /sys/devices/system/cpu/online && head -1 /proc/meminfo | tr -s ' ' &&"
                            " grep -c ^processor /proc/cpuinfo";
static const char in_use[] =
    "python3 -c 'import re\n"
    "def free(): return int(re.search(\"MemAvailable: *(\\\\d+)\", open(\"/proc/meminfo\").read())[1])\n"
    "before = free()\n"
    "x = b\"x\" * (64 << 20)\n"
    "while free() > before - (60 << 10): pass\n"
    "print(len(x))'";

/* Whatever it was made from, and whoever serves it. */
static void given(void) {
    test_not_in_machines("their own kernel takes a part of their memory, and they have 256 MB at least");
    static const char want[] = "1\n0\nMemTotal: 204800 kB\n1\n";
    test_daemon d = {0};
    char one[40], two[40];
    serve(&d, NULL);
    make_sandbox(&d, "{\"vcpus\":1,\"memory_mb\":200}", one);
    CHECK_SH(&d, one, share, want);
    snap(&d, one, "same");
    make_from(&d, "same", two);
    CHECK_SH(&d, two, share, want);
    resume(&d, one);
    end(&d, SIGKILL, 128 + SIGKILL);
    serve(&d, NULL);
    CHECK_SH(&d, one, share, want);
    CHECK_SH(&d, two, in_use, "67108864\n");
    end(&d, SIGTERM, 0);
}

static void given_to_root(void) {
    test_not_in_machines("their own kernel takes a part of their memory, and they have 256 MB at least");
    test_daemon d;
    char id[40];
    begin(&d);
    make_root("bare");
    make_sandbox(&d, "{\"template\":\"bare\",\"vcpus\":1,\"memory_mb\":200}", id);
    CHECK_SH(&d, id, "cat /sys/devices/system/cpu/possible; read a b c < /proc/meminfo; echo $b", "0\n204800\n");
    daemon_stop(&d);
    /* No link of a template leads the mount astray. */
    shell("ln -s /tmp templates/bare/rootfs/sys");
    start(&d, (const char *[]){"--template-dir", "templates", NULL});
    reply r = call(&d, "POST", "/v1/sandboxes", "{\"template\":\"bare\"}");
    CHECK_INT(r.status, 500);
    CHECK_CONTAINS(error_message(&r), "root/sys");
    reply_free(&r);
    daemon_stop(&d);
}

TEST_AS_BOTH(what_was_given_is_seen_and_stays, given)
TEST_AS_BOTH(any_root_shows_what_was_given, given_to_root)
TEST_AS_BOTH(a_root_without_etc_gets_what_it_needs, empty_root)
TEST_AS_BOTH(what_a_root_brings_stays, own_files)
TEST_AS_BOTH(minimal_knows_its_own_name, names_of_minimal)
TEST_AS_BOTH(sudo_and_su_do_what_can_be_done, tools_for_users)
TEST_AS_BOTH(minimal_is_a_debian, debian)
TEST_AS_BOTH(text_is_utf8, locale)
TEST_AS_BOTH(templates_have_aliases, aliases)
TEST_AS_BOTH(a_wheel_is_installed, wheels)

TEST_MAIN
