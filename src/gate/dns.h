/* Messages of DNS (RFC 1035): what a sandbox asks, what it is told, and the same towards the host's name servers. Bytes in, structs
 * out: no system calls. Everything that comes in is hostile. */
#pragma once

#include "gate/rule.h"

enum { WRN_DNS_A = 1, WRN_DNS_PTR = 12, WRN_DNS_AAAA = 28 };
enum { WRN_DNS_OK = 0, WRN_DNS_FORMAT = 1, WRN_DNS_SERVFAIL = 2, WRN_DNS_NXDOMAIN = 3, WRN_DNS_REFUSED = 5 };
/* Extended errors (RFC 8914) */
enum {
    WRN_DNS_NO_REASON = 0,
    WRN_DNS_OTHER = 0xffff,
    WRN_DNS_NOT_READY = 14,
    WRN_DNS_BLOCKED = 15,
    WRN_DNS_PROHIBITED = 18,
    WRN_DNS_NETWORK = 23
};
enum {
    WRN_DNS_ADDRESSES_MAX = 16,
    WRN_DNS_TTL_MAX = 300,
    WRN_DNS_QUESTION_MAX = 300,
    WRN_DNS_ANSWER_MAX = 1232,
    WRN_DNS_QUERY_MAX = 300
};

typedef struct wrn_dns_question {
    char name[WRN_NAME_MAX + 1]; /* lower case; need not be the name of a host */
    uint16_t type;
    bool has_edns;
    size_t size; /* of head and question, at the start of the packet */
} wrn_dns_question;

/* False when it is not a query with exactly one question of class IN. */
bool wrn_dns_read_question(const uint8_t *packet, size_t size, wrn_dns_question *out);

typedef struct wrn_dns_result {
    int code;
    int reason;       /* an extended error, with `text` */
    const char *text; /* at most 120 characters; may be NULL */
    wrn_address addresses[WRN_DNS_ADDRESSES_MAX];
    size_t count;
    uint32_t ttl;
} wrn_dns_result;

/* The answer to that question, whose packet it repeats; at most WRN_DNS_ANSWER_MAX bytes, 512 for those without EDNS. */
size_t wrn_dns_write_answer(uint8_t out[WRN_DNS_ANSWER_MAX], const uint8_t *packet, const wrn_dns_question *question,
                            const wrn_dns_result *result);
/* For what is not even a question: an answer with WRN_DNS_FORMAT; 0 when there is nothing to answer to. */
size_t wrn_dns_write_format_error(uint8_t out[WRN_DNS_ANSWER_MAX], const uint8_t *packet, size_t size);

/* A query for a name that wrn_name_clean() accepted. */
size_t wrn_dns_write_query(uint8_t out[WRN_DNS_QUERY_MAX], uint16_t id, const char *name, uint16_t type);

/* Reads the answer to such a query, and follows its aliases. False when it is not the answer to that. `truncated`: ask again by TCP. */
bool wrn_dns_read_answer(const uint8_t *packet, size_t size, uint16_t id, const char *name, uint16_t type,
                         wrn_dns_result *out, bool *truncated);
