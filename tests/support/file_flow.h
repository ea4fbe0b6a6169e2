/* SPDX-License-Identifier: Apache-2.0 */
/* What the tests of files share: a folder, a server with the stream LINES on "lines.>", a bridge;
 * lines written to files and read from the stream. */
#ifndef NATSWAY_TESTS_FILE_FLOW_H
#define NATSWAY_TESTS_FILE_FLOW_H

#include "support/bridge.h"
#include "support/nats_client.h"
#include "support/nats_server.h"
#include "support/numbered.h"

struct nwt_file_flow {
    struct nwt_folder *folder;
    struct nwt_nats *nats;
    struct nwt_nats_client *client;
    struct nwt_bridge *bridge;
};

void nwt_file_flow_init(struct nwt_file_flow *flow);
void nwt_file_flow_done(struct nwt_file_flow *flow);

/* Make the bridge, whose `routes:` follow from a format; it is not started. */
void nwt_file_flow_bridge(struct nwt_file_flow *flow, const char *format, ...)
    __attribute__((format(printf, 2, 3)));
/* The same with one route, named r, from a file (what stands in its braces) to lines.r. */
void nwt_file_flow_from(struct nwt_file_flow *flow, const char *from);

/* The path of a file in the folder, in one of a few buffers that are used in turn. */
const char *nwt_file_flow_path(const struct nwt_file_flow *flow, const char *name);
/* Make a folder in the folder. */
void nwt_file_flow_mkdir(const struct nwt_file_flow *flow, const char *name);
/* Append text to a file of the folder, which is made if need be. */
void nwt_file_flow_append(const struct nwt_file_flow *flow, const char *name, const char *text);
/* Append the numbers from, from + step, … below `to` as lines. */
void nwt_file_flow_lines(const struct nwt_file_flow *flow, const char *name,
                         const struct nwt_numbered *n, size_t from, size_t to, size_t step);
/* Give a file of the folder another name. */
void nwt_file_flow_rename(const struct nwt_file_flow *flow, const char *from, const char *to);

/* What of a file is whole lines of those numbers: taken in, group 0. false if the last line has no
 * end, or one is not of them. */
bool nwt_file_flow_take(const struct nwt_file_flow *flow, const char *name, struct nwt_numbered *n);

/* Wait until the stream holds count messages; their payloads, joined by '|' in the order of the
 * stream. Of a subject only, if that is not NULL. To be freed. Fails the test when they do not
 * come. */
char *nwt_file_flow_texts(const struct nwt_file_flow *flow, int64_t count, const char *subject);
/* Assert that the stream comes to hold just these, e.g. "a|b|c". */
void nwt_file_flow_expect(const struct nwt_file_flow *flow, int64_t count, const char *texts);
/* Wait until the stream holds all of n, and take them in; the group of number i is i % groups. */
void nwt_file_flow_collect(const struct nwt_file_flow *flow, struct nwt_numbered *n, size_t groups);

/* Publish the numbers from..to to the stream, on lines.in. */
void nwt_file_flow_publish(const struct nwt_file_flow *flow, const struct nwt_numbered *n,
                           size_t from, size_t to);
/* Publish one text to a subject of the stream. */
void nwt_file_flow_publish_text(const struct nwt_file_flow *flow, const char *subject,
                                const char *text);

/* Wait until nothing of the route is in flight and so many are delivered. */
bool nwt_file_flow_delivered(const struct nwt_file_flow *flow, const char *route, int64_t count);

#endif
