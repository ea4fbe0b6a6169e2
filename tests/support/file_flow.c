/* SPDX-License-Identifier: Apache-2.0 */
#include "support/file_flow.h"

#include "support/fail.h"
#include "support/wait.h"
#include <errno.h>
#include <limits.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#define STREAM_TIMEOUT_MS 90000

void nwt_file_flow_init(struct nwt_file_flow *flow)
{
    memset(flow, 0, sizeof *flow);
    flow->folder = nwt_folder_new();
    flow->nats = nwt_nats_new(flow->folder, NULL);
    flow->client = nwt_nats_connect(flow->nats->url);
    nwt_stream_add(flow->client, "LINES", "lines.>");
}

void nwt_file_flow_done(struct nwt_file_flow *flow)
{
    nwt_bridge_free(flow->bridge);
    nwt_nats_close(flow->client);
    nwt_nats_free(flow->nats);
    nwt_folder_free(flow->folder);
}

void nwt_file_flow_bridge(struct nwt_file_flow *flow, const char *format, ...)
{
    char *routes = NULL;
    va_list arguments;

    va_start(arguments, format);
    if (vasprintf(&routes, format, arguments) < 0) {
        nwt_fail("no memory");
    }
    va_end(arguments);
    flow->bridge = nwt_bridge_new(flow->folder, "bridge", "nats: {url: \"%s\"}\nroutes:\n%s",
                                  flow->nats->url, routes);
    free(routes);
}

void nwt_file_flow_from(struct nwt_file_flow *flow, const char *from)
{
    nwt_file_flow_bridge(flow, "  r:\n    from: {%s}\n    to: {jetstream: lines.r}\n", from);
}

/* ---- Files ---- */

const char *nwt_file_flow_path(const struct nwt_file_flow *flow, const char *name)
{
    static char paths[4][PATH_MAX];
    static size_t turn;
    char *path = paths[turn++ % 4];

    snprintf(path, PATH_MAX, "%s/%s", nwt_folder_path(flow->folder), name);
    return path;
}

void nwt_file_flow_mkdir(const struct nwt_file_flow *flow, const char *name)
{
    if (mkdir(nwt_file_flow_path(flow, name), 0755) != 0) {
        nwt_fail("cannot make %s: %s", name, strerror(errno));
    }
}

void nwt_file_flow_append(const struct nwt_file_flow *flow, const char *name, const char *text)
{
    nwt_file_append(nwt_file_flow_path(flow, name), text, strlen(text));
}

void nwt_file_flow_lines(const struct nwt_file_flow *flow, const char *name,
                         const struct nwt_numbered *n, size_t from, size_t to, size_t step)
{
    size_t size = n->payload_size + 1, count = 0;
    char *lines = malloc(((to - from) / step + 1) * size);

    if (lines == NULL) {
        nwt_fail("no memory");
    }
    for (size_t i = from; i < to; i += step) {
        char *line = lines + count++ * size;
        nwt_numbered_payload(n, i, line);
        line[size - 1] = '\n';
    }
    nwt_file_append(nwt_file_flow_path(flow, name), lines, count * size);
    free(lines);
}

void nwt_file_flow_rename(const struct nwt_file_flow *flow, const char *from, const char *to)
{
    if (rename(nwt_file_flow_path(flow, from), nwt_file_flow_path(flow, to)) != 0) {
        nwt_fail("cannot rename %s: %s", from, strerror(errno));
    }
}

bool nwt_file_flow_take(const struct nwt_file_flow *flow, const char *name, struct nwt_numbered *n)
{
    size_t len;
    char *text = nwt_file_read(nwt_file_flow_path(flow, name), &len), *at = text, *newline;
    bool good = text != NULL;

    while (good && (newline = memchr(at, '\n', len - (size_t)(at - text))) != NULL) {
        good = nwt_numbered_take(n, at, (size_t)(newline - at), 0) >= 0;
        if (!good) {
            fprintf(stderr, "support: in %s: %.*s\n", name, (int)(newline - at), at);
        }
        at = newline + 1;
    }
    good = good && at == text + len;
    free(text);
    return good;
}

/* ---- The stream ---- */

static void wait_for(const struct nwt_file_flow *flow, int64_t count)
{
    if (!NWT_WAIT(STREAM_TIMEOUT_MS, nwt_stream_count(flow->client, "LINES") >= count)) {
        char *log = flow->bridge == NULL ? NULL : nwt_file_read(flow->bridge->log, NULL);
        nwt_fail("the stream holds %lld of %lld; the log of the bridge:\n%s",
                 (long long)nwt_stream_count(flow->client, "LINES"), (long long)count,
                 log == NULL ? "" : log);
    }
}

struct joined {
    char *text;
    size_t len;
    int64_t left;
};

static bool join(void *context, natsMsg *m)
{
    struct joined *j = context;
    size_t size = (size_t)natsMsg_GetDataLength(m);

    j->text = realloc(j->text, j->len + size + 2);
    if (j->text == NULL) {
        nwt_fail("no memory");
    }
    if (j->len > 0) {
        j->text[j->len++] = '|';
    }
    memcpy(j->text + j->len, natsMsg_GetData(m), size);
    j->len += size;
    j->text[j->len] = '\0';
    return --j->left > 0;
}

char *nwt_file_flow_texts(const struct nwt_file_flow *flow, int64_t count, const char *subject)
{
    struct joined j = {.left = INT64_MAX};

    wait_for(flow, count);
    if (subject == NULL) {
        j.left = nwt_stream_count(flow->client, "LINES");
    }
    nwt_stream_read(flow->client, "LINES", subject == NULL ? "lines.>" : subject, join, &j);
    return j.text == NULL ? strdup("") : j.text;
}

void nwt_file_flow_expect(const struct nwt_file_flow *flow, int64_t count, const char *texts)
{
    char *got = nwt_file_flow_texts(flow, count, NULL);

    if (strcmp(got, texts) != 0) {
        nwt_fail("the stream holds %.3000s and not %.3000s", got, texts);
    }
    free(got);
}

struct collector {
    struct nwt_numbered *numbers;
    size_t groups;
};

static bool collect(void *context, natsMsg *m)
{
    struct collector *c = context;
    size_t len = (size_t)natsMsg_GetDataLength(m);
    char number[24] = "";

    memcpy(number, natsMsg_GetData(m), len < sizeof number ? len : sizeof number - 1);
    nwt_numbered_take(c->numbers, natsMsg_GetData(m), len,
                      (unsigned)(strtoul(number, NULL, 10) % c->groups));
    return nwt_numbered_distinct(c->numbers) < c->numbers->count;
}

void nwt_file_flow_collect(const struct nwt_file_flow *flow, struct nwt_numbered *n, size_t groups)
{
    struct collector c = {n, groups};

    wait_for(flow, (int64_t)n->count);
    nwt_stream_read(flow->client, "LINES", "lines.>", collect, &c);
}

void nwt_file_flow_publish(const struct nwt_file_flow *flow, const struct nwt_numbered *n,
                           size_t from, size_t to)
{
    char *payload = malloc(n->payload_size);

    for (size_t i = from; payload != NULL && i < to; i++) {
        natsMsg *m = NULL;
        nwt_numbered_payload(n, i, payload);
        NWT_NATS(natsMsg_Create(&m, "lines.in", NULL, payload, (int)n->payload_size));
        nwt_stream_publish(flow->client, m);
    }
    free(payload);
    nwt_stream_flush(flow->client);
}

void nwt_file_flow_publish_text(const struct nwt_file_flow *flow, const char *subject,
                                const char *text)
{
    natsMsg *m = NULL;

    NWT_NATS(natsMsg_Create(&m, subject, NULL, text, (int)strlen(text)));
    nwt_stream_publish(flow->client, m);
    nwt_stream_flush(flow->client);
}

bool nwt_file_flow_delivered(const struct nwt_file_flow *flow, const char *route, int64_t count)
{
    return NWT_WAIT(STREAM_TIMEOUT_MS,
                    nwt_bridge_number(flow->bridge, route, "delivered") >= count &&
                        nwt_bridge_number(flow->bridge, route, "in_flight") == 0);
}
