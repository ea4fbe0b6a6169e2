/* SPDX-License-Identifier: Apache-2.0 */
#include <criterion/criterion.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#include "mappings/template.h"

#define ALL_META (~UINT64_C(0))

static const struct nw_template_scope nats = {
    "plant-1", "orders", NW_ADDRESS_SUBJECT, "old.*.x.*.>", ALL_META, false, false};
static const struct nw_template_scope mqtt = {
    "plant-1", "orders", NW_ADDRESS_TOPIC_MQTT, "plant/+/t/#", ALL_META, false, false};
static const struct nw_template_scope escaped = {
    "plant-1", "orders", NW_ADDRESS_TOPIC_MQTT, "plant/+/t/#", ALL_META, true, false};
static const struct nw_template_scope kafka = {
    "plant-1", "orders", NW_ADDRESS_TOPIC_KAFKA, "orders.new", ALL_META, false, false};
static const struct nw_template_scope http = {
    "plant-1", "orders", NW_ADDRESS_HTTP_PATH, "POST /hooks/{repo}/{what}", ALL_META, false, false};
static const struct nw_template_scope file = {
    "plant-1", "orders", NW_ADDRESS_FILE_PATH, "/in/*-?.[ct]sv", ALL_META, false, false};
static const struct nw_template_scope poor = {"plant-1", "orders", NW_ADDRESS_SUBJECT, "a.b", 0,
                                              false,     false};

static const char *const addresses[] = {
    [NW_ADDRESS_SUBJECT] = "old.a-b.x.c%20d.r1.r2",
    [NW_ADDRESS_TOPIC_MQTT] = "plant/a.b/t/x y//z",
    [NW_ADDRESS_TOPIC_KAFKA] = "orders.new",
    [NW_ADDRESS_HTTP_PATH] = "/hooks/nats%2Fway/a b",
    [NW_ADDRESS_FILE_PATH] = "/in/a-b-7.csv",
};

static struct nw_message *sample(enum nw_address_kind kind)
{
    struct nw_message *m = nw_message_make();

    nw_message_set_address(m, nw_slice_text(addresses[kind]));
    nw_message_set_key(m, NW_LITERAL("k.1"));
    nw_message_set_payload(m, NW_LITERAL("{\"a\":{\"b\":\"x y\"},\"n\":12345678901234567890,"
                                         "\"t\":true,\"l\":[1,\"two\"],\"z\":null}"));
    (void)nw_message_add_header(m, NW_LITERAL("X-One"), NW_LITERAL("one/1"));
    (void)nw_message_add_header(m, NW_LITERAL("x-one"), NW_LITERAL("two"));
    (void)nw_message_add_param(m, NW_LITERAL("repo"), NW_LITERAL("nats/way"));
    (void)nw_message_add_param(m, NW_LITERAL("what"), NW_LITERAL("a b"));
    (void)nw_message_add_query(m, NW_LITERAL("q"), NW_LITERAL("1&2"));
    nw_message_set_number(m, NW_META_PARTITION, 3);
    nw_message_set_number(m, NW_META_OFFSET, -1);
    nw_message_set_number(m, NW_META_SEQUENCE, INT64_MAX);
    nw_message_set_number(m, NW_META_QOS, 1);
    nw_message_set_number(m, NW_META_RETAINED, 1);
    nw_message_set_number(m, NW_META_LINE, 12);
    nw_message_set_text(m, NW_META_STREAM, NW_LITERAL("ORDERS"));
    nw_message_set_text(m, NW_META_METHOD, NW_LITERAL("POST"));
    nw_message_set_timestamp(m, INT64_C(1767225600123000000));
    nw_message_set_origin(m, NW_LITERAL("kafka:orders/3/1"));
    return m;
}

/* The result, or what is wrong, as a text that lives until the next call. */
static const char *render_of(const char *text, enum nw_fill fill,
                             const struct nw_template_scope *scope, struct nw_message *original)
{
    static char result[20000];
    struct nw_template *t = NULL;
    struct nw_message *m = nw_message_derive(original);
    struct nw_slice out = NW_ABSENT;
    struct nw_error error = {.text = ""};

    if (nw_template_compile(nw_slice_text(text), fill, scope, &t, &error) != 0) {
        (void)snprintf(result, sizeof result, "!%zu: %s", error.at, error.text);
    } else if (nw_template_render(t, m, &out, &error) != 0) {
        (void)snprintf(result, sizeof result, "!%s", error.text);
    } else {
        cr_assert_lt(out.len, sizeof result);
        memcpy(result, out.data, out.len);
        result[out.len] = '\0';
    }
    nw_message_unref(m);
    nw_template_free(t);
    return result;
}

static const char *render(const char *text, enum nw_fill fill,
                          const struct nw_template_scope *scope)
{
    struct nw_message *original = sample(scope->address);
    const char *result = render_of(text, fill, scope, original);

    nw_message_unref(original);
    return result;
}

struct row {
    const char *text;
    enum nw_fill fill;
    const struct nw_template_scope *scope;
    const char *expected;
};

static void check_rows(const struct row *rows, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        const char *result = render(rows[i].text, rows[i].fill, rows[i].scope);
        cr_expect_str_eq(result, rows[i].expected, "%s\n  expected %s\n  got      %s", rows[i].text,
                         rows[i].expected, result);
    }
}
#define CHECK(rows) check_rows(rows, sizeof(rows) / sizeof(rows)[0])

Test(template, every_name_has_its_value)
{
    static const struct row rows[] = {
        {"{{subject}}", NW_FILL_TEXT, &nats, "old.a-b.x.c%20d.r1.r2"},
        {"{{topic}}", NW_FILL_TEXT, &mqtt, "plant/a.b/t/x y//z"},
        {"{{topic}}", NW_FILL_TEXT, &kafka, "orders.new"},
        {"{{path}}", NW_FILL_TEXT, &file, "/in/a-b-7.csv"},
        {"{{path}}", NW_FILL_TEXT, &http, "/hooks/nats%2Fway/a b"},
        {"{{address}}", NW_FILL_TEXT, &mqtt, "plant/a.b/t/x y//z"},
        {"{{key}}", NW_FILL_TEXT, &kafka, "k.1"},
        {"{{partition}}", NW_FILL_TEXT, &kafka, "3"},
        {"{{offset}}", NW_FILL_TEXT, &kafka, "-1"},
        {"{{sequence}}", NW_FILL_TEXT, &nats, "9223372036854775807"},
        {"{{qos}}{{retained}}", NW_FILL_TEXT, &mqtt, "1true"},
        {"{{line}}", NW_FILL_TEXT, &file, "12"},
        {"{{stream}}", NW_FILL_TEXT, &nats, "ORDERS"},
        {"{{method}}", NW_FILL_TEXT, &http, "POST"},
        {"{{timestamp}}", NW_FILL_TEXT, &nats, "2026-01-01T00:00:00.123Z"},
        {"{{header('x-ONE')}}", NW_FILL_TEXT, &nats, "one/1"},
        {"{{param('repo')}}", NW_FILL_TEXT, &http, "nats/way"},
        {"{{query(\"q\")}}", NW_FILL_TEXT, &http, "1&2"},
        {"{{json('.a.b')}}", NW_FILL_TEXT, &nats, "x y"},
        {"{{json('.n')}}", NW_FILL_TEXT, &nats, "12345678901234567890"},
        {"{{json('.l[1]')}}{{json('.t')}}", NW_FILL_TEXT, &nats, "twotrue"},
        {"{{json('.l')}}", NW_FILL_TEXT, &nats, "[1,\"two\"]"},
        {"{{id}}", NW_FILL_TEXT, &nats, "kafka:orders/3/1"},
        {"{{route}}@{{bridge}}", NW_FILL_TEXT, &nats, "orders@plant-1"},
        {"{{wildcard(1)}} {{$2}} {{wildcard(3)}}", NW_FILL_TEXT, &nats, "a-b c%20d r1.r2"},
        {"{{wildcard(2)}}", NW_FILL_TEXT, &mqtt, "x y//z"},
        {"{{wildcard(1)}}|{{wildcard(2)}}|{{wildcard(3)}}", NW_FILL_TEXT, &file, "a-b|7|c"},
        {"{{wildcard(1)}}", NW_FILL_TEXT, &http, "nats/way"},
        {"{{token(1)}}.{{token(2)}}", NW_FILL_TEXT, &http, "hooks.nats/way"},
        {"{{token(1)}} {{token(6)}}", NW_FILL_TEXT, &nats, "old r2"},
        {"no expression", NW_FILL_TEXT, &nats, "no expression"},
        {"", NW_FILL_TEXT, &nats, ""},
        {"{ {} }} {{'{{'}}", NW_FILL_TEXT, &nats, "{ {} }} {{"},
    };
    CHECK(rows);
}

Test(template, or_and_filters_go_from_left_to_right)
{
    static const struct row rows[] = {
        {"{{header('None') or 'n/a'}}", NW_FILL_TEXT, &nats, "n/a"},
        {"{{ key or 'none' }}", NW_FILL_TEXT, &nats, "k.1"},
        {"{{json('.z') or json('.missing') or \"it's\"}}", NW_FILL_TEXT, &nats, "it's"},
        {"{{key | upper}}", NW_FILL_TEXT, &nats, "K.1"},
        {"{{ header('None') or 'abc' | upper }}", NW_FILL_TEXT, &nats, "ABC"},
        {"{{(header('None') or 'ABC')|lower}}", NW_FILL_TEXT, &nats, "abc"},
        {"{{header('None') | upper or 'x'}}", NW_FILL_TEXT, &nats, "x"},
        {"{{key|base64}}", NW_FILL_TEXT, &nats, "ay4x"},
        {"{{key|hex}}", NW_FILL_TEXT, &nats, "6b2e31"},
        {"{{'abc'|sha256}}", NW_FILL_TEXT, &nats,
         "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"},
        {"{{''|sha256|upper}}", NW_FILL_TEXT, &nats,
         "E3B0C44298FC1C149AFBF4C8996FB92427AE41E4649B934CA495991B7852B855"},
        {"a.{{key}}.{{key|raw}}", NW_FILL_SUBJECT, &nats, "a.k%2E1.k.1"},
        {"{{split(1,-)|upper}}", NW_FILL_SUBJECT, &nats, "A.B"},
        {"{{split(1,-)|hex}}", NW_FILL_SUBJECT, &nats, "612e62"},
        {"{{subject|upper}}", NW_FILL_SUBJECT, &nats, "OLD.A-B.X.C%20D.R1.R2"},
        {"{{lower(json('.a.b'))}}", NW_FILL_TEXT, &nats, "x y"},
        {"{{ upper ( json('.a.b') ) }}", NW_FILL_TEXT, &nats, "X Y"},
        {"{{base64(key)}}{{hex(key)}}", NW_FILL_TEXT, &nats, "ay4x6b2e31"},
        {"{{upper(sha256(''))}}", NW_FILL_TEXT, &nats,
         "E3B0C44298FC1C149AFBF4C8996FB92427AE41E4649B934CA495991B7852B855"},
        {"{{lower(header('None') or 'ABC') | hex}}", NW_FILL_TEXT, &nats, "616263"},
        {"{{header('None') or upper(key)}}", NW_FILL_TEXT, &nats, "K.1"},
        {"{{upper(header('None')) or 'x'}}", NW_FILL_TEXT, &nats, "x"},
        {"a.{{raw(key)}}.{{upper(split(1,-))}}", NW_FILL_SUBJECT, &nats, "a.k.1.A.B"},
        {"{{hex(lower(('A')))}}", NW_FILL_TEXT, &nats, "61"},
        {"{{lower(lower(lower(lower(lower(lower(lower(lower(lower(lower(lower(lower(lower("
         "lower(lower(lower('A'))))))))))))))))}}",
         NW_FILL_TEXT, &nats, "a"},
    };
    CHECK(rows);
}

Test(template, functions_of_nats_have_its_spelling_and_results)
{
    static const struct row rows[] = {
        {"n.$1.$2", NW_FILL_SUBJECT, &nats, "n.a-b.c%20d"},
        {"$2.$1", NW_FILL_SUBJECT, &nats, "c%20d.a-b"},
        {"n.{{Wildcard( 1 )}}", NW_FILL_SUBJECT, &nats, "n.a-b"},
        {"new.>", NW_FILL_SUBJECT, &nats, "new.r1.r2"},
        {"new.$1.>", NW_FILL_SUBJECT, &nats, "new.a-b.r1.r2"},
        {">", NW_FILL_SUBJECT, &nats, "r1.r2"},
        {"n.{{split(1,-)}}.e", NW_FILL_SUBJECT, &nats, "n.a.b.e"},
        {"n.{{Split(1, '-')}}", NW_FILL_SUBJECT, &nats, "n.a.b"},
        {"n.{{split(1,)}}", NW_FILL_SUBJECT, &nats, "n.a.-.b"},
        {"n.{{SplitFromLeft(1,1)}}", NW_FILL_SUBJECT, &nats, "n.a.-b"},
        {"n.{{splitfromright(1, 1)}}", NW_FILL_SUBJECT, &nats, "n.a-.b"},
        {"n.{{splitFromLeft(1,3)}}", NW_FILL_SUBJECT, &nats, "n.a-b"},
        {"n.{{sliceFromLeft(1,2)}}", NW_FILL_SUBJECT, &nats, "n.a-.b"},
        {"n.{{sliceFromRight(1,2)}}", NW_FILL_SUBJECT, &nats, "n.a.-b"},
        {"n.{{sliceFromRight(2,2)}}", NW_FILL_SUBJECT, &nats, "n.c.%2.0d"},
        {"n.{{left(1,2)}}.{{right(1,2)}}", NW_FILL_SUBJECT, &nats, "n.a-.-b"},
        {"n.{{left(1,20)}}.{{right(1,0)}}", NW_FILL_SUBJECT, &nats, "n.a-b.a-b"},
        {"a.$JS.b", NW_FILL_SUBJECT, &nats, "a.$JS.b"},
        {"a.x$1.b", NW_FILL_SUBJECT, &nats, "a.x$1.b"},
        {"{{random(1)}}", NW_FILL_SUBJECT, &nats, "0"},
        {"{{partition(1,1,2)}}", NW_FILL_SUBJECT, &nats, "0"},
        {"{{split(1,.)}}", NW_FILL_MQTT_TOPIC, &mqtt, "a/b"},
    };
    CHECK(rows);
}

Test(template, mistakes_are_found_when_it_is_compiled)
{
    static const struct row rows[] = {
        {"a.{{kye}}", NW_FILL_SUBJECT, &nats, "!4: unknown name \"kye\"; did you mean \"key\"?"},
        {"{{heder('X')}}", NW_FILL_TEXT, &nats,
         "!2: unknown name \"heder\"; did you mean \"header\"?"},
        {"{{header}}", NW_FILL_TEXT, &nats, "!2: expected header('name')"},
        {"{{key()}}", NW_FILL_TEXT, &nats, "!2: expected key"},
        {"{{header(X)}}", NW_FILL_TEXT, &nats, "!9: expected header('name')"},
        {"{{key|lowr}}", NW_FILL_TEXT, &nats,
         "!6: unknown filter \"lowr\"; did you mean "
         "\"lower\"?"},
        {"{{key|zzzzzz}}", NW_FILL_TEXT, &nats,
         "!6: unknown filter \"zzzzzz\"; there are raw, lower, upper, base64, hex and sha256"},
        {"x{{key", NW_FILL_TEXT, &nats, "!1: \"{{\" is not closed by \"}}\""},
        {"x{{}}", NW_FILL_TEXT, &nats, "!3: expected a name, like {{key}}, or a 'text'"},
        {"{{key key}}", NW_FILL_TEXT, &nats, "!6: expected \"}}\", \"or\" or a filter after \"|\""},
        {"{{'a}}", NW_FILL_TEXT, &nats, "!2: the text in quotes is not closed"},
        {"{{(key}}", NW_FILL_TEXT, &nats, "!6: expected \")\""},
        {"{{lower(key}}", NW_FILL_TEXT, &nats, "!11: expected \")\""},
        {"{{lower(key, 1)}}", NW_FILL_TEXT, &nats, "!11: expected \")\""},
        {"{{lower()}}", NW_FILL_TEXT, &nats, "!8: expected a name, like {{key}}, or a 'text'"},
        {"{{lower(kye)}}", NW_FILL_TEXT, &nats, "!8: unknown name \"kye\"; did you mean \"key\"?"},
        {"{{uper(key)}}", NW_FILL_TEXT, &nats,
         "!2: unknown name \"uper\"; did you mean \"upper\"?"},
        {"{{lower}}", NW_FILL_TEXT, &nats,
         "!2: \"lower\" is a filter: expected lower(…) or … | lower"},
        {"{{lower(wildcard(9))}}", NW_FILL_TEXT, &nats,
         "!17: there is no wildcard 9: the source \"old.*.x.*.>\" has 3"},
        {"{{lower(lower(lower(lower(lower(lower(lower(lower((((((((((key))))))))))))))))))}}",
         NW_FILL_TEXT, &nats, "!58: parentheses are nested deeper than 16 levels"},
        {"{{key or}}", NW_FILL_TEXT, &nats, "!8: expected a name, like {{key}}, or a 'text'"},
        {"{{topic}}", NW_FILL_TEXT, &nats,
         "!2: the route's source has no topic; its address is a subject: {{subject}}"},
        {"{{subject}}", NW_FILL_TEXT, &http,
         "!2: the route's source has no subject; its address is a path: {{path}}"},
        {"{{key}}", NW_FILL_TEXT, &poor, "!2: the route's source has no \"key\""},
        {"{{wildcard(4)}}", NW_FILL_TEXT, &nats,
         "!11: there is no wildcard 4: the source \"old.*.x.*.>\" has 3"},
        {"{{wildcard(0)}}", NW_FILL_TEXT, &nats,
         "!11: there is no wildcard 0: the source \"old.*.x.*.>\" has 3"},
        {"a.$1", NW_FILL_SUBJECT, &poor, "!2: there is no wildcard: the source is \"a.b\""},
        {"{{split(3,-)}}", NW_FILL_SUBJECT, &nats,
         "!8: wildcard 3 is all that is left of the address, not one level"},
        {"{{split(1)}}", NW_FILL_SUBJECT, &nats, "!2: expected split(1,-)"},
        {"{{left(1,x)}}", NW_FILL_SUBJECT, &nats, "!9: expected a number"},
        {"{{partition(0,1)}}", NW_FILL_SUBJECT, &nats, "!12: expected a number above 0"},
        {"{{token(0)}}", NW_FILL_TEXT, &nats, "!8: expected a number above 0"},
        {"{{param('rep')}}", NW_FILL_TEXT, &http,
         "!8: the source's path has no {rep}; did you mean {repo}?"},
        {"{{json('a')}}", NW_FILL_TEXT, &nats,
         "!8: expected a path into the payload, like .a.b, .a[0] or .[\"a b\"]"},
        {"{{date('')}}", NW_FILL_TEXT, &nats, "!7: expected a date format like '%Y-%m-%d'"},
        {"{{date('%Y-%Q')}}", NW_FILL_TEXT, &nats,
         "!11: \"%Q\" is no part of a date; there are %Y, %m, %d, %H, %M, %S and what else "
         "strftime "
         "has"},
        {"{{date('%Y%')}}", NW_FILL_TEXT, &nats,
         "!10: \"%\" is no part of a date; there are %Y, %m, %d, %H, %M, %S and what else strftime "
         "has"},
        {"{{date('%EQ')}}", NW_FILL_TEXT, &nats,
         "!8: \"%E\" is no part of a date; there are %Y, %m, %d, %H, %M, %S and what else strftime "
         "has"},
        {"a b", NW_FILL_SUBJECT, &nats, "!1: the subject must not contain a blank (byte 0x20)"},
        {"a..b", NW_FILL_SUBJECT, &nats, "!2: the subject has an empty token"},
        {"a.{{key}}.", NW_FILL_SUBJECT, &nats, "!10: the subject has an empty token"},
        {"", NW_FILL_SUBJECT, &nats, "!0: the subject is empty"},
        {"{{key}}.*.b", NW_FILL_SUBJECT, &nats,
         "!8: the subject must not have a wildcard: write {{wildcard(1)}} for what it matched"},
        {"a.>", NW_FILL_SUBJECT, &poor,
         "!2: the subject must not have a wildcard: write {{wildcard(1)}} for what it matched"},
        {"a/+", NW_FILL_MQTT_TOPIC, &nats,
         "!2: the MQTT topic must not have a wildcard: write {{wildcard(1)}} for what it matched"},
        {"a b", NW_FILL_KAFKA_TOPIC, &nats,
         "!1: the Kafka topic must not contain a blank (byte 0x20)"},
        {"a/b", NW_FILL_KAFKA_TOPIC, &nats, "!1: the Kafka topic must not contain \"/\""},
        {"GET http://h/a b", NW_FILL_URL, &nats,
         "!14: the URL must not contain a blank (byte 0x20)"},
        {"GET {{json('.u')}}", NW_FILL_URL, &nats,
         "!4: a URL's host cannot come from a message unless it is | raw"},
        {"{{key or 'http://h/' | lower}}", NW_FILL_URL, &nats,
         "!0: a URL's host cannot come from a message unless it is | raw"},
        {"http{{key|raw}}://{{key}}/a", NW_FILL_URL, &nats,
         "!18: a URL's host cannot come from a message unless it is | raw"},
        {"GET http://h{{key}}/a", NW_FILL_URL, &nats,
         "!12: a URL's host cannot come from a message unless it is | raw"},
        {"GET http://h:{{key}}", NW_FILL_URL, &nats,
         "!13: a URL's host cannot come from a message unless it is | raw"},
        {"GET http://u:{{key}}@h/", NW_FILL_URL, &nats,
         "!13: a URL's host cannot come from a message unless it is | raw"},
        {"GET /a/{{key}}", NW_FILL_URL, &nats, "!4: the URL must begin with http:// or https://"},
        {"GET ftp://h/", NW_FILL_URL, &nats, "!4: the URL must begin with http:// or https://"},
        {"GET http:///a", NW_FILL_URL, &nats, "!11: the URL has no host"},
        {"GET http://h:x/a", NW_FILL_URL, &nats, "!13: the port of a URL must not contain \"x\""},
        {"GET http://h/{{key}}/..", NW_FILL_URL, &nats,
         "!21: the URL must not have \".\" or \"..\" in its path"},
        {"a\nb", NW_FILL_HEADER, &nats, "!1: the header must not contain a line break or NUL"},
    };
    CHECK(rows);
}

Test(template, what_has_no_value_rejects_the_message)
{
    static const struct row rows[] = {
        {"a.{{header('None')}}", NW_FILL_SUBJECT, &nats, "!{{header('None')}} has no value"},
        {"{{json('.z')}}", NW_FILL_TEXT, &nats, "!{{json('.z')}} has no value"},
        {"{{token(7)}}", NW_FILL_TEXT, &nats, "!{{token(7)}} has no value"},
        {"a.{{''}}", NW_FILL_SUBJECT, &nats, "!{{''}} is empty"},
        {"a.{{split(1,'a-b')}}", NW_FILL_SUBJECT, &nats, "!{{split(1,'a-b')}} is empty"},
        {"{{remote}}", NW_FILL_TEXT, &http, "!{{remote}} has no value"},
    };
    CHECK(rows);
}

Test(template, addresses_keep_their_levels)
{
    static const struct row rows[] = {
        {"{{subject}}", NW_FILL_SUBJECT, &nats, "old.a-b.x.c%20d.r1.r2"},
        {"{{subject}}", NW_FILL_MQTT_TOPIC, &nats, "old/a-b/x/c%20d/r1/r2"},
        {"{{subject}}", NW_FILL_PATH, &nats, "old/a-b/x/c%2520d/r1/r2"},
        {"http://h/{{wildcard(3)}}", NW_FILL_URL, &nats, "http://h/r1/r2"},
        {"http://h/{{subject}}", NW_FILL_URL, &nats, "http://h/old/a-b/x/c%2520d/r1/r2"},
        {"t.{{wildcard(3)}}", NW_FILL_KAFKA_TOPIC, &nats, "t.r1.r2"},
        {"b/{{subject}}", NW_FILL_KV_KEY, &nats, "b/old.a-b.x.c=2520d.r1.r2"},
        {"{{topic}}", NW_FILL_SUBJECT, &mqtt, "plant.a//b.t.x%20y./.z"},
        {"{{topic}}", NW_FILL_SUBJECT, &escaped, "plant.a%2Eb.t.x%20y.%00.z"},
        {"{{topic}}", NW_FILL_SUBJECT, &kafka, "orders.new"},
        {"n.{{wildcard(2)}}", NW_FILL_SUBJECT, &mqtt, "n.x%20y./.z"},
        {"n.>", NW_FILL_SUBJECT, &mqtt, "n.x%20y./.z"},
        {"b/{{topic}}", NW_FILL_KV_KEY, &mqtt, "b/plant.a=2Eb.t.x=20y./.z"},
        {"{{path}}", NW_FILL_SUBJECT, &http, "hooks.nats/way.a%20b"},
        {"{{path}}", NW_FILL_SUBJECT, &file, "in.a-b-7%2Ecsv"},
        {"f.{{wildcard(1)}}", NW_FILL_SUBJECT, &file, "f.a-b"},
        {"n.{{wildcard(1)}}", NW_FILL_SUBJECT, &mqtt, "n.a%2Eb"},
        {"n.{{wildcard(1)}}", NW_FILL_SUBJECT, &http, "n.nats/way"},
    };
    CHECK(rows);
}

Test(template, a_constant_is_given_as_it_is)
{
    struct nw_message *m = sample(NW_ADDRESS_SUBJECT);
    struct nw_template *t = NULL;
    struct nw_slice first, second;

    cr_assert_eq(nw_template_compile(NW_LITERAL("a.b"), NW_FILL_SUBJECT, &nats, &t, NULL), 0);
    cr_expect(nw_template_is_constant(t));
    cr_assert_eq(nw_template_render(t, m, &first, NULL), 0);
    cr_assert_eq(nw_template_render(t, m, &second, NULL), 0);
    cr_expect_eq(first.data, second.data);
    nw_template_free(t);
    cr_assert_eq(nw_template_compile(NW_LITERAL("a.{{key}}"), NW_FILL_SUBJECT, &nats, &t, NULL), 0);
    cr_expect_not(nw_template_is_constant(t));
    nw_template_free(t);
    nw_template_free(NULL);
    nw_message_unref(m);
}

Test(template, uuid_random_now_and_date_are_made)
{
    char first[40], today[40];
    time_t now;

    (void)snprintf(first, sizeof first, "%s", render("{{uuid}}", NW_FILL_TEXT, &nats));
    cr_expect_eq(strlen(first), 36);
    cr_expect_eq(first[14], '4', "%s", first);
    cr_expect(strchr("89ab", first[19]) != NULL, "%s", first);
    cr_expect_str_neq(first, render("{{uuid}}", NW_FILL_TEXT, &nats));
    for (int i = 0, seen = 0; i < 200 && seen != 7; i++) {
        int n = atoi(render("{{random(3)}}", NW_FILL_TEXT, &nats));
        cr_assert(n >= 0 && n < 3);
        seen |= 1 << n;
        cr_expect(i < 199 || seen == 7, "every number comes");
    }
    do { /* midnight may pass between */
        now = time(NULL);
        (void)strftime(today, sizeof today, "%Y-%m-%d", gmtime(&now));
        (void)snprintf(first, sizeof first, "%s", render("{{date('%F')}}", NW_FILL_TEXT, &nats));
    } while (now / 86400 != time(NULL) / 86400);
    cr_expect_str_eq(first, today);
    cr_expect(strncmp(render("{{now}}", NW_FILL_TEXT, &nats), "20", 2) == 0);
}

Test(template, scopes_match_their_addresses)
{
    static const struct {
        enum nw_address_kind kind;
        const char *pattern, *address;
        bool matches;
    } rows[] = {
        {NW_ADDRESS_SUBJECT, "a.*.c", "a.b.c", true},
        {NW_ADDRESS_SUBJECT, "a.*.c", "a.b.d", false},
        {NW_ADDRESS_SUBJECT, "a.*", "a.b.c", false},
        {NW_ADDRESS_SUBJECT, "a.>", "a", false},
        {NW_ADDRESS_SUBJECT, "a.>", "a.b.c", true},
        {NW_ADDRESS_SUBJECT, ">", "a", true},
        {NW_ADDRESS_SUBJECT, "a", "a.b", false},
        {NW_ADDRESS_TOPIC_MQTT, "a/#", "a", true},
        {NW_ADDRESS_TOPIC_MQTT, "a/#", "a/", true},
        {NW_ADDRESS_TOPIC_MQTT, "a/+", "a/", true},
        {NW_ADDRESS_TOPIC_MQTT, "a/+", "a", false},
        {NW_ADDRESS_TOPIC_MQTT, "/a", "a", false},
        {NW_ADDRESS_TOPIC_KAFKA, "orders", "orders", true},
        {NW_ADDRESS_TOPIC_KAFKA, "orders", "order", false},
        {NW_ADDRESS_TOPIC_KAFKA, "^ord.*", "orders", true},
        {NW_ADDRESS_TOPIC_KAFKA, "^ord.*", "xorders", false},
        {NW_ADDRESS_TOPIC_KAFKA, NULL, "anything", true},
        {NW_ADDRESS_HTTP_PATH, "POST /a/{x}", "/a/1", true},
        {NW_ADDRESS_HTTP_PATH, "/a/{x}", "POST /a/1", true},
        {NW_ADDRESS_HTTP_PATH, "GET /a/{x}", "/a/", false},
        {NW_ADDRESS_HTTP_PATH, "GET /a%20b", "/a b", true},
        {NW_ADDRESS_HTTP_PATH, "GET /a", "/A", false},
        {NW_ADDRESS_FILE_PATH, "/in/*.csv", "/in/a.csv", true},
        {NW_ADDRESS_FILE_PATH, "/in/*.csv", "/in/.csv", false},
        {NW_ADDRESS_FILE_PATH, "/in/*.csv", "/in/a/b.csv", false},
        {NW_ADDRESS_FILE_PATH, "/in/a.csv", "/in/a.csv", true},
    };
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        struct nw_template_scope scope = {"b", "r", rows[i].kind, rows[i].pattern, 0, false, false};
        cr_expect_eq((bool)nw_template_scope_matches(&scope, nw_slice_text(rows[i].address)),
                     rows[i].matches, "%s %s", rows[i].pattern, rows[i].address);
    }
}
