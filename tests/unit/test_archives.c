/* Archives: what is written can be read, by GNU tar too, and hostile ones harm nobody. */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/pack.h"
#include "base/tar.h"
#include "base/unpack.h"
#include "test.h"

static int memory_of(const wrn_buf *bytes) {
    int fd = memfd_create("archive", MFD_CLOEXEC);
    CHECK(fd >= 0 && write(fd, bytes->data, bytes->size) == (ssize_t)bytes->size && lseek(fd, 0, SEEK_SET) == 0);
    return fd;
}

static int directory(const char *name) {
    char path[4096];
    snprintf(path, sizeof(path), "%s/%s", test_dir(), name);
    CHECK(mkdir(path, 0755) == 0 || errno == EEXIST);
    int fd = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    CHECK(fd >= 0);
    return fd;
}

static void must(const char *line) {
    char command[4096];
    snprintf(command, sizeof(command), "cd %s && { %s; }", test_dir(), line);
    CHECK_MSG(system(command) == 0, "%s", line);
}

static int unpack_from(int fd, const char *to) {
    wrn_unpack how = {.in = fd, .directory = directory(to), .masked = 07000};
    int error = wrn_unpack_tree(&how);
    wrn_buf_free(&how.path);
    close(how.directory);
    return error;
}

static int unpack_file(const char *archive, const char *to) {
    char path[4096];
    snprintf(path, sizeof(path), "%s/%s", test_dir(), archive);
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    CHECK(fd >= 0);
    int error = unpack_from(fd, to);
    close(fd);
    return error;
}

static void put_file(wrn_buf *out, const char *name, const char *content) {
    const wrn_tar_entry e = {.type = '0', .name = name, .mode = 0644, .size = (int64_t)strlen(content)};
    wrn_tar_put_head(out, &e);
    wrn_buf_puts(out, content);
    wrn_tar_put_padding(out, e.size);
}

TEST(what_gnu_tar_writes_is_read) {
    static const char *const formats[] = {"gnu", "pax", "ustar", "v7", "oldgnu", "posix"};
    must(
        "mkdir -p t/d/$(printf 'n%.0s' $(seq 90)) && echo 1 > t/one && ln t/one t/two && ln -s one t/l && touch -d @5 t/d");
    for (size_t i = 0; i < sizeof(formats) / sizeof(*formats); i++) {
        char line[400];
        snprintf(line, sizeof(line), "rm -rf out && tar c --format=%s -C t -f a.tar .", formats[i]);
        must(line);
        CHECK_INT(unpack_file("a.tar", "out"), 0);
        must("diff -r --no-dereference t out && test out/one -ef out/two && test $(stat -c %Y out/d) = 5");
    }
    must(
        "n=$(printf 'n%.0s' $(seq 200)); mkdir -p t/$n/$n && echo 2 > t/$n/$n/$n && ln -s $n/$n/$n t/$n/link && truncate -s 1M t/h && echo x >> t/h");
    for (size_t i = 0; i < 2; i++) {
        char line[400];
        snprintf(line, sizeof(line), "rm -rf out && tar c --format=%s %s -C t -f a.tar .", formats[i],
                 i ? "--sparse" : "");
        must(line);
        CHECK_INT(unpack_file("a.tar", "out"), 0);
        must("diff -r --no-dereference t out");
    }
}

TEST(gnu_tar_reads_what_is_written) {
    must("mkdir -p t/d t/$(printf 'n%.0s' $(seq 250)) && echo 1 > t/one && ln t/one t/d/two && ln -s one t/l && "
         "truncate -s 1M t/h && echo x >> t/h && touch -d @7.5 t/one && chmod 750 t/d");
    char path[4096];
    snprintf(path, sizeof(path), "%s/b.tar", test_dir());
    wrn_pack how = {.out = open(path, O_WRONLY | O_CREAT | O_CLOEXEC, 0600)};
    int fd = directory("t");
    CHECK_INT(wrn_pack_tree(&how, fd, NULL), 0);
    close(how.out);
    must(
        "test $(stat -c %s b.tar) -lt 60000 && mkdir x && tar xf b.tar -C x && diff -r --no-dereference t x && test x/one -ef x/d/two && "
        "test $(stat -c %a x/d) = 750 && test $(stat -c %.1Y x/one) = 7.5 && test $(stat -c %b x/h) -lt 100");
    /* Some paths only. */
    how.out = open(path, O_WRONLY | O_TRUNC | O_CLOEXEC);
    CHECK_INT(wrn_pack_tree(&how, fd, (const char *const[]){"d", "l", "gone", "l/below", NULL}), 0);
    close(how.out);
    close(fd);
    must("test \"$(tar tf b.tar | tr '\\n' ' ')\" = 'd/ d/two l '");
}

/* Cut anywhere, it is not whole, and what is there is. */
TEST(an_archive_that_breaks_off_is_seen) {
    wrn_buf all = WRN_BUF_INIT;
    char name[300];
    memset(name, 'n', sizeof(name));
    name[1] = name[200] = '/';
    name[sizeof(name) - 1] = '\0';
    put_file(&all, "first", "1");
    put_file(&all, name, "content");
    wrn_tar_put_end(&all);
    for (size_t size = 0; size <= all.size; size += 37) {
        wrn_buf part = {.data = all.data, .size = size};
        int fd = memory_of(&part), error = unpack_from(fd, "cut");
        CHECK_MSG(error == (size < all.size - 1024 + 512 ? ENODATA : 0), "%zu of %zu: %s", size, all.size,
                  strerror(error));
        close(fd);
    }
    must("test \"$(find cut -name '.wrenn*')\" = '' && test \"$(cat cut/first)\" = 1");
    wrn_buf_free(&all);
}

TEST(damage_is_an_error_and_nothing_worse) {
    wrn_buf all = WRN_BUF_INIT;
    const wrn_tar_extent extents[] = {{4096, 512}, {65536, 3}};
    const wrn_tar_entry holes = {
        .type = '0', .name = "holes", .mode = 0644, .size = 70000, .extents = extents, .extent_count = 2};
    put_file(&all, "a/b", "some text");
    wrn_tar_put_head(&all, &holes);
    for (int i = 0; i < 515; i++) wrn_buf_putc(&all, 'x');
    wrn_tar_put_padding(&all, 515);
    wrn_tar_put_end(&all);
    for (size_t at = 0; at < all.size - 1024; at += 3) {
        char was = all.data[at];
        all.data[at] = (char)(was ^ (at % 5 ? 0x80 : 0x01));
        int fd = memory_of(&all);
        (void)unpack_from(fd, "damaged");
        close(fd);
        all.data[at] = was;
    }
    int fd = memory_of(&all);
    CHECK_INT(unpack_from(fd, "good"), 0);
    close(fd);
    must("test $(stat -c %s good/holes) = 70000 && test \"$(tr -d '\\0' < good/holes | wc -c)\" = 515");
    wrn_buf_free(&all);
}

/* Records that lie about their sizes, and maps of holes that do. */
TEST(lies_in_records_are_damage) {
    static const char *const records[] = {
        "11 path=a\n",
        "8 path=a\n",
        "999999 path=a\n",
        "-1 path=a\n",
        "path=a\n",
        "10 path a\n",
        "18446744073709551616 path=a\n",

        "10 size=-1\n",
        "10 uid=abc\n",
        "12 mtime=x.1\n",
        "3 a\n",
        "0 \n",
        "22 GNU.sparse.map=0,1\n",
        "29 GNU.sparse.realsize=999\n",
    };
    for (size_t i = 0; i < sizeof(records) / sizeof(*records); i++) {
        wrn_buf all = WRN_BUF_INIT;
        /* A file with these bytes becomes a record by its type. */
        put_file(&all, "x", records[i]);
        all.data[156] = 'x';
        unsigned sum = 0;
        memset(all.data + 148, ' ', 8);
        for (size_t at = 0; at < 512; at++) sum += (unsigned char)all.data[at];
        snprintf(all.data + 148, 8, "%06o", sum);
        put_file(&all, "file", "content");
        wrn_tar_put_end(&all);
        int fd = memory_of(&all), error = unpack_from(fd, "lies");
        CHECK_MSG(error == EBADMSG || error == ENOTSUP, "%s: %s", records[i], strerror(error));
        close(fd);
        wrn_buf_free(&all);
    }
}

TEST(more_levels_than_there_may_be) {
    wrn_buf all = WRN_BUF_INIT, name = WRN_BUF_INIT;
    for (int i = 0; i < 256; i++) wrn_buf_puts(&name, "d/");
    put_file(&all, name.data, "");
    wrn_buf_puts(&name, "d/f");
    put_file(&all, name.data, "x");
    wrn_tar_put_end(&all);
    int fd = memory_of(&all);
    CHECK_INT(unpack_from(fd, "deep"), E2BIG);
    close(fd);
    wrn_buf_free(&all);
    wrn_buf_free(&name);
}

TEST_MAIN
