/* SPDX-License-Identifier: Apache-2.0 */
/* MQTT and HTTP as raw bytes on a socket, and a file: beyond what a library for them can reach. */
#include <arpa/inet.h>
#include <fcntl.h>
#include <netinet/tcp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

#include "bare.h"

static struct sockaddr_in loopback(const char *port)
{
    struct sockaddr_in a = {.sin_family = AF_INET, .sin_port = htons((uint16_t)atoi(port))};

    a.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    return a;
}

static void write_all(int fd, const void *data, size_t len)
{
    const char *at = data;

    while (len > 0) {
        ssize_t n = write(fd, at, len);
        if (n <= 0) {
            return; /* the other side has left */
        }
        at += n;
        len -= (size_t)n;
    }
}

/* To whoever has to wait for it. */
static void say_ready(void)
{
    (void)puts("ready");
    (void)fflush(stdout);
}

/* ---- MQTT 3.1.1, QoS 1 ---- */

static int mqtt_fd;

static void puback(struct slot *slot, bool last)
{
    static unsigned char out[1024];
    static size_t len;

    out[len] = 0x40;
    out[len + 1] = 2;
    out[len + 2] = (unsigned char)(slot->part >> 8);
    out[len + 3] = (unsigned char)slot->part;
    len += 4;
    if (last || len >= 256) {
        write_all(mqtt_fd, out, len);
        len = 0;
    }
}

static void mqtt_open(const char *port, const char *filter)
{
    /* The client id is the topic, which is of this run alone: no earlier session is resumed. */
    static const unsigned char hello[] = {0, 4, 'M', 'Q', 'T', 'T', 4, 0, 0, 0};
    struct sockaddr_in a = loopback(port);
    unsigned char packet[300], answer[5];
    size_t len = strlen(filter);
    int one = 1;

    mqtt_fd = socket(AF_INET, SOCK_STREAM, 0);
    if (mqtt_fd < 0 || connect(mqtt_fd, (struct sockaddr *)&a, sizeof a) != 0) {
        die("mqtt: no connection");
    }
    (void)setsockopt(mqtt_fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof one);
    if (len > 100) {
        die("mqtt: the topic is too long");
    }
    packet[0] = 0x10;
    packet[1] = (unsigned char)(sizeof hello + 2 + len);
    memcpy(packet + 2, hello, sizeof hello);
    packet[2 + sizeof hello] = 0;
    packet[3 + sizeof hello] = (unsigned char)len;
    memcpy(packet + 4 + sizeof hello, filter, len);
    write_all(mqtt_fd, packet, 4 + sizeof hello + len);
    if (read(mqtt_fd, answer, 4) != 4 || answer[3] != 0) {
        die("mqtt: refused");
    }
    packet[0] = 0x82;
    packet[1] = (unsigned char)(5 + len);
    memcpy(packet + 2, "\0\1\0", 3);
    packet[5] = (unsigned char)len;
    memcpy(packet + 6, filter, len);
    packet[6 + len] = 1;
    write_all(mqtt_fd, packet, 7 + len);
    if (read(mqtt_fd, answer, 5) != 5 || answer[0] != 0x90 || answer[4] != 1) {
        die("mqtt: not subscribed");
    }
    say_ready();
}

/* One packet at b, if it is whole; returns its length or 0. */
static size_t mqtt_packet(const unsigned char *b, size_t have)
{
    size_t at = 1, len = 0;
    unsigned shift = 0;

    while (at < have && (b[at] & 0x80) != 0) {
        len |= (size_t)(b[at++] & 0x7f) << shift;
        shift += 7;
    }
    if (at >= have) {
        return 0;
    }
    len |= (size_t)b[at++] << shift;
    if (have - at < len) {
        return 0;
    }
    if ((b[0] & 0xf0) == 0x30) {
        size_t topic = (size_t)b[at] << 8 | b[at + 1], id = at + 2 + topic;
        struct slot *slot = ring_next();
        slot->part = b[id] << 8 | b[id + 1];
        ring_submit((const char *)b + id + 2, at + len - id - 2);
    }
    return at + len;
}

void source_mqtt(const char *port, const char *filter)
{
    static unsigned char b[1 << 20];
    size_t have = 0;
    ssize_t n;

    ring_settle = puback;
    mqtt_open(port, filter);
    while ((n = read(mqtt_fd, b + have, sizeof b - have)) > 0) {
        size_t at = 0, len;
        have += (size_t)n;
        while (have - at >= 2 && (len = mqtt_packet(b + at, have - at)) > 0) {
            at += len;
        }
        memmove(b, b + at, have - at);
        have -= at;
        ring_idle();
    }
    die("mqtt: closed");
}

/* ---- HTTP/1.1 ---- */

#define CONNECTIONS 4096
static struct connection {
    size_t have;
    char b[8192];
} * connections;

static void answer(struct slot *slot)
{
    static const char ok[] = "HTTP/1.1 204 No Content\r\n\r\n";

    write_all(slot->part, ok, sizeof ok - 1);
}

static void take_request(int fd)
{
    struct connection *c = &connections[fd];
    ssize_t n = read(fd, c->b + c->have, sizeof c->b - c->have - 1);
    const char *end, *length;
    struct slot *slot;
    size_t body;

    if (n <= 0) {
        (void)close(fd);
        return;
    }
    c->have += (size_t)n;
    c->b[c->have] = '\0';
    end = strstr(c->b, "\r\n\r\n");
    if (end == NULL) {
        return;
    }
    length = strcasestr(c->b, "content-length:");
    body = length != NULL && length < end ? (size_t)atol(length + 15) : 0;
    if (end + 4 + body > c->b + c->have) {
        return;
    }
    c->have = 0;
    slot = ring_next();
    slot->part = fd;
    ring_submit(end + 4, body);
}

static void take_connection(int epoll, int listener)
{
    int one = 1, fd = accept(listener, NULL, NULL);
    struct epoll_event event = {.events = EPOLLIN, .data.fd = fd};

    if (fd < 0 || fd >= CONNECTIONS) {
        die("http: too many connections");
    }
    (void)setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof one);
    connections[fd].have = 0;
    (void)epoll_ctl(epoll, EPOLL_CTL_ADD, fd, &event);
}

void source_http(const char *port)
{
    int listener = socket(AF_INET, SOCK_STREAM, 0), epoll = epoll_create1(0), one = 1;
    struct epoll_event event = {.events = EPOLLIN, .data.fd = listener}, events[256];
    struct sockaddr_in a = loopback(port);

    connections = calloc(CONNECTIONS, sizeof *connections);
    (void)setsockopt(listener, SOL_SOCKET, SO_REUSEADDR, &one, sizeof one);
    if (connections == NULL || bind(listener, (struct sockaddr *)&a, sizeof a) != 0 ||
        listen(listener, 1024) != 0) {
        die("http: cannot listen on %s", port);
    }
    (void)epoll_ctl(epoll, EPOLL_CTL_ADD, listener, &event);
    ring_each = answer;
    say_ready();
    for (;;) {
        int n = epoll_wait(epoll, events, 256, -1);
        for (int i = 0; i < n; i++) {
            if (events[i].data.fd == listener) {
                take_connection(epoll, listener);
            } else {
                take_request(events[i].data.fd);
            }
        }
        ring_idle();
    }
}

/* ---- a file by lines; the position is kept beside it, every second ---- */

static int64_t position; /* guarded by the ring's lock */

static void note_position(struct slot *slot, bool last)
{
    (void)last;
    position = slot->number;
}

static void copy_position(void *into)
{
    *(int64_t *)into = position;
}

static void save_position(int fd)
{
    int64_t now;

    ring_locked(copy_position, &now);
    if (pwrite(fd, &now, sizeof now, 0) != sizeof now || fdatasync(fd) != 0) {
        die("file: the position cannot be saved");
    }
}

void source_file(const char *path)
{
    static char b[1 << 18], name[4096];
    int fd = open(path, O_RDONLY), saved;
    int64_t at = 0, saved_ns = monotonic_ns();
    size_t have = 0;

    (void)snprintf(name, sizeof name, "%s.position", path);
    saved = open(name, O_RDWR | O_CREAT, 0644);
    if (fd < 0 || saved < 0) {
        die("file: %s cannot be opened", path);
    }
    ring_settle = note_position;
    for (;;) {
        ssize_t n = read(fd, b + have, sizeof b - have);
        size_t line = 0;
        char *end;
        if (n == 0) {
            ring_idle();
            (void)usleep(1000);
        }
        have += n > 0 ? (size_t)n : 0;
        while ((end = memchr(b + line, '\n', have - line)) != NULL) {
            struct slot *slot = ring_next();
            size_t len = (size_t)(end - b) - line;
            at += (int64_t)len + 1;
            slot->number = at;
            ring_submit(b + line, len);
            line += len + 1;
        }
        memmove(b, b + line, have - line);
        have -= line;
        if (monotonic_ns() - saved_ns > 1000000000) {
            saved_ns = monotonic_ns();
            save_position(saved);
        }
    }
}
