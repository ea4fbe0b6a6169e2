/* SPDX-License-Identifier: Apache-2.0 */
#include "message/letter.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

#define KEPT "Natsway-Kept-" /* before a header's own name */
#define PARAM "Natsway-Param-"
#define QUERY "Natsway-Query-"
#define ADDRESS "Natsway-Address"
#define ORIGIN "Natsway-Origin"

/* What the source knew of it. */
static const struct {
    const char *name;
    enum nw_meta meta;
} metas[] = {
    {"Natsway-Partition", NW_META_PARTITION}, {"Natsway-Offset", NW_META_OFFSET},
    {"Natsway-Sequence", NW_META_SEQUENCE},   {"Natsway-Qos", NW_META_QOS},
    {"Natsway-Retained", NW_META_RETAINED},   {"Natsway-Line", NW_META_LINE},
    {"Natsway-Stream", NW_META_STREAM},       {"Natsway-Method", NW_META_METHOD},
    {"Natsway-Remote", NW_META_REMOTE},
};

#define AT(member) offsetof(struct nw_letter, member)

/* What the letter itself says. */
static const struct {
    const char *name;
    size_t offset;
} fields[] = {
    {NW_LETTER_ERROR, AT(reason)},        {NW_LETTER_ROUTE, AT(route)},
    {"Natsway-Bridge", AT(bridge)},       {"Natsway-Attempts", AT(attempts)},
    {"Natsway-Time", AT(time)},           {"Natsway-Part", AT(part)},
    {"Natsway-Split", AT(split)},         {"Natsway-Subject", AT(subject)},
    {NW_LETTER_TRUNCATED, AT(truncated)}, {"Natsway-Target", AT(target)},
};

#define COUNT(table) (sizeof(table) / sizeof(table)[0])

/* ---- writing ---- */

static int set(struct nw_message *m, const char *name, struct nw_slice value)
{
    struct nw_slice copy = nw_message_copy(m, value.data, value.len);

    return copy.data == NULL ? NW_ENOMEM : nw_message_set_header(m, nw_slice_text(name), copy);
}

/* A header that is named by a prefix and a name of somebody else's. */
static int add_named(struct nw_message *m, struct nw_slice prefix, const struct nw_header *pair)
{
    char *name = nw_message_bytes(m, prefix.len + pair->name.len);

    if (name == NULL) {
        return NW_ENOMEM;
    }
    memcpy(name, prefix.data, prefix.len);
    memcpy(name + prefix.len, pair->name.data, pair->name.len);
    return nw_message_add_header(m, (struct nw_slice){name, prefix.len + pair->name.len},
                                 pair->value.data == NULL ? NW_LITERAL("") : pair->value);
}

static bool begins(struct nw_slice name, struct nw_slice prefix)
{
    return name.len > prefix.len &&
           nw_header_name_equal((struct nw_slice){name.data, prefix.len}, prefix);
}

/* The array of headers is m's own by now. */
static int keep_orders(struct nw_message *m)
{
    for (uint32_t i = 0; i < m->headers.count; i++) {
        struct nw_header *h = &m->headers.items[i];
        char *name;

        if (!begins(h->name, NW_LITERAL("Nats-"))) {
            continue;
        }
        name = nw_message_bytes(m, sizeof KEPT - 1 + h->name.len);
        if (name == NULL) {
            return NW_ENOMEM;
        }
        memcpy(name, KEPT, sizeof KEPT - 1);
        memcpy(name + sizeof KEPT - 1, h->name.data, h->name.len);
        h->name = (struct nw_slice){name, sizeof KEPT - 1 + h->name.len};
    }
    return 0;
}

static int write_metas(struct nw_message *m)
{
    char text[32];
    int rc = 0;

    for (size_t i = 0; rc == 0 && i < COUNT(metas); i++) {
        struct nw_slice value = nw_message_text(m, metas[i].meta);
        int64_t number;

        if (nw_message_number(m, metas[i].meta, &number)) {
            (void)snprintf(text, sizeof text, "%" PRId64, number);
            value = nw_slice_text(text);
        }
        if (value.data != NULL) {
            rc = set(m, metas[i].name, value);
        }
    }
    return rc;
}

static int write_pairs(struct nw_message *m, const struct nw_headers *pairs, struct nw_slice prefix)
{
    int rc = 0;

    for (uint32_t i = 0; rc == 0 && i < pairs->count; i++) {
        rc = add_named(m, prefix, &pairs->items[i]);
    }
    return rc;
}

int nw_letter_write(struct nw_message *m, const struct nw_letter *letter)
{
    struct nw_slice address = nw_message_original(m)->address;
    int rc = set(m, ADDRESS, address.data == NULL ? NW_LITERAL("") : address);

    rc = rc != 0 ? rc : keep_orders(m);
    for (size_t i = 0; rc == 0 && i < COUNT(fields); i++) {
        const struct nw_slice *value = (const void *)((const char *)letter + fields[i].offset);
        if (value->data != NULL) {
            rc = set(m, fields[i].name, *value);
        }
    }
    if (rc == 0 && m->origin.data != NULL) {
        rc = nw_message_set_header(m, NW_LITERAL(ORIGIN), m->origin);
    }
    rc = rc != 0 ? rc : write_metas(m);
    rc = rc != 0 ? rc : write_pairs(m, &m->params, NW_LITERAL(PARAM));
    return rc != 0 ? rc : write_pairs(m, &m->queries, NW_LITERAL(QUERY));
}

/* ---- reading ---- */

static int64_t number_of(struct nw_slice text)
{
    char copy[24];

    (void)snprintf(copy, sizeof copy, "%.*s", (int)(text.len > 20 ? 20 : text.len), text.data);
    return strtoll(copy, NULL, 10);
}

static struct nw_slice behind(struct nw_slice name, struct nw_slice prefix)
{
    return (struct nw_slice){name.data + prefix.len, name.len - prefix.len};
}

static bool read_field(const struct nw_header *h, struct nw_letter *out)
{
    for (size_t i = 0; i < COUNT(fields); i++) {
        if (nw_header_name_equal(h->name, nw_slice_text(fields[i].name))) {
            *(struct nw_slice *)(void *)((char *)out + fields[i].offset) = h->value;
            return true;
        }
    }
    return false;
}

static bool read_meta(struct nw_message *m, const struct nw_header *h)
{
    for (size_t i = 0; i < COUNT(metas); i++) {
        if (!nw_header_name_equal(h->name, nw_slice_text(metas[i].name))) {
            continue;
        }
        if (metas[i].meta < NW_META_NUMBERS) {
            nw_message_set_number(m, metas[i].meta, number_of(h->value));
        } else {
            nw_message_set_text(m, metas[i].meta, h->value);
        }
        return true;
    }
    return false;
}

/* Whether h was the letter's, and is none of what came from the source. */
static bool read_header(struct nw_message *m, struct nw_header *h, struct nw_letter *out, int *rc)
{
    if (nw_header_name_equal(h->name, NW_LITERAL(ADDRESS))) {
        m->address = h->value;
    } else if (nw_header_name_equal(h->name, NW_LITERAL(ORIGIN))) {
        m->origin = h->value;
    } else if (begins(h->name, NW_LITERAL(PARAM))) {
        *rc = nw_message_add_param(m, behind(h->name, NW_LITERAL(PARAM)), h->value);
    } else if (begins(h->name, NW_LITERAL(QUERY))) {
        *rc = nw_message_add_query(m, behind(h->name, NW_LITERAL(QUERY)), h->value);
    } else if (begins(h->name, NW_LITERAL(KEPT))) {
        h->name = behind(h->name, NW_LITERAL(KEPT));
        return false;
    } else {
        return begins(h->name, NW_LITERAL("Nats-")) || read_field(h, out) || read_meta(m, h);
    }
    return true;
}

int nw_letter_read(struct nw_message *m, struct nw_letter *out)
{
    uint32_t kept = 0;
    int rc = 0;

    *out = (struct nw_letter){.reason = NW_ABSENT};
    m->address = NW_LITERAL("");
    for (uint32_t i = 0; rc == 0 && i < m->headers.count; i++) {
        struct nw_header *h = &m->headers.items[i];
        if (!read_header(m, h, out, &rc)) {
            m->headers.items[kept++] = *h;
        }
    }
    m->headers.count = kept;
    return rc;
}
