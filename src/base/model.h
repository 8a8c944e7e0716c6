/* Table-driven conversion between JSON and the structs that tools/generate.py makes from api/openapi.yaml.
 *
 * Every such struct starts with a wrn_model_head. Bit i of `present` means that the JSON has field i, bit i of `nulls`
 * that the field is null; so absent, null and zero stay apart. Decoding sets the bits, encoding obeys them (see there). Members
 * that the table does not know are kept in `unknown` as the text of a JSON object, and are written out again. */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/arena.h"
#include "base/json.h"

typedef struct wrn_model_head {
    uint64_t present;
    uint64_t nulls;
    const char *unknown;
} wrn_model_head;

typedef enum wrn_field_kind {
    WRN_FIELD_STRING,  /* const char * */
    WRN_FIELD_BYTES,   /* const char *, and size_t at count_offset: text that may hold NUL */
    WRN_FIELD_INT,     /* int64_t */
    WRN_FIELD_BOOL,    /* int64_t, 0 or 1 */
    WRN_FIELD_DOUBLE,  /* double */
    WRN_FIELD_ENUM,    /* int64_t, and const char * with the wire text at count_offset; sub: wrn_enum */
    WRN_FIELD_OBJECT,  /* const struct *; sub: wrn_model */
    WRN_FIELD_OBJECTS, /* const struct *const *, size_t at count_offset; sub: wrn_model */
    WRN_FIELD_STRINGS, /* const char *const *, size_t at count_offset */
    WRN_FIELD_INTS,    /* const int64_t *, size_t at count_offset */
    WRN_FIELD_MAP      /* const wrn_pair *const *, size_t at count_offset: an object of strings */
} wrn_field_kind;

typedef struct wrn_pair {
    const char *key;
    const char *value;
} wrn_pair;

typedef struct wrn_field {
    const char *name;
    uint32_t offset;
    uint32_t count_offset;
    uint8_t kind;
    bool required;
    bool int32; /* the integer must fit int32_t */
    const void *sub;
} wrn_field;

/* Wire texts in order; the enum value of text i is i + 1, and 0 means "a value this version does not know". */
typedef struct wrn_enum {
    const char *const *texts;
    size_t count;
} wrn_enum;

typedef struct wrn_model {
    const char *name;
    size_t size;
    const wrn_field *fields;
    size_t count;
} wrn_model;

typedef struct wrn_model_why {
    bool no_memory; /* the JSON itself is fine */
    char text[160]; /* for people: which member, and what is wrong with it */
} wrn_model_why;

/* Fills *out (of model->size, zeroed) from an object; all it points to is in `arena`. With `strict`, members that the
 * schema requires must be there and not null (for a server reading requests). False with `why`. */
bool wrn_model_decode(const wrn_model *model, const wrn_json *object, bool strict, wrn_arena *arena, void *out,
                      wrn_model_why *why);
/* An array of objects: *items points to `*count` pointers to structs in `arena`. A model without fields stands for strings. */
bool wrn_model_decode_list(const wrn_model *model, const wrn_json *array, wrn_arena *arena, const void *const **items,
                           size_t *network_count, wrn_model_why *why);
/* The struct as a JSON object; NULL when out of memory. Text members must be valid UTF-8. `present` says which members
 * there shall be; when it is 0, those that the schema requires and those that are neither 0 nor NULL. */
wrn_json *wrn_model_encode(const wrn_model *model, const void *in);
/* The same as text. */
void wrn_model_write(const wrn_model *model, const void *in, wrn_buf *out);
