/* SPDX-License-Identifier: Apache-2.0 */
#include "wire.h"

#include "support/tcp.h"
#include "support/wait.h"
#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#define CONNACK 2
#define PUBLISH 3
#define PUBACK 4
#define SUBACK 9
#define ANSWER_MS 5000

/* Payloads are short: the remaining length takes two bytes at most. */
struct packet {
    unsigned char data[1000];
    size_t len;
};

static void begin_packet(struct packet *p, unsigned char first)
{
    p->data[0] = first;
    p->len = 3;
}

static void add(struct packet *p, const void *data, size_t len)
{
    memcpy(p->data + p->len, data, len);
    p->len += len;
}

static void add_number(struct packet *p, unsigned number)
{
    p->data[p->len++] = (unsigned char)(number >> 8);
    p->data[p->len++] = (unsigned char)number;
}

static void add_text(struct packet *p, const char *text)
{
    add_number(p, (unsigned)strlen(text));
    add(p, text, strlen(text));
}

static bool send_packet(struct wire *wire, struct packet *p)
{
    size_t rest = p->len - 3;
    p->data[1] =
        (unsigned char)(rest % 128 + 128); /* a length of two bytes, also when one will do */
    p->data[2] = (unsigned char)(rest / 128);
    if (wire->fd < 0 || send(wire->fd, p->data, p->len, MSG_NOSIGNAL) != (ssize_t)p->len) {
        wire_close(wire);
    }
    return wire->fd >= 0;
}

/* A whole packet in the buffer: its body, and how long that is. */
static bool find_packet(const struct wire *wire, size_t *body, size_t *len)
{
    size_t at = wire->begin + 1, shift = 0;
    *len = 0;
    while (at < wire->end) {
        unsigned char byte = (unsigned char)wire->buffer[at++];
        *len |= (size_t)(byte & 127) << shift;
        shift += 7;
        if (byte < 128) {
            *body = at;
            return at + *len <= wire->end;
        }
    }
    return false;
}

/* The next packet; 0 when none came within the socket's time limit, or the connection is gone. */
static int receive(struct wire *wire, unsigned char *flags, size_t *body, size_t *len)
{
    while (wire->fd >= 0 && !find_packet(wire, body, len)) {
        memmove(wire->buffer, wire->buffer + wire->begin, wire->end - wire->begin);
        wire->end -= wire->begin;
        wire->begin = 0;
        ssize_t n = recv(wire->fd, wire->buffer + wire->end, sizeof wire->buffer - wire->end, 0);
        if (n > 0) {
            wire->end += (size_t)n;
        } else if (n == 0 || errno != EAGAIN) {
            wire_close(wire);
        } else {
            return 0;
        }
    }
    if (wire->fd < 0) {
        return 0;
    }
    unsigned char first = (unsigned char)wire->buffer[wire->begin];
    *flags = first & 15;
    wire->begin = *body + *len;
    return first >> 4;
}

static unsigned number_at(const struct wire *wire, size_t at)
{
    return (unsigned)((unsigned char)wire->buffer[at] << 8 | (unsigned char)wire->buffer[at + 1]);
}

/* Wait for an answer of one kind; nothing else may come before it but messages, which the server
 * sends again. */
static bool answered(struct wire *wire, int kind, size_t *body)
{
    unsigned char flags;
    size_t len;
    int64_t until_ms = nwt_now_ms() + ANSWER_MS;
    int came = 0;
    while (wire->fd >= 0 && came != kind && nwt_now_ms() < until_ms) {
        came = receive(wire, &flags, body, &len);
    }
    if (came != kind) {
        wire_close(wire);
    }
    return came == kind;
}

bool wire_connect(struct wire *wire, int port, const char *client_id)
{
    struct packet p;
    size_t body;
    int one = 1;
    wire->begin = wire->end = 0;
    wire->fd = nwt_tcp_connect(port);
    setsockopt(wire->fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof one);
    begin_packet(&p, 0x10);
    add_text(&p, "MQTT");
    add(&p, "\4\0\0\0", 4); /* version 4, session kept, no keep-alive */
    add_text(&p, client_id);
    if (!send_packet(wire, &p) || !answered(wire, CONNACK, &body) ||
        number_at(wire, body) % 256 != 0) {
        wire_close(wire);
    }
    return wire->fd >= 0;
}

void wire_close(struct wire *wire)
{
    if (wire->fd >= 0) {
        close(wire->fd);
    }
    wire->fd = -1;
}

bool wire_subscribe(struct wire *wire, const char *filter)
{
    struct packet p;
    size_t body;
    begin_packet(&p, 0x82);
    add_number(&p, 1);
    add_text(&p, filter);
    add(&p, "\1", 1);
    return send_packet(wire, &p) && answered(wire, SUBACK, &body);
}

bool wire_publish(struct wire *wire, const char *topic, const void *payload, size_t len,
                  uint16_t id)
{
    struct packet p;
    begin_packet(&p, 0x32);
    add_text(&p, topic);
    add_number(&p, id);
    add(&p, payload, len);
    return send_packet(wire, &p);
}

bool wire_confirmed(struct wire *wire, uint16_t id)
{
    size_t body;
    if (answered(wire, PUBACK, &body) && number_at(wire, body) != id) {
        wire_close(wire);
    }
    return wire->fd >= 0;
}

bool wire_next(struct wire *wire, struct wire_message *out)
{
    unsigned char flags;
    size_t body, len;
    if (receive(wire, &flags, &body, &len) != PUBLISH) {
        return false;
    }
    size_t topic = number_at(wire, body), at = body + 2 + topic;
    bool qos = (flags & 6) != 0;
    out->id = qos ? (uint16_t)number_at(wire, at) : 0;
    at += qos ? 2 : 0;
    out->payload = wire->buffer + at;
    out->len = body + len - at;
    return true;
}

bool wire_confirm(struct wire *wire, uint16_t id)
{
    struct packet p;
    begin_packet(&p, 0x40);
    add_number(&p, id);
    return send_packet(wire, &p);
}
