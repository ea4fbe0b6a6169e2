/* SPDX-License-Identifier: Apache-2.0 */
#include "store/record.h"

#include <endian.h>

#define FORMAT 1
#define ABSENT UINT32_MAX

static void write_u32(struct nw_buffer *out, uint32_t n)
{
    uint32_t le = htole32(n);
    nw_buffer_add(out, &le, sizeof le);
}

static void write_i64(struct nw_buffer *out, int64_t n)
{
    uint64_t le = htole64((uint64_t)n);
    nw_buffer_add(out, &le, sizeof le);
}

static void write_slice(struct nw_buffer *out, struct nw_slice s)
{
    write_u32(out, s.data == NULL ? ABSENT : (uint32_t)s.len);
    nw_buffer_add_slice(out, s);
}

static void write_pairs(struct nw_buffer *out, const struct nw_headers *h)
{
    write_u32(out, h->count);
    for (uint32_t i = 0; i < h->count; i++) {
        write_slice(out, h->items[i].name);
        write_slice(out, h->items[i].value);
    }
}

void nw_record_write(const struct nw_message *m, struct nw_buffer *out)
{
    nw_buffer_add_char(out, FORMAT);
    write_slice(out, m->address);
    write_slice(out, m->key);
    write_slice(out, m->payload);
    write_slice(out, m->origin);
    write_i64(out, m->timestamp_ns);
    write_u32(out, m->numbers_set);
    for (size_t i = 0; i < NW_META_NUMBERS; i++) {
        if ((m->numbers_set >> i & 1) != 0) {
            write_i64(out, m->numbers[i]);
        }
    }
    for (size_t i = 0; i < NW_META_COUNT - NW_META_NUMBERS; i++) {
        write_slice(out, m->texts[i]);
    }
    write_pairs(out, &m->headers);
    write_pairs(out, &m->params);
    write_pairs(out, &m->queries);
}

/* What is left to read; failed once there was less than asked for. */
struct reader {
    const char *at;
    size_t left;
    bool failed;
};

static const char *take(struct reader *r, size_t n)
{
    const char *at = r->at;

    if (r->failed || n > r->left) {
        r->failed = true;
        return NULL;
    }
    r->at += n;
    r->left -= n;
    return at;
}

static uint32_t read_u32(struct reader *r)
{
    const char *at = take(r, sizeof(uint32_t));
    uint32_t n = 0;

    if (at != NULL) {
        memcpy(&n, at, sizeof n);
    }
    return le32toh(n);
}

static int64_t read_i64(struct reader *r)
{
    const char *at = take(r, sizeof(uint64_t));
    uint64_t n = 0;

    if (at != NULL) {
        memcpy(&n, at, sizeof n);
    }
    return (int64_t)le64toh(n);
}

static struct nw_slice read_slice(struct reader *r)
{
    uint32_t len = read_u32(r);
    const char *at;

    if (r->failed || len == ABSENT) {
        return NW_ABSENT;
    }
    at = take(r, len);
    return at == NULL ? NW_ABSENT : (struct nw_slice){at, len};
}

static void read_pairs(struct reader *r, struct nw_message *m,
                       int (*add)(struct nw_message *, struct nw_slice, struct nw_slice))
{
    uint32_t count = read_u32(r);

    for (uint32_t i = 0; !r->failed && i < count; i++) {
        struct nw_slice name = read_slice(r);
        struct nw_slice value = read_slice(r);
        r->failed |= !r->failed && add(m, name, value) != 0;
    }
}

static void read_fields(struct reader *r, struct nw_message *m)
{
    m->address = read_slice(r);
    m->key = read_slice(r);
    m->payload = read_slice(r);
    m->origin = read_slice(r);
    m->timestamp_ns = read_i64(r);
    m->numbers_set = read_u32(r);
    for (size_t i = 0; i < NW_META_NUMBERS; i++) {
        if ((m->numbers_set >> i & 1) != 0) {
            m->numbers[i] = read_i64(r);
        }
    }
    for (size_t i = 0; i < NW_META_COUNT - NW_META_NUMBERS; i++) {
        m->texts[i] = read_slice(r);
    }
    read_pairs(r, m, nw_message_add_header);
    read_pairs(r, m, nw_message_add_param);
    read_pairs(r, m, nw_message_add_query);
}

struct nw_message *nw_record_read(const void *data, size_t len)
{
    struct nw_message *m = nw_message_make();
    struct nw_slice copy;
    struct reader r;
    const char *format;

    if (m == NULL) {
        return NULL;
    }
    copy = nw_message_copy(m, data, len);
    r = (struct reader){copy.data, copy.len, copy.data == NULL};
    format = take(&r, 1);
    if (format == NULL || *format != FORMAT) {
        r.failed = true;
    }
    read_fields(&r, m);
    if (r.failed || r.left != 0) {
        nw_message_unref(m);
        return NULL;
    }
    return m;
}
