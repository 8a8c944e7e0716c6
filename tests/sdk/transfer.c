#include "transfer.h"

#include <dirent.h>
#include <stdio.h>

char *numbers(size_t size) {
    char *data = malloc(size);
    uint32_t state = 1;
    for (size_t i = 0; i < size; i++) data[i] = (char)((state = state * 1664525 + 1013904223) >> 24);
    return data;
}

wrenn_sandbox_upload_stream_options up(const char *path) {
    wrenn_sandbox_upload_stream_options options = WRENN_SANDBOX_UPLOAD_STREAM_OPTIONS_INIT;
    options.path = path;
    return options;
}

wrenn_sandbox_download_stream_options down(const char *path) {
    wrenn_sandbox_download_stream_options options = WRENN_SANDBOX_DOWNLOAD_STREAM_OPTIONS_INIT;
    options.path = path;
    return options;
}

script_reply bytes_reply(const char *data, size_t size, size_t chunk) {
    char *text = malloc(size * 8 + 256);
    size_t at = (size_t)sprintf(text,
                                chunk ? "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n"
                                      : "HTTP/1.1 200 OK\r\nContent-Length: %zu\r\n\r\n",
                                size);
    for (size_t from = 0, piece; from < size; from += piece) {
        piece = chunk && size - from > chunk ? chunk : size - from;
        if (chunk) at += (size_t)sprintf(text + at, "%zx\r\n", piece);
        memcpy(text + at, data + from, piece);
        at += piece;
        if (chunk) at += (size_t)sprintf(text + at, "\r\n");
    }
    if (chunk) at += (size_t)sprintf(text + at, "0\r\n\r\n");
    return (script_reply){.text = text, .size = at};
}

void free_reply(const script_reply *reply) { free((char *)reply->text); }

/* ---- files of this machine ---- */

const char *local(const char *name) {
    static char paths[4][256];
    static unsigned turn;
    char *path = paths[turn++ % 4];
    snprintf(path, sizeof(paths[0]), "%s/%s", test_dir(), name);
    return path;
}

void write_local(const char *path, const void *data, size_t size) {
    FILE *file = fopen(path, "w");
    CHECK(file && fwrite(data, 1, size, file) == size && fclose(file) == 0);
}

void check_local(const char *path, const void *data, size_t size) {
    char *got = malloc(size + 2);
    FILE *file = fopen(path, "r");
    CHECK_MSG(file != NULL, "no file %s", path);
    size_t length = fread(got, 1, size + 1, file);
    fclose(file);
    CHECK_MEM(got, length, data, size);
    free(got);
}

int count_local(void) {
    int count = 0;
    DIR *dir = opendir(test_dir());
    for (struct dirent *entry; (entry = readdir(dir));)
        if (entry->d_type != DT_SOCK && entry->d_name[0] != '.') count++;
    closedir(dir);
    return count;
}

/* ---- what moves ---- */

int64_t give(void *buffer, size_t size, void *data) {
    source *from = data;
    size_t step = from->size - from->at;
    if (step > size) step = size;
    if (step > from->step) step = from->step;
    memcpy(buffer, from->data + from->at, step);
    from->at += step;
    return (int64_t)step;
}

int take(const void *data, size_t size, void *context) {
    sink *to = context;
    if (++to->calls == to->abort_at) return -1;
    memcpy(to->data + to->size, data, size);
    to->size += size;
    return 0;
}

void watch(int64_t done, int64_t total, void *context) {
    sink *to = context;
    CHECK(done > to->last);
    to->last = done;
    to->total = total;
}

void *write_slowly(void *context) {
    mover *m = context;
    while (m->done < m->size) {
        size_t step = m->size - m->done < 30000 ? m->size - m->done : 30000;
        ssize_t n = write(m->fd, m->data + m->done, step);
        if (n > 0) m->done += (size_t)n;
        usleep(3000);
    }
    close(m->fd);
    return NULL;
}

void *read_slowly(void *context) {
    mover *m = context;
    for (ssize_t n; (n = read(m->fd, m->data + m->done, 30000)) > 0;) {
        m->done += (size_t)n;
        usleep(3000);
    }
    return NULL;
}
