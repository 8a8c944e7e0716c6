/* Runs a target with every file of a directory: the corpus as a test, without libFuzzer.
 *
 *     TARGET-replay DIRECTORY|FILE... */
#include <dirent.h>
#include <sys/stat.h>

#include "fuzz.h"

/* Of the exact size, so that tools see a read beyond the end. */
static void run_file(const char *path) {
    WRN_AUTO(wrn_buf_free) wrn_buf text = WRN_BUF_INIT;
    FILE *file = fopen(path, "re");
    if (!file) {
        perror(path);
        exit(1);
    }
    char piece[4096];
    for (size_t size; (size = fread(piece, 1, sizeof(piece), file)) > 0;) wrn_buf_put(&text, piece, size);
    fclose(file);
    uint8_t *exact = malloc(text.size ? text.size : 1);
    if (!exact || text.failed) exit(1);
    if (text.size) memcpy(exact, text.data, text.size);
    fprintf(stderr, "%s\n", path);
    LLVMFuzzerTestOneInput(exact, text.size);
    free(exact);
}

static int run_directory(const char *path) {
    int count = 0;
    DIR *directory = opendir(path);
    if (!directory) {
        perror(path);
        exit(1);
    }
    for (const struct dirent *entry; (entry = readdir(directory));) {
        char name[4096];
        if (*entry->d_name == '.') continue;
        snprintf(name, sizeof(name), "%s/%s", path, entry->d_name);
        run_file(name);
        count++;
    }
    closedir(directory);
    return count;
}

int main(int argc, char **argv) {
    int count = 0;
    for (int i = 1; i < argc; i++) {
        struct stat about;
        if (stat(argv[i], &about) == 0 && S_ISDIR(about.st_mode)) count += run_directory(argv[i]);
        else run_file(argv[i]), count++;
    }
    printf("%d inputs\n", count);
    return count ? 0 : 1;
}
