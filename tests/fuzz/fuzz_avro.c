/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Avro. The first byte chooses a schema, the rest is a payload, which is read or refused; what was
 * read can be written and read again, with the same value. The last choice takes the rest for a
 * schema, and reads and writes a little with it if it is one.
 */
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
    unsigned choice = fuzz_choice(&input, SCHEMAS + 1);
    struct nw_error error;

    if (choice == SCHEMAS) {
        parse(input);
        return 0;
    }
    if (parsed[choice] == NULL) {
        FUZZ_HOLDS(nw_avro_schema_new(nw_slice_text(schemas[choice].text), true, &parsed[choice],
                                      &error) == 0);
    }
    read_and_write(parsed[choice], input, schemas[choice].lossless);
    return 0;
}
