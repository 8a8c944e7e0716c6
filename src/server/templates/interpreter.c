/* The templates that run code: a Jupyter server above `minimal`. All but its configuration comes from the host. */
#include <fcntl.h>
#include <spawn.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>

#include "base/file.h"
#include "server/templates/catalog.h"
#include "server/templates/interpreter.h"
#include "server/trees.h"

#define HOME "/opt/code-interpreter"

extern char **environ;
extern const char wrn_interpreter_start[], wrn_interpreter_server[], wrn_interpreter_python_kernel[],
    wrn_interpreter_bash_kernel[];

#define KERNEL(language, title)                                                                          \
    "{\"argv\":[\"/usr/bin/python3\",\"" HOME "/" language "_kernel.py\",\"-f\",\"{connection_file}\"]," \
    "\"display_name\":\"" title "\",\"language\":\"" language "\"}\n"

/* The names that clients of the Wrenn API ask for. */
static const char *const names[] = {"python-interpreter-v0-beta", "code-runner-beta"};

static const struct {
    const char *path, *text;
} files[] = {
    {"start.py", wrn_interpreter_start},
    {"server.py", wrn_interpreter_server},
    {"python_kernel.py", wrn_interpreter_python_kernel},
    {"bash_kernel.py", wrn_interpreter_bash_kernel},
    {"kernels/python3/kernel.json", KERNEL("python", "Python 3")},
    {"kernels/wrenn/kernel.json", KERNEL("python", "Python 3 (wrenn)")},
    {"kernels/bash/kernel.json", KERNEL("bash", "Bash")},
};

static const char *const start[] = {"/usr/bin/env", "JUPYTER_PATH=" HOME, "/usr/bin/python3", HOME "/start.py"};
enum { START_PORT = 8888, MEMORY_MB = 1024 };

/* Ignores modules of the current user: sandboxes see only what is installed for everybody. */
static bool has_packages(void) {
    char *const argv[] = {(char[]){"/usr/bin/python3"}, (char[]){"-I"}, (char[]){"-c"},
                          (char[]){"import jupyter_server, ipykernel"}, NULL};
    posix_spawn_file_actions_t actions;
    pid_t pid;
    int status = -1;
    posix_spawn_file_actions_init(&actions);
    for (int fd = 0; fd < 3; fd++) posix_spawn_file_actions_addopen(&actions, fd, "/dev/null", O_RDWR, 0);
    int rc = posix_spawn(&pid, argv[0], &actions, NULL, argv, environ);
    posix_spawn_file_actions_destroy(&actions);
    while (rc == 0 && waitpid(pid, &status, 0) < 0 && errno == EINTR) {
    }
    return rc == 0 && WIFEXITED(status) && WEXITSTATUS(status) == 0;
}

/* Replaces a file by renaming, because sandboxes may be using the old one. */
static int replace_file(const char *dir, const char *name, const char *text) {
    char path[PATH_MAX + 320], partial[PATH_MAX + 16];
    snprintf(path, sizeof(path), "%.4000s/%s", dir, name);
    snprintf(partial, sizeof(partial), "%.4000s/.new", dir);
    char *slash = strrchr(path, '/');
    *slash = '\0';
    if (make_path(path, 0755) != 0) return -1;
    *slash = '/';
    WRN_AUTO(wrn_fd_close) int fd = open(partial, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0644);
    if (fd < 0 || write(fd, text, strlen(text)) != (ssize_t)strlen(text) || fsync(fd) != 0) return -1;
    return rename(partial, path);
}

/* Writes the document last, because it makes the template exist. */
static bool build(const char *dir, wrn_fault *fault) {
    source s = {.on_host = true, .start_port = START_PORT, .start_early = true};
    wrn_template about = {.memory_mb = MEMORY_MB, .origin = "code-interpreter"};
    char name[128];
    bool ok = true;
    WRN_AUTO(wrn_buf_free) wrn_buf text = WRN_BUF_INIT;
    for (size_t i = 0; i < WRN_COUNT(start); i++) s.start[i] = start[i];
    snprintf(s.tree, sizeof(s.tree), "%.4000s/%s", dir, source_tree_name(&s));
    for (size_t i = 0; ok && i < WRN_COUNT(files); i++) {
        snprintf(name, sizeof(name), "%s" HOME "/%s", source_tree_name(&s), files[i].path);
        ok = replace_file(dir, name, files[i].text) == 0;
    }
    if (ok && !backends_finish_template(dir, &(wrn_root){true, s.tree}, fault)) return false;
    about.size_bytes = disk_bytes(s.tree, NULL);
    source_document(&s, "base", &about, NULL, &text);
    ok = ok && replace_file(dir, "template.json", text.data) == 0;
    /* Whoever watches the directory above sees that it has changed. */
    if (ok && utimensat(AT_FDCWD, dir, NULL, 0) == 0) return true;
    return wrn_fault_set(fault, WRN_FAULT_INTERNAL_ERROR, "cannot make the template in %.300s: %s", dir,
                         strerror(errno)),
           false;
}

bool interpreter_build(const char *template_dir, wrn_buf *said, wrn_fault *fault) {
    if (!has_packages())
        return wrn_fault_set(
                   fault, WRN_FAULT_INTERNAL_ERROR,
                   "/usr/bin/python3 lacks jupyter_server or ipykernel; install them for everybody, then build again; "
                   "on Debian and Ubuntu: apt-get install jupyter-server python3-ipykernel"),
               false;
    umask(022);
    for (size_t i = 0; i < WRN_COUNT(names); i++) {
        char dir[PATH_MAX];
        snprintf(dir, sizeof(dir), "%.4000s/%s", template_dir, names[i]);
        if (make_path(template_dir, 0700) != 0)
            return wrn_fault_set(fault, WRN_FAULT_INTERNAL_ERROR, "cannot make %.300s: %s", template_dir,
                                 strerror(errno)),
                   false;
        if (!build(dir, fault)) return false;
        wrn_buf_printf(said, "made the template %s in %s\n", names[i], dir);
    }
    return true;
}
