#include "gate/requests.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "gate/sockets.h"

struct requests {
    wrn_inject_host host; /* to which nothing is added */
    wrn_injector in;
    wrn_buf out;
    size_t sent; /* of `out` */
};

requests *requests_new(const char *host, uint16_t port) {
    requests *r = calloc(1, sizeof(*r));
    if (!r) return NULL;
    strncat(r->host.name, host, WRN_NAME_MAX);
    r->host.port = port;
    r->in = wrn_injector_new(&r->host);
    r->out = (wrn_buf)WRN_BUF_INIT;
    return r;
}

void requests_free(requests *r) {
    if (!r) return;
    wrn_injector_free(&r->in);
    wrn_buf_free(&r->out);
    free(r);
}

const wrn_inject_refusal *requests_take(requests *r, const void *bytes, size_t size) {
    return wrn_inject(&r->in, bytes, size, &r->out);
}

void requests_answered(requests *r, const void *bytes, size_t size) { wrn_inject_answered(&r->in, bytes, size); }

bool requests_wait(const requests *r) { return r->out.size > r->sent; }

bool requests_flush(requests *r, int fd) {
    while (requests_wait(r)) {
        ssize_t sent = sockets_raw_send(fd, r->out.data + r->sent, r->out.size - r->sent);
        if (sent < 0) return errno == EAGAIN || errno == EINTR;
        r->sent += (size_t)sent;
    }
    wrn_buf_clear(&r->out);
    r->sent = 0;
    return true;
}
