/* SPDX-License-Identifier: Apache-2.0 */
/* The proxy of the tests is in the way just as it says. */
#include "support/http_client.h"
#include "support/http_server.h"
#include "support/proxy.h"
#include "support/tcp.h"
#include "support/wait.h"
#include <criterion/criterion.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#define REQUEST "GET / HTTP/1.1\r\nHost: x\r\n\r\n"

static struct nwt_http_server *server;
static struct nwt_proxy *proxy;
static char url[60];

static void serve(void *context, struct nwt_http_visit *visit)
{
    (void)context;
    visit->answer = visit->body;
    visit->answer_len = visit->body_len;
}

static void set_up(void)
{
    server = nwt_http_server_new(serve, NULL);
    proxy = nwt_proxy_new(atoi(strrchr(nwt_http_server_url(server), ':') + 1));
    snprintf(url, sizeof url, "http://127.0.0.1:%d/", nwt_proxy_port(proxy));
}

static void tear_down(void)
{
    nwt_proxy_free(proxy);
    nwt_http_server_free(server);
}

TestSuite(proxy, .init = set_up, .fini = tear_down, .timeout = 600);

static int ask(void)
{
    return nwt_http_status(url);
}

/* A connection that has been answered once. */
static int connect_and_ask(void)
{
    char answer[1000];
    int fd = nwt_tcp_connect(nwt_proxy_port(proxy));
    cr_assert_geq(fd, 0);
    cr_assert_eq(send(fd, REQUEST, strlen(REQUEST), MSG_NOSIGNAL), (ssize_t)strlen(REQUEST));
    cr_assert_gt(recv(fd, answer, sizeof answer, 0), 0);
    return fd;
}

Test(proxy, passes_all_bytes_also_delayed)
{
    size_t len = 1000000;
    char *body = malloc(len);
    cr_assert_not_null(body);
    for (size_t i = 0; i < len; i++) {
        body[i] = (char)(i * 7919 >> 3);
    }
    for (int delay_ms = 0; delay_ms < 10; delay_ms += 3) {
        nwt_proxy_delay(proxy, delay_ms);
        struct nwt_http_answer answer = nwt_http_request("POST", url, NULL, body, len, 60000);
        cr_expect_eq(answer.body_len, len);
        cr_expect(answer.body_len == len && memcmp(answer.body, body, len) == 0);
        nwt_http_done(&answer);
    }
    free(body);
}

Test(proxy, cuts_what_there_is)
{
    char byte;
    int fd = connect_and_ask();
    nwt_proxy_cut(proxy);
    cr_expect(NWT_WAIT(5000, recv(fd, &byte, 1, MSG_DONTWAIT) == 0));
    cr_expect_eq(ask(), 200);
    close(fd);
}

Test(proxy, closed_takes_nobody)
{
    nwt_proxy_set(proxy, NWT_PROXY_CLOSED);
    cr_expect_eq(ask(), 0);
    nwt_proxy_set(proxy, NWT_PROXY_OPEN);
    cr_expect_eq(ask(), 200);
}

Test(proxy, what_was_held_passes_later)
{
    char answer[1000];
    int fd = connect_and_ask();
    nwt_proxy_set(proxy, NWT_PROXY_STALL);
    send(fd, REQUEST, strlen(REQUEST), MSG_NOSIGNAL);
    cr_expect_lt(recv(fd, answer, sizeof answer, 0), 0); /* after a second */
    nwt_proxy_set(proxy, NWT_PROXY_OPEN);
    cr_expect(NWT_WAIT(5000, recv(fd, answer, sizeof answer, MSG_DONTWAIT) > 0));
    close(fd);
}

Test(proxy, what_vanished_stays_away_and_the_connection_open)
{
    char byte;
    int fd = connect_and_ask();
    nwt_proxy_set(proxy, NWT_PROXY_VANISH);
    send(fd, REQUEST, strlen(REQUEST), MSG_NOSIGNAL);
    cr_expect_lt(recv(fd, &byte, 1, 0), 0);
    nwt_proxy_set(proxy, NWT_PROXY_OPEN);
    send(fd, REQUEST, strlen(REQUEST), MSG_NOSIGNAL);
    cr_expect_lt(recv(fd, &byte, 1, 0), 0);
    cr_expect_eq(ask(), 200);
    close(fd);
}
