/* The state of a terminal, for a client that re-attaches to it. A replay is the last output of the terminal, cut between two
 * characters or sequences, and in front of it the sequences that bring a fresh terminal into the state it had at that point.
 * Bytes in, bytes out; there is no model of the screen.
 *
 * Restored are: alternate screen, mouse, paste, focus, cursor keys and keypad, cursor and its style, wrap,
 * origin and insert mode, scrolling region, character sets, colours, and keyboard protocols (xterm's and kitty's). */
#pragma once

#include "base/buf.h"

enum { WRN_TERM_CSI_MAX = 128, WRN_TERM_COLORS_MAX = 96, WRN_TERM_KEYS_MAX = 8 };

/* All zero: a fresh terminal. */
typedef struct wrn_term {
    uint8_t state;              /* position within a sequence; 0: outside of one */
    uint8_t utf8_left;          /* bytes of a character to come */
    bool asks;                  /* the sequence that has just ended is a query */
    char introducer;            /* of the current string */
    char raw[WRN_TERM_CSI_MAX]; /* of the current sequence: parameters and intermediates; or of the current character */
    uint8_t raw_size;           /* WRN_TERM_CSI_MAX: too long, so ignored */

    uint32_t switched; /* private modes that differ from a fresh terminal, one bit each */
    uint16_t screen;   /* the private mode that chose the alternate screen; 0: the main one */
    uint16_t top, bottom;
    bool insert, line_feed, shifted_out;
    char charsets[2]; /* 0: the default */
    uint16_t cursor_style;
    uint16_t modify_keys;             /* xterm's modifyOtherKeys */
    uint16_t keys[WRN_TERM_KEYS_MAX]; /* the stack of kitty's keyboard flags */
    uint8_t key_count;
    char colors[WRN_TERM_COLORS_MAX]; /* parameters of SGR since its last reset */
    uint8_t colors_size;
} wrn_term;

void wrn_term_feed(wrn_term *t, const void *data, size_t size);
/* Whether the last byte ended a character or sequence. */
bool wrn_term_is_at_rest(const wrn_term *t);
/* Writes the sequences that bring a fresh terminal into this state. */
void wrn_term_restore(const wrn_term *t, wrn_buf *out);

/* The last output of a terminal. Starts as zero with `keep` set. */
typedef struct wrn_replay {
    wrn_term before; /* the terminal before `bytes` */
    wrn_buf bytes;
    size_t keep; /* bytes to keep; at most twice as many are stored */
} wrn_replay;

void wrn_replay_put(wrn_replay *r, const void *data, size_t size);
/* Writes the replay, without queries: the program has long had the answers, and would take new ones for typed keys. */
void wrn_replay_write(wrn_replay *r, wrn_buf *out);
void wrn_replay_free(wrn_replay *r);
