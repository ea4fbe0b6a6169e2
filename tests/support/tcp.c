/* SPDX-License-Identifier: Apache-2.0 */
#include "support/tcp.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <unistd.h>

int nwt_tcp_connect(int port)
{
    int s = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    struct sockaddr_in address = {.sin_family = AF_INET,
                                  .sin_port = htons((unsigned short)port),
                                  .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    struct timeval limit = {1, 0};
    setsockopt(s, SOL_SOCKET, SO_RCVTIMEO, &limit, sizeof limit);
    setsockopt(s, SOL_SOCKET, SO_SNDTIMEO, &limit, sizeof limit);
    if (connect(s, (struct sockaddr *)&address, sizeof address) != 0) {
        close(s);
        return -1;
    }
    return s;
}

bool nwt_tcp_ask(int port, const void *question, size_t len, char *answer, size_t size)
{
    int s = nwt_tcp_connect(port);
    if (s < 0) {
        return false;
    }
    bool sent = len == 0 || send(s, question, len, MSG_NOSIGNAL) == (ssize_t)len;
    ssize_t got = sent ? recv(s, answer, size - 1, 0) : -1;
    close(s);
    answer[got > 0 ? got : 0] = '\0';
    return got > 0;
}
