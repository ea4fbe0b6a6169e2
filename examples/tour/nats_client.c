/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A small NATS client for the demo, since Debian has none for the command line. NATS_URL says
 * where.
 *
 *     tour_nats stream NAME SUBJECT...     make a stream
 *     tour_nats put SUBJECT                each line of standard input into the stream
 *     tour_nats take SUBJECT COUNT         what the stream has there: subject, tab, payload
 *     tour_nats request SUBJECT PAYLOAD    ask, and print the answer
 *     tour_nats answer SUBJECT             answer questions {"sku": …} with a price, until ended
 *     tour_nats ports COUNT                free loopback ports (not about NATS at all)
 */
#include <arpa/inet.h>
#include <nats/nats.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#define WAIT_MS 20000
#define CONNECT_TRIES 5

static int failed(const char *what, natsStatus s)
{
    (void)fprintf(stderr, "tour_nats: %s: %s\n", what, natsStatus_GetText(s));
    return 1;
}

static int make_stream(jsCtx *js, char **argv, int argc)
{
    const char *subjects[16];
    jsStreamConfig config;
    natsStatus s;

    (void)jsStreamConfig_Init(&config);
    config.Name = argv[0];
    for (int i = 1; i < argc && i < 16; i++) {
        subjects[i - 1] = argv[i];
    }
    config.Subjects = subjects;
    config.SubjectsLen = argc - 1;
    s = js_AddStream(NULL, js, &config, NULL, NULL);
    return s == NATS_OK ? 0 : failed("make the stream", s);
}

static int put(jsCtx *js, const char *subject)
{
    natsStatus s = NATS_OK;
    char line[4096];

    while (s == NATS_OK && fgets(line, sizeof line, stdin) != NULL) {
        s = js_Publish(NULL, js, subject, line, (int)strcspn(line, "\n"), NULL, NULL);
    }
    return s == NATS_OK ? 0 : failed("publish", s);
}

static int take(jsCtx *js, const char *subject, int count)
{
    natsSubscription *subscription = NULL;
    natsStatus s = js_SubscribeSync(&subscription, js, subject, NULL, NULL, NULL);

    for (int i = 0; s == NATS_OK && i < count; i++) {
        natsMsg *m = NULL;
        s = natsSubscription_NextMsg(&m, subscription, WAIT_MS);
        if (s == NATS_OK) {
            (void)printf("%s\t%.*s\n", natsMsg_GetSubject(m), natsMsg_GetDataLength(m),
                         natsMsg_GetData(m));
            (void)natsMsg_Ack(m, NULL);
            natsMsg_Destroy(m);
        }
    }
    natsSubscription_Destroy(subscription);
    return s == NATS_OK ? 0 : failed("read", s);
}

static int ask(natsConnection *nats, const char *subject, const char *payload)
{
    natsMsg *reply = NULL;
    natsStatus s = natsConnection_RequestString(&reply, nats, subject, payload, WAIT_MS);

    if (s != NATS_OK) {
        return failed("request", s);
    }
    (void)printf("%.*s\n", natsMsg_GetDataLength(reply), natsMsg_GetData(reply));
    natsMsg_Destroy(reply);
    return 0;
}

static int answer(natsConnection *nats, const char *subject)
{
    natsSubscription *subscription = NULL;
    natsStatus s = natsConnection_SubscribeSync(&subscription, nats, subject);

    while (s == NATS_OK) {
        natsMsg *m = NULL;
        char text[600], sku[500] = "";
        s = natsSubscription_NextMsg(&m, subscription, 1000);
        if (s == NATS_TIMEOUT) {
            s = NATS_OK;
        } else if (s == NATS_OK) {
            (void)sscanf(natsMsg_GetData(m), "{\"sku\":\"%499[^\"]", sku);
            (void)snprintf(text, sizeof text, "{\"sku\":\"%s\",\"price\":9.5}", sku);
            s = natsConnection_PublishString(nats, natsMsg_GetReply(m), text);
            natsMsg_Destroy(m);
        }
    }
    return failed("answer", s);
}

/* All are held until the last is found, so that they differ. */
static int print_ports(int count)
{
    for (int i = 0; i < count; i++) {
        struct sockaddr_in any = {.sin_family = AF_INET, .sin_addr = {htonl(INADDR_LOOPBACK)}};
        socklen_t len = sizeof any;
        int fd = socket(AF_INET, SOCK_STREAM, 0);
        if (fd < 0 || bind(fd, (struct sockaddr *)&any, len) != 0 ||
            getsockname(fd, (struct sockaddr *)&any, &len) != 0) {
            perror("tour_nats: a free port");
            return 1;
        }
        (void)printf("%d\n", ntohs(any.sin_port));
    }
    return 0;
}

static int run(natsConnection *nats, int argc, char **argv)
{
    const char *command = argv[1];
    jsCtx *js = NULL;
    natsStatus s = natsConnection_JetStream(&js, nats, NULL);
    int rc = 2;

    if (s != NATS_OK) {
        return failed("JetStream", s);
    }
    if (strcmp(command, "stream") == 0 && argc >= 4) {
        rc = make_stream(js, argv + 2, argc - 2);
    } else if (strcmp(command, "put") == 0 && argc == 3) {
        rc = put(js, argv[2]);
    } else if (strcmp(command, "take") == 0 && argc == 4) {
        rc = take(js, argv[2], atoi(argv[3]));
    } else if (strcmp(command, "request") == 0 && argc == 4) {
        rc = ask(nats, argv[2], argv[3]);
    } else if (strcmp(command, "answer") == 0 && argc == 3) {
        rc = answer(nats, argv[2]);
    } else {
        (void)fprintf(stderr, "tour_nats: usage is at the head of nats_client.c\n");
    }
    jsCtx_Destroy(js);
    return rc;
}

/* On a busy machine the server loses patience with a client that is slow to greet it. */
static natsStatus connect_to(const char *url, natsConnection **out)
{
    natsStatus s = NATS_ERR;

    for (int i = 0; i < CONNECT_TRIES && s != NATS_OK; i++) {
        s = natsConnection_ConnectTo(out, url);
    }
    return s;
}

int main(int argc, char **argv)
{
    const char *url = getenv("NATS_URL");
    natsConnection *nats = NULL;
    natsStatus s;
    int rc;

    if (argc == 3 && strcmp(argv[1], "ports") == 0) {
        return print_ports(atoi(argv[2]));
    }
    if (argc < 3) {
        (void)fprintf(stderr, "tour_nats: usage is at the head of nats_client.c\n");
        return 2;
    }
    s = connect_to(url == NULL ? NATS_DEFAULT_URL : url, &nats);
    rc = s == NATS_OK ? run(nats, argc, argv) : failed("connect", s);
    natsConnection_Destroy(nats);
    nats_Close();
    return rc;
}
