/* The head of an HTTP request, as `wrenn mcp --http` needs it. */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum { MCP_HEAD_MAX = 16384 };

typedef struct mcp_request {
    char method[16], target[256];
    char authorization[256], origin[256], session[64], version[32]; /* fields; "" when missing */
    int64_t size;                                                   /* of the body */
    bool expects; /* waits for "100 Continue" before it sends the body */
} mcp_request;

/* Reads the head at the start of `size` bytes: how long it is. 0: it is not whole yet. Negative: the HTTP status with which
 * the request is to be refused. */
int mcp_read_head(const char *data, size_t size, mcp_request *out);
