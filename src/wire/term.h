/* What a terminal was told, for somebody who looks at it later: the last of it, from a place between two characters or
 * sequences, and before that what brings a fresh terminal to where it was then. Bytes in, bytes out; no screen.
 *
 * Known are the modes that stay on: alternate screen, mouse, paste, focus, cursor keys and keypad, cursor and its style, wrap,
 * origin and insert mode, scrolling region, character sets, colours, and keyboard protocols (xterm's and kitty's). */
#ifndef WRN_WIRE_TERM_H
#define WRN_WIRE_TERM_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/buf.h"

enum { WRN_TERM_CSI_MAX = 128, WRN_TERM_COLORS_MAX = 96, WRN_TERM_KEYS_MAX = 8 };

/* Zero: a fresh terminal. */
typedef struct wrn_term {
    uint8_t state;              /* in a sequence: which part of it; 0: at rest */
    uint8_t utf8_left;          /* bytes of a character to come */
    bool asks;                  /* the sequence that has just ended wants an answer */
    char introducer;            /* of the string it is in */
    char raw[WRN_TERM_CSI_MAX]; /* of the sequence it is in: parameters and intermediates; or of the character */
    uint8_t raw_size;           /* WRN_TERM_CSI_MAX: too long to be known */

    uint32_t switched; /* private modes that are not as in a fresh terminal, a bit for each */
    uint16_t screen;   /* the private mode that chose the alternate screen; 0: the main one */
    uint16_t top, bottom;
    bool insert, line_feed, shifted_out;
    char charsets[2]; /* 0: as at first */
    uint16_t cursor_style;
    uint16_t modify_keys;             /* xterm's modifyOtherKeys */
    uint16_t keys[WRN_TERM_KEYS_MAX]; /* kitty's flags, pushed */
    uint8_t key_count;
    char colors[WRN_TERM_COLORS_MAX]; /* what SGR was given since its last reset */
    uint8_t colors_size;
} wrn_term;

void wrn_term_feed(wrn_term *t, const void *data, size_t size);
/* Between characters and sequences. */
bool wrn_term_is_at_rest(const wrn_term *t);
/* What brings a fresh terminal there. */
void wrn_term_restore(const wrn_term *t, wrn_buf *out);

/* The last of a terminal's output. Zero with `keep` set: nothing yet. */
typedef struct wrn_replay {
    wrn_term before; /* the terminal before `bytes` */
    wrn_buf bytes;
    size_t keep; /* so many bytes, and at most twice as many are held */
} wrn_replay;

void wrn_replay_put(wrn_replay *r, const void *data, size_t size);
/* For a fresh terminal. Without the questions, whose answers the program has long had, and would take for keys. */
void wrn_replay_write(wrn_replay *r, wrn_buf *out);
void wrn_replay_free(wrn_replay *r);

#endif
