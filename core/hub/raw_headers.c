/* SPDX-License-Identifier: Apache-2.0 */
/*
 * When nats.c has looked at the headers it has put a NUL in place of each name's colon and behind
 * each value; both forms are read.
 */
#include "hub/raw_headers.h"

#define MAGIC "NATS/1.0"

static bool is_blank(char c)
{
    return c == ' ' || c == '\t';
}

/* The line at the head of *lines without its end; *lines moves behind it. */
static struct nw_slice next_line(struct nw_slice *lines)
{
    const char *end = memchr(lines->data, '\n', lines->len);
    struct nw_slice line = {lines->data, end == NULL ? lines->len : (size_t)(end - lines->data)};
    size_t step = end == NULL ? line.len : line.len + 1;

    lines->data += step;
    lines->len -= step;
    return line;
}

static struct nw_slice trim(struct nw_slice s)
{
    while (s.len > 0 && is_blank(s.data[0])) {
        s.data++;
        s.len--;
    }
    while (s.len > 0 && (is_blank(s.data[s.len - 1]) || s.data[s.len - 1] == '\r')) {
        s.len--;
    }
    return s;
}

struct nw_slice nw_raw_headers(natsMsg *msg)
{
    const char *reply = natsMsg_GetReply(msg), *data = natsMsg_GetData(msg);
    const char *before = reply != NULL ? reply : natsMsg_GetSubject(msg);
    const char *start = before + strlen(before) + 1;
    struct nw_slice all;

    /* The two ends of the headers, each with a NUL before or behind it. */
    if (data == NULL || data <= start || (size_t)(data - start) <= sizeof MAGIC ||
        memcmp(start, MAGIC, sizeof MAGIC - 1) != 0) {
        return NW_ABSENT;
    }
    all = (struct nw_slice){start, (size_t)(data - start) - 1};
    (void)next_line(&all);
    return all;
}

struct nw_slice nw_raw_header_lines(struct nw_slice bytes)
{
    if (bytes.len <= sizeof MAGIC || memcmp(bytes.data, MAGIC, sizeof MAGIC - 1) != 0) {
        return NW_ABSENT;
    }
    (void)next_line(&bytes);
    return bytes;
}

bool nw_raw_headers_next(struct nw_slice *lines, struct nw_slice *name, struct nw_slice *value,
                         bool *folded)
{
    while (lines->len > 0) {
        struct nw_slice line = next_line(lines);
        size_t colon = 0;
        const char *nul;
        while (colon < line.len && line.data[colon] != ':' && line.data[colon] != '\0') {
            colon++;
        }
        if (colon == 0 || colon == line.len || is_blank(line.data[0])) {
            continue;
        }
        *name = (struct nw_slice){line.data, colon};
        *folded = false;
        while (lines->len > 0 && is_blank(lines->data[0])) {
            struct nw_slice more = next_line(lines);
            line.len = (size_t)(more.data + more.len - line.data);
            *folded = true;
        }
        *value = (struct nw_slice){line.data + colon + 1, line.len - colon - 1};
        nul = *folded ? NULL : memchr(value->data, '\0', value->len);
        if (nul != NULL) {
            value->len = (size_t)(nul - value->data);
        }
        *value = trim(*value);
        return true;
    }
    return false;
}
