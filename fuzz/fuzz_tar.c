/* Archives: what is read makes sense, and reads the same when it is written once more. */
#include <sys/mman.h>
#include <unistd.h>

#include "base/tar.h"
#include "fuzz.h"

static int memory_of(const void *data, size_t size) {
    int fd = memfd_create("archive", MFD_CLOEXEC);
    FUZZ_CHECK(fd >= 0 && write(fd, data, size) == (ssize_t)size && lseek(fd, 0, SEEK_SET) == 0);
    return fd;
}

static void check_same(const wrn_tar_entry *e, const wrn_tar_entry *again) {
    FUZZ_CHECK(e->type == again->type && strcmp(e->name, again->name) == 0 && strcmp(e->target, again->target) == 0);
    FUZZ_CHECK(e->mode == again->mode && e->uid == again->uid && e->gid == again->gid);
    FUZZ_CHECK(e->mtime.tv_sec == again->mtime.tv_sec && e->mtime.tv_nsec == again->mtime.tv_nsec);
    FUZZ_CHECK(e->type != WRN_TAR_FILE || e->size == again->size);
    FUZZ_CHECK(e->extent_count == again->extent_count);
    for (size_t i = 0; i < e->extent_count; i++)
        FUZZ_CHECK(e->extents[i].offset == again->extents[i].offset && e->extents[i].size == again->extents[i].size);
}

static void write_and_read(const wrn_tar_entry *e) {
    wrn_tar_reader again = {0};
    wrn_buf out = WRN_BUF_INIT;
    wrn_tar_put_head(&out, e);
    FUZZ_CHECK(!out.failed && out.size % WRN_TAR_BLOCK == 0);
    again.fd = memory_of(out.data, out.size);
    FUZZ_CHECK(wrn_tar_next(&again) == 1);
    check_same(e, &again.entry);
    wrn_tar_reader_free(&again);
    close(again.fd);
    wrn_buf_free(&out);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    wrn_tar_reader reader = {.fd = memory_of(data, size)};
    char chunk[700];
    while (wrn_tar_next(&reader) > 0) {
        const wrn_tar_entry *e = &reader.entry;
        int64_t end = 0;
        for (size_t i = 0; i < e->extent_count; end = e->extents[i].offset + e->extents[i].size, i++)
            FUZZ_CHECK(e->extents[i].offset >= end && e->extents[i].size >= 0);
        FUZZ_CHECK(e->size >= 0 && end <= e->size);
        bool links = e->type == WRN_TAR_LINK || e->type == WRN_TAR_HARD_LINK || e->type == WRN_TAR_DIRECTORY;
        size_t length = strlen(e->name);
        bool plain = e->type == WRN_TAR_FILE && length && e->name[length - 1] != '/';
        if (links || plain) write_and_read(e);
        while (wrn_tar_read(&reader, chunk, sizeof(chunk)) > 0) {
        }
    }
    wrn_tar_reader_free(&reader);
    close(reader.fd);
    return 0;
}
