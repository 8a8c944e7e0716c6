#include <curl/curl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

#include "bench.h"
#include "wrenn/wrenn.h"

enum { WARM_UP = 500, CALLS = 10000 };

#define SANDBOX_ID "cl-0123456789abcdefghijklmno"
#define ANSWER "HTTP/1.1 204 No Content\r\n\r\n"

static struct sockaddr_un address = {.sun_family = AF_UNIX};

/* ---- the responder: a process that answers every request with 204 ---- */

/* Reads one request, head and body; false when the connection ended. */
static bool read_request(int fd, char *data, size_t capacity, size_t *have) {
    for (;;) {
        data[*have] = '\0';
        char *end = strstr(data, "\r\n\r\n");
        if (end) {
            const char *length = strcasestr(data, "\r\nContent-Length:");
            size_t body = length && length < end ? strtoul(length + 17, NULL, 10) : 0;
            size_t size = (size_t)(end + 4 - data) + body;
            if (*have >= size) {
                memmove(data, data + size, *have - size);
                *have -= size;
                return true;
            }
        }
        ssize_t got = read(fd, data + *have, capacity - 1 - *have);
        if (got <= 0) return false;
        *have += (size_t)got;
    }
}

static void respond(int listener) {
    static char data[16384];
    prctl(PR_SET_PDEATHSIG, SIGKILL);
    for (;;) {
        int fd = accept(listener, NULL, NULL);
        size_t have = 0;
        while (fd >= 0 && read_request(fd, data, sizeof(data), &have))
            if (write(fd, ANSWER, strlen(ANSWER)) < 0) break;
        if (fd >= 0) close(fd);
    }
}

static pid_t start_responder(const char *directory) {
    snprintf(address.sun_path, sizeof(address.sun_path), "%s/s", directory);
    int listener = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (bind(listener, (struct sockaddr *)&address, sizeof(address)) != 0 || listen(listener, 8) != 0)
        bench_fail("can't listen on %s", address.sun_path);
    pid_t pid = fork();
    if (pid == 0) respond(listener);
    close(listener);
    return pid;
}

/* ---- three ways to ask it ---- */

static void measure_raw(samples *into) {
    static const char request[] = "POST /v1/sandboxes/" SANDBOX_ID "/ping HTTP/1.1\r\nHost: localhost\r\n"
                                  "X-API-Key: wrn_00000000000000000000000000000001\r\nAccept: application/json\r\n"
                                  "Content-Length: 0\r\n\r\n";
    int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (connect(fd, (struct sockaddr *)&address, sizeof(address)) != 0) bench_fail("can't connect to the responder");
    for (int i = 0; i < WARM_UP + CALLS; i++) {
        char answer[256];
        double start = bench_now_us();
        if (write(fd, request, sizeof(request) - 1) < 0) bench_fail("the responder left");
        for (size_t have = 0; have < strlen(ANSWER);) {
            ssize_t got = read(fd, answer + have, sizeof(answer) - have);
            if (got <= 0) bench_fail("the responder left");
            have += (size_t)got;
        }
        if (i >= WARM_UP) bench_add(into, bench_now_us() - start);
    }
    close(fd);
}

static void measure_curl(samples *into) {
    CURL *curl = curl_easy_init();
    struct curl_slist *headers = curl_slist_append(NULL, "X-API-Key: wrn_00000000000000000000000000000001");
    curl_easy_setopt(curl, CURLOPT_UNIX_SOCKET_PATH, address.sun_path);
    curl_easy_setopt(curl, CURLOPT_URL, "http://localhost/v1/sandboxes/" SANDBOX_ID "/ping");
    curl_easy_setopt(curl, CURLOPT_POSTFIELDS, "");
    curl_easy_setopt(curl, CURLOPT_HTTPHEADER, headers);
    for (int i = 0; i < WARM_UP + CALLS; i++) {
        double start = bench_now_us();
        CURLcode rc = curl_easy_perform(curl);
        if (rc != CURLE_OK) bench_fail("libcurl: %s", curl_easy_strerror(rc));
        if (i >= WARM_UP) bench_add(into, bench_now_us() - start);
    }
    curl_slist_free_all(headers);
    curl_easy_cleanup(curl);
}

static void measure_wrenn(samples *into) {
    char url[160];
    snprintf(url, sizeof(url), "unix:%s", address.sun_path);
    wrenn_client_options options = WRENN_CLIENT_OPTIONS_INIT;
    options.base_url = url;
    options.api_key = "wrn_00000000000000000000000000000001";
    options.era = WRENN_ERA_SANDBOXES;
    wrenn_client *client = NULL;
    wrenn_sandbox *sandbox = NULL;
    wrenn_error *error = NULL;
    int rc = wrenn_client_new(&options, &client, &error);
    if (rc >= 0) rc = wrenn_sandbox_from_id(client, SANDBOX_ID, &sandbox, &error);
    for (int i = 0; i < WARM_UP + CALLS && rc >= 0; i++) {
        double start = bench_now_us();
        rc = wrenn_sandbox_ping(sandbox, NULL, &error);
        if (i >= WARM_UP) bench_add(into, bench_now_us() - start);
    }
    if (rc < 0) bench_fail("libwrenn: %s", wrenn_error_message(error));
    wrenn_sandbox_free(sandbox);
    wrenn_client_free(client);
}

void bench_call(void) {
    char directory[] = "/tmp/wrenn-bench-XXXXXX";
    if (!mkdtemp(directory)) bench_fail("can't make a directory in /tmp");
    pid_t responder = start_responder(directory);
    samples raw = {0}, curl = {0}, wrenn = {0};
    measure_raw(&raw);
    measure_curl(&curl);
    measure_wrenn(&wrenn);
    kill(responder, SIGKILL);
    waitpid(responder, NULL, 0);
    unlink(address.sun_path);
    rmdir(directory);

    printf("one call over a unix socket (ping)\n");
    bench_print("raw socket", &raw, NULL);
    bench_print("libcurl, one easy handle", &curl, &raw);
    bench_print("libwrenn", &wrenn, &raw);
    printf("  libwrenn costs %.1f us more than the raw socket, %.1f us more than libcurl\n",
           bench_median(&wrenn) - bench_median(&raw), bench_median(&wrenn) - bench_median(&curl));
    bench_free(&raw);
    bench_free(&curl);
    bench_free(&wrenn);
}
