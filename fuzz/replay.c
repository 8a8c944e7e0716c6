/* Runs each target with every file of its corpus, without libFuzzer. */
#include <dirent.h>

#include "fuzz.h"
#include "test.h"

typedef int (*fuzz_target)(const uint8_t *data, size_t size);

/* Of the exact size, so that tools see a read beyond the end. */
static void run_file(const char *path, fuzz_target target) {
    WRN_AUTO(wrn_buf_free) wrn_buf text = WRN_BUF_INIT;
    FILE *file = fopen(path, "re");
    CHECK_MSG(file != NULL, "cannot read %s", path);
    char piece[4096];
    for (size_t size; (size = fread(piece, 1, sizeof(piece), file)) > 0;) wrn_buf_put(&text, piece, size);
    fclose(file);
    uint8_t *exact = malloc(text.size ? text.size : 1);
    CHECK(exact && !text.failed);
    if (text.size) memcpy(exact, text.data, text.size);
    fprintf(stderr, "%s\n", path);
    target(exact, text.size);
    free(exact);
}

static void replay(const char *name, fuzz_target target) {
    char path[4096], file[8192];
    snprintf(path, sizeof(path), "%s/%s", FUZZ_CORPUS, name);
    DIR *directory = opendir(path);
    CHECK_MSG(directory != NULL, "cannot read %s", path);
    int count = 0;
    for (const struct dirent *entry; (entry = readdir(directory));) {
        if (*entry->d_name == '.') continue;
        snprintf(file, sizeof(file), "%s/%s", path, entry->d_name);
        run_file(file, target);
        count++;
    }
    closedir(directory);
    CHECK(count > 0);
}

#define REPLAY(name)                                   \
    int fuzz_##name(const uint8_t *data, size_t size); \
    TEST(name) { replay(#name, fuzz_##name); }
FUZZ_TARGETS(REPLAY)

TEST_MAIN
