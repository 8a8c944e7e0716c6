#include "wire/frame.h"

#include <stdlib.h>
#include <string.h>

#include "base/text.h"

void wrn_put_u32(uint8_t out[4], uint32_t value) {
    for (int i = 0; i < 4; i++) out[i] = (uint8_t)(value >> 8 * i);
}

uint32_t wrn_get_u32(const uint8_t in[4]) {
    return (uint32_t)in[0] | (uint32_t)in[1] << 8 | (uint32_t)in[2] << 16 | (uint32_t)in[3] << 24;
}

void wrn_put_u64(uint8_t out[8], uint64_t value) {
    wrn_put_u32(out, (uint32_t)value);
    wrn_put_u32(out + 4, (uint32_t)(value >> 32));
}

uint64_t wrn_get_u64(const uint8_t in[8]) { return wrn_get_u32(in) | (uint64_t)wrn_get_u32(in + 4) << 32; }

void wrn_log_request_put(const wrn_log_request *request, uint8_t out[WRN_LOG_REQUEST]) {
    wrn_put_u32(out, request->command);
    wrn_put_u32(out + 4, request->flags);
    wrn_put_u64(out + 8, request->from);
}

wrn_log_request wrn_log_request_get(const uint8_t in[WRN_LOG_REQUEST]) {
    return (wrn_log_request){wrn_get_u32(in), wrn_get_u32(in + 4), wrn_get_u64(in + 8)};
}

void wrn_frame_head(uint8_t out[WRN_FRAME_HEADER], uint32_t stream, uint8_t type, uint8_t flags, uint32_t size) {
    wrn_put_u32(out, size);
    wrn_put_u32(out + 4, stream);
    out[8] = type;
    out[9] = flags;
    out[10] = out[11] = 0;
}

uint8_t *wrn_frame_room(wrn_frame_reader *reader, size_t *size) {
    /* Moves the rest to the front only when no complete frame fits behind it: once per length of the buffer, not once per
     * read. */
    const size_t frame_max = WRN_FRAME_HEADER + WRN_FRAME_PAYLOAD_MAX;
    if (reader->begin == reader->end) {
        reader->begin = reader->end = 0;
    } else if (WRN_FRAME_BUFFER - reader->begin < frame_max) {
        memmove(reader->buffer, reader->buffer + reader->begin, reader->end - reader->begin);
        reader->end -= reader->begin;
        reader->begin = 0;
    }
    *size = WRN_FRAME_BUFFER - reader->end;
    return reader->buffer + reader->end;
}

void wrn_frame_fed(wrn_frame_reader *reader, size_t size) { reader->end += size; }

int wrn_frame_next(wrn_frame_reader *reader, wrn_frame *frame) {
    const uint8_t *head = reader->buffer + reader->begin;
    size_t there = reader->end - reader->begin;
    if (there < WRN_FRAME_HEADER) return 0;
    uint32_t size = wrn_get_u32(head);
    if (size > WRN_FRAME_PAYLOAD_MAX || head[8] == 0 || head[8] >= WRN_FRAME_TYPES || head[10] || head[11]) return -1;
    if (there < WRN_FRAME_HEADER + (size_t)size) return 0;
    *frame = (wrn_frame){wrn_get_u32(head + 4), head[8], head[9], head + WRN_FRAME_HEADER, size};
    reader->begin += WRN_FRAME_HEADER + (size_t)size;
    return 1;
}

/* ---- EXEC ---- */

const char *wrn_exec_user(const wrn_proc_spec *spec) {
    return spec->user ? spec->user : spec->default_user ? spec->default_user : "";
}

static void put_string(wrn_buf *payload, const char *text) {
    wrn_buf_put(payload, text ? text : "", (text ? strlen(text) : 0) + 1);
}

static uint32_t put_strings(wrn_buf *payload, const char *const *strings) {
    uint32_t count = 0;
    for (; strings && strings[count]; count++) put_string(payload, strings[count]);
    return count;
}

void wrn_exec_put(const wrn_proc_spec *spec, wrn_buf *payload) {
    uint8_t head[WRN_EXEC_HEAD] = {0};
    wrn_buf_put(payload, head, sizeof(head));
    const char *const texts[] = {spec->cwd, spec->label, wrn_exec_user(spec), spec->cmd};
    for (size_t i = 0; i < WRN_COUNT(texts); i++) put_string(payload, texts[i]);
    uint32_t argc = 1 + put_strings(payload, spec->args), envc = put_strings(payload, spec->envs);
    const uint32_t numbers[] = {argc, envc,
                                (spec->want_stdin ? WRN_EXEC_STDIN : 0u) |
                                    (spec->cols && spec->rows ? WRN_EXEC_PTY : 0u) |
                                    (spec->builtin ? WRN_EXEC_BUILTIN : 0u) | (spec->user ? 0u : WRN_EXEC_DEFAULT_USER),
                                spec->cols, spec->rows};
    for (size_t i = 0; i < WRN_COUNT(numbers) && !payload->failed; i++)
        wrn_put_u32((uint8_t *)payload->data + 4 * i, numbers[i]);
}

/* NULL when none is left, else one that ends before `end`, which is behind a NUL. */
static char *next_string(char **at, const char *end) {
    char *text = *at < end ? *at : NULL;
    if (text) *at += strlen(text) + 1;
    return text;
}

char **wrn_exec_read(uint8_t *payload, size_t size, wrn_proc_spec *spec) {
    if (size < WRN_EXEC_HEAD + 2 || payload[size - 1]) return NULL;
    size_t argc = wrn_get_u32(payload), envc = wrn_get_u32(payload + 4);
    uint32_t flags = wrn_get_u32(payload + 8);
    char *at = (char *)payload + WRN_EXEC_HEAD, *end = (char *)payload + size;
    const char *cwd = next_string(&at, end), *label = next_string(&at, end), *user = next_string(&at, end);
    char **all = !user || !argc || argc > size || envc > size ? NULL : calloc(argc + envc + 2, sizeof(*all));
    for (size_t i = 0; all && i < argc + envc; i++) {
        char *text = next_string(&at, end);
        if (!text) return free(all), NULL;
        all[i < argc ? i : i + 1] = text;
    }
    if (!all || strlen(label) >= WRN_LABEL_MAX) return free(all), NULL;
    *spec = (wrn_proc_spec){.cmd = all[0],
                            .args = (const char *const *)all + 1,
                            .envs = (const char *const *)all + argc + 1,
                            .cwd = wrn_none_if_empty(cwd),
                            .label = wrn_none_if_empty(label),
                            .want_stdin = flags & WRN_EXEC_STDIN,
                            .builtin = flags & WRN_EXEC_BUILTIN,
                            .cols = (uint16_t)wrn_get_u32(payload + 12),
                            .rows = (uint16_t)wrn_get_u32(payload + 16)};
    *(flags & WRN_EXEC_DEFAULT_USER ? &spec->default_user : &spec->user) = wrn_none_if_empty(user);
    return all;
}

void wrn_resume_put(const wrn_resume *resume, wrn_buf *payload) {
    uint8_t head[WRN_RESUME_HEAD];
    wrn_put_u32(head, resume->flags);
    wrn_put_u32(head + 4, resume->number);
    wrn_put_u64(head + 8, resume->time_us);
    memcpy(head + 16, resume->seed, WRN_RESUME_SEED);
    wrn_buf_put(payload, head, sizeof(head));
    put_string(payload, resume->id);
    put_string(payload, resume->template_name);
}

bool wrn_resume_read(const uint8_t *payload, size_t size, wrn_resume *out) {
    if (size < WRN_RESUME_HEAD + 2 || payload[size - 1]) return false;
    const char *end = (const char *)payload + size;
    *out = (wrn_resume){
        .flags = wrn_get_u32(payload), .number = wrn_get_u32(payload + 4), .time_us = wrn_get_u64(payload + 8)};
    memcpy(out->seed, payload + 16, WRN_RESUME_SEED);
    out->id = (const char *)payload + WRN_RESUME_HEAD;
    out->template_name = out->id + strlen(out->id) + 1;
    return out->template_name < end && strlen(out->id) < WRN_RESUME_NAME_MAX &&
           strlen(out->template_name) < WRN_RESUME_NAME_MAX;
}
