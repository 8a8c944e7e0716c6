/* Text for results of `wrenn mcp`: bounded, and UTF-8 whatever a program has put out. */
#include <string.h>

#include "base/text.h"
#include "cli/mcp.h"

void mcp_excerpt_add(mcp_excerpt *excerpt, const char *data, size_t size) {
    size_t head_max = excerpt->max / 2, tail_max = excerpt->max - head_max;
    excerpt->total += size;
    size_t room = head_max - excerpt->head.size, some = size < room ? size : room;
    wrn_buf_put(&excerpt->head, data, some);
    data += some, size -= some;
    if (size > tail_max) data += size - tail_max, size = tail_max;
    wrn_buf_put(&excerpt->tail, data, size);
    /* Up to twice as much as needed is kept, so that most additions move nothing. */
    if (excerpt->tail.size > 2 * tail_max) wrn_buf_consume(&excerpt->tail, excerpt->tail.size - tail_max);
}

void mcp_excerpt_free(mcp_excerpt *excerpt) {
    wrn_buf_free(&excerpt->head);
    wrn_buf_free(&excerpt->tail);
}

size_t mcp_whole_characters(const char *data, size_t size) {
    for (size_t back = 1; back <= 3 && back <= size; back++)
        if (wrn_utf8_is_unfinished(data + size - back, back)) return size - back;
    return size;
}

void mcp_put_utf8(wrn_buf *out, const char *data, size_t size) {
    while (size) {
        size_t good = wrn_utf8_valid_prefix(data, size);
        wrn_buf_put(out, data, good);
        data += good, size -= good;
        if (!size) return;
        wrn_buf_puts(out, "\xef\xbf\xbd");
        data++, size--;
    }
}

void mcp_excerpt_put(const mcp_excerpt *excerpt, wrn_buf *out) {
    size_t tail_max = excerpt->max - excerpt->max / 2, head_size = excerpt->head.size, tail_size = excerpt->tail.size;
    const char *tail = excerpt->tail.data;
    if (excerpt->head.failed || excerpt->tail.failed) out->failed = true;
    if (tail_size > tail_max) tail += tail_size - tail_max, tail_size = tail_max;
    if (excerpt->total == head_size + tail_size) {
        WRN_AUTO(wrn_buf_free) wrn_buf whole = WRN_BUF_INIT;
        wrn_buf_put(&whole, excerpt->head.data, head_size);
        wrn_buf_put(&whole, tail, tail_size);
        if (whole.failed) out->failed = true;
        mcp_put_utf8(out, whole.data, whole.size);
        return;
    }
    head_size = mcp_whole_characters(excerpt->head.data, head_size);
    for (int i = 0; i < 3 && tail_size && ((unsigned char)*tail & 0xc0) == 0x80; i++) tail++, tail_size--;
    mcp_put_utf8(out, excerpt->head.data, head_size);
    wrn_buf_printf(out, "\n[... %llu of %llu bytes were cut here ...]\n",
                   (unsigned long long)(excerpt->total - head_size - tail_size), (unsigned long long)excerpt->total);
    mcp_put_utf8(out, tail, tail_size);
}

void mcp_put_plain(wrn_buf *out, const char *text) {
    for (; *text; text++) {
        if (*text != '\033') wrn_buf_putc(out, *text);
        else
            while (text[1] && !strchr("mKJH", *text)) text++;
    }
}
