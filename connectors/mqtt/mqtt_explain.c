/* SPDX-License-Identifier: Apache-2.0 */
/* Why there is no connection. Paho says only that there is none, so the way to the server is tried
 * once more, without a word of MQTT. */
#include <errno.h>
#include <netdb.h>
#include <poll.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "mqtt.h"

#define PATIENCE_MS 1000

/* Host and port of scheme://host:port/path. false: they are too long. */
static bool split_url(const char *url, char *host, size_t host_size, char *port, size_t port_size)
{
    const char *at = strstr(url, "://");
    const char *standard = strncmp(url, "wss", 3) == 0  ? "443"
                           : strncmp(url, "ws", 2) == 0 ? "80"
                                                        : NULL;
    size_t len, digits = 0;

    at = at == NULL ? url : at + 3;
    if (standard == NULL) {
        standard = strncmp(url, "mqtts", 5) == 0 || strncmp(url, "ssl", 3) == 0 ? "8883" : "1883";
    }
    if (*at == '[') {
        at++;
        len = strcspn(at, "]");
    } else {
        len = strcspn(at, ":/");
    }
    const char *rest = at + len + (at[len] == ']' ? 1 : 0);
    if (*rest == ':') {
        rest++;
        digits = strcspn(rest, "/");
    }
    if (len >= host_size || digits >= port_size || strlen(standard) >= port_size) {
        return false;
    }
    (void)snprintf(host, host_size, "%.*s", (int)len, at);
    (void)snprintf(port, port_size, "%.*s", (int)(digits > 0 ? digits : strlen(standard)),
                   digits > 0 ? rest : standard);
    return true;
}

/* 0, or what connect() ran into; ETIMEDOUT when nothing came in time. */
static int try_address(const struct addrinfo *address)
{
    int fd = socket(address->ai_family, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    int error = fd < 0 || connect(fd, address->ai_addr, address->ai_addrlen) != 0 ? errno : 0;
    struct pollfd p = {.fd = fd, .events = POLLOUT};
    socklen_t len = sizeof error;

    if (error == EINPROGRESS) {
        if (poll(&p, 1, PATIENCE_MS) != 1) {
            error = ETIMEDOUT;
        } else if (getsockopt(fd, SOL_SOCKET, SO_ERROR, &error, &len) != 0) {
            error = errno;
        }
    }
    if (fd >= 0) {
        (void)close(fd);
    }
    return error;
}

void mqtt_explain(const char *url, char *reason, size_t size)
{
    struct addrinfo hints = {.ai_socktype = SOCK_STREAM}, *all = NULL;
    char host[256], port[8];
    int error = 0, rc;

    if (!split_url(url, host, sizeof host, port, sizeof port)) {
        return;
    }
    rc = getaddrinfo(host, port, &hints, &all);
    if (rc != 0) {
        (void)snprintf(reason, size, "cannot find %.100s: %s", host, gai_strerror(rc));
        return;
    }
    for (const struct addrinfo *a = all; a != NULL; a = a->ai_next) {
        error = try_address(a);
        if (error == 0) {
            break;
        }
    }
    freeaddrinfo(all);
    (void)snprintf(reason, size, "cannot connect: %s",
                   error == 0 ? "a server is there, but does not answer as a broker"
                              : strerror(error));
}
