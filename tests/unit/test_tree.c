#include "base/tree.h"

#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "test.h"

static void make(const char *name) {
    CHECK(mkdir(name, 0700) == 0);
    int fd = open(name, O_RDONLY | O_DIRECTORY);
    CHECK(fd >= 0 && symlinkat("/etc/passwd", fd, "link") == 0);
    close(openat(fd, "file", O_CREAT | O_WRONLY, 0));
    close(fd);
}

TEST(a_tree_is_removed_and_links_are_not_followed) {
    make("keep");
    make("top");
    CHECK(symlink("../keep", "top/dir-link") == 0);
    CHECK(mkdir("top/closed", 0) == 0);
    CHECK(wrn_tree_remove("top"));
    CHECK(access("top", F_OK) != 0);
    CHECK(access("keep/file", F_OK) == 0);
    CHECK(access("/etc/passwd", F_OK) == 0);
}

TEST(what_is_not_there_counts_as_removed) { CHECK(wrn_tree_remove("nothing")); }

/* Deeper than descriptors and longer than a path can be, with the names in the way that the removal itself would use. */
TEST(no_depth_is_too_deep) {
    char name[200];
    memset(name, 'd', sizeof(name) - 1);
    name[sizeof(name) - 1] = '\0';
    make("top");
    make("top/.wrenn-removal-0");
    make("top/.wrenn-removal-1");
    CHECK(chdir("top") == 0);
    for (int i = 0; i < 3000; i++) CHECK(mkdir(name, 0700) == 0 && chdir(name) == 0);
    CHECK(chdir(test_dir()) == 0);
    CHECK(wrn_tree_remove("top"));
    CHECK(access("top", F_OK) != 0);
}

TEST_MAIN
