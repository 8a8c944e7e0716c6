/* A small test harness: a program is a list of tests, each run in a process of its own, reported as TAP.
 *
 *     TEST(adds_two_numbers) { CHECK_INT(1 + 1, 2); }
 *     TEST_MAIN
 *
 * `program NAME...` runs only those whose name contains one of the words. A failed CHECK ends its test at once. A test
 * and all it started runs in one process group, which is killed afterwards; a test that takes longer than 120 s
 * (TEST_SLOW: 600 s) fails. Each test runs in a new empty directory, removed afterwards; its path is test_dir(). */
#ifndef WRN_TESTS_TEST_H
#define WRN_TESTS_TEST_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <sys/types.h>
#include <unistd.h>

/* Memory and time are not what they are otherwise. */
#ifdef __has_feature
#if __has_feature(address_sanitizer) || __has_feature(thread_sanitizer)
#define SANITIZED
#endif
#endif
#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
#define SANITIZED
#endif

typedef struct test_case {
    const char *name;
    void (*run)(void);
    int limit_seconds;
    struct test_case *next;
} test_case;

/* What is in this file of test_dir() is shown when the test fails: the end of it. */
#define TEST_LOG "log"

void test_register(test_case *test);
int test_main(int argc, char **argv);
const char *test_dir(void);

/* A program may define this: it runs after each test, in the parent, however the test ended. For what is left behind
 * outside of processes and test_dir(). */
void test_after_each(void) __attribute__((weak));

/* The same, once before the first test, with a directory of its own, and only under valgrind: for what each test would be slow
 * to do again. */
void test_warm_up(void) __attribute__((weak));

/* Whether this runs under valgrind, where all takes fifty times as long. What is tried with each of many sizes or with much data
 * is tried with fewer there, and with all of it in the other runs of the same program. */
bool test_slowly(void);

/* Ends the test as skipped, with the reason. */
void test_skip(const char *format, ...) __attribute__((noreturn, format(printf, 1, 2)));
/* Whether the sandboxes of this run are virtual machines: see `make test-vm`. */
bool test_in_machines(void);
/* Skips what can't be asked of those, with the reason. */
void test_not_in_machines(const char *why);
void test_fail(const char *file, int line, const char *format, ...) __attribute__((noreturn, format(printf, 3, 4)));
/* A note in the output, shown with the result. */
void test_note(const char *format, ...) __attribute__((format(printf, 1, 2)));

/* The number of a process of that name whose command line mentions test_dir(); 0: there is none. */
pid_t test_find_process(const char *name);

/* Goes on as user 65534, to whom test_dir() then belongs; nothing for those who are not root. */
void test_become_ordinary_user(void);

void test_check_str(const char *file, int line, const char *what, const char *got, const char *want);
void test_check_mem(const char *file, int line, const char *what, const void *got, size_t got_size, const void *want,
                    size_t want_size);

#define TEST_WITH_LIMIT(ident, seconds)                                                               \
    static void test_##ident(void);                                                                   \
    static test_case case_##ident = {#ident, test_##ident, seconds, NULL};                            \
    __attribute__((constructor)) static void register_##ident(void) { test_register(&case_##ident); } \
    static void test_##ident(void)
#define TEST(ident) TEST_WITH_LIMIT(ident, 120)
#define TEST_SLOW(ident) TEST_WITH_LIMIT(ident, 600)

/* A test of run() as root, skipped for others; and of the same as an ordinary user, too. */
#define TEST_AS_ROOT(ident, run)                          \
    TEST_SLOW(ident##_as_root) {                          \
        if (geteuid() != 0) test_skip("not run as root"); \
        run();                                            \
    }
#define TEST_AS_BOTH(ident, run)          \
    TEST_AS_ROOT(ident, run)              \
    TEST_SLOW(ident##_as_ordinary_user) { \
        test_become_ordinary_user();      \
        run();                            \
    }

/* Weak, so that a program can have several files of tests. */
#define TEST_MAIN \
    __attribute__((weak)) int main(int argc, char **argv) { return test_main(argc, argv); }

#define CHECK(condition)                                                   \
    do {                                                                   \
        if (!(condition)) test_fail(__FILE__, __LINE__, "%s", #condition); \
    } while (0)
#define CHECK_MSG(condition, ...)                                     \
    do {                                                              \
        if (!(condition)) test_fail(__FILE__, __LINE__, __VA_ARGS__); \
    } while (0)
#define CHECK_INT(got, want)                                                                         \
    do {                                                                                             \
        long long got_ = (long long)(got), want_ = (long long)(want);                                \
        if (got_ != want_) test_fail(__FILE__, __LINE__, "%s is %lld, not %lld", #got, got_, want_); \
    } while (0)
#define CHECK_STR(got, want) test_check_str(__FILE__, __LINE__, #got, got, want)
#define CHECK_MEM(got, got_size, want, want_size) \
    test_check_mem(__FILE__, __LINE__, #got, got, got_size, want, want_size)
#define CHECK_CONTAINS(text, part)                                                                                     \
    do {                                                                                                               \
        const char *text_ = (text), *part_ = (part);                                                                   \
        if (!text_ || !strstr(text_, part_))                                                                           \
            test_fail(__FILE__, __LINE__, "%s does not contain \"%s\": \"%s\"", #text, part_, text_ ? text_ : "NULL"); \
    } while (0)

#endif
