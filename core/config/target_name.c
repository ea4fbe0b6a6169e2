/* SPDX-License-Identifier: Apache-2.0 */
#include "config/target_name.h"

#include <inttypes.h>
#include <stdio.h>

#include "base/buffer.h"
#include "base/siphash.h"

/* A connection that a target may do without is not a part of what it is. */
static uint64_t digest_of(const struct nw_sink_spec *sink)
{
    const struct nw_hash128 key = {{0, 0}}; /* it hides, and need not withstand anybody */
    struct nw_buffer b = {0};
    uint64_t digest;

    nw_buffer_add_text(&b, sink->connector->name);
    nw_buffer_add_char(&b, '\n');
    nw_buffer_add_text(&b, sink->address == NULL ? "" : sink->address);
    nw_buffer_add_char(&b, '\n');
    if (sink->connection != NULL && !sink->connection->kind->optional) {
        nw_buffer_add_text(&b, sink->connection->name);
    }
    digest = nw_siphash(key, nw_buffer_slice(&b)).words[0];
    nw_buffer_done(&b);
    return digest;
}

void nw_target_name(const struct nw_route_spec *route, size_t index, char out[NW_TARGET_NAME])
{
    const struct nw_sink_spec *sink = &route->sinks[index];

    (void)snprintf(out, NW_TARGET_NAME, "%zu %.20s %016" PRIx64, index, sink->connector->name,
                   digest_of(sink));
}

/* What stands behind the number. */
static struct nw_slice without_number(struct nw_slice name)
{
    const char *blank = name.data == NULL ? NULL : memchr(name.data, ' ', name.len);
    size_t number = blank == NULL ? name.len : (size_t)(blank - name.data);

    return (struct nw_slice){name.data + number, name.len - number};
}

int nw_target_find(const struct nw_route_spec *route, struct nw_slice name)
{
    struct nw_slice wanted = without_number(name);
    char text[NW_TARGET_NAME];
    int found = -1, count = 0;

    for (size_t i = 0; i < route->sink_count && wanted.len > 0; i++) {
        nw_target_name(route, i, text);
        if (nw_slice_equal(nw_slice_text(text), name)) {
            return (int)i;
        }
        if (nw_slice_equal(without_number(nw_slice_text(text)), wanted)) {
            found = (int)i;
            count++;
        }
    }
    return count == 1 ? found : -1;
}
