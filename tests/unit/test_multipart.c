#include "server/http/multipart.h"

#include <stdio.h>
#include <stdlib.h>

#include "test.h"

static const char content_type[] = "multipart/form-data; boundary=X-1";

/* What came out, as text: "[name]content;" or "[name+]..." with a filename, "." at the end, "!" and why when it is bad. */
static wrn_buf feed_in_pieces(const char *type, const char *data, size_t size, size_t chunk) {
    wrn_multipart m;
    wrn_buf out = WRN_BUF_INIT;
    CHECK_MSG(wrn_multipart_init(&m, type), "%s: %s", type, m.why);
    for (size_t at = 0; at < size;) {
        size_t left = size - at < chunk ? size - at : chunk, used;
        char *copy = malloc(left); /* so that nothing is read beyond it */
        CHECK(copy != NULL);
        memcpy(copy, data + at, left);
        wrn_multipart_step step = wrn_multipart_feed(&m, copy, left, &used);
        CHECK(used <= left && (used == left || step != WRN_MULTIPART_MORE));
        at += used;
        if (step == WRN_MULTIPART_PART) wrn_buf_printf(&out, "[%s%s]", m.name, m.has_filename ? "+" : "");
        if (step == WRN_MULTIPART_PIECE) wrn_buf_put(&out, m.piece, m.piece_size);
        if (step == WRN_MULTIPART_PART_END) wrn_buf_putc(&out, ';');
        if (step == WRN_MULTIPART_END) wrn_buf_putc(&out, '.');
        free(copy);
        if (step != WRN_MULTIPART_BAD) continue;
        CHECK(m.why != NULL);
        wrn_buf_printf(&out, "!%s", m.why);
        CHECK_INT(wrn_multipart_feed(&m, data, size, &used), WRN_MULTIPART_BAD);
        break;
    }
    wrn_multipart_free(&m);
    return out;
}

/* In pieces of every size. */
static void check_bytes(const char *type, const char *data, size_t size, const char *want, size_t want_size) {
    for (size_t chunk = 1; chunk <= size; chunk++) {
        WRN_AUTO(wrn_buf_free) wrn_buf out = feed_in_pieces(type, data, size, chunk);
        test_note("in pieces of %zu", chunk);
        if (out.size != want_size || (want_size && memcmp(out.data, want, want_size) != 0))
            CHECK_MEM(out.data ? out.data : "", out.size, want, want_size);
    }
}

static void check(const char *data, const char *want) {
    check_bytes(content_type, data, strlen(data), want, strlen(want));
}

#define HEAD(name) "Content-Disposition: form-data; name=" name "\r\n\r\n"

TEST(parts_come_out_whole) {
    check(
        "--X-1\r\n" HEAD("path") "/tmp/x\r\n--X-1\r\nContent-Disposition: form-data; name=\"file\"; filename=\"a\"\r\n"
                                 "Content-Type: text/plain\r\n\r\nabc\r\n--X-1--\r\n",
        "[path]/tmp/x;[file+]abc;.");
    check("preamble\r\nmore\r\n\r\n--X-1 \t\r\n" HEAD("a") "1\r\n--X-1--epilogue\r\n--X-1\r\n", "[a]1;.");
    check("--X-1\r\n\r\nno head\r\n--X-1--", "[]no head;.");
    check("--X-1--", ".");
    check("--X-1\r\n" HEAD("a") "unfinished", "[a]unfinished");
    check("nothing at all", "");
}

TEST(parts_may_be_empty) {
    check("--X-1\r\n" HEAD("a") "\r\n--X-1\r\n" HEAD("b") "\r\n--X-1--", "[a];[b];.");
    /* The line break that ends the head is the delimiter's. */
    check("--X-1\r\n" HEAD("a") "--X-1--", "[a];.");
    check("--X-1\r\n\r\n--X-1--", "[];.");
}

TEST(content_may_look_like_a_boundary) {
    check("--X-1\r\n" HEAD("a") "\r\r\n\r\n-\r\n--\r\n--X\r\n--X-\r\n-X-1\r\n\r\n--X-1--",
          "[a]\r\r\n\r\n-\r\n--\r\n--X\r\n--X-\r\n-X-1\r\n;.");
    check("--X-1\r\n" HEAD("a") "\r\n--X-12\r\n--X-1x--\r\n--X-1--", "[a]\r\n--X-12\r\n--X-1x--;.");
    check("--X-1\r\n" HEAD("a") "--X-1x\r\n--X-1--", "[a]--X-1x;.");
    check("--X-1\r\n" HEAD("a") "\n--X-1\n\r--X-1--X-1\r\n--X-1--", "[a]\n--X-1\n\r--X-1--X-1;.");
    check("x--X-1\r\n\r\n--X-1\r\n" HEAD("a") "\r\r\r\r\n--X-1--", "[a]\r\r\r;.");
    static const char zeros[] = "--X-1\r\n" HEAD("a") "\0\r\0\r\n\0\r\n--X-1\0\r\n--X-1--";
    static const char want[] = "[a]\0\r\0\r\n\0\r\n--X-1\0;.";
    check_bytes(content_type, zeros, sizeof(zeros) - 1, want, sizeof(want) - 1);
}

TEST(names_come_in_many_ways) {
    static const struct {
        const char *disposition, *want;
    } cases[] = {
        {"form-data; name=path", "[path]x"},
        {"form-data;name=\"path\"", "[path]x"},
        {"Form-Data ; NAME=\"path\" ; ", "[path]x"},
        {"form-data; name=\"a \\\"b\\\\ c;d=e\"", "[a \"b\\ c;d=e]x"},
        {"form-data; filename=\"C:\\dir\\x\"; name=file", "[file+]x"},
        {"form-data; name=\"file\"; filename=\"\"", "[file+]x"},
        {"form-data; name=\"file\"; filename*=UTF-8''%e2%82%ac", "[file+]x"},
        {"form-data; name=\"f\xc3\xa9\xff\"", "[f\xc3\xa9\xff]x"},
        {"form-data; filenames=a; name=\"\"", "[]x"},
        {"form-data", "[]x"},
    };
    for (size_t i = 0; i < WRN_COUNT(cases); i++) {
        char data[500];
        snprintf(data, sizeof(data), "--X-1\r\nX: y\r\ncontent-disposition:%s\r\n\r\nx", cases[i].disposition);
        check(data, cases[i].want);
    }
}

TEST(what_is_wrong_is_said) {
    static const struct {
        const char *data, *why;
    } cases[] = {
        {"--X-1x\r\n\r\n--X-1-x", "!a boundary is followed by something else on its line"},
        {"--X-1\rx", "!a boundary is followed by something else on its line"},
        {"--X-1 x", "!a boundary is followed by something else on its line"},
        {"--X-1 --", "!a boundary is followed by something else on its line"},
        {"--X-1\r\nno colon\r\n\r\n", "!the head of a part is malformed"},
        {"--X-1\r\nA : b\r\n\r\n", "!the head of a part is malformed"},
        {"--X-1\r\n: b\r\n\r\n", "!the head of a part is malformed"},
        {"--X-1\r\nA: b\r\n folded\r\n\r\n", "!the head of a part is malformed"},
        {"--X-1\r\nA: b\n\r\n", "!the head of a part is malformed"},
        {"--X-1\r\n\n", "!the head of a part is malformed"},
        {"--X-1\r\n\rA: b\r\n\r\n", "!the head of a part is malformed"},
        {"--X-1\r\n" HEAD("\"a"), "!a part has a malformed Content-Disposition"},
        {"--X-1\r\n" HEAD("a; name=b"), "!a part has a malformed Content-Disposition"},
        {"--X-1\r\n" HEAD("a b"), "!a part has a malformed Content-Disposition"},
        {"--X-1\r\n" HEAD("\"a\"b"), "!a part has a malformed Content-Disposition"},
        {"--X-1\r\n" HEAD("a; x"), "!a part has a malformed Content-Disposition"},
        {"--X-1\r\n" HEAD("a; =x"), "!a part has a malformed Content-Disposition"},
        {"--X-1\r\n" HEAD(""), "!a part has a malformed Content-Disposition"},
        {"--X-1\r\nContent-Disposition: attachment; name=a\r\n\r\n", "!a part has a malformed Content-Disposition"},
        {"--X-1\r\nContent-Disposition: form-data\r\n" HEAD("a"), "!a part has a malformed Content-Disposition"},
        {"--X-1\r\nContent-Transfer-Encoding: BASE64\r\n\r\n",
         "!a part has a Content-Transfer-Encoding; send its content without"},
    };
    for (size_t i = 0; i < WRN_COUNT(cases); i++) check(cases[i].data, cases[i].why);
    static const char zero[] = "--X-1\r\nA: \0\r\n\r\n", why[] = "!the head of a part is malformed";
    check_bytes(content_type, zero, sizeof(zero) - 1, why, sizeof(why) - 1);
}

TEST(heads_have_a_limit) {
    for (size_t size = WRN_PART_HEAD_MAX - 20; size < WRN_PART_HEAD_MAX + 20; size++) {
        wrn_buf data = WRN_BUF_INIT;
        wrn_buf_printf(&data, "--X-1\r\nA: %*s\r\n\r\n", (int)size - 7, "x");
        for (size_t chunk = 1; chunk < 3 * size; chunk *= 3) {
            wrn_buf out = feed_in_pieces(content_type, data.data, data.size, chunk);
            CHECK_STR(out.data, size > WRN_PART_HEAD_MAX ? "!the head of a part is too long" : "[]");
            wrn_buf_free(&out);
        }
        wrn_buf_free(&data);
    }
}

TEST(content_types_are_checked) {
    static const struct {
        const char *type, *delimiter;
    } cases[] = {
        {"multipart/form-data; boundary=x", "\r\n--x"},
        {"Multipart/Form-Data;charset=utf-8; BOUNDARY=\"a b'()+_,-./:=?c\" ;", "\r\n--a b'()+_,-./:=?c"},
        {"multipart/form-data; boundary=a=b:c/d", "\r\n--a=b:c/d"},
        {NULL, NULL},
        {"", NULL},
        {"multipart/form-data", NULL},
        {"multipart/form-data;", NULL},
        {"multipart/form-data; charset=x", NULL},
        {"multipart/mixed; boundary=x", NULL},
        {"multipart/form-datax; boundary=x", NULL},
        {"multipart/form-data x; boundary=x", NULL},
        {"application/json", NULL},
        {"multipart/form-data; boundary=", NULL},
        {"multipart/form-data; boundary=\"\"", NULL},
        {"multipart/form-data; boundary=\"x", NULL},
        {"multipart/form-data; boundary=\"x \"", NULL},
        {"multipart/form-data; boundary=x; boundary=x", NULL},
        {"multipart/form-data; boundary=x\xff", NULL},
        {"multipart/form-data; boundary=x@", NULL},
        {"multipart/form-data; boundary x", NULL},
    };
    for (size_t i = 0; i < WRN_COUNT(cases); i++) {
        wrn_multipart m;
        bool ok = wrn_multipart_init(&m, cases[i].type);
        CHECK_MSG(ok == (cases[i].delimiter != NULL), "%s", cases[i].type);
        if (ok) CHECK_MEM(m.delimiter, m.delimiter_size, cases[i].delimiter, strlen(cases[i].delimiter));
        if (!ok) CHECK(m.why != NULL);
    }
    char type[200];
    for (int size = 69; size <= 72; size++) {
        wrn_multipart m;
        snprintf(type, sizeof(type), "multipart/form-data; boundary=%.*s", size,
                 "0123456789012345678901234567890123456789012345678901234567890123456789012345");
        CHECK(wrn_multipart_init(&m, type) == (size <= WRN_BOUNDARY_MAX));
    }
}

TEST_MAIN
