/* SPDX-License-Identifier: Apache-2.0 */
#include <criterion/criterion.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "mappings/avro.h"
#include "mappings/map.h"

#define RECORD(fields) "{\"type\":\"record\",\"name\":\"R\",\"fields\":[" fields "]}"
#define FIELD(name, type) "{\"name\":\"" name "\",\"type\":" type "}"
#define STANDARD(name, type, value) \
    "{\"name\":\"" name "\",\"type\":" type ",\"default\":" value "}"
#define LIST                                                                                \
    "{\"type\":\"record\",\"name\":\"n.L\",\"fields\":[{\"name\":\"v\",\"type\":\"int\"},{" \
    "\"name\":\"next\",\"type\":[\"null\",\"L\"]}]}"
#define SENSOR                                                                              \
    RECORD(FIELD("readings", "{\"type\":\"array\",\"items\":{\"type\":\"record\",\"name\":" \
                             "\"Reading\",\"fields\":[" FIELD("celsius", "\"double\"") "]}}"))

/* ---- help ---- */

static int digit(char c)
{
    return c <= '9' ? c - '0' : c - 'A' + 10;
}

/* Bytes of hexadecimal digits; the caller frees data. */
static struct nw_slice bytes(const char *hex)
{
    size_t n = strlen(hex) / 2;
    char *out = malloc(n + 1);

    for (size_t i = 0; i < n; i++) {
        out[i] = (char)(digit(hex[2 * i]) * 16 + digit(hex[2 * i + 1]));
    }
    return (struct nw_slice){out, n};
}

static void hex_of(struct nw_slice s, char *out, size_t size)
{
    out[0] = '\0';
    for (size_t i = 0; i < s.len && 2 * i + 3 < size; i++) {
        (void)sprintf(out + 2 * i, "%02X", (unsigned char)s.data[i]);
    }
}

static struct nw_avro_schema *schema_of(const char *text)
{
    struct nw_avro_schema *schema = NULL;
    struct nw_error error = {.text = ""};

    cr_assert_eq(nw_avro_schema_new(nw_slice_text(text), true, &schema, &error), 0, "%s: %s", text,
                 error.text);
    return schema;
}

/* One step over payload. out: the payload that came out, or the reason, as text; or in hexadecimal.
 */
static enum nw_map_outcome run(const struct nw_avro_codec *avro, struct nw_avro_fetcher *fetcher,
                               bool decode, struct nw_slice payload, char *out, size_t size)
{
    struct nw_codec codec = {.format = NW_FORMAT_AVRO, .avro = avro};
    struct nw_map *map = nw_map_new();
    struct nw_mapper *mapper = nw_mapper_new();
    struct nw_message *m = nw_message_make();
    struct nw_mapped mapped;

    nw_mapper_set_fetcher(mapper, fetcher);
    cr_assert_eq(
        decode ? nw_map_add_decode(map, &codec, NULL) : nw_map_add_encode(map, &codec, NULL), 0);
    nw_message_set_payload(m, payload);
    cr_assert_eq(nw_map_run(map, mapper, m, &mapped), 0);
    if (mapped.outcome != NW_MAPPED) {
        (void)snprintf(out, size, "%s", mapped.error.text);
    } else if (decode) {
        (void)snprintf(out, size, "%.*s", (int)mapped.messages->payload.len,
                       mapped.messages->payload.data);
    } else {
        hex_of(mapped.messages->payload, out, size);
    }
    nw_message_unref(mapped.messages);
    nw_message_unref(m);
    nw_mapper_free(mapper);
    nw_map_free(map);
    cr_assert_eq(nw_message_alive(), 0);
    return mapped.outcome;
}

/* ---- values ---- */

enum way { BOTH, READ, WRITE };

/* What hex stands for, and back. json with a ! in front is the reason why it is refused. */
struct value {
    const char *schema, *hex, *json;
    enum way way;
};

static void read_one(const struct value *c)
{
    struct nw_avro_codec avro = {.schema = schema_of(c->schema)};
    struct nw_slice payload = bytes(c->hex);
    char out[1000];
    enum nw_map_outcome outcome = run(&avro, NULL, true, payload, out, sizeof out);
    bool refused = c->json[0] == '!';

    cr_expect_eq(outcome, refused ? NW_MAP_REJECTED : NW_MAPPED, "%s: %s", c->hex, out);
    cr_expect_str_eq(out, c->json + (refused ? 1 : 0), "%s %s: %s", c->schema, c->hex, out);
    free((char *)(uintptr_t)payload.data);
    nw_avro_schema_unref(avro.schema);
}

static void write_one(const struct value *c)
{
    struct nw_avro_codec avro = {.schema = schema_of(c->schema)};
    char out[1000];
    enum nw_map_outcome outcome = run(&avro, NULL, false, nw_slice_text(c->json), out, sizeof out);
    bool refused = c->hex[0] == '!';

    cr_expect_eq(outcome, refused ? NW_MAP_REJECTED : NW_MAPPED, "%s: %s", c->json, out);
    cr_expect_str_eq(out, c->hex + (refused ? 1 : 0), "%s %s: %s", c->schema, c->json, out);
    nw_avro_schema_unref(avro.schema);
}

static void run_values(const struct value *cases, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        if (cases[i].way != WRITE) {
            read_one(&cases[i]);
        }
        if (cases[i].way != READ) {
            write_one(&cases[i]);
        }
    }
}
#define RUN(cases) run_values(cases, sizeof(cases) / sizeof(cases)[0])

/* The bytes are another implementation's. */
Test(avro, values)
{
    static const struct value cases[] = {
        {"\"null\"", "", "null", BOTH},
        {"\"boolean\"", "01", "true", BOTH},
        {"\"boolean\"", "00", "false", BOTH},
        {"\"int\"", "01", "-1", BOTH},
        {"\"int\"", "FEFFFFFF0F", "2147483647", BOTH},
        {"\"int\"", "FFFFFFFF0F", "-2147483648", BOTH},
        {"\"long\"", "7F", "-64", BOTH},
        {"\"long\"", "8001", "64", BOTH},
        {"\"long\"", "FEFFFFFFFFFFFF1F", "9007199254740991", BOTH},
        {"\"float\"", "0000C03F", "1.5", BOTH},
        {"\"double\"", "9A9999999999B93F", "0.1", BOTH},
        {"\"double\"", "0000000000000080", "-0", BOTH},
        {"\"bytes\"", "046869", "\"aGk=\"", BOTH},
        {"\"string\"", "0861E282AC", "\"a\xE2\x82\xAC\"", BOTH},
        {"\"string\"", "00", "\"\"", BOTH},
        {"{\"type\":\"fixed\",\"name\":\"F\",\"size\":2}", "6869", "\"aGk=\"", BOTH},
        {"{\"type\":\"enum\",\"name\":\"E\",\"symbols\":[\"A\",\"B\"]}", "02", "\"B\"", BOTH},
        {"{\"type\":\"array\",\"items\":\"int\"}", "0602040600", "[1,2,3]", BOTH},
        {"{\"type\":\"array\",\"items\":\"int\"}", "00", "[]", BOTH},
        {"{\"type\":\"map\",\"values\":\"long\"}", "0202610200", "{\"a\":1}", BOTH},
        {"{\"type\":\"map\",\"values\":\"long\"}", "00", "{}", BOTH},
        {"[\"null\",\"string\"]", "00", "null", BOTH},
        {"[\"null\",\"string\"]", "020278", "\"x\"", BOTH},
        {"[\"null\",\"int\",\"string\"]", "020A", "5", BOTH},
        {RECORD(FIELD("a", "\"long\"") "," FIELD("b", "\"string\"")), "3606666F6F",
         "{\"a\":27,\"b\":\"foo\"}", BOTH},
        {LIST, "02020400", "{\"v\":1,\"next\":{\"v\":2,\"next\":null}}", BOTH},
        {"{\"type\":\"record\",\"name\":\"T\",\"namespace\":\"x.y\",\"fields\":"
         "[" FIELD("e",
                   "{\"type\":\"enum\",\"name\":\"E\",\"symbols\":[\"P\","
                   "\"Q\"]}") "," FIELD("f",
                                        "{\"type\":"
                                        "\"array\","
                                        "\"items\":"
                                        "\"x.y.E\"}") "," FIELD("m",
                                                                "{\"type\":\"map\",\"values\":["
                                                                "\"null\",\"double\",\"E\"]}") "]}",
         "020400020002026B02000000000000044000",
         "{\"e\":\"Q\",\"f\":[\"P\",\"Q\"],\"m\":{\"k\":2.5}}", BOTH},
        /* A name that is of no namespace, from inside of one. */
        {"{\"type\":\"record\",\"name\":\"A\",\"fields\":[" FIELD(
             "x", "[\"null\",{\"type\":"
                  "\"record\",\"name\":\"n.B\",\"fields\":[{\"name\":\"y\",\"type\":[\"null\","
                  "\"A\"]}]}]") "]}",
         "020200", "{\"x\":{\"y\":{\"x\":null}}}", BOTH},
        /* Logical types stay what they are made of. */
        {"{\"type\":\"int\",\"logicalType\":\"date\"}", "02", "1", BOTH},
        {"{\"type\":\"bytes\",\"logicalType\":\"decimal\",\"precision\":4,"
         "\"scale\":2}",
         "0401F4", "\"AfQ=\"", BOTH},
        {"{\"type\":{\"type\":\"string\",\"avro.java.string\":\"String\"}}", "0278", "\"x\"", BOTH},
        {"{\"type\":\"error\",\"name\":\"E\",\"fields\":[]}", "", "{}", BOTH},
        /* Blocks with their size, and several of them. */
        {"{\"type\":\"array\",\"items\":\"int\"}", "030402040206000", "[1,2,3]", READ},
        {"{\"type\":\"map\",\"values\":\"int\"}", "02026102010602620400", "{\"a\":1,\"b\":2}",
         READ},
    };
    RUN(cases);
}

Test(avro, unions_take_the_first_branch_that_fits)
{
    static const struct value cases[] = {
        {"[\"int\",\"long\"]", "00FEFFFFFF0F", "2147483647", BOTH},
        {"[\"int\",\"long\"]", "028080808010", "2147483648", BOTH},
        {"[\"int\",\"double\"]", "02000000000000F83F", "1.5", BOTH},
        {"[\"float\",\"double\"]", "000000C03F", "1.5", BOTH},
        {"[\"float\",\"double\"]", "029A9999999999B93F", "0.1", BOTH},
        {"[\"null\",\"float\"]", "02CDCCCC3D", "0.1", WRITE},
        {"[\"bytes\",\"string\"]", "02046121", "\"a!\"", BOTH},
        {"[{\"type\":\"enum\",\"name\":\"E\",\"symbols\":[\"A\"]},\"string\"]", "0000", "\"A\"",
         BOTH},
        {"[{\"type\":\"enum\",\"name\":\"E\",\"symbols\":[\"A\"]},\"string\"]", "020242", "\"B\"",
         BOTH},
        {"[{\"type\":\"record\",\"name\":\"A\",\"fields\":[" FIELD(
             "a", "\"int\"") "]},{\"type\":"
                             "\"record\",\"name\":\"B\",\"fields\":[" FIELD("a",
                                                                            "\"string\"") "]}]",
         "020278", "{\"a\":\"x\"}", BOTH},
        {"[\"null\",\"int\"]", "!avro: expected one of null, int, found a string", "\"x\"", WRITE},
        {"[\"null\",\"int\"]", "!avro: expected int, found a number with a fraction", "1.5", WRITE},
        {"[\"int\",\"long\"]",
         "!avro: expected one of int, long, found something that fits none of them", "1.5", WRITE},
        {RECORD(FIELD("u", "[\"null\"," LIST "]")),
         "!avro: .u.next.v: expected int, found a string",
         "{\"u\":{\"v\":1,\"next\":{\"v\":\"x\",\"next\":null}}}", WRITE},
    };
    RUN(cases);
}

Test(avro, defaults)
{
    static const struct value cases[] = {
        {RECORD(STANDARD("a", "\"int\"", "5") "," STANDARD("b", "\"string\"", "\"x\"")), "0A0278",
         "{}", WRITE},
        {RECORD(STANDARD("a", "[\"null\",\"int\"]", "null")), "00", "{}", WRITE},
        {RECORD(STANDARD("a", "[\"null\",\"int\"]", "7")), "020E", "{}", WRITE},
        {RECORD(STANDARD("a", "\"bytes\"", "\"\\u0000\\u00ff\"")), "0400FF", "{}", WRITE},
        {RECORD(STANDARD("a", "{\"type\":\"array\",\"items\":\"int\"}", "[1]")), "020200", "{}",
         WRITE},
        {RECORD(STANDARD("a",
                         "{\"type\":\"record\",\"name\":\"I\",\"fields\":[" STANDARD(
                             "x", "\"int\"", "1") "," STANDARD("y", "\"int\"", "2") "]}",
                         "{\"y\":3}")),
         "0206", "{}", WRITE},
        {RECORD(STANDARD("a", "\"int\"", "5")), "02", "{\"a\":1}", WRITE},
        {RECORD(FIELD("a", "\"int\"")), "!avro: .a: the field is missing, and it has no default",
         "{}", WRITE},
    };
    RUN(cases);
}

Test(avro, what_does_not_fit_is_refused_with_its_place)
{
    static const struct value cases[] = {
        {SENSOR, "!avro: .readings[1].celsius: expected double, found a string",
         "{\"readings\":[{\"celsius\":1},{\"celsius\":\"x\"}]}", WRITE},
        {SENSOR, "!avro: .readings[0].kelvin: Reading has no such field",
         "{\"readings\":[{\"celsius\":1,\"kelvin\":2}]}", WRITE},
        {SENSOR, "!avro: .readings: expected array, found an object", "{\"readings\":{}}", WRITE},
        {SENSOR, "!avro: expected R, found null", "null", WRITE},
        {"\"int\"", "!avro: an int of more than 32 bits", "2147483648", WRITE},
        {"\"long\"", "!avro: an integer that is not below 2^53", "9007199254740992", WRITE},
        {"\"float\"", "!avro: a number that is too large for a float", "1e39", WRITE},
        {"\"bytes\"", "!avro: expected bytes in base64: not base64 at byte 2", "\"a*\"", WRITE},
        {"{\"type\":\"fixed\",\"name\":\"F\",\"size\":3}", "!avro: expected 3 bytes for F, found 2",
         "\"aGk=\"", WRITE},
        {"{\"type\":\"enum\",\"name\":\"E\",\"symbols\":[\"A\"]}", "!avro: E has no symbol \"B\"",
         "\"B\"", WRITE},
        {"{\"type\":\"map\",\"values\":\"int\"}", "!avro: .k: expected int, found null",
         "{\"k\":null}", WRITE},
    };
    RUN(cases);
}

Test(avro, hostile_bytes_are_refused)
{
    static const struct value cases[] = {
        {"\"int\"", "", "!avro: the payload ends in the middle of a value", READ},
        {"\"int\"", "8080", "!avro: the payload ends in the middle of a value", READ},
        {"\"int\"", "8080808020", "!avro: an int of more than 32 bits", READ},
        {"\"long\"", "808080808080808020", "!avro: an integer that is not below 2^53", READ},
        {"\"long\"", "FFFFFFFFFFFFFFFFFF01", "!avro: an integer that is not below 2^53", READ},
        {"\"long\"", "FFFFFFFFFFFFFFFFFF02", "!avro: a number of more than 64 bits", READ},
        {"\"long\"", "FFFFFFFFFFFFFFFFFFFF01", "!avro: a number of more than 64 bits", READ},
        {"\"boolean\"", "02", "!avro: a boolean that is neither 0 nor 1", READ},
        {"\"float\"", "0000C07F", "!avro: a number that JSON does not have", READ},
        {"\"float\"", "0000", "!avro: the payload ends in the middle of a value", READ},
        {"\"double\"", "000000000000F0FF", "!avro: a number that JSON does not have", READ},
        {"\"string\"", "FEFFFFFFFFFFFFFFFF01", "!avro: the payload ends in the middle of a value",
         READ},
        {"\"string\"", "01", "!avro: a negative length", READ},
        {"\"string\"", "02FF", "!avro: a string that is not UTF-8", READ},
        {"\"bytes\"", "0461", "!avro: the payload ends in the middle of a value", READ},
        {"{\"type\":\"fixed\",\"name\":\"F\",\"size\":3}", "6161",
         "!avro: the payload ends in the middle of a value", READ},
        {"{\"type\":\"enum\",\"name\":\"E\",\"symbols\":[\"A\"]}", "02",
         "!avro: E has no symbol of number 1", READ},
        {"[\"null\"]", "01", "!avro: union has no branch of number -1", READ},
        {"\"null\"", "00", "!avro: something follows the value", READ},
        {"\"null\"", "4F626A0104", /* Obj\1 */
         "!avro: this is an object container file, with a schema of its own; expected one bare "
         "value",
         READ},
        /* 2^62 values that take no bytes; a block of the least number; a map without end. */
        {"{\"type\":\"array\",\"items\":\"null\"}", "80808080808080808001",
         "!avro: it has too many values", READ},
        {"{\"type\":\"array\",\"items\":\"null\"}", "FFFFFFFFFFFFFFFFFF0100",
         "!avro: a block of more than 2^63 items", READ},
        {"{\"type\":\"map\",\"values\":\"null\"}", "808001",
         "!avro: the payload ends in the middle "
         "of a value",
         READ},
        {RECORD(FIELD("a", "\"R\"")), "", "!avro: it is nested too deep", READ},
        {SENSOR, "040000000000000000",
         "!avro: .readings[1].celsius: the payload ends in the "
         "middle of a value",
         READ},
    };
    RUN(cases);
}

/* A list that is nested in itself. */
Test(avro, depth_is_bounded)
{
    struct nw_avro_codec avro = {.schema = schema_of(LIST)};
    size_t levels = 100000;
    char *deep = malloc(2 * levels), *json = malloc(20 * levels), out[200];

    for (size_t i = 0; i < levels; i++) {
        deep[2 * i] = deep[2 * i + 1] = 2;
    }
    cr_expect_eq(run(&avro, NULL, true, (struct nw_slice){deep, 2 * levels}, out, sizeof out),
                 NW_MAP_REJECTED);
    cr_expect_str_eq(out, "avro: it is nested too deep");
    json[0] = '\0';
    for (size_t i = 0; i < 120; i++) {
        (void)strcat(json, "{\"v\":1,\"next\":");
    }
    (void)strcat(json, "null");
    for (size_t i = 0; i < 120; i++) {
        (void)strcat(json, "}");
    }
    cr_expect_eq(run(&avro, NULL, false, nw_slice_text(json), out, sizeof out), NW_MAP_REJECTED);
    cr_expect_str_eq(out, "avro: it is nested too deep");
    free(deep);
    free(json);
    nw_avro_schema_unref(avro.schema);
}

/* Two branches that differ at the very end only: each level would double the work. */
Test(avro, unions_that_take_for_ever_are_given_up)
{
    static const char *const text =
        "{\"type\":\"record\",\"name\":\"Top\",\"fields\":[{\"name\":\"n\",\"type\":[\"null\","
        "{\"type\":\"record\",\"name\":\"A\",\"fields\":[{\"name\":\"n\",\"type\":[\"null\",\"A\","
        "{\"type\":\"record\",\"name\":\"B\",\"fields\":[{\"name\":\"n\",\"type\":[\"null\",\"A\","
        "\"B\"]},{\"name\":\"k\",\"type\":\"int\"}]}]},{\"name\":\"k\",\"type\":\"int\"}]}]}]}";
    struct nw_avro_codec avro = {.schema = schema_of(text)};
    char json[4000] = "", out[200];

    for (size_t i = 0; i < 60; i++) {
        (void)strcat(json, "{\"n\":");
    }
    (void)strcat(json, "null");
    for (size_t i = 0; i < 59; i++) {
        (void)strcat(json, i == 0 ? ",\"k\":\"x\"}" : ",\"k\":1}");
    }
    (void)strcat(json, "}");
    cr_expect_eq(run(&avro, NULL, false, nw_slice_text(json), out, sizeof out), NW_MAP_REJECTED);
    cr_expect_str_eq(out, "avro: too many branches of unions have to be tried");
    nw_avro_schema_unref(avro.schema);
}

/* ---- schemas ---- */

Test(avro, schemas_that_are_wrong_say_where)
{
    static const struct {
        const char *text, *why;
    } cases[] = {
        {"", "avro schema: not JSON: it ends too soon at line 1, column 1"},
        {"[\"int\"\"long\"]", "avro schema: not JSON: unexpected character at line 1, column 7"},
        {"\"flot\"", "avro schema: there is no type \"flot\""},
        {"5", "avro schema: expected the name of a type, an object or a list, found a number"},
        {"[]", "avro schema: a union of nothing"},
        {"[\"int\",\"int\"]", "avro schema: [1]: int is in the union twice"},
        {"[[\"int\"]]", "avro schema: [0]: a union directly in a union"},
        {"{}", "avro schema: type is missing"},
        {"{\"type\":\"array\"}", "avro schema: items is missing"},
        {"{\"type\":\"map\",\"values\":\"x\"}", "avro schema: .values: there is no type \"x\""},
        {"{\"type\":\"record\",\"fields\":[]}",
         "avro schema: a record, enum or fixed needs a name"},
        {"{\"type\":\"record\",\"name\":\"a-b\",\"fields\":[]}", "avro schema: \"a-b\" is no name"},
        {"{\"type\":\"record\",\"name\":\"R\"}", "avro schema: a record needs a list of fields"},
        {RECORD(FIELD("a", "\"int\"") "," FIELD("a", "\"int\"")),
         "avro schema: .fields[1]: a is a field twice"},
        {RECORD(FIELD("a", "\"int\"") "," FIELD("b", "[\"null\",\"S\"]")),
         "avro schema: .fields[1].type[1]: there is no type \"S\""},
        {RECORD(FIELD("a", "{\"type\":\"fixed\",\"name\":\"R\",\"size\":1}")),
         "avro schema: .fields[0].type: R is defined twice"},
        {"{\"type\":\"fixed\",\"name\":\"F\",\"size\":-1}",
         "avro schema: a fixed needs a size, of 1 MiB at most"},
        {"{\"type\":\"enum\",\"name\":\"E\",\"symbols\":[\"A\",\"A\"]}",
         "avro schema: a symbol stands twice"},
        {"{\"type\":\"enum\",\"name\":\"E\",\"symbols\":[1]}",
         "avro schema: a symbol is a name of letters, digits and _"},
        {RECORD(STANDARD("a", "\"int\"", "\"x\"")),
         "avro schema: the default of the field a: avro: expected int, found a string"},
        {RECORD(STANDARD("a", "\"R\"", "{}")),
         "avro schema: the default of the field a: avro: it is nested too deep"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct nw_avro_schema *schema = NULL;
        struct nw_error error = {.text = ""};
        int rc = nw_avro_schema_new(nw_slice_text(cases[i].text), true, &schema, &error);

        cr_expect_eq(rc, NW_EINVAL, "%s is taken", cases[i].text);
        cr_expect_str_eq(error.text, cases[i].why, "%s: %s", cases[i].text, error.text);
    }
}

/* Who only reads does not care: many registries have such schemas. */
Test(avro, a_wrong_default_does_not_matter_to_who_reads)
{
    struct nw_avro_schema *schema = NULL;
    struct nw_error error = {.text = ""};

    cr_assert_eq(nw_avro_schema_new(NW_LITERAL(RECORD(STANDARD("a", "\"int\"", "\"x\""))), false,
                                    &schema, &error),
                 0, "%s", error.text);
    cr_expect_str_eq(nw_avro_schema_name(schema), "R");
    nw_avro_schema_unref(schema);
}

/* R0 has two fields whose defaults are R1 with its own, and so on: 2^20 of them. */
Test(avro, defaults_that_grow_for_ever_are_refused)
{
    struct nw_avro_schema *schema = NULL;
    struct nw_error error = {.text = ""};
    char text[20 * 160] = "";
    size_t at = 0;

    for (int i = 0; i < 20; i++) {
        at += (size_t)sprintf(text + at,
                              "{\"type\":\"record\",\"name\":\"R%d\",\"fields\":[{\"name\":\"a\","
                              "\"type\":",
                              i);
    }
    at += (size_t)sprintf(text + at, "\"null\",\"default\":null}]}");
    for (int i = 19; i > 0; i--) {
        at += (size_t)sprintf(
            text + at, ",\"default\":{}},{\"name\":\"b\",\"type\":\"R%d\",\"default\":{}}]}", i);
    }
    cr_expect_eq(nw_avro_schema_new((struct nw_slice){text, at}, true, &schema, &error), NW_EINVAL);
    cr_expect(strstr(error.text, "it has too many values") != NULL, "%s", error.text);
}

/* ---- registries ---- */

/* One that has the schema 7 and, some time, the schema 8. */
struct fake {
    struct nw_avro_fetcher fetcher;
    struct nw_avro_schema *schema;
    bool has_8;
};

static int fetch(struct nw_avro_fetcher *f, const struct nw_avro_registry *registry, uint32_t id,
                 struct nw_avro_schema **out, struct nw_error *error)
{
    struct fake *fake = (struct fake *)f;

    cr_assert_str_eq(registry->url, "http://registry");
    if (id == 7 || (id == 8 && fake->has_8)) {
        nw_avro_schema_ref(fake->schema);
        *out = fake->schema;
        return 0;
    }
    return id == 8 ? nw_error_set(error, NW_EAGAIN, "it is fetched")
                   : nw_error_set(error, NW_ENOTFOUND, "there is no schema %u", id);
}

static int find_id(struct nw_avro_fetcher *f, const struct nw_avro_subject *subject, uint32_t *out,
                   struct nw_error *error)
{
    struct fake *fake = (struct fake *)f;

    cr_assert_str_eq(subject->name, "s-value");
    if (!fake->has_8) {
        return nw_error_set(error, NW_EAGAIN, "it is registered");
    }
    *out = 0x01020308;
    return 0;
}

Test(avro, with_a_registry)
{
    static const struct nw_avro_registry registry = {.url = "http://registry"};
    static const struct nw_avro_subject subject = {
        .registry = &registry, .name = "s-value", .text = "\"int\""};
    struct fake fake = {.fetcher = {.schema = fetch, .id = find_id},
                        .schema = schema_of("\"int\"")};
    struct nw_avro_codec avro = {.registry = &registry, .subject = &subject};
    struct nw_slice seven = {"\0\0\0\0\7\2", 6}, eight = {"\0\0\0\0\10\2", 6},
                    nine = {"\0\0\0\0\11\2", 6}, bare = {"\2", 1}, other = {"{\"a\":1}", 7};
    char out[200];

    cr_expect_eq(run(&avro, &fake.fetcher, true, seven, out, sizeof out), NW_MAPPED);
    cr_expect_str_eq(out, "1");
    cr_expect_eq(run(&avro, &fake.fetcher, true, eight, out, sizeof out), NW_MAP_LATER);
    cr_expect_str_eq(out, "it is fetched");
    cr_expect_eq(run(&avro, &fake.fetcher, true, nine, out, sizeof out), NW_MAP_REJECTED);
    cr_expect_str_eq(out, "there is no schema 9");
    cr_expect_eq(run(&avro, &fake.fetcher, true, bare, out, sizeof out), NW_MAP_REJECTED);
    cr_expect_eq(run(&avro, &fake.fetcher, true, other, out, sizeof out), NW_MAP_REJECTED);
    cr_expect(strstr(out, "does not begin as a schema registry's") != NULL, "%s", out);
    avro.schema = fake.schema;
    cr_expect_eq(run(&avro, &fake.fetcher, false, NW_LITERAL("1"), out, sizeof out), NW_MAP_LATER);
    fake.has_8 = true;
    cr_expect_eq(run(&avro, &fake.fetcher, true, eight, out, sizeof out), NW_MAPPED);
    cr_expect_eq(run(&avro, &fake.fetcher, false, NW_LITERAL("1"), out, sizeof out), NW_MAPPED);
    cr_expect_str_eq(out, "000102030802");
    nw_avro_schema_unref(fake.schema);
}

/* As `natsway try` runs it. */
Test(avro, with_a_registry_that_must_not_be_asked)
{
    static const struct nw_avro_registry registry = {.url = "http://registry"};
    struct nw_avro_codec avro = {.registry = &registry};
    struct nw_slice seven = {"\0\0\0\0\7\2", 6};
    char out[300];

    cr_expect_eq(run(&avro, NULL, true, seven, out, sizeof out), NW_MAP_REJECTED);
    cr_expect(strstr(out, "this needs the schema registry") != NULL, "%s", out);
    avro.schema = schema_of("\"int\"");
    cr_expect_eq(run(&avro, NULL, true, seven, out, sizeof out), NW_MAPPED);
    cr_expect_str_eq(out, "1");
    cr_expect_eq(run(&avro, NULL, false, NW_LITERAL("1"), out, sizeof out), NW_MAPPED);
    cr_expect_str_eq(out, "000000000002");
    nw_avro_schema_unref(avro.schema);
}
