/* Brings files into a sandbox and out of it: from memory, from a file of this machine, and bit by bit. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <wrenn/wrenn.h>

static int in_memory(wrenn_sandbox *sandbox, wrenn_error **error) {
    static const char text[] = "three\nshort\nlines\n";
    wrenn_file *file = NULL;
    int rc = wrenn_sandbox_upload(sandbox, "notes/short", text, strlen(text), NULL, error); /* makes notes, too */
    if (rc >= 0) rc = wrenn_sandbox_download(sandbox, "notes/short", NULL, &file, error);
    if (rc >= 0) printf("%zu bytes came back, the same: %s\n", file->size, strcmp(file->data, text) ? "no" : "yes");
    wrenn_file_free(file);
    return rc;
}

static void on_progress(int64_t done, int64_t total, void *user_data) {
    (void)user_data;
    if (done == total) printf("%lld of %lld bytes sent\n", (long long)done, (long long)total);
}

static int from_a_file(wrenn_sandbox *sandbox, const char *path, wrenn_error **error) {
    wrenn_sandbox_upload_stream_options options = WRENN_SANDBOX_UPLOAD_STREAM_OPTIONS_INIT;
    options.path = "/tmp/copy";
    options.file = path;
    options.progress = on_progress;
    return wrenn_sandbox_upload_stream(sandbox, &options, error);
}

/* Takes each piece as it comes. Something negative would break it off. */
static int count_zeros(const void *data, size_t size, void *user_data) {
    int64_t *zeros = user_data;
    for (size_t i = 0; i < size; i++) *zeros += ((const char *)data)[i] == '\0';
    return 0;
}

static int bit_by_bit(wrenn_sandbox *sandbox, wrenn_error **error) {
    int64_t zeros = 0, size = 0;
    wrenn_sandbox_download_stream_options options = WRENN_SANDBOX_DOWNLOAD_STREAM_OPTIONS_INIT;
    options.path = "/tmp/copy";
    options.write = count_zeros;
    options.user_data = &zeros;
    options.flags =
        WRENN_SANDBOX_DOWNLOAD_STREAM_VERIFY; /* servers do not say whether a download is whole: compare the size */
    int rc = wrenn_sandbox_download_stream(sandbox, &options, &size, error);
    if (rc >= 0) printf("%lld bytes, %lld of them zero\n", (long long)size, (long long)zeros);
    return rc;
}

int main(void) {
    char path[] = "/tmp/wrenn-example-XXXXXX";
    wrenn_client *client = NULL;
    wrenn_sandbox *sandbox = NULL;
    wrenn_error *error = NULL;
    int fd = mkstemp(path);
    if (fd < 0 || ftruncate(fd, 3000000) < 0) return perror("transfer"), 1;
    close(fd);
    int rc = wrenn_client_new(NULL, &client, &error);
    if (rc >= 0) rc = wrenn_sandboxes_create(client, NULL, &sandbox, &error);
    if (rc >= 0) rc = in_memory(sandbox, &error);
    if (rc >= 0) rc = from_a_file(sandbox, path, &error);
    if (rc >= 0) rc = bit_by_bit(sandbox, &error);
    if (rc < 0) fprintf(stderr, "transfer: %s\n", wrenn_error_message(error));
    unlink(path);
    wrenn_error_free(error);
    wrenn_sandbox_close(sandbox);
    wrenn_client_free(client);
    return rc < 0;
}
