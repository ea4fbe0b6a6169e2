/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What a schema registry's clients put in front of a value: a zero byte and the schema's id, four
 * bytes, big-endian. Without a fetcher (natsway try, natsway test) nothing is asked: the schema of
 * the file stands for the registry's, and the id that is written is 0.
 */
#include "mappings/codecs.h"

#define HEADER 5

static int read_header(struct nw_slice *payload, uint32_t *id, struct nw_error *error)
{
    const unsigned char *at = (const unsigned char *)payload->data;

    if (payload->len < HEADER || at[0] != 0) {
        return nw_error_set(error, NW_EINVAL,
                            "avro: the payload does not begin as a schema registry's: with a zero "
                            "byte and the id of its schema");
    }
    *id = (uint32_t)at[1] << 24 | (uint32_t)at[2] << 16 | (uint32_t)at[3] << 8 | at[4];
    payload->data += HEADER;
    payload->len -= HEADER;
    return 0;
}

static int decode_fetched(const struct nw_avro_codec *c, struct nw_avro_fetcher *fetcher,
                          uint32_t id, struct nw_slice body, jv *value, struct nw_error *error)
{
    struct nw_avro_schema *schema;
    int rc = fetcher->schema(fetcher, c->registry, id, &schema, error);

    if (rc == 0) {
        rc = nw_avro_decode(schema, body, value, error);
        nw_avro_schema_unref(schema);
    }
    return rc;
}

int nw_avro_codec_decode(const struct nw_avro_codec *c, struct nw_avro_fetcher *fetcher,
                         struct nw_slice payload, jv *value, struct nw_error *error)
{
    uint32_t id = 0;

    if (c->registry == NULL) {
        return nw_avro_decode(c->schema, payload, value, error);
    }
    if (read_header(&payload, &id, error) != 0) {
        return NW_EINVAL;
    }
    if (fetcher != NULL) {
        return decode_fetched(c, fetcher, id, payload, value, error);
    }
    if (c->schema == NULL) {
        return nw_error_set(
            error, NW_EINVAL,
            "avro: this needs the schema registry, and here nothing is asked of the "
            "network; a schema: beside registry: stands for it in tests");
    }
    return nw_avro_decode(c->schema, payload, value, error);
}

int nw_avro_codec_encode(const struct nw_avro_codec *c, struct nw_avro_fetcher *fetcher, jv value,
                         struct nw_buffer *out, struct nw_error *error)
{
    uint32_t id = 0;

    if (c->registry != NULL) {
        int rc = fetcher == NULL ? 0 : fetcher->id(fetcher, c->subject, &id, error);
        char header[HEADER] = {0, (char)(id >> 24), (char)(id >> 16), (char)(id >> 8), (char)id};
        if (rc != 0) {
            return rc;
        }
        nw_buffer_add(out, header, sizeof header);
    }
    return nw_avro_encode(c->schema, value, out, error);
}
