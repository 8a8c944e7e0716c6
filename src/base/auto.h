/* Scope-bound cleanup for gcc and clang, moving ownership out of it, and other small macros. */
#pragma once

#include <stddef.h>

/* Runs fn##p(&variable) at scope exit: WRN_AUTO(wrn_buf_free) wrn_buf out = WRN_BUF_INIT; */
#define WRN_AUTO(fn) __attribute__((cleanup(fn)))

/* Gives the pointer and sets the variable to NULL, so that cleanup does nothing. */
#define WRN_TAKE(pointer)                       \
    ({                                          \
        __typeof__(pointer) taken_ = (pointer); \
        (pointer) = NULL;                       \
        taken_;                                 \
    })

/* The struct whose `member` this pointer leads to. */
#define WRN_OWNER(pointer, type, member) ((type *)((char *)(pointer)-offsetof(type, member)))

/* Takes an item out of a singly linked list, by its member `next`, if it is there. */
#define WRN_UNLINK(first, item, next)                       \
    do {                                                    \
        __typeof__(item) *at_ = &(first);                   \
        while (*at_ && *at_ != (item)) at_ = &(*at_)->next; \
        if (*at_) *at_ = (item)->next;                      \
    } while (0)

#define WRN_COUNT(array) (sizeof(array) / sizeof((array)[0]))
#define WRN_PRINTF(text, first) __attribute__((format(printf, text, first)))
