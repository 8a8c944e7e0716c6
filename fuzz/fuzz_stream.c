/* Messages of a command's WebSocket, on a stream without a socket. The first byte says what kind of stream; then each
 * line is a message, binary when it begins with a byte below 3. */
#include "api/streams.h"
#include "client/client.h"
#include "client/terminal.h"
#include "fuzz.h"
#include "wrenn/client.h"

static const wrn_stream_type command = {.message = wrn_command_message};
static const wrn_stream_type terminal = {.message = wrn_command_message, .terminal = &wrn_pty_terminal};

static wrenn_client *the_client(void) {
    static wrenn_client *client;
    if (client) return client;
    wrenn_client_options options = WRENN_CLIENT_OPTIONS_INIT;
    options.base_url = "unix:/nonexistent";
    FUZZ_CHECK(wrenn_client_new(&options, &client, NULL) == 0);
    return client;
}

static wrenn_stream *new_stream(uint8_t kind) {
    wrenn_stream *s = calloc(1, sizeof(*s));
    FUZZ_CHECK(s);
    s->type = kind & 1 ? &terminal : &command;
    s->selected = kind & 2;
    s->client = the_client();
    wrn_client_ref(s->client);
    s->queue_tail = &s->queue;
    s->next = s->client->streams;
    if (s->next) s->next->previous = s;
    s->client->streams = s;
    if (s->type->terminal) s->type->terminal->init(s);
    s->begun = true;
    return s;
}

static void drain(wrenn_stream *s) {
    wrenn_event event;
    while (wrenn_stream_next(s, 0, &event, NULL) == 1) {
        FUZZ_CHECK(event.type);
        if (event.data) FUZZ_CHECK(event.data[event.size] == '\0');
    }
    FUZZ_CHECK(!s->queue && !s->queued);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    if (!size) return 0;
    wrenn_stream *s = new_stream(*data);
    const char *at = (const char *)data + 1, *end = (const char *)data + size;
    while (at < end) {
        const char *stop = memchr(at, '\n', (size_t)(end - at));
        if (!stop) stop = end;
        bool binary = at < stop && (unsigned char)*at < 3;
        wrn_command_message(s, binary, at, (size_t)(stop - at));
        at = stop + 1;
    }
    drain(s);
    wrenn_stream_free(s);
    return 0;
}
