#include "wire/term.h"

#include <string.h>

enum { REST, ESCAPE, ESCAPE_MORE, CSI, STRING, STRING_ESCAPE };
enum { ESC = 0x1b, CAN = 0x18, SUB = 0x1a, BEL = 0x07, ENQ = 0x05, SHIFT_OUT = 0x0e, SHIFT_IN = 0x0f };
enum { PARAMETERS_MAX = 32 };

static const struct {
    uint16_t number;
    bool on; /* the default */
} modes[] = {{1, false},    {5, false},    {6, false},    {7, true},     {9, false},    {12, false},   {25, true},
             {45, false},   {66, false},   {1000, false}, {1001, false}, {1002, false}, {1003, false}, {1004, false},
             {1005, false}, {1006, false}, {1007, false}, {1015, false}, {1016, false}, {2004, false}};

bool wrn_term_is_at_rest(const wrn_term *t) { return t->state == REST && !t->utf8_left; }

/* ---- sequences ---- */

static void switch_mode(wrn_term *t, unsigned number, bool on) {
    if (number == 47 || number == 1047 || number == 1049) t->screen = on ? (uint16_t)number : 0;
    for (size_t i = 0; i < sizeof(modes) / sizeof(*modes); i++) {
        if (modes[i].number != number) continue;
        if (on != modes[i].on) t->switched |= UINT32_C(1) << i;
        else t->switched &= ~(UINT32_C(1) << i);
    }
}

static void term_reset_softly(wrn_term *t) {
    static const unsigned off[] = {1, 6, 66};
    for (size_t i = 0; i < sizeof(off) / sizeof(*off); i++) switch_mode(t, off[i], false);
    switch_mode(t, 7, true);
    switch_mode(t, 25, true);
    t->insert = t->shifted_out = false;
    t->top = t->bottom = 0;
    t->charsets[0] = t->charsets[1] = 0;
    t->colors_size = 0;
}

/* A reset leaves the position in the input, and nothing else. */
static void term_reset(wrn_term *t) { *t = (wrn_term){.state = t->state}; }

/* Parses the parameters of a sequence; an empty one is 0. */
static size_t read_numbers(const char *text, size_t size, unsigned numbers[PARAMETERS_MAX]) {
    size_t count = 0;
    numbers[0] = 0;
    for (size_t i = 0; i < size; i++) {
        if (text[i] >= '0' && text[i] <= '9') {
            unsigned *n = &numbers[count];
            *n = *n < 6000 ? *n * 10 + (unsigned)(text[i] - '0') : 65535;
        } else if (count + 1 < PARAMETERS_MAX) {
            numbers[++count] = 0;
        } else {
            break;
        }
    }
    return count + 1;
}

static void set_colors(wrn_term *t, const char *text, size_t size) {
    if (!size || *text == ';' || (*text == '0' && (size == 1 || text[1] == ';'))) t->colors_size = 0;
    size_t room = sizeof(t->colors) - t->colors_size, more = size + (t->colors_size > 0);
    if (more > room) t->colors_size = 0;
    if (!size || size > sizeof(t->colors) || (size == 1 && *text == '0')) return;
    if (t->colors_size) t->colors[t->colors_size++] = ';';
    memcpy(t->colors + t->colors_size, text, size);
    t->colors_size = (uint8_t)(t->colors_size + size);
}

static void push_keys(wrn_term *t, unsigned flags) {
    if (t->key_count == WRN_TERM_KEYS_MAX) memmove(t->keys, t->keys + 1, --t->key_count * sizeof(*t->keys));
    t->keys[t->key_count++] = (uint16_t)flags;
}

static void set_keys(wrn_term *t, unsigned flags, unsigned how) {
    if (!t->key_count) push_keys(t, 0);
    uint16_t *now = &t->keys[t->key_count - 1];
    *now = (uint16_t)(how == 2 ? *now | flags : how == 3 ? *now & ~flags : flags);
}

/* A private sequence has "?", ">", "=" or "<" in front of its parameters. */
static void end_private(wrn_term *t, char mark, char final, const unsigned *n, size_t count) {
    if (mark == '?' && (final == 'h' || final == 'l'))
        for (size_t i = 0; i < count; i++) switch_mode(t, n[i], final == 'h');
    else if (mark == '>' && final == 'm' && n[0] == 4) t->modify_keys = (uint16_t)(count > 1 ? n[1] : 0);
    else if (mark == '>' && final == 'u') push_keys(t, n[0]);
    else if (mark == '=' && final == 'u') set_keys(t, n[0], count > 1 ? n[1] : 1);
    else if (mark == '<' && final == 'u')
        t->key_count = (uint8_t)(t->key_count > (n[0] ? n[0] : 1) ? t->key_count - (n[0] ? n[0] : 1) : 0);
    /* Queries: DA, DSR, XTVERSION, kitty's keyboard flags. */
    t->asks = final == 'c' || (mark == '?' && (final == 'n' || final == 'u')) || (mark == '>' && final == 'q');
}

static void end_csi(wrn_term *t, char final) {
    unsigned n[PARAMETERS_MAX];
    size_t size = t->raw_size;
    if (size == WRN_TERM_CSI_MAX) return;
    char mark = size && t->raw[0] >= '<' && t->raw[0] <= '?' ? t->raw[0] : 0;
    char last = size ? t->raw[size - 1] : 0;
    bool has_intermediate = last >= ' ' && last <= '/';
    size_t count = read_numbers(t->raw + !!mark, size - !!mark - has_intermediate, n);
    if (has_intermediate) {
        if (!mark && last == ' ' && final == 'q') t->cursor_style = (uint16_t)n[0];
        else if (last == '!' && final == 'p') term_reset_softly(t);
        t->asks = last == '$' && final == 'p'; /* DECRQM: queries a mode */
    } else if (mark) {
        end_private(t, mark, final, n, count);
    } else if (final == 'm') {
        set_colors(t, t->raw, size);
    } else if (final == 'h' || final == 'l') {
        for (size_t i = 0; i < count; i++) {
            if (n[i] == 4) t->insert = final == 'h';
            if (n[i] == 20) t->line_feed = final == 'h';
        }
    } else if (final == 'r') {
        t->top = (uint16_t)n[0];
        t->bottom = (uint16_t)(count > 1 ? n[1] : 0);
    } else {
        /* Queries: DA, DSR, DECREQTPARM, and reports of the window. */
        t->asks = final == 'c' || final == 'n' || final == 'x' || (final == 't' && n[0] >= 11 && n[0] <= 21);
    }
}

static void end_escape(wrn_term *t, char final) {
    if (t->raw_size == 1 && (t->raw[0] == '(' || t->raw[0] == ')')) {
        t->charsets[t->raw[0] == ')'] = final == 'B' ? 0 : final;
    } else if (!t->raw_size) {
        if (final == 'c') term_reset(t);
        if (final == '=' || final == '>') switch_mode(t, 66, final == '=');
        t->asks = final == 'Z';
    }
}

/* Whether a string is a query: OSC that ends with "?", such as for a colour; DCS $ q and DCS + q. */
static bool string_asks(const wrn_term *t) {
    if (t->introducer == ']') return t->raw_size && t->raw[t->raw_size - 1] == '?';
    return t->introducer == 'P' && t->raw_size >= 2 && (t->raw[0] == '$' || t->raw[0] == '+') && t->raw[1] == 'q';
}

/* ---- bytes ---- */

/* Keeps the beginning of a sequence, and the last byte of a string. */
static void term_keep_raw(wrn_term *t, char c) {
    if (t->state == STRING && t->raw_size == WRN_TERM_CSI_MAX) t->raw[WRN_TERM_CSI_MAX - 1] = c;
    else if (t->raw_size < WRN_TERM_CSI_MAX) t->raw[t->raw_size++] = c;
}

static void term_begin(wrn_term *t, uint8_t state) {
    t->state = state;
    t->raw_size = 0;
}

static void term_take_escaped(wrn_term *t, char c) {
    if (c == '[') term_begin(t, CSI);
    else if (strchr("]PX^_", c)) term_begin(t, STRING), t->introducer = c;
    else if (c >= ' ' && c <= '/') term_keep_raw(t, c), t->state = ESCAPE_MORE;
    else t->state = REST, end_escape(t, c);
}

static void term_take_control(wrn_term *t, uint8_t c) {
    if (c == ESC) term_begin(t, ESCAPE);
    else if (c == CAN || c == SUB) t->state = REST;
    else if (t->state != REST) return; /* inside a sequence most control characters have no lasting effect */
    else if (c == SHIFT_OUT || c == SHIFT_IN) t->shifted_out = c == SHIFT_OUT;
    else t->asks = c == ENQ;
}

static void term_take_string(wrn_term *t, uint8_t c) {
    bool over = (t->state == STRING_ESCAPE && c == '\\') || (c == BEL && t->introducer == ']');
    if (over) {
        t->state = REST;
        t->asks = string_asks(t);
    } else if (t->state == STRING_ESCAPE) { /* another sequence begins */
        term_begin(t, ESCAPE);
        term_take_escaped(t, (char)c);
    } else if (c == ESC) {
        t->state = STRING_ESCAPE;
    } else if (c == CAN || c == SUB) {
        t->state = REST;
    } else {
        term_keep_raw(t, (char)c);
    }
}

/* How many bytes follow the first byte of a UTF-8 character. */
static uint8_t more_bytes(uint8_t c) { return c >= 0xf0 && c < 0xf8 ? 3 : c >= 0xe0 ? (c < 0xf0 ? 2 : 0) : c >= 0xc0; }

static void term_begin_character(wrn_term *t, uint8_t c) {
    term_begin(t, REST);
    t->utf8_left = more_bytes(c);
    t->raw[t->raw_size++] = (char)c;
}

static void term_take(wrn_term *t, uint8_t c) {
    t->asks = false;
    if (t->utf8_left && (c & 0xc0) == 0x80) {
        t->utf8_left--;
        t->raw[t->raw_size++] = (char)c;
        return;
    }
    t->utf8_left = 0;
    if (t->state == STRING || t->state == STRING_ESCAPE) term_take_string(t, c);
    else if (c < ' ') term_take_control(t, c);
    else if (t->state == REST) term_begin_character(t, c);
    else if (c == 0x7f) return; /* DEL is ignored */
    else if (c > 0x7f) term_begin_character(t, c);
    else if (t->state == ESCAPE) term_take_escaped(t, (char)c);
    else if (c >= '@' || (t->state == ESCAPE_MORE && c >= '0')) {
        bool csi = t->state == CSI;
        t->state = REST;
        if (csi) end_csi(t, (char)c);
        else end_escape(t, (char)c);
    } else {
        term_keep_raw(t, (char)c);
    }
}

void wrn_term_feed(wrn_term *t, const void *data, size_t size) {
    for (size_t i = 0; i < size; i++) term_take(t, ((const uint8_t *)data)[i]);
}

/* ---- restoring the state ---- */

static void restore_modes(const wrn_term *t, wrn_buf *out) {
    if (t->screen) wrn_buf_printf(out, "\033[?%uh", t->screen);
    for (size_t i = 0; i < sizeof(modes) / sizeof(*modes); i++)
        if (t->switched & UINT32_C(1) << i) wrn_buf_printf(out, "\033[?%u%c", modes[i].number, modes[i].on ? 'l' : 'h');
    if (t->insert) wrn_buf_puts(out, "\033[4h");
    if (t->line_feed) wrn_buf_puts(out, "\033[20h");
}

void wrn_term_restore(const wrn_term *t, wrn_buf *out) {
    restore_modes(t, out);
    if (t->top || t->bottom) wrn_buf_printf(out, "\033[%u;%ur", t->top, t->bottom);
    if (t->charsets[0]) wrn_buf_printf(out, "\033(%c", t->charsets[0]);
    if (t->charsets[1]) wrn_buf_printf(out, "\033)%c", t->charsets[1]);
    if (t->shifted_out) wrn_buf_putc(out, SHIFT_OUT);
    if (t->cursor_style) wrn_buf_printf(out, "\033[%u q", t->cursor_style);
    if (t->modify_keys) wrn_buf_printf(out, "\033[>4;%um", t->modify_keys);
    for (size_t i = 0; i < t->key_count; i++) wrn_buf_printf(out, "\033[>%uu", t->keys[i]);
    if (t->colors_size) wrn_buf_printf(out, "\033[%.*sm", (int)t->colors_size, t->colors);
}

/* ---- the last output ---- */

/* Drops the oldest bytes down to `size`, and a few more up to the end of a character or sequence. */
static void replay_cut(wrn_replay *r, size_t size) {
    if (r->bytes.size <= size) return;
    size_t at = r->bytes.size - size;
    wrn_term_feed(&r->before, r->bytes.data, at);
    while (at < r->bytes.size && !wrn_term_is_at_rest(&r->before)) wrn_term_feed(&r->before, r->bytes.data + at++, 1);
    wrn_buf_consume(&r->bytes, at);
}

void wrn_replay_put(wrn_replay *r, const void *data, size_t size) {
    for (size_t at = 0, piece; at < size; at += piece) {
        piece = size - at < r->keep ? size - at : r->keep;
        wrn_buf_put(&r->bytes, (const char *)data + at, piece);
        if (r->bytes.size > 2 * r->keep) replay_cut(r, r->keep);
    }
}

/* A sequence can be longer than all that is kept. Then the replay begins inside it, so its introducer is written first. */
static void term_reopen(const wrn_term *t, wrn_buf *out) {
    if (t->utf8_left) wrn_buf_put(out, t->raw, t->raw_size);
    if (t->state == REST) return;
    wrn_buf_putc(out, ESC);
    if (t->state == STRING || t->state == STRING_ESCAPE) wrn_buf_putc(out, t->introducer);
    else if (t->state == CSI) wrn_buf_putc(out, '[');
    if (t->state == STRING_ESCAPE) wrn_buf_putc(out, ESC);
    if (t->state == CSI || t->state == ESCAPE_MORE) wrn_buf_put(out, t->raw, t->raw_size);
}

void wrn_replay_write(wrn_replay *r, wrn_buf *out) {
    replay_cut(r, r->keep);
    wrn_term t = r->before;
    const char *data = r->bytes.data;
    size_t sent = 0, begun = 0; /* start of the bytes not written yet, and of the current sequence */
    bool has_begun = false;     /* the current sequence began in the kept bytes */
    wrn_term_restore(&t, out);
    term_reopen(&t, out);
    for (size_t i = 0; i < r->bytes.size; i++) {
        if (wrn_term_is_at_rest(&t)) has_begun = true, begun = i;
        wrn_term_feed(&t, data + i, 1);
        if (!t.asks || !has_begun) continue;
        wrn_buf_put(out, data + sent, begun - sent);
        sent = i + 1;
    }
    if (r->bytes.size > sent) wrn_buf_put(out, data + sent, r->bytes.size - sent);
}

void wrn_replay_free(wrn_replay *r) { wrn_buf_free(&r->bytes); }
