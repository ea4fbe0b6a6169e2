/* SPDX-License-Identifier: Apache-2.0 */
/* The thread owns the connections; what it shall do comes through a pipe, one byte an order. */
#include "support/proxy.h"

#include "support/fail.h"
#include "support/port.h"
#include "support/wait.h"
#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <pthread.h>
#include <semaphore.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#define PAIRS 200
#define ROOM 65536

#define ORDER_CUT 'c'
#define ORDER_END 'e' /* and '0' + way */

/* One direction: what was read from a socket and is not written to the other yet. */
struct stream {
    char *data;
    size_t begin, end;
    int64_t due_ms; /* what is there may go on then */
    bool closed;    /* nothing more comes */
};

struct pair {
    int fds[2]; /* who came, and the server; -1: none */
    struct stream from[2];
    bool dead; /* nothing passes any more, and it is not closed by us */
};

struct nwt_proxy {
    int port, target, listener, orders[2];
    enum nwt_proxy_way way;
    atomic_int delay_ms;
    const char *_Atomic trap; /* the text at which all vanishes */
    atomic_bool trapped;
    struct pair pairs[PAIRS];
    pthread_t thread;
    sem_t done; /* an order was carried out */
};

static struct sockaddr_in loopback(int port)
{
    struct sockaddr_in address = {.sin_family = AF_INET, .sin_port = htons((uint16_t)port)};
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    return address;
}

static void close_pair(struct pair *pair)
{
    for (int side = 0; side < 2; side++) {
        if (pair->fds[side] >= 0) {
            close(pair->fds[side]);
        }
        free(pair->from[side].data);
        pair->from[side] = (struct stream){0};
        pair->fds[side] = -1;
    }
    pair->dead = false;
}

static void close_all(struct nwt_proxy *proxy)
{
    for (size_t i = 0; i < PAIRS; i++) {
        close_pair(&proxy->pairs[i]);
    }
}

static int connect_to(int port)
{
    struct sockaddr_in address = loopback(port);
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    int one = 1;
    if (fd >= 0 && connect(fd, (struct sockaddr *)&address, sizeof address) != 0) {
        close(fd);
        return -1;
    }
    setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof one);
    fcntl(fd, F_SETFL, O_NONBLOCK);
    return fd;
}

/* The server is asked at once: who comes while there is none is cut as soon as it was taken. */
static void take_connection(struct nwt_proxy *proxy)
{
    int fd = accept4(proxy->listener, NULL, NULL, SOCK_CLOEXEC | SOCK_NONBLOCK), one = 1;
    size_t i = 0;
    while (i < PAIRS && proxy->pairs[i].fds[0] >= 0) {
        i++;
    }
    if (fd < 0 || i == PAIRS || proxy->way == NWT_PROXY_CLOSED) {
        close(fd);
        return;
    }
    struct pair *pair = &proxy->pairs[i];
    pair->fds[0] = fd;
    pair->fds[1] = connect_to(proxy->target);
    pair->from[0].data = malloc(ROOM);
    pair->from[1].data = malloc(ROOM);
    pair->dead = proxy->way == NWT_PROXY_VANISH;
    setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof one);
    if (pair->fds[1] < 0 || pair->from[0].data == NULL || pair->from[1].data == NULL) {
        close_pair(pair);
    }
}

static void make_vanish(struct nwt_proxy *proxy)
{
    proxy->way = NWT_PROXY_VANISH;
    for (size_t i = 0; i < PAIRS; i++) {
        struct pair *pair = &proxy->pairs[i];
        pair->dead = pair->fds[0] >= 0;
        pair->from[0].begin = pair->from[0].end = pair->from[1].begin = pair->from[1].end = 0;
    }
}

/* Is this what all is to vanish at? */
static void look(struct nwt_proxy *proxy, const char *data, size_t len)
{
    const char *trap = proxy->trap;
    if (trap != NULL && memmem(data, len, trap, strlen(trap)) != NULL) {
        proxy->trap = NULL;
        make_vanish(proxy);
        proxy->trapped = true;
    }
}

/* Read what there is; false when the connection is broken. */
static bool fill(struct nwt_proxy *proxy, struct pair *pair, int side)
{
    struct stream *s = &pair->from[side];
    ssize_t n = recv(pair->fds[side], s->data + s->end, ROOM - s->end, 0);
    if (n > 0 && side == 0) {
        look(proxy, s->data + s->end, (size_t)n);
    }
    if (n > 0 && !pair->dead) {
        s->due_ms = s->end == 0 && proxy->delay_ms > 0 ? nwt_now_ms() + proxy->delay_ms : s->due_ms;
        s->end += (size_t)n;
    } else if (n == 0) {
        s->closed = true;
        return !pair->dead;
    }
    return n >= 0 || errno == EAGAIN;
}

/* Write what was read; false when the connection is broken. */
static bool drain(struct pair *pair, int side)
{
    struct stream *s = &pair->from[side];
    if (s->end > s->begin && nwt_now_ms() >= s->due_ms) {
        ssize_t n = send(pair->fds[1 - side], s->data + s->begin, s->end - s->begin, MSG_NOSIGNAL);
        if (n < 0 && errno != EAGAIN) {
            return false;
        }
        s->begin += n > 0 ? (size_t)n : 0;
    }
    if (s->begin == s->end) {
        s->begin = s->end = 0;
        if (s->closed) {
            shutdown(pair->fds[1 - side], SHUT_WR);
        }
    }
    return true;
}

/* What to ask poll() for; *wait_ms becomes the time until something is due, if that is sooner. */
static short wanted(const struct pair *pair, int side, int *wait_ms)
{
    const struct stream *in = &pair->from[side], *out = &pair->from[1 - side];
    bool waits = out->end > out->begin;
    int64_t left_ms = waits ? out->due_ms - nwt_now_ms() : 0;
    if (left_ms > 0 && (*wait_ms < 0 || left_ms < *wait_ms)) {
        *wait_ms = (int)left_ms;
    }
    return (short)((!in->closed && in->end < ROOM ? POLLIN : 0) |
                   (waits && left_ms <= 0 ? POLLOUT : 0));
}

static void serve(struct nwt_proxy *proxy, struct pair *pair, int side, short events)
{
    bool ok = (events & (POLLIN | POLLHUP | POLLERR)) == 0 || pair->from[side].closed ||
              pair->from[side].end == ROOM || fill(proxy, pair, side);
    ok = ok && (pair->dead || (drain(pair, side) && drain(pair, 1 - side)));
    bool over = pair->from[0].closed && pair->from[1].closed && pair->from[0].end == 0 &&
                pair->from[1].end == 0;
    if (!ok || over || ((events & POLLERR) != 0)) {
        close_pair(pair);
    }
}

static void change_way(struct nwt_proxy *proxy, enum nwt_proxy_way way)
{
    proxy->way = way;
    if (way == NWT_PROXY_CLOSED) {
        close_all(proxy);
    } else if (way == NWT_PROXY_VANISH) {
        make_vanish(proxy);
    }
}

/* false: it is to end. */
static bool obey(struct nwt_proxy *proxy)
{
    char order = ORDER_END;
    if (read(proxy->orders[0], &order, 1) != 1 || order == ORDER_END) {
        return false;
    }
    if (order == ORDER_CUT) {
        close_all(proxy);
    } else {
        change_way(proxy, (enum nwt_proxy_way)(order - '0'));
    }
    sem_post(&proxy->done);
    return true;
}

struct poll_set {
    struct pollfd polled[2 + 2 * PAIRS]; /* orders, the listener, and two of each pair */
    struct pair *pairs[2 + 2 * PAIRS];
    nfds_t count;
    int wait_ms; /* -1: for ever */
};

static void gather(struct nwt_proxy *proxy, struct poll_set *set)
{
    set->polled[0] = (struct pollfd){.fd = proxy->orders[0], .events = POLLIN};
    set->polled[1] = (struct pollfd){.fd = proxy->listener, .events = POLLIN};
    set->count = 2;
    set->wait_ms = -1;
    for (size_t i = 0; i < PAIRS && proxy->way != NWT_PROXY_STALL; i++) {
        struct pair *pair = &proxy->pairs[i];
        for (int side = 0; side < 2 && pair->fds[0] >= 0; side++) {
            short events = wanted(pair, side, &set->wait_ms);
            set->pairs[set->count] = pair;
            set->polled[set->count++] =
                (struct pollfd){.fd = events != 0 ? pair->fds[side] : -1, .events = events};
        }
    }
}

static void *run(void *context)
{
    struct nwt_proxy *proxy = context;
    struct poll_set set;
    for (bool more = true; more;) {
        gather(proxy, &set);
        poll(set.polled, set.count, set.wait_ms);
        for (nfds_t i = 2; i < set.count; i++) {
            struct pair *pair = set.pairs[i];
            int side = (int)(i % 2);
            if (set.polled[i].revents != 0 && pair->fds[side] == set.polled[i].fd) {
                serve(proxy, pair, side, set.polled[i].revents);
            }
        }
        if (set.polled[1].revents != 0) {
            take_connection(proxy);
        }
        more = set.polled[0].revents == 0 || obey(proxy);
    }
    return NULL;
}

struct nwt_proxy *nwt_proxy_new_on(int port, int target)
{
    struct nwt_proxy *proxy = calloc(1, sizeof *proxy);
    struct sockaddr_in address = loopback(port);
    int one = 1;
    if (proxy == NULL || pipe2(proxy->orders, O_CLOEXEC) != 0) {
        nwt_fail("no memory");
    }
    proxy->port = port;
    proxy->target = target;
    proxy->listener = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    setsockopt(proxy->listener, SOL_SOCKET, SO_REUSEADDR, &one, sizeof one);
    for (size_t i = 0; i < PAIRS; i++) {
        proxy->pairs[i].fds[0] = proxy->pairs[i].fds[1] = -1;
    }
    sem_init(&proxy->done, 0, 0);
    if (bind(proxy->listener, (struct sockaddr *)&address, sizeof address) != 0 ||
        listen(proxy->listener, 100) != 0 ||
        pthread_create(&proxy->thread, NULL, run, proxy) != 0) {
        nwt_fail("the proxy does not start on port %d: %s", port, strerror(errno));
    }
    return proxy;
}

struct nwt_proxy *nwt_proxy_new(int target)
{
    return nwt_proxy_new_on(nwt_port_free(), target);
}

static void give_order(struct nwt_proxy *proxy, char order)
{
    if (write(proxy->orders[1], &order, 1) != 1) {
        nwt_fail("the proxy takes no orders: %s", strerror(errno));
    }
}

void nwt_proxy_free(struct nwt_proxy *proxy)
{
    if (proxy == NULL) {
        return;
    }
    give_order(proxy, ORDER_END);
    pthread_join(proxy->thread, NULL);
    close_all(proxy);
    close(proxy->listener);
    close(proxy->orders[0]);
    close(proxy->orders[1]);
    sem_destroy(&proxy->done);
    free(proxy);
}

int nwt_proxy_port(const struct nwt_proxy *proxy)
{
    return proxy->port;
}

void nwt_proxy_set(struct nwt_proxy *proxy, enum nwt_proxy_way way)
{
    give_order(proxy, (char)('0' + way));
    sem_wait(&proxy->done);
}

void nwt_proxy_cut(struct nwt_proxy *proxy)
{
    give_order(proxy, ORDER_CUT);
    sem_wait(&proxy->done);
}

void nwt_proxy_delay(struct nwt_proxy *proxy, int delay_ms)
{
    proxy->delay_ms = delay_ms;
}

void nwt_proxy_vanish_at(struct nwt_proxy *proxy, const char *text)
{
    proxy->trapped = false;
    proxy->trap = text;
}

bool nwt_proxy_has_vanished(struct nwt_proxy *proxy)
{
    return proxy->trapped;
}
