/* An agent that has been taken over: tries to pass descriptors to wrennd through all that it was given, such that closing
 * them takes their receiver a minute. It says hello only when each was refused. */
#include <arpa/inet.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "wire/frame.h"

enum { IN = 3, OUT = 7, LAST = 9, LINGER_SECONDS = 60 };

/* With bytes in it that nobody will take. */
static int lingering_socket(void) {
    static char bytes[65536];
    struct sockaddr_in where = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    socklen_t size = sizeof(where);
    int listener = socket(AF_INET, SOCK_STREAM, 0), fd = socket(AF_INET, SOCK_STREAM, 0);
    if (bind(listener, (struct sockaddr *)&where, size) != 0 || listen(listener, 1) != 0 ||
        getsockname(listener, (struct sockaddr *)&where, &size) != 0 ||
        connect(fd, (struct sockaddr *)&where, size) != 0)
        return -1;
    struct linger linger = {1, LINGER_SECONDS};
    setsockopt(fd, SOL_SOCKET, SO_LINGER, &linger, sizeof(linger));
    fcntl(fd, F_SETFL, O_NONBLOCK);
    while (write(fd, bytes, sizeof(bytes)) > 0) {
    }
    fcntl(fd, F_SETFL, 0);
    return fd;
}

static int pass(int through, int fd) {
    union {
        struct cmsghdr head;
        char room[CMSG_SPACE(sizeof(int))];
    } control = {.head = {.cmsg_len = CMSG_LEN(sizeof(int)), .cmsg_level = SOL_SOCKET, .cmsg_type = SCM_RIGHTS}};
    memcpy(CMSG_DATA(&control.head), &fd, sizeof(fd));
    struct iovec byte = {"", 1};
    struct msghdr message = {
        .msg_iov = &byte, .msg_iovlen = 1, .msg_control = &control, .msg_controllen = CMSG_LEN(sizeof(int))};
    return sendmsg(through, &message, MSG_NOSIGNAL | MSG_DONTWAIT) >= 0;
}

int main(void) {
    uint8_t hello[WRN_FRAME_HEADER + 4] = {4, 0, 0, 0, 0, 0, 0, 0, WRN_FRAME_HELLO, 0, 0, 0, WRN_AGENT_VERSION};
    char byte;
    int fd = lingering_socket();
    if (fd < 0) return 1;
    for (int through = 0; through <= LAST; through++)
        if (through != fd && pass(through, fd)) return 2;
    if (write(OUT, hello, sizeof(hello)) != sizeof(hello)) return 3;
    while (read(IN, &byte, 1) > 0) {
    }
    return 0;
}
