/* How text of other people looks on a terminal: what it must not do there, and how wide it is. */
#include <string.h>

#include "base/text.h"
#include "cli/cli.h"

/* The next character; *size is how many bytes it has. U+FFFD for what is none. */
static uint32_t next_character(const char *text, size_t *size) {
    const unsigned char *in = (const unsigned char *)text;
    *size = 1;
    if (in[0] < 0x80) return in[0];
    *size = in[0] < 0xe0 ? 2 : in[0] < 0xf0 ? 3 : 4;
    if (*size > strnlen(text, 4) || wrn_utf8_valid_prefix(text, *size) != *size) return *size = 1, 0xfffd;
    static const unsigned char masks[] = {0, 0x7f, 0x1f, 0x0f, 0x07};
    uint32_t character = in[0] & masks[*size];
    for (size_t i = 1; i < *size; i++) character = character << 6 | (in[i] & 0x3f);
    return character;
}

static bool in_ranges(uint32_t c, const uint32_t ranges[][2], size_t count) {
    for (size_t i = 0; i < count; i++)
        if (c >= ranges[i][0] && c <= ranges[i][1]) return true;
    return false;
}

/* Of Unicode's East Asian Width, and what terminals show as pictures. */
static bool is_wide(uint32_t c) {
    static const uint32_t wide[][2] = {
        {0x1100, 0x115f},   {0x231a, 0x231b},   {0x2329, 0x232a},   {0x23e9, 0x23ec},   {0x25fd, 0x25fe},
        {0x2614, 0x2615},   {0x2648, 0x2653},   {0x26a1, 0x26a1},   {0x2705, 0x2705},   {0x274c, 0x274c},
        {0x2753, 0x2757},   {0x2795, 0x2797},   {0x2e80, 0x303e},   {0x3041, 0x33ff},   {0x3400, 0x4dbf},
        {0x4e00, 0x9fff},   {0xa000, 0xa4cf},   {0xa960, 0xa97f},   {0xac00, 0xd7a3},   {0xf900, 0xfaff},
        {0xfe30, 0xfe6f},   {0xff00, 0xff60},   {0xffe0, 0xffe6},   {0x1f004, 0x1f004}, {0x1f0cf, 0x1f0cf},
        {0x1f18e, 0x1f19a}, {0x1f200, 0x1f320}, {0x1f32d, 0x1f64f}, {0x1f680, 0x1f6ff}, {0x1f900, 0x1f9ff},
        {0x1fa70, 0x1faff}, {0x20000, 0x3fffd},
    };
    return in_ranges(c, wide, WRN_COUNT(wide));
}

/* Marks that are put onto the character before them, and joiners. */
static bool is_narrow(uint32_t c) {
    static const uint32_t marks[][2] = {
        {0x0300, 0x036f}, {0x0483, 0x0489}, {0x0591, 0x05bd}, {0x0610, 0x061a}, {0x064b, 0x065f}, {0x0900, 0x0902},
        {0x093c, 0x093c}, {0x0941, 0x0948}, {0x0e31, 0x0e31}, {0x0e34, 0x0e3a}, {0x0e47, 0x0e4e}, {0x1ab0, 0x1aff},
        {0x1dc0, 0x1dff}, {0x200b, 0x200d}, {0x20d0, 0x20ff}, {0xfe00, 0xfe0f}, {0xfe20, 0xfe2f}, {0xe0100, 0xe01ef},
    };
    return in_ranges(c, marks, WRN_COUNT(marks));
}

/* Controls, also those that change the direction of writing or begin a line. */
static bool is_control(uint32_t c) {
    static const uint32_t controls[][2] = {
        {0x00, 0x1f},     {0x7f, 0x9f},     {0x061c, 0x061c}, {0x200e, 0x200f},   {0x2028, 0x202e},
        {0x2060, 0x206f}, {0xfeff, 0xfeff}, {0xfff9, 0xfffb}, {0xe0000, 0xe007f},
    };
    return in_ranges(c, controls, WRN_COUNT(controls));
}

void cli_put_visible(wrn_buf *out, const char *text) {
    for (size_t size; *text; text += size) {
        uint32_t c = next_character(text, &size);
        if (c == 0xfffd && size == 1) wrn_buf_printf(out, "\\x%02x", (unsigned char)*text);
        else if (c == '\n') wrn_buf_puts(out, "\\n");
        else if (c == '\t') wrn_buf_puts(out, "\\t");
        else if (c == '\r') wrn_buf_puts(out, "\\r");
        else if (is_control(c)) wrn_buf_printf(out, c < 0x100 ? "\\x%02x" : "\\u%04x", c);
        else wrn_buf_put(out, text, size);
    }
}

size_t cli_width(const char *text) {
    size_t width = 0;
    for (size_t size; *text; text += size) {
        uint32_t c = next_character(text, &size);
        width += c >= ' ' && c < 0x7f ? 1 : is_wide(c) ? 2 : is_narrow(c) || is_control(c) ? 0 : 1;
    }
    return width;
}
