/* The agent itself over a bare channel, without a sandbox around it. */
#ifndef WRN_TESTS_AGENT_H
#define WRN_TESTS_AGENT_H

#include <sys/types.h>

#include "base/buf.h"
#include "test.h"
#include "wire/frame.h"

extern struct agent {
    pid_t pid;
    int channel, tells; /* to read from, to write to */
    int handover;       /* -1: it has none */
    uint8_t buffer[WRN_FRAME_BUFFER];
    wrn_frame_reader reader;
} agent;

/* Starts it, and waits for its first frame. It ends with its channel. */
void start_agent(void);
/* One that outlives its server. */
void start_lasting_agent(void);
/* Closes its channel. */
void hang_up(void);
/* Waits for the agent's end. */
int agent_status(void);
/* Gives it the channel of the next server. */
void hand_over(void);
/* The agent says first that it is back, with so many commands. */
void check_back(uint32_t kept);

/* A directory of everybody's, which commands find as $D, with two named pipes. */
void share_dir(void);
/* Waits for a line in $D/go, then writes more than any pipe holds, and says in $D/said how that went. */
#define LEFTOVER "(read line <$D/go; head -c 300000 /dev/zero && head -c 300000 /dev/zero >&2; echo $? >$D/said) & "

void put(wrn_buf *out, uint32_t stream, uint8_t type, const void *data, size_t size);
/* sh -c line; without a label it is not detached. */
void put_labelled(wrn_buf *out, uint32_t stream, const char *label, const char *line);
void put_exec(wrn_buf *out, uint32_t stream, const char *line);
/* Sends what was put, and frees it. */
void send_all(wrn_buf *out);
const wrn_frame *next_frame(void);

typedef struct result {
    char out[65537];
    size_t size;
    uint32_t kind, value;
    bool cut;
} result;

/* Reads to the end of the command with this stream; `finish_started`: its start was seen. */
const result *finish(uint32_t stream);
const result *finish_started(uint32_t stream);
/* Runs it to a good end; its output. */
const char *sh(const char *line);
/* Gives credit back for what came; its size, if it is output of that stream. */
size_t grant(uint32_t stream, const wrn_frame *frame);

typedef struct log_text {
    char *text; /* what was stderr is in brackets */
    size_t size;
    uint64_t from, dropped;
    uint32_t kind, value;
} log_text;

/* Asks for the kept output of a command; the stream on which it comes. */
uint32_t ask_log(uint32_t command, uint32_t flags, uint64_t from);
/* Reads all of it; the caller frees the text. */
log_text read_log(uint32_t command, uint32_t flags, uint64_t from);

#endif
