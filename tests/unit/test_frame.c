/* The frames between wrennd and the agent: both ends take what they read for hostile. */
#include <stdlib.h>

#include "test.h"
#include "wire/frame.h"

static uint8_t buffer[WRN_FRAME_BUFFER];

static void feed(wrn_frame_reader *reader, const void *data, size_t size) {
    size_t room;
    uint8_t *at = wrn_frame_room(reader, &room);
    CHECK(room >= size);
    memcpy(at, data, size);
    wrn_frame_fed(reader, size);
}

/* Room is never 0 and lies within the buffer. */
static size_t checked_room(wrn_frame_reader *reader) {
    size_t room;
    const uint8_t *at = wrn_frame_room(reader, &room);
    CHECK(room > 0);
    CHECK(at >= buffer && at + room == buffer + sizeof(buffer));
    return room;
}

/* A frame with a payload of `size` bytes that tell where they are; the frame's own size. */
static size_t make(uint8_t *out, uint32_t stream, uint8_t type, uint8_t flags, uint32_t size) {
    wrn_frame_head(out, stream, type, flags, size);
    for (uint32_t i = 0; i < size; i++) out[WRN_FRAME_HEADER + i] = (uint8_t)(i * 7 + stream);
    return WRN_FRAME_HEADER + size;
}

static void check_frame(const wrn_frame *frame, uint32_t stream, uint8_t type, uint32_t size) {
    CHECK_INT(frame->stream, stream);
    CHECK_INT(frame->type, type);
    CHECK_INT(frame->size, size);
    for (uint32_t i = 0; i < size; i++) CHECK(frame->data[i] == (uint8_t)(i * 7 + stream));
}

TEST(numbers_are_little_endian) {
    uint8_t four[4];
    wrn_put_u32(four, 0x01020384);
    CHECK_MEM(four, sizeof(four), "\x84\x03\x02\x01", 4);
    CHECK_INT(wrn_get_u32(four), 0x01020384);
    wrn_put_u32(four, UINT32_MAX);
    CHECK_INT(wrn_get_u32(four), UINT32_MAX);
}

TEST(every_type_goes_around) {
    wrn_frame_reader reader = {.buffer = buffer};
    static uint8_t wire[WRN_FRAME_HEADER + WRN_FRAME_PAYLOAD_MAX];
    static const uint32_t sizes[] = {0, 1, 4, 1000, WRN_FRAME_PAYLOAD_MAX};
    for (unsigned type = 1; type < WRN_FRAME_TYPES; type++) {
        for (size_t i = 0; i < sizeof(sizes) / sizeof(*sizes); i++) {
            wrn_frame frame;
            size_t size = make(wire, 0xFFFFFFF0u + type, (uint8_t)type, WRN_FRAME_MORE, sizes[i]);
            feed(&reader, wire, size);
            CHECK_INT(wrn_frame_next(&reader, &frame), 1);
            check_frame(&frame, 0xFFFFFFF0u + type, (uint8_t)type, sizes[i]);
            CHECK_INT(frame.flags, WRN_FRAME_MORE);
            CHECK_INT(wrn_frame_next(&reader, &frame), 0);
        }
    }
}

TEST(split_at_every_byte) {
    uint8_t wire[3 * WRN_FRAME_HEADER + 50] = {0};
    size_t size = make(wire, 1, WRN_FRAME_STDOUT, 0, 40);
    size += make(wire + size, 2, WRN_FRAME_PING, 0, 0);
    size += make(wire + size, 3, WRN_FRAME_EXIT, 0, 8);
    for (size_t cut = 0; cut <= size; cut++) {
        wrn_frame_reader reader = {.buffer = buffer};
        static const uint32_t payloads[] = {40, 0, 8};
        static const uint8_t types[] = {WRN_FRAME_STDOUT, WRN_FRAME_PING, WRN_FRAME_EXIT};
        uint32_t seen = 0;
        wrn_frame frame;
        for (int half = 0; half < 2; half++) {
            feed(&reader, half ? wire + cut : wire, half ? size - cut : cut);
            int next;
            for (; (next = wrn_frame_next(&reader, &frame)) > 0; seen++) {
                CHECK(seen < 3);
                check_frame(&frame, seen + 1, types[seen], payloads[seen]);
            }
            CHECK_INT(next, 0);
            checked_room(&reader);
        }
        CHECK_INT(seen, 3);
    }
}

TEST(byte_by_byte) {
    wrn_frame_reader reader = {.buffer = buffer};
    uint8_t wire[WRN_FRAME_HEADER + 20];
    wrn_frame frame;
    size_t size = make(wire, 9, WRN_FRAME_STDERR, 0, 20);
    for (int round = 0; round < 10000; round++) {
        for (size_t i = 0; i < size; i++) {
            CHECK_INT(wrn_frame_next(&reader, &frame), 0);
            feed(&reader, wire + i, 1);
        }
        CHECK_INT(wrn_frame_next(&reader, &frame), 1);
        check_frame(&frame, 9, WRN_FRAME_STDERR, 20);
    }
}

TEST(many_frames_in_one_read) {
    wrn_frame_reader reader = {.buffer = buffer};
    static uint8_t wire[WRN_FRAME_BUFFER];
    uint32_t count = 0;
    size_t size = 0;
    while (size + WRN_FRAME_HEADER + 10 <= sizeof(wire))
        count++, size += make(wire + size, count, WRN_FRAME_STDOUT, 0, count % 10);
    feed(&reader, wire, size);
    wrn_frame frame;
    for (uint32_t i = 1; i <= count; i++) {
        CHECK_INT(wrn_frame_next(&reader, &frame), 1);
        check_frame(&frame, i, WRN_FRAME_STDOUT, i % 10);
    }
    CHECK_INT(wrn_frame_next(&reader, &frame), 0);
    CHECK_INT(checked_room(&reader), WRN_FRAME_BUFFER);
}

static int verdict(uint32_t size, uint8_t type, uint8_t reserved10, uint8_t reserved11) {
    wrn_frame_reader reader = {.buffer = buffer};
    uint8_t head[WRN_FRAME_HEADER];
    wrn_frame frame;
    wrn_frame_head(head, 1, type, 0, size);
    head[10] = reserved10;
    head[11] = reserved11;
    feed(&reader, head, sizeof(head));
    int first = wrn_frame_next(&reader, &frame);
    /* It stays no frame. */
    CHECK_INT(wrn_frame_next(&reader, &frame), first);
    return first;
}

TEST(what_is_no_frame_is_refused_by_its_head) {
    CHECK_INT(verdict(WRN_FRAME_PAYLOAD_MAX, WRN_FRAME_STDOUT, 0, 0), 0);
    CHECK_INT(verdict(WRN_FRAME_PAYLOAD_MAX + 1, WRN_FRAME_STDOUT, 0, 0), -1);
    CHECK_INT(verdict(UINT32_MAX, WRN_FRAME_STDOUT, 0, 0), -1);
    CHECK_INT(verdict(UINT32_MAX - WRN_FRAME_HEADER + 1, WRN_FRAME_STDOUT, 0, 0), -1);
    CHECK_INT(verdict(0x80000000u, WRN_FRAME_STDOUT, 0, 0), -1);
    CHECK_INT(verdict(1, 0, 0, 0), -1);
    for (int type = WRN_FRAME_TYPES; type < 256; type++) CHECK_INT(verdict(1, (uint8_t)type, 0, 0), -1);
    CHECK_INT(verdict(1, WRN_FRAME_STDOUT, 1, 0), -1);
    CHECK_INT(verdict(1, WRN_FRAME_STDOUT, 0, 0x80), -1);
}

/* Whatever comes in whatever lumps, there is always room for more and what comes out is what went in. */
TEST(room_is_never_empty) {
    wrn_frame_reader reader = {.buffer = buffer};
    static uint8_t wire[WRN_FRAME_HEADER + WRN_FRAME_PAYLOAD_MAX];
    uint32_t seed = 1, sent = 0, seen = 0;
    size_t size = 0, at = 0;
    while (seen < 2000) {
        if (at == size) {
            seed = seed * 1664525 + 1013904223;
            sent++;
            size = make(wire, sent, WRN_FRAME_STDOUT, 0, sent % 3 ? (seed >> 8) % 200 : WRN_FRAME_PAYLOAD_MAX);
            at = 0;
        }
        seed = seed * 1664525 + 1013904223;
        size_t lump = 1 + (seed >> 8) % 40000, room = checked_room(&reader);
        if (lump > size - at) lump = size - at;
        if (lump > room) lump = room;
        feed(&reader, wire + at, lump);
        at += lump;
        wrn_frame frame;
        int next;
        while ((next = wrn_frame_next(&reader, &frame)) > 0) check_frame(&frame, ++seen, WRN_FRAME_STDOUT, frame.size);
        CHECK_INT(next, 0);
    }
}

/* Moving what is left to the front at every read makes a big frame in small reads cost the square of its size. */
TEST(partial_frames_stay_where_they_are) {
    wrn_frame_reader reader = {.buffer = buffer};
    static uint8_t wire[WRN_FRAME_HEADER + WRN_FRAME_PAYLOAD_MAX];
    wrn_frame frame;
    size_t small = make(wire, 1, WRN_FRAME_STDOUT, 0, 30);
    feed(&reader, wire, small);
    size_t big = make(wire, 2, WRN_FRAME_STDOUT, 0, WRN_FRAME_PAYLOAD_MAX), at = 5;
    feed(&reader, wire, at);
    CHECK_INT(wrn_frame_next(&reader, &frame), 1);
    const size_t begin = reader.begin;
    CHECK_INT(begin, small);
    for (; at < big; at++) {
        feed(&reader, wire + at, 1);
        CHECK_INT(reader.begin, begin);
        CHECK_INT(reader.end, begin + at + 1);
    }
    CHECK_INT(wrn_frame_next(&reader, &frame), 1);
    check_frame(&frame, 2, WRN_FRAME_STDOUT, WRN_FRAME_PAYLOAD_MAX);
    CHECK(frame.data == buffer + begin + WRN_FRAME_HEADER);
}

/* Near the end of the buffer it is moved, once. */
TEST(a_partial_frame_moves_once_per_buffer) {
    wrn_frame_reader reader = {.buffer = buffer};
    static uint8_t wire[WRN_FRAME_HEADER + 1000];
    wrn_frame frame;
    size_t moves = 0, fed = 0;
    for (uint32_t i = 0; i < 2000; i++) {
        size_t size = make(wire, i, WRN_FRAME_STDOUT, 0, 1000), half = size / 2;
        feed(&reader, wire, half);
        CHECK_INT(wrn_frame_next(&reader, &frame), 0);
        size_t before = reader.begin;
        feed(&reader, wire + half, size - half);
        moves += reader.begin < before;
        CHECK_INT(wrn_frame_next(&reader, &frame), 1);
        check_frame(&frame, i, WRN_FRAME_STDOUT, 1000);
        /* The first half of the next one, so that the buffer never runs empty. */
        size = make(wire, i, WRN_FRAME_STDERR, 0, 1000);
        feed(&reader, wire, size);
        feed(&reader, wire, 1);
        CHECK_INT(wrn_frame_next(&reader, &frame), 1);
        before = reader.begin;
        feed(&reader, wire + 1, size - 1);
        moves += reader.begin < before;
        CHECK_INT(wrn_frame_next(&reader, &frame), 1);
        fed += 3 * size;
    }
    CHECK_MSG(moves <= fed / (WRN_FRAME_BUFFER / 2) + 1, "%zu moves for %zu bytes", moves, fed);
}

TEST(a_command_goes_around) {
    static const char *const args[] = {"-c", "", "exit 3", NULL}, *const envs[] = {"A=b", "C=", NULL};
    const wrn_proc_spec sent = {.cmd = "sh",
                                .args = args,
                                .envs = envs,
                                .cwd = "/tmp",
                                .default_user = "web:www",
                                .label = "x y",
                                .want_stdin = true,
                                .cols = 91,
                                .rows = 33};
    WRN_AUTO(wrn_buf_free) wrn_buf payload = WRN_BUF_INIT;
    wrn_proc_spec got;
    wrn_exec_put(&sent, &payload);
    char **argv = wrn_exec_read((uint8_t *)payload.data, payload.size, &got);
    CHECK(argv != NULL);
    CHECK_STR(got.cmd, "sh");
    CHECK_STR(argv[0], "sh");
    for (size_t i = 0; args[i]; i++) CHECK_STR(got.args[i], args[i]);
    CHECK(!got.args[3] && !argv[4]);
    for (size_t i = 0; envs[i]; i++) CHECK_STR(got.envs[i], envs[i]);
    CHECK(!got.envs[2]);
    CHECK_STR(got.cwd, "/tmp");
    CHECK_STR(got.label, "x y");
    CHECK_STR(got.default_user, "web:www");
    CHECK_STR(wrn_exec_user(&got), "web:www");
    CHECK(!got.user && got.want_stdin && !got.builtin && got.cols == 91 && got.rows == 33);
    free(argv);
}

TEST(a_bare_command_goes_around) {
    WRN_AUTO(wrn_buf_free) wrn_buf payload = WRN_BUF_INIT;
    wrn_proc_spec got;
    wrn_exec_put(&(wrn_proc_spec){.cmd = "read", .user = "root", .builtin = true}, &payload);
    char **argv = wrn_exec_read((uint8_t *)payload.data, payload.size, &got);
    CHECK(argv && !argv[1] && !got.args[0] && !got.envs[0] && !got.cwd && !got.label && !got.default_user);
    CHECK_STR(got.user, "root");
    CHECK(!got.want_stdin && got.builtin && !got.cols && !got.rows);
    free(argv);
}

/* Each prefix, and more arguments or variables than there are. */
TEST(a_payload_that_is_cut_is_no_command) {
    static const char *const args[] = {"a", NULL}, *const envs[] = {"A=b", NULL};
    WRN_AUTO(wrn_buf_free) wrn_buf payload = WRN_BUF_INIT;
    wrn_proc_spec got;
    wrn_exec_put(&(wrn_proc_spec){.cmd = "sh", .args = args, .envs = envs, .cwd = "/"}, &payload);
    for (size_t size = 0; size < payload.size; size++) {
        uint8_t *copy = malloc(size ? size : 1); /* a sanitizer sees its end */
        memcpy(copy, payload.data, size);
        CHECK_MSG(!wrn_exec_read(copy, size, &got), "%zu bytes", size);
        free(copy);
    }
    static const uint32_t wrong[][2] = {{0, 1}, {3, 1}, {2, 2}, {UINT32_MAX, 1}, {2, UINT32_MAX}};
    for (size_t i = 0; i < WRN_COUNT(wrong); i++) {
        wrn_put_u32((uint8_t *)payload.data, wrong[i][0]);
        wrn_put_u32((uint8_t *)payload.data + 4, wrong[i][1]);
        CHECK(!wrn_exec_read((uint8_t *)payload.data, payload.size, &got));
    }
}

TEST_MAIN
