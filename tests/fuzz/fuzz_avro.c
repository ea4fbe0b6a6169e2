/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Avro. The first byte chooses a schema, the rest is a payload, which is read or refused; what was
 * read can be written and read again, with the same value. Other choices take the rest for JSON
 * that is to be written by the schema, and the last one for a schema, to read and write a little
 * with it if it is one.
 */
#include "base/compact.h"
#include "fuzz.h"
#include "mappings/codecs.h"

/* The last of each: does what was written give the same value? Not where a union's branches are
 * told apart by nothing but what is lost: two records of the same fields but for a default. */
static const struct {
    const char *text;
    bool lossless;
} schemas[] = {
    {"\"long\"", true},
    {"[\"null\",\"int\",\"float\",\"double\",\"bytes\",\"boolean\"]", true},
    {"{\"type\":\"array\",\"items\":[\"null\",\"string\",{\"type\":\"array\",\"items\":\"null\"}]}",
     true},
    {"{\"type\":\"map\",\"values\":{\"type\":\"map\",\"values\":\"double\"}}", true},
    {"{\"type\":\"record\",\"name\":\"L\",\"fields\":[{\"name\":\"v\",\"type\":{\"type\":\"enum\","
     "\"name\":\"E\",\"symbols\":[\"A\",\"B\"]}},{\"name\":\"next\",\"type\":[\"null\",\"L\"]},"
     "{\"name\":\"f\",\"type\":{\"type\":\"fixed\",\"name\":\"F\",\"size\":2}}]}",
     true},
    {"{\"type\":\"record\",\"name\":\"T\",\"fields\":[{\"name\":\"l\",\"type\":{\"type\":\"array\","
     "\"items\":\"T\"}},{\"name\":\"m\",\"type\":{\"type\":\"map\",\"values\":[\"T\",\"long\","
     "\"string\"]}}]}",
     true},
    {"[{\"type\":\"record\",\"name\":\"A\",\"fields\":[{\"name\":\"n\",\"type\":[\"null\",\"A\"]},{"
     "\"name\":\"d\",\"type\":\"int\",\"default\":1}]},{\"type\":\"record\",\"name\":\"B\","
     "\"fields\":[{\"name\":\"n\",\"type\":[\"null\",\"A\",\"B\"]}]},{\"type\":\"record\",\"name\":"
     "\"Z\",\"fields\":[]}]",
     false},
};
#define SCHEMAS (sizeof schemas / sizeof schemas[0])

static void read_and_write(const struct nw_avro_schema *schema, struct nw_slice input,
                           bool lossless)
{
    struct nw_buffer written = {0};
    struct nw_error error = {.text = ""};
    jv value, again;

    if (nw_avro_decode(schema, input, &value, &error) != 0) {
        FUZZ_HOLDS(error.text[0] != '\0');
        return;
    }
    FUZZ_HOLDS(jv_is_valid(value));
    if (nw_avro_encode(schema, value, &written, &error) != 0) {
        FUZZ_HOLDS(error.text[0] != '\0');
        FUZZ_HOLDS(!lossless);
    } else if (lossless) {
        FUZZ_HOLDS(nw_avro_decode(schema, nw_buffer_slice(&written), &again, &error) == 0);
        FUZZ_HOLDS(jv_equal(jv_copy(value), jv_copy(again)));
        jv_free(again);
    }
    nw_buffer_done(&written);
    jv_free(value);
}

/* What was written can be read. */
static void write_json(const struct nw_avro_schema *schema, struct nw_slice text, bool lossless)
{
    struct nw_buffer json = {0}, written = {0};
    struct nw_error error = {.text = ""};
    jv value = jv_invalid(), again;

    if (nw_json_compact(&json, text)) { /* libjq's parser loses memory on what is no JSON */
        value = jv_parse_sized(json.data, (int)json.len);
    }
    if (jv_is_valid(value) && nw_avro_encode(schema, value, &written, &error) == 0) {
        FUZZ_HOLDS(nw_avro_decode(schema, nw_buffer_slice(&written), &again, &error) == 0);
        jv_free(again);
        read_and_write(schema, nw_buffer_slice(&written), lossless);
    }
    jv_free(value);
    nw_buffer_done(&json);
    nw_buffer_done(&written);
}

/* Each way of use; the payload is the schema's own text. */
static void parse(struct nw_slice text)
{
    for (int writes = 0; writes < 2; writes++) {
        struct nw_avro_schema *schema;
        struct nw_error error = {.text = ""};

        if (nw_avro_schema_new(text, writes == 1, &schema, &error) != 0) {
            FUZZ_HOLDS(error.text[0] != '\0');
            continue;
        }
        (void)nw_avro_schema_name(schema);
        if (writes == 1) {
            read_and_write(schema, text, false);
            read_and_write(schema, NW_LITERAL(""), false);
        }
        nw_avro_schema_unref(schema);
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static struct nw_avro_schema *parsed[SCHEMAS];
    struct nw_slice input = {(const char *)data, size};
    unsigned choice = fuzz_choice(&input, 2 * SCHEMAS + 1);
    unsigned number = choice % SCHEMAS;
    struct nw_error error;

    if (choice == 2 * SCHEMAS) {
        parse(input);
        return 0;
    }
    if (parsed[number] == NULL) {
        FUZZ_HOLDS(nw_avro_schema_new(nw_slice_text(schemas[number].text), true, &parsed[number],
                                      &error) == 0);
    }
    if (choice == number) {
        read_and_write(parsed[number], input, schemas[number].lossless);
    } else {
        write_json(parsed[number], input, schemas[number].lossless);
    }
    return 0;
}
