/* SPDX-License-Identifier: Apache-2.0 */
#include "load.h"

#include <arpa/inet.h>
#include <netinet/tcp.h>
#include <pthread.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

#define HTTP_CONNECTIONS 64
#define MQTT_WINDOW 500

struct load {
    pthread_t thread;
    int port;
    const char *target;
    size_t count, failed;
};

void load_payload(char *out, size_t number)
{
    int n = snprintf(out, LOAD_PAYLOAD, "{\"seq\":%zu,\"pad\":\"", number);

    memset(out + n, 'x', LOAD_PAYLOAD - (size_t)n - 2);
    memcpy(out + LOAD_PAYLOAD - 2, "\"}", 2);
}

static int dial(int port)
{
    struct sockaddr_in a = {.sin_family = AF_INET, .sin_port = htons((uint16_t)port)};
    int fd = socket(AF_INET, SOCK_STREAM, 0), one = 1;

    a.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    if (fd >= 0 && connect(fd, (struct sockaddr *)&a, sizeof a) != 0) {
        (void)close(fd);
        fd = -1;
    }
    if (fd < 0) {
        (void)fprintf(stderr, "bench: no connection to port %d\n", port);
        exit(1);
    }
    (void)setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof one);
    return fd;
}

static bool write_all(int fd, const void *data, size_t len)
{
    const char *at = data;

    while (len > 0) {
        ssize_t n = write(fd, at, len);
        if (n <= 0) {
            return false;
        }
        at += n;
        len -= (size_t)n;
    }
    return true;
}

/* ---- MQTT ---- */

static size_t put_publish(unsigned char *b, const char *topic, size_t id, size_t number)
{
    size_t topic_len = strlen(topic), rest = 2 + topic_len + 2 + LOAD_PAYLOAD, p = 0;

    b[p++] = 0x32;
    for (size_t x = rest; x > 0; x /= 128) {
        b[p++] = (unsigned char)(x % 128 | (x >= 128 ? 0x80 : 0));
    }
    b[p++] = (unsigned char)(topic_len >> 8);
    b[p++] = (unsigned char)topic_len;
    memcpy(b + p, topic, topic_len);
    p += topic_len;
    b[p++] = (unsigned char)(id >> 8);
    b[p++] = (unsigned char)id;
    load_payload((char *)b + p, number);
    return p + LOAD_PAYLOAD;
}

static void *publish(void *context)
{
    static const unsigned char hello[] = {0x10, 16, 0, 4, 'M', 'Q', 'T', 'T', 4,
                                          2,    0,  0, 0, 4,   'l', 'o', 'a', 'd'};
    static unsigned char out[MQTT_WINDOW * (LOAD_PAYLOAD + 128)];
    unsigned char in[4096];
    struct load *l = context;
    int fd = dial(l->port);
    size_t sent = 0, bytes = 0;

    if (!write_all(fd, hello, sizeof hello) || read(fd, in, 4) != 4 || in[3] != 0) {
        l->failed = l->count;
        return NULL;
    }
    while (bytes / 4 < l->count) { /* a PUBACK has four bytes */
        size_t len = 0;
        ssize_t n;
        while (sent < l->count && sent - bytes / 4 < MQTT_WINDOW) {
            len += put_publish(out + len, l->target, 1 + sent % 60000, sent);
            sent++;
        }
        if (!write_all(fd, out, len) || (n = read(fd, in, sizeof in)) <= 0) {
            break;
        }
        bytes += (size_t)n;
    }
    l->failed = l->count - bytes / 4;
    (void)close(fd);
    return NULL;
}

/* ---- HTTP ---- */

static bool post(struct load *l, int fd, size_t number)
{
    char request[1024];
    int n = snprintf(request, sizeof request,
                     "POST %s HTTP/1.1\r\nHost: 127.0.0.1:%d\r\nContent-Type: application/json\r\n"
                     "Content-Length: %d\r\n\r\n",
                     l->target, l->port, LOAD_PAYLOAD);

    load_payload(request + n, number);
    return write_all(fd, request, (size_t)n + LOAD_PAYLOAD);
}

static void *request_all(void *context)
{
    struct load *l = context;
    struct epoll_event events[HTTP_CONNECTIONS];
    int epoll = epoll_create1(0);
    size_t sent = 0, answered = 0;

    for (int i = 0; i < HTTP_CONNECTIONS && sent < l->count; i++) {
        struct epoll_event event = {.events = EPOLLIN, .data.fd = dial(l->port)};
        (void)epoll_ctl(epoll, EPOLL_CTL_ADD, event.data.fd, &event);
        (void)post(l, event.data.fd, sent++);
    }
    while (answered < l->count) {
        int n = epoll_wait(epoll, events, HTTP_CONNECTIONS, 10000);
        for (int i = 0; i < n; i++) {
            char answer[2048];
            ssize_t len = read(events[i].data.fd, answer, sizeof answer);
            answered++;
            l->failed += len < 12 || memcmp(answer, "HTTP/1.1 2", 10) != 0;
            if (len <= 0) {
                (void)close(events[i].data.fd);
            } else if (sent < l->count) {
                (void)post(l, events[i].data.fd, sent++);
            }
        }
        if (n <= 0) {
            l->failed += l->count - answered;
            break;
        }
    }
    (void)close(epoll);
    return NULL;
}

static struct load *start(void *(*run)(void *), int port, const char *target, size_t count)
{
    struct load *l = calloc(1, sizeof *l);

    *l = (struct load){.port = port, .target = target, .count = count};
    if (pthread_create(&l->thread, NULL, run, l) != 0) {
        exit(1);
    }
    return l;
}

struct load *load_mqtt(int port, const char *topic, size_t count)
{
    return start(publish, port, topic, count);
}

struct load *load_http(int port, const char *path, size_t count)
{
    return start(request_all, port, path, count);
}

size_t load_finish(struct load *load)
{
    size_t failed;

    (void)pthread_join(load->thread, NULL);
    failed = load->failed;
    free(load);
    return failed;
}
