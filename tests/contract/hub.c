/* SPDX-License-Identifier: Apache-2.0 */
/* The hub's own ends: core NATS and JetStream, with a nats-server. */
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "contract.h"
#include "support/nats_client.h"
#include "support/nats_server.h"
#include "support/wait.h"

const char *const nwc_connector = NULL;

static struct nwt_nats *server;
static struct nwt_nats_client *client;
static natsSubscription *subscription;
static char url[64];

static void start(struct nwt_folder *folder)
{
    server = nwt_nats_new(folder, NULL);
    client = nwt_nats_connect(server->url);
    (void)snprintf(url, sizeof url, "%s", server->url);
}

static void end(void)
{
    nwt_nats_close(client);
    nwt_nats_free(server);
    nats_Close();
}

static bool is_connected(void)
{
    return natsConnection_FlushTimeout(client->connection, 1000) == NATS_OK;
}

static void freeze(void)
{
    nwt_process_signal(&server->process, SIGSTOP);
}

static void thaw(void)
{
    nwt_process_signal(&server->process, SIGCONT);
    NWC_AWAIT(is_connected(), "the test's own client is not connected");
}

static void away(void)
{
    nwt_nats_stop(server);
}

static void back(void)
{
    nwt_nats_start(server);
    NWC_AWAIT(is_connected(), "the test's own client is not connected");
}

/* ---- putting ---- */

static natsMsg *make(const char *subject, size_t number)
{
    struct nwc_text payload = nwc_payload(number), header = nwc_header(number);
    natsMsg *message = NULL;

    NWT_NATS(natsMsg_Create(&message, subject, NULL, payload.data, (int)payload.len));
    NWT_NATS(natsMsgHeader_Set(message, NWC_HEADER, header.data));
    return message;
}

static void put_core(const char *name, size_t from, size_t to)
{
    char subject[64];

    (void)snprintf(subject, sizeof subject, "in.%s", name);
    for (size_t i = from; i < to; i++) {
        natsMsg *message = make(subject, i);
        NWT_NATS(natsConnection_PublishMsg(client->connection, message));
        natsMsg_Destroy(message);
    }
    NWT_NATS(natsConnection_Flush(client->connection));
}

static void put_stream(const char *name, size_t from, size_t to)
{
    char subject[64];

    (void)snprintf(subject, sizeof subject, "in.%s", name);
    for (size_t i = from; i < to; i++) {
        nwt_stream_publish(client, make(subject, i));
    }
    nwt_stream_flush(client);
}

static void begin_stream_in(const char *name)
{
    char subject[64];

    (void)snprintf(subject, sizeof subject, "in.%s", name);
    nwt_stream_add(client, name, subject);
}

/* ---- looking ---- */

static void note(natsMsg *message)
{
    const char *header = nwt_nats_header(message, NWC_HEADER);

    nwc_arrived((struct nw_slice){natsMsg_GetData(message), (size_t)natsMsg_GetDataLength(message)},
                (struct nw_slice){NULL, 0},
                (struct nw_slice){header, header == NULL ? 0 : strlen(header)});
}

static void on_message(natsConnection *connection, natsSubscription *s, natsMsg *message,
                       void *context)
{
    (void)connection;
    (void)s;
    (void)context;
    note(message);
    natsMsg_Destroy(message);
}

static void begin_core_out(const char *name)
{
    char subject[64];

    (void)snprintf(subject, sizeof subject, "out.%s", name);
    NWT_NATS(
        natsConnection_Subscribe(&subscription, client->connection, subject, on_message, NULL));
    NWT_NATS(natsConnection_Flush(client->connection));
}

static void finish_core_out(const char *name)
{
    (void)name;
    (void)natsSubscription_Unsubscribe(subscription);
    (void)natsConnection_Flush(client->connection);
    natsSubscription_Destroy(subscription);
}

static void begin_stream_out(const char *name)
{
    char subject[64];

    (void)snprintf(subject, sizeof subject, "out.%s", name);
    nwt_stream_add(client, name, subject);
}

static bool note_next(void *context, natsMsg *message)
{
    int64_t *left = context;

    note(message);
    return --*left > 0;
}

static void collect_stream(const char *name)
{
    char subject[64];
    int64_t left = nwt_stream_count(client, name);

    (void)snprintf(subject, sizeof subject, "out.%s", name);
    if (left > 0) {
        (void)nwt_stream_read(client, name, subject, note_next, &left);
    }
}

/* More than the server takes in one message. */
static void spoil(struct nw_message *m)
{
    static char much[2 << 20];

    nw_message_set_payload(m, (struct nw_slice){much, sizeof much});
}

static const struct nwc_adapter core_source = {.name = "nats",
                                               .source = "{nats: \"in.@\"}",
                                               .hub = url,
                                               .headers = true,
                                               .loses = true,
                                               .start = start,
                                               .put = put_core,
                                               .away = away,
                                               .back = back};
static const struct nwc_adapter stream_source = {.name = "jetstream",
                                                 .source = "{jetstream: \"in.@\", stream: @}",
                                                 .hub = url,
                                                 .headers = true,
                                                 .begin = begin_stream_in,
                                                 .put = put_stream,
                                                 .freeze = freeze,
                                                 .thaw = thaw,
                                                 .away = away,
                                                 .back = back};
static const struct nwc_adapter core_sink = {.name = "nats",
                                             .sink = "{nats: \"out.@\"}",
                                             .impatient = "{nats: \"out.@\"}",
                                             .hub = url,
                                             .headers = true,
                                             .forgets = true,
                                             .begin = begin_core_out,
                                             .finish = finish_core_out,
                                             .freeze = freeze,
                                             .thaw = thaw,
                                             .away = away,
                                             .back = back,
                                             .spoil = spoil};
static const struct nwc_adapter stream_sink = {.name = "jetstream",
                                               .sink = "{jetstream: \"out.@\"}",
                                               .impatient = "{jetstream: \"out.@\"}",
                                               .hub = url,
                                               .headers = true,
                                               .end = end,
                                               .begin = begin_stream_out,
                                               .collect = collect_stream,
                                               .freeze = freeze,
                                               .thaw = thaw,
                                               .away = away,
                                               .back = back,
                                               .spoil = spoil};

const struct nwc_adapter *const nwc_adapters[] = {&core_source, &stream_source, &core_sink,
                                                  &stream_sink, NULL};
