/* SPDX-License-Identifier: Apache-2.0 */
#include <criterion/criterion.h>
#include <stdio.h>
#include <string.h>

#include "mappings/map.h"

static const char *const names[] = {"id", "n"};
static const struct nw_typed types[] = {
    {"n", NW_TYPE_INTEGER}, {"p", NW_TYPE_NUMBER}, {"ok", NW_TYPE_BOOLEAN}};

static const struct nw_codec json = {.format = NW_FORMAT_JSON};
static const struct nw_codec text = {.format = NW_FORMAT_TEXT};
static const struct nw_codec base64 = {.format = NW_FORMAT_BASE64};
static const struct nw_codec xml = {.format = NW_FORMAT_XML};
static const struct nw_codec csv = {
    .format = NW_FORMAT_CSV, .delimiter = ',', .header = true, .types = types, .type_count = 3};
static const struct nw_codec bare = {.format = NW_FORMAT_CSV, .delimiter = ';', .header = false};
static const struct nw_codec lines = {
    .format = NW_FORMAT_CSV, .delimiter = '\t', .columns = names, .column_count = 2};

/* One step: what goes in, and what comes out or (with a ! in front) why not. */
struct one {
    const struct nw_codec *codec;
    const char *in, *out;
};

static void run(const struct one *c,
                int (*add)(struct nw_map *, const struct nw_codec *, struct nw_program *))
{
    struct nw_map *map = nw_map_new();
    struct nw_mapper *mapper = nw_mapper_new();
    struct nw_message *m = nw_message_make();
    struct nw_mapped mapped;

    cr_assert_eq(add(map, c->codec, NULL), 0);
    nw_message_set_payload(m, nw_slice_text(c->in));
    cr_assert_eq(nw_map_run(map, mapper, m, &mapped), 0);
    if (c->out[0] == '!') {
        cr_assert_eq(mapped.outcome, NW_MAP_REJECTED, "%s is taken", c->in);
        cr_expect_str_eq(mapped.error.text, c->out + 1, "%s: %s", c->in, mapped.error.text);
    } else {
        cr_assert_eq(mapped.outcome, NW_MAPPED, "%s: %s", c->in, mapped.error.text);
        cr_expect(nw_slice_equal(mapped.messages->payload, nw_slice_text(c->out)), "%s: %.*s",
                  c->in, (int)mapped.messages->payload.len, mapped.messages->payload.data);
    }
    nw_message_unref(mapped.messages);
    nw_message_unref(m);
    nw_mapper_free(mapper);
    nw_map_free(map);
}

Test(codec, decode)
{
    static const struct one cases[] = {
        {&json, "{\"a\": 1.00}", "{\"a\": 1.00}"},
        {&json, "{\"a\": ", "!not JSON: it ends too soon at line 1, column 7"},
        {&text, "a \"b\"", "\"a \\\"b\\\"\""},
        {&text, "", "\"\""},
        {&text, "\xFF", "!text: the payload is not UTF-8"},
        {&base64, "aGk=", "hi"},
        {&base64, "aGk", "hi"},
        {&base64, "a*", "!base64: not base64 at byte 2"},
        {&csv, "id,n\na,1\r\nb,\n", "[{\"id\":\"a\",\"n\":1},{\"id\":\"b\",\"n\":null}]"},
        {&csv, "\xEF\xBB\xBFid\n\n\"x, \"\"y\"\"\nz\"\n", "[{\"id\":\"x, \\\"y\\\"\\nz\"}]"},
        {&csv, "p,ok\n-1.50,true\n1e3,false",
         "[{\"p\":-1.5,\"ok\":true},{\"p\":1000,\"ok\":false}]"},
        {&csv, "id,id2", "[]"},
        {&csv, "", "[]"},
        {&csv, "id\n,", "!csv: line 2 has 2 fields, expected 1"},
        {&csv, "id,n\na", "!csv: line 2 has 1 field, expected 2"},
        {&csv, "id,n\n\"a\nb\",x", "!csv: line 2: n: expected an integer"},
        {&csv, "n\n007",
         "!csv: line 2: n: expected an integer without \"+\" and without zeros in front"},
        {&csv, "n\n+7",
         "!csv: line 2: n: expected an integer without \"+\" and without zeros in front"},
        {&csv, "p\n-01.5",
         "!csv: line 2: p: expected a number without \"+\" and without zeros in front"},
        {&csv, "n\n-0", "[{\"n\":-0}]"},
        {&csv, "n\n1e2", "!csv: line 2: n: expected an integer"},
        {&csv, "id,n\ra,1\rb,2\r", "[{\"id\":\"a\",\"n\":1},{\"id\":\"b\",\"n\":2}]"},
        {&csv, "id\r\r\n\"a\rb\"\rc", "[{\"id\":\"a\\rb\"},{\"id\":\"c\"}]"},
        {&csv, "id,n\r\"a\rb\",1\rc", "!csv: line 4 has 1 field, expected 2"},
        {&csv, "a,b,a\n1,2,3", "!csv: line 1: the columns 1 and 3 have the same name \"a\""},
        {&csv, "\na,,b,", "!csv: line 2: the columns 2 and 4 have the same name \"\""},
        {&csv, "n\n9007199254740991", "[{\"n\":9007199254740991}]"},
        {&csv, "n\n9007199254740993", "!csv: line 2: n: expected an integer below 2^53"},
        {&csv, "n\n1.5", "!csv: line 2: n: expected an integer"},
        {&csv, "p\nNaN", "!csv: line 2: p: expected a number"},
        {&csv, "ok\nyes", "!csv: line 2: ok: expected a boolean"},
        {&csv, "id\na\"b", "!csv: line 2: a quote in a field that does not begin with one"},
        {&csv, "id\n\"a\"b", "!csv: line 2: text behind the closing quote"},
        {&csv, "id\n\"a\n\n", "!csv: line 2: a quoted field does not end"},
        {&csv, "\xFF", "!csv: the payload is not UTF-8"},
        {&bare, "a;b,c\n1;\r2", "[[\"a\",\"b,c\"],[\"1\",\"\"],[\"2\"]]"},
        {&bare, "a;a", "[[\"a\",\"a\"]]"},
        {&lines, "7\tx y", "[{\"id\":\"7\",\"n\":\"x y\"}]"},
        {&xml, "<a>x</a>", "{\"a\":\"x\"}"},
        {&xml, "<?xml version=\"1.0\"?><a b=\"1\"/>", "{\"a\":{\"@b\":\"1\"}}"},
        {&xml, "<a> <b>1</b> <b>2</b><b/> <c>&lt;&#x41;</c> </a>",
         "{\"a\":{\"b\":[\"1\",\"2\",\"\"],\"c\":\"<A\"}}"},
        {&xml, "<a>x<b/>y</a>", "{\"a\":{\"b\":\"\",\"#text\":\"xy\"}}"},
        {&xml, "<a><![CDATA[<b>]]></a>", "{\"a\":\"<b>\"}"},
        {&xml, "<?xml version=\"1.0\" encoding=\"ISO-8859-1\"?><a>\xE9</a>",
         "{\"a\":\"\xC3\xA9\"}"},
        {&xml, "<a><b></a>", "!xml: line 1, column 9: mismatched tag"},
        {&xml, "", "!xml: line 1, column 1: no element found"},
        {&xml, "<!DOCTYPE a [<!ENTITY b \"c\">]><a>&b;</a>",
         "!xml: line 1, column 13: a document type (DOCTYPE) is refused"},
        {&xml, "<!DOCTYPE a SYSTEM \"file:///etc/passwd\"><a/>",
         "!xml: line 1, column 40: a document type (DOCTYPE) is refused"},
    };

    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        run(&cases[i], nw_map_add_decode);
    }
}

#define LOST "!the integer 9007199254740993 cannot be kept: jq's numbers have all below 2^53"

Test(codec, encode)
{
    static const struct one cases[] = {
        {&json, "{\"a\": 1.00, \"b\" :[ 9007199254740993 ,\"\\u0041 \"]}",
         "{\"a\":1.00,\"b\":[9007199254740993,\"\\u0041 \"]}"},
        {&json, "\xef\xbb\xbf 1", "1"},
        {&json, "", "null"},
        {&json, "[1", "!not JSON: it ends too soon at line 1, column 3"},
        {&text, "[9007199254740992]", "[9007199254740992]"},
        {&text, "\"9007199254740993\"", "9007199254740993"},
        {&text, "[9007199254740993]", LOST},
        {&csv, "[{\"a\":-9007199254740993}]",
         "!the integer -9007199254740993 cannot be kept: jq's numbers have all below 2^53"},
        {&xml, "{\"a\":{\"b\":[9007199254740993]}}", LOST},
        {&text, "\"a \\\"b\\\"\"", "a \"b\""},
        {&text, "[1, 2]", "[1,2]"},
        {&text, "x", "!not JSON: unexpected character at line 1, column 1"},
        {&base64, "hi", "aGk="},
        {&csv, "[{\"a\":1,\"b\":\"x,y\"},{\"b\":\"\\\"q\\\"\"},{\"a\":null,\"b\":\" z\"}]",
         "a,b\r\n1,\"x,y\"\r\n,\"\"\"q\"\"\"\r\n,\" z\"\r\n"},
        {&csv, "[{\"a\":1,\"b\":2},{\"c\":3,\"a\":4}]",
         "!csv: row 2 has \"c\", which the first row has not; columns: says which there are"},
        {&csv, "[[1],{\"a\":4}]",
         "!csv: row 2 has \"a\", which the first row has not; columns: says which there are"},
        {&csv, "{\"a\":{\"b\":1}}", "a\r\n\"{\"\"b\"\":1}\"\r\n"},
        {&csv, "[]", ""},
        {&csv, "[[1,true,null],[\"a\\nb\"]]", "1,true,\r\n\"a\nb\"\r\n"},
        {&csv, "[1]", "!csv: row 1 is a number, expected an object or an array"},
        {&csv, "\"a\"", "!csv: expected an array of rows, found a string"},
        {&bare, "[[\"a;b\",\"c,d\"]]", "\"a;b\";c,d\r\n"},
        {&bare, "[[\"\"],[null,1]]", "\"\"\r\n;1\r\n"},
        {&bare,
         "[[\"\xEF\xBB\xBF"
         "a\"]]",
         "\"\xEF\xBB\xBF"
         "a\"\r\n"},
        {&lines, "{\"n\":2,\"id\":\"x\",\"more\":1}", "x\t2\r\n"},
        {&xml, "{\"a\":{\"@b\":\"1<\\\"\",\"c\":[1,null,{\"d\":true}],\"#text\":\"x & y\"}}",
         "<a b=\"1&#60;&#34;\"><c>1</c><c></c><c><d>true</d></c>x &#38; y</a>"},
        {&xml, "{\"a\":\"\"}", "<a></a>"},
        {&xml, "{\"a\":1,\"b\":2}", "!xml: expected an object with one member, the root element"},
        {&xml, "{\"a\":[1]}", "!xml: a is an array; there is one root element"},
        {&xml, "{\"1a\":1}", "!xml: 1a cannot be the name of an element"},
        {&xml, "{\"a:b\":{\"@c:d\":1}}", "<a:b c:d=\"1\"></a:b>"},
        {&xml, "{\"a:b:c\":1}", "!xml: a:b:c cannot be the name of an element"},
        {&xml, "{\":a\":1}", "!xml: :a cannot be the name of an element"},
        {&xml, "{\"a:\":1}", "!xml: a: cannot be the name of an element"},
        {&xml, "{\"a:1\":1}", "!xml: a:1 cannot be the name of an element"},
        {&xml, "{\"a\":\"x\\uFFFE\"}", "!xml: a has a character that XML does not take"},
        {&xml, "{\"a\":\"\\uFFFF\"}", "!xml: a has a character that XML does not take"},
        {&xml, "{\"a\":\"\\u0000\"}", "!xml: a has a character that XML does not take"},
        {&xml, "{\"a\":\"\\uFFFD\"}", "<a>\xEF\xBF\xBD</a>"},
        {&xml, "{\"a\":{\"b><c\":1}}", "!xml: b><c cannot be the name of an element"},
        {&xml, "{\"a\":{\"@x y\":1}}", "!xml: a has an attribute that XML does not take"},
        {&xml, "{\"a\":\"\\u0001\"}", "!xml: a has a character that XML does not take"},
        {&xml, "{\"a\":{\"b\":[[1]]}}", "!xml: b is an array in an array, which XML does not have"},
    };

    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        run(&cases[i], nw_map_add_encode);
    }
}

Test(codec, xml_has_a_depth)
{
    struct one c = {&xml, NULL, "!xml: line 1, column 775: nested deeper than 128 levels"};
    char deep[7 * 201 + 1] = "";

    for (size_t i = 0; i < 201; i++) {
        memcpy(deep + i * 6, "<abcd>", 7);
    }
    c.in = deep;
    run(&c, nw_map_add_decode);
}

/* ---- packed formats ---- */

static const struct nw_codec msgpack = {.format = NW_FORMAT_MSGPACK};
static const struct nw_codec cbor = {.format = NW_FORMAT_CBOR};

static int digit(char c)
{
    return c <= '9' ? c - '0' : c - 'a' + 10;
}

/* Bytes from hexadecimal digits, and back. */
static struct nw_slice bytes(const char *hex, char *out)
{
    size_t n = strlen(hex) / 2;

    for (size_t i = 0; i < n; i++) {
        out[i] = (char)(digit(hex[2 * i]) * 16 + digit(hex[2 * i + 1]));
    }
    return (struct nw_slice){out, n};
}

/* hex is what json becomes, if it is not only read. !: json is why it is refused. */
struct packed {
    const struct nw_codec *codec;
    const char *hex, *json;
    bool only_read;
};

/* What encoding refuses, as hex is of nothing. */
static void refuse_packed(const struct nw_codec *codec, const char *in, const char *why)
{
    const struct one c = {codec, in, why};

    run(&c, nw_map_add_encode);
}

static void run_packed(const struct packed *c, bool decode)
{
    struct nw_map *map = nw_map_new();
    struct nw_mapper *mapper = nw_mapper_new();
    struct nw_message *m = nw_message_make();
    struct nw_mapped mapped;
    char memory[512];
    struct nw_slice packed = bytes(c->hex, memory), out;

    cr_assert_eq(decode ? nw_map_add_decode(map, c->codec, NULL)
                        : nw_map_add_encode(map, c->codec, NULL),
                 0);
    nw_message_set_payload(m, decode ? packed : nw_slice_text(c->json));
    cr_assert_eq(nw_map_run(map, mapper, m, &mapped), 0);
    if (c->json[0] == '!') {
        cr_expect_eq(mapped.outcome, NW_MAP_REJECTED, "%s is taken", c->hex);
        cr_expect_str_eq(mapped.error.text, c->json + 1, "%s: %s", c->hex, mapped.error.text);
    } else {
        cr_assert_eq(mapped.outcome, NW_MAPPED, "%s: %s", c->hex, mapped.error.text);
        out = mapped.messages->payload;
        cr_expect(nw_slice_equal(out, decode ? nw_slice_text(c->json) : packed), "%s %s: %.*s",
                  c->hex, c->json, (int)out.len, out.data);
    }
    nw_message_unref(mapped.messages);
    nw_message_unref(m);
    nw_mapper_free(mapper);
    nw_map_free(map);
}

/* Those of CBOR are from RFC 8949, appendix A. */
Test(codec, packed)
{
    static const struct packed cases[] = {
        {&cbor, "00", "0", false},
        {&cbor, "1818", "24", false},
        {&cbor, "1b000000e8d4a51000", "1000000000000", false},
        {&cbor, "1bffffffffffffffff", "!cbor: an integer that is not below 2^53", true},
        {&cbor, "3863", "-100", false},
        {&cbor, "fb3ff199999999999a", "1.1", false},
        {&cbor, "f93c00", "1", true},
        {&cbor, "f97c00", "!cbor: a number that JSON does not have", true},
        {&cbor, "f4", "false", false},
        {&cbor, "f5", "true", false},
        {&cbor, "f6", "null", false},
        {&cbor, "f7", "null", true},
        {&cbor, "c074323031332d30332d32315432303a30343a30305a", "\"2013-03-21T20:04:00Z\"", true},
        {&cbor, "4401020304", "\"AQIDBA==\"", true},
        {&cbor, "62c3bc", "\"\xC3\xBC\"", false},
        {&cbor, "61ff", "!cbor: it is none at byte 3", true},
        {&cbor, "8301820203820405", "[1,[2,3],[4,5]]", false},
        {&cbor, "a26161016162820203", "{\"a\":1,\"b\":[2,3]}", false},
        {&cbor, "a201022021", "{\"1\":2,\"-1\":-2}", true},
        {&cbor, "a1f502", "!cbor: a key that is neither text nor an integer", true},
        {&cbor, "7f657374726561646d696e67ff", "\"streaming\"", true},
        {&cbor, "9f018202039f0405ffff", "[1,[2,3],[4,5]]", true},
        {&cbor, "0001", "!cbor: something follows the value", true},
        {&cbor, "8301", "!cbor: it ends in the middle of a value at byte 2", true},
        {&cbor, "9b0000010000000000", "!cbor: it ends in the middle of a value at byte 10", true},
        {&cbor, "82bb00000000ffffffff6161", "!cbor: it ends in the middle of a value at byte 11",
         true},
        {&cbor, "81f8", "!cbor: it is none at byte 2", true},
        {&cbor, "", "!cbor: it ends in the middle of a value at byte 1", true},
        {&msgpack, "07", "7", false},
        {&msgpack, "ff", "-1", false},
        {&msgpack, "cd0100", "256", false},
        {&msgpack, "cf0020000000000000", "!msgpack: an integer that is not below 2^53", true},
        {&msgpack, "cb3ff8000000000000", "1.5", false},
        {&msgpack, "ca3fc00000", "1.5", true},
        {&msgpack, "cb7ff8000000000000", "!msgpack: a number that JSON does not have", true},
        {&msgpack, "c0", "null", false},
        {&msgpack, "c3", "true", false},
        {&msgpack, "a26869", "\"hi\"", false},
        {&msgpack, "a1ff", "!msgpack: a text that is not UTF-8", true},
        {&msgpack, "9181a1ff01", "!msgpack: a text that is not UTF-8", true},
        {&msgpack, "c4020102", "\"AQI=\"", true},
        {&msgpack, "82a16101a1629202c2", "{\"a\":1,\"b\":[2,false]}", false},
        {&msgpack, "8107c0", "{\"7\":null}", true},
        {&msgpack, "81c0c0", "!msgpack: a key that is neither text nor an integer", true},
        {&msgpack, "d40102", "!msgpack: an extension type", true},
        {&msgpack, "0101", "!msgpack: something follows the value", true},
        {&msgpack, "92", "!msgpack: it ends in the middle of a value", true},
        {&msgpack, "ddffffffff", "!msgpack: it ends in the middle of a value", true},
        {&msgpack, "92a161dfffffffff01", "!msgpack: it ends in the middle of a value", true},
        {&msgpack, "dc0002c3c2", "[true,false]", true},
        {&msgpack, "83a16101a162d90178a163ca3fc00000", "{\"a\":1,\"b\":\"x\",\"c\":1.5}", true},
        {&msgpack, "c1", "!msgpack: it is none", true},
    };

    refuse_packed(&msgpack, "[1,{\"a\":9007199254740993}]", LOST);
    refuse_packed(&cbor, "9007199254740993", LOST);
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        run_packed(&cases[i], true);
        if (!cases[i].only_read) {
            run_packed(&cases[i], false);
        }
    }
    run_packed(&(struct packed){&msgpack, "cb7fefffffffffffff", "1e400", false}, false);
    run_packed(&(struct packed){&cbor, "fbffefffffffffffff", "-1e400", false}, false);
}

static void check_by(const struct nw_check_rule *rule, const char *payload, const char *wrong)
{
    struct nw_map *map = nw_map_new();
    struct nw_mapper *mapper = nw_mapper_new();
    struct nw_message *m = nw_message_make();
    struct nw_mapped mapped;

    cr_assert_eq(nw_map_add_check(map, rule, NULL), 0);
    nw_message_set_payload(m, nw_slice_text(payload));
    cr_assert_eq(nw_map_run(map, mapper, m, &mapped), 0);
    cr_expect_str_eq(mapped.error.text, wrong, "%s: %s", payload, mapped.error.text);
    cr_expect_eq(mapped.outcome, *wrong == '\0' ? NW_MAPPED : NW_MAP_REJECTED);
    nw_message_unref(mapped.messages);
    nw_message_unref(m);
    nw_mapper_free(mapper);
    nw_map_free(map);
}

static void check(const char *payload, const char *wrong)
{
    static const char *const required[] = {"id", ".c.name"};
    static const struct nw_typed typed[] = {{"id", NW_TYPE_INTEGER}, {".c.l", NW_TYPE_ARRAY}};
    static const struct nw_check_rule rule = {required, 2, typed, 2};

    check_by(&rule, payload, wrong);
}

static void check_path(const char *path, const char *payload, const char *wrong)
{
    const struct nw_check_rule rule = {&path, 1, NULL, 0};

    check_by(&rule, payload, wrong);
}

static void check_integer(const char *number, bool is_one)
{
    static const struct nw_typed typed[] = {{".[0]", NW_TYPE_INTEGER}};
    static const struct nw_check_rule rule = {NULL, 0, typed, 1};
    char payload[100];

    (void)snprintf(payload, sizeof payload, "[%s]", number);
    check_by(&rule, payload, is_one ? "" : ".[0] is a number, expected an integer");
}

Test(codec, check_says_all_that_is_wrong)
{
    static const char *const integers[] = {"0",
                                           "-0.00",
                                           "7",
                                           "7.0",
                                           "1e3",
                                           "70e-1",
                                           "12.50e1",
                                           "0e-9",
                                           "9007199254740993",
                                           "1E+400",
                                           "123456789012345678901234567890.000"};
    static const char *const others[] = {"7.5",
                                         "1e-1",
                                         "9007199254740992.5",
                                         "12.5e0",
                                         "75e-1",
                                         "1.00000000000000000001",
                                         "1e-99999999999999999999"};

    for (size_t i = 0; i < sizeof integers / sizeof integers[0]; i++) {
        check_integer(integers[i], true);
    }
    for (size_t i = 0; i < sizeof others / sizeof others[0]; i++) {
        check_integer(others[i], false);
    }
    check_path(".a[0]", "{\"a\":[1]}", "");
    check_path(".a[1]", "{\"a\":[1]}", ".a[1] is missing");
    check_path(".a[1].b", "{\"a\":[[],{\"x\":[1,{}],\"b\":2},3]}", "");
    check_path(".a[0]", "{\"a\":{\"0\":1}}", ".a[0] is missing");
    check_path(".[\"a.b\"]", "{\"a.b\":1}", "");
    check_path(".é", "{\"\\u00e9\":1}", "");
    check_path("a.b", "{\"a.b\":1}", "");
    check_path(".a", "{\"a\":1,\"a\":null}", ".a is missing");
    check_path(".", "[]", "");
    check_path(".", "", ". is missing");
    check_path(".a", "\xef\xbb\xbf{\"a\":1}", "");
    check("{\"id\": 7, \"c\": {\"name\": \"x\", \"l\": []}, \"more\": 1}", "");
    check("{\"id\": 7.0, \"c\": {\"name\": false}}", "");
    check("{\"id\": 7.5, \"c\": {\"l\": {}}}",
          ".c.name is missing; id is a number, expected an integer; .c.l is an object, expected an "
          "array");
    check("{\"id\": null, \"c\": 1}",
          "id is missing; .c.name is missing; id is null, expected an integer");
    check("[1]", "id is missing; .c.name is missing");
    check("x", "not JSON: unexpected character at line 1, column 1");
}
