/* Runs a web server in a sandbox, says under which URL it is reached, and asks it something. */
#include <stdio.h>
#include <wrenn/wrenn.h>

enum { PORT = 8000 };

/* The command goes on as long as the stream does. It prints a line when it listens. */
static int serve(wrenn_sandbox *sandbox, wrenn_stream **stream, wrenn_error **error) {
    wrenn_command command = WRENN_COMMAND_INIT;
    const wrenn_event *event;
    command.shell = "echo hello from port 8000 > index.html && exec python3 -u -m http.server 8000";
    int rc = wrenn_sandbox_exec_stream(sandbox, &command, NULL, stream, error);
    if (rc < 0) return rc;
    while ((rc = wrenn_stream_next(*stream, 30000, &event, error)) > 0) {
        if (event->type == WRENN_EVENT_STDOUT) return 0;
        if (event->type == WRENN_EVENT_STDERR) fwrite(event->data, 1, event->size, stderr);
    }
    return rc;
}

static int ask(wrenn_sandbox *sandbox, const char *path, wrenn_error **error) {
    wrenn_sandbox_port_request_options options = WRENN_SANDBOX_PORT_REQUEST_OPTIONS_INIT;
    wrenn_port_response *response = NULL;
    options.port = PORT;
    options.path = path;
    int rc = wrenn_sandbox_port_request(sandbox, &options, &response, error);
    if (rc < 0) return rc;
    /* Every answer is a result, also a 404 of the program and a 502 of the proxy when nothing listens. */
    printf("%s: %lld %s\n", path, (long long)response->status, response->content_type);
    if (response->status == 200) fwrite(response->body, 1, response->body_size, stdout);
    wrenn_port_response_free(response);
    return 0;
}

int main(void) {
    wrenn_client *client = NULL;
    wrenn_sandbox *sandbox = NULL;
    wrenn_stream *stream = NULL;
    wrenn_error *error = NULL;
    char *url = NULL;
    int rc = wrenn_client_new(NULL, &client, &error);
    if (rc >= 0) rc = wrenn_sandboxes_create(client, NULL, &sandbox, &error);
    if (rc >= 0) rc = serve(sandbox, &stream, &error);
    if (rc >= 0) rc = wrenn_sandbox_url(sandbox, PORT, NULL, &url, &error);
    if (rc >= 0) printf("for a browser: %s\n", url);
    if (rc >= 0) rc = ask(sandbox, "/", &error);
    if (rc >= 0) rc = ask(sandbox, "/missing", &error);
    if (rc < 0) fprintf(stderr, "port_url: %s\n", wrenn_error_message(error));
    wrenn_error_free(error);
    wrenn_string_free(url);
    wrenn_stream_close(stream); /* ends the web server too */
    wrenn_sandbox_close(sandbox);
    wrenn_client_free(client);
    return rc < 0;
}
