/* SPDX-License-Identifier: Apache-2.0 */
#include <criterion/criterion.h>

#include "base/error.h"
#include "base/json.h"
#include "mappings/fill.h"
#include "mappings/template.h"

#define BYTES(text)              \
    {                            \
        (text), sizeof(text) - 1 \
    }

static const char ten_kilobytes[] = {[0 ... 10239] = 'x'};

/* What an attacker would send as a key. */
static const struct nw_slice attacks[] = {
    BYTES("."),          BYTES(".."),
    BYTES("*"),          BYTES(">"),
    BYTES("a.b"),        BYTES("a.>"),
    BYTES(" "),          BYTES("a b"),
    BYTES("\0"),         BYTES("a\0b"),
    BYTES("a\r\nPUB x"), BYTES("\n"),
    BYTES("../"),        BYTES("../../etc/passwd"),
    BYTES("%2e%2e"),     BYTES("%2e%2e%2f"),
    BYTES("//"),         BYTES("/"),
    BYTES("/etc"),       BYTES("\xff\xfe"),
    BYTES("\xc3"),       BYTES("\xed\xa0\x80"),
    BYTES("\xc2\x80"),   BYTES("\xef\xbf\xbf"),
    BYTES("+"),          BYTES("#"),
    BYTES("a/+/#"),      BYTES("$SYS"),
    BYTES("$JS.API"),    BYTES("{{key}}"),
    BYTES("$1"),         BYTES("?a=b&c"),
    BYTES("#frag"),      BYTES("@evil.com"),
    BYTES("\\"),         BYTES("\x7f"),
    BYTES("\x01"),       BYTES("'\""),
    BYTES("=2E"),        BYTES("\xc3\xa9"),
    BYTES("k"),          {ten_kilobytes, sizeof ten_kilobytes}};
#define ATTACKS (sizeof attacks / sizeof attacks[0])

static const struct nw_template_scope scope = {.bridge = "b",
                                               .route = "r",
                                               .address = NW_ADDRESS_TOPIC_KAFKA,
                                               .pattern = "t",
                                               .has = NW_HAS(NW_META_KEY)};

/* "…{{key}}…" with this key; false if the message is rejected. */
static bool fill_in(const char *text, enum nw_fill fill, struct nw_slice key, struct nw_message *m,
                    struct nw_slice *out)
{
    struct nw_template *t = NULL;
    struct nw_error error = {.text = ""};
    struct nw_slice whole;
    int rc;

    cr_assert_eq(nw_template_compile(nw_slice_text(text), fill, &scope, &t, &error), 0, "%s: %s",
                 text, error.text);
    nw_message_set_key(m, key);
    rc = nw_template_render(t, m, &whole, &error);
    if (rc == 0) {
        *out = nw_message_copy(m, whole.data, whole.len);
    }
    nw_template_free(t);
    cr_expect(rc == 0 || error.text[0] != '\0');
    return rc == 0;
}

static size_t count(struct nw_slice s, char c)
{
    size_t n = 0;

    for (size_t i = 0; i < s.len; i++) {
        n += s.data[i] == c ? 1 : 0;
    }
    return n;
}

static bool has_any(struct nw_slice s, const char *set)
{
    for (size_t i = 0; i < s.len; i++) {
        if (s.data[i] == '\0' || strchr(set, s.data[i]) != NULL) {
            return true;
        }
    }
    return false;
}

Test(fill, no_value_changes_the_structure_of_a_subject)
{
    for (size_t i = 0; i < ATTACKS; i++) {
        struct nw_message *m = nw_message_make();
        struct nw_slice out;
        if (fill_in("a.{{key}}.z", NW_FILL_SUBJECT, attacks[i], m, &out)) {
            cr_expect_eq(count(out, '.'), 2, "%zu: %.*s", i, (int)out.len, out.data);
            cr_expect_not(has_any(out, "*> \r\n\t\x01\x7f"), "%zu: %.*s", i, (int)out.len,
                          out.data);
            cr_expect(nw_utf8_valid(out), "%zu", i);
        } else {
            cr_expect_gt(attacks[i].len, 3000, "%zu was refused", i);
        }
        if (fill_in("{{key}}.API", NW_FILL_SUBJECT, attacks[i], m, &out)) {
            cr_expect_neq(out.data[0], '$', "%zu", i);
        }
        nw_message_unref(m);
    }
}

Test(fill, no_value_changes_the_structure_of_a_kv_key)
{
    for (size_t i = 0; i < ATTACKS; i++) {
        struct nw_message *m = nw_message_make();
        struct nw_slice out;
        if (fill_in("{{key}}/a.{{key}}", NW_FILL_KV_KEY, attacks[i], m, &out)) {
            cr_expect_eq(count(out, '.'), 1, "%zu: %.*s", i, (int)out.len, out.data);
            cr_expect_eq(memchr(out.data, '/', out.len), memmem(out.data, out.len, "/a.", 3),
                         "the bucket ends at the first slash: %.*s", (int)out.len, out.data);
            cr_expect_not(has_any(out, "%*> \r\n"), "%zu", i);
        } else {
            cr_expect_gt(attacks[i].len, 3000, "%zu was refused", i);
        }
        nw_message_unref(m);
    }
}

Test(fill, no_value_changes_the_structure_of_a_topic)
{
    for (size_t i = 0; i < ATTACKS; i++) {
        struct nw_message *m = nw_message_make();
        struct nw_slice out;
        cr_assert(fill_in("a/{{key}}/z", NW_FILL_MQTT_TOPIC, attacks[i], m, &out), "%zu", i);
        cr_expect_eq(count(out, '/'), 2, "%zu: %.*s", i, (int)out.len, out.data);
        cr_expect_not(has_any(out, "+#\r\n\x01\x7f"), "%zu", i);
        cr_expect(nw_utf8_valid(out), "%zu", i);
        nw_message_unref(m);
    }
}

Test(fill, no_value_changes_the_structure_of_a_url)
{
    for (size_t i = 0; i < ATTACKS; i++) {
        struct nw_message *m = nw_message_make();
        struct nw_slice out;
        if (fill_in("POST https://h/a/{{key}}/z?q={{key}}", NW_FILL_URL, attacks[i], m, &out)) {
            cr_expect_eq(count(out, '/'), 5, "%zu: %.*s", i, (int)out.len, out.data);
            cr_expect_eq(count(out, '?'), 1, "%zu", i);
            cr_expect_eq(count(out, ' '), 1, "%zu", i);
            cr_expect_not(has_any(out, "&#\r\n@\"'\\\xff"), "%zu: %.*s", i, (int)out.len, out.data);
            cr_expect_null(memmem(out.data, out.len, "/../", 4), "%zu", i);
        } else { /* "." and ".." have no escaped form in a URL */
            cr_expect(attacks[i].len > 3000 || attacks[i].data[0] == '.', "%zu was refused", i);
        }
        nw_message_unref(m);
    }
}

Test(fill, no_value_leaves_its_place_in_a_path)
{
    for (size_t i = 0; i < ATTACKS; i++) {
        struct nw_message *m = nw_message_make();
        struct nw_slice out;
        if (fill_in("../out/{{key}}/{{key}}", NW_FILL_PATH, attacks[i], m, &out)) {
            cr_expect_eq(count(out, '/'), 3, "%zu: %.*s", i, (int)out.len, out.data);
            cr_expect_eq(nw_fill_count_dots(out), 1, "%zu: %.*s", i, (int)out.len, out.data);
            cr_expect_not(has_any(out, "\r\n\x01\x7f"), "%zu", i);
        } else {
            cr_expect_gt(attacks[i].len, 255, "%zu was refused", i);
        }
        cr_expect(!fill_in("out/.{{key}}", NW_FILL_PATH, attacks[i], m, &out) ||
                      nw_fill_count_dots(out) == 0,
                  "%zu: %.*s", i, (int)out.len, out.data);
        nw_message_unref(m);
    }
}

Test(fill, no_value_breaks_a_header_or_kafka_topic)
{
    for (size_t i = 0; i < ATTACKS; i++) {
        struct nw_message *m = nw_message_make();
        struct nw_slice out;
        cr_expect(!fill_in("a {{key}}", NW_FILL_HEADER, attacks[i], m, &out) ||
                      !has_any(out, "\r\n"),
                  "%zu", i);
        cr_expect(!fill_in("{{key}}", NW_FILL_HEADER, attacks[i], m, &out) || !has_any(out, "\r\n"),
                  "%zu", i);
        cr_expect(!fill_in("{{key}}", NW_FILL_KAFKA_TOPIC, attacks[i], m, &out) ||
                      (out.len <= 249 && !has_any(out, "/ %*\r\n\xff") &&
                       !nw_slice_equal(out, NW_LITERAL(".."))),
                  "%zu", i);
        nw_message_unref(m);
    }
}

Test(fill, text_takes_every_value_as_it_is)
{
    for (size_t i = 0; i < ATTACKS; i++) {
        struct nw_message *m = nw_message_make();
        struct nw_slice out;
        cr_assert(fill_in("{{key}}", NW_FILL_TEXT, attacks[i], m, &out));
        cr_expect(nw_slice_equal(out, attacks[i]), "%zu", i);
        cr_assert(fill_in("<{{key}}>", NW_FILL_TEXT, attacks[i], m, &out));
        cr_expect(out.len == attacks[i].len + 2 &&
                      memcmp(out.data + 1, attacks[i].data, attacks[i].len) == 0,
                  "%zu", i);
        nw_message_unref(m);
    }
}

Test(fill, raw_values_must_leave_a_whole_that_is_valid)
{
    static const struct {
        const char *text;
        enum nw_fill fill;
        struct nw_slice key;
        bool passes;
    } rows[] = {
        {"a.{{key|raw}}", NW_FILL_SUBJECT, BYTES("b.c"), true},
        {"a.{{key|raw}}", NW_FILL_SUBJECT, BYTES("b..c"), false},
        {"a.{{key|raw}}", NW_FILL_SUBJECT, BYTES(">"), false},
        {"a.{{key|raw}}", NW_FILL_SUBJECT, BYTES("b c"), false},
        {"a.{{key|raw}}", NW_FILL_SUBJECT, BYTES(""), false},
        {"{{key|raw}}", NW_FILL_SUBJECT, BYTES("$JS.API.X"), false},
        {"a/{{key|raw}}", NW_FILL_MQTT_TOPIC, BYTES("b/c"), true},
        {"a/{{key|raw}}", NW_FILL_MQTT_TOPIC, BYTES("b/#"), false},
        {"a/{{key|raw}}", NW_FILL_MQTT_TOPIC, BYTES("\xff"), false},
        {"out/{{key|raw}}", NW_FILL_PATH, BYTES("b/c"), true},
        {"out/{{key|raw}}", NW_FILL_PATH, BYTES("../c"), false},
        {"out/{{key|raw}}", NW_FILL_PATH, BYTES("a\0b"), false},
        {"http://h/{{key|raw}}", NW_FILL_URL, BYTES("b/c?d"), true},
        {"http://h/{{key|raw}}", NW_FILL_URL, BYTES("%2e%2E/c"), false},
        {"http://h/{{key|raw}}", NW_FILL_URL, BYTES("a b"), false},
        {"http://h/{{key|raw}}", NW_FILL_URL, BYTES("@evil.com/"), true},
        {"GET http://h{{key|raw}}", NW_FILL_URL, BYTES("/a@b?c"), true},
        {"GET http://h{{key|raw}}", NW_FILL_URL, BYTES("?c"), true},
        {"GET http://h{{key|raw}}", NW_FILL_URL, BYTES(""), true},
        {"GET http://h{{key|raw}}", NW_FILL_URL, BYTES(":8080/a"), true},
        {"GET http://h{{key|raw}}", NW_FILL_URL, BYTES("-2.example"), true},
        {"GET http://h{{key|raw}}", NW_FILL_URL, BYTES("@evil.com/"), false},
        {"GET http://h{{key|raw}}", NW_FILL_URL, BYTES(":pw@evil.com/"), false},
        {"GET http://h{{key|raw}}", NW_FILL_URL, BYTES(":80a/"), false},
        {"GET http://h{{key|raw}}", NW_FILL_URL, BYTES(":65536/"), false},
        {"GET http://h{{key|raw}}", NW_FILL_URL, BYTES("\\@evil.com/"), false},
        {"GET http://h{{key|raw}}", NW_FILL_URL, BYTES("/../a"), false},
        {"GET http://u@h{{key|raw}}", NW_FILL_URL, BYTES("/a"), true},
        {"GET http://u@h{{key|raw}}", NW_FILL_URL, BYTES("@evil.com/"), false},
        {"GET http://{{key|raw}}/a", NW_FILL_URL, BYTES("h"), true},
        {"GET http://{{key|raw}}/a", NW_FILL_URL, BYTES("[::1]:80"), true},
        {"GET http://{{key|raw}}/a", NW_FILL_URL, BYTES("[::1"), false},
        {"GET http://{{key|raw}}/a", NW_FILL_URL, BYTES(""), false},
        {"GET http://{{key|raw}}/a", NW_FILL_URL, BYTES("u@h"), false},
        {"{{key|raw}}", NW_FILL_URL, BYTES("https://h:443/a?b#c"), true},
        {"{{key|raw}}", NW_FILL_URL, BYTES("GET http://h"), true},
        {"{{key|raw}}", NW_FILL_URL, BYTES("http:///a"), false},
        {"{{key|raw}}", NW_FILL_URL, BYTES("file:///etc/passwd"), false},
        {"{{key|raw}}", NW_FILL_URL, BYTES("h/a"), false},
        {"{{key|raw}} http://h/", NW_FILL_URL, BYTES("PUT"), true},
        {"{{key|raw}} http://h/", NW_FILL_URL, BYTES("http://evil.com/"), false},
        {"{{key|raw}} http://h/", NW_FILL_URL, BYTES("GET http://evil.com/"), false},
        {"{{key}} http://h/", NW_FILL_URL, BYTES("http://evil.com/"), false},
        {"{{key|raw}}", NW_FILL_HEADER, BYTES("a\nb"), false},
    };
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        struct nw_message *m = nw_message_make();
        struct nw_slice out;
        cr_expect_eq(fill_in(rows[i].text, rows[i].fill, rows[i].key, m, &out), rows[i].passes,
                     "%zu: %s", i, rows[i].text);
        nw_message_unref(m);
    }
}

Test(fill, escapes_as_documented)
{
    static const struct {
        enum nw_fill fill;
        struct nw_slice value;
        const char *escaped; /* NULL: refused */
    } rows[] = {
        {NW_FILL_SUBJECT, BYTES("a.b*c>d%e f\x7f\n"), "a%2Eb%2Ac%3Ed%25e%20f%7F%0A"},
        {NW_FILL_SUBJECT, BYTES("/+#$\xc3\xa9"), "/+#$\xc3\xa9"},
        {NW_FILL_SUBJECT, BYTES("a\xff\xc3"), "a%FF%C3"},
        {NW_FILL_SUBJECT, BYTES(""), NULL},
        {NW_FILL_KV_KEY, BYTES("a.b-_c=/\xc3\xa9"), "a=2Eb-_c=3D=2F=C3=A9"},
        {NW_FILL_KV_KEY, BYTES(""), NULL},
        {NW_FILL_MQTT_TOPIC, BYTES("a.b c/+#%\n"), "a.b c%2F%2B%23%25%0A"},
        {NW_FILL_MQTT_TOPIC, BYTES("\xc2\x85\xff"), "%C2%85%FF"},
        {NW_FILL_MQTT_TOPIC, BYTES(""), ""},
        {NW_FILL_URL, BYTES("aZ09-._~ /?#&=\xc3"), "aZ09-._~%20%2F%3F%23%26%3D%C3"},
        {NW_FILL_PATH, BYTES("a b/.."), "a b%2F.."},
        {NW_FILL_PATH, BYTES(".."), "%2E%2E"},
        {NW_FILL_PATH, BYTES("."), "%2E"},
        {NW_FILL_PATH, BYTES("..."), "..."},
        {NW_FILL_PATH, BYTES(""), NULL},
        {NW_FILL_KAFKA_TOPIC, BYTES("a/b"), "a/b"},
        {NW_FILL_HEADER, BYTES("a\tb"), "a\tb"},
    };
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        struct nw_message *m = nw_message_make();
        char buffer[8];
        struct nw_text text = nw_text_begin(m, buffer, sizeof buffer);
        struct nw_slice out = NW_ABSENT;
        const char *problem = nw_fill_escape(&text, rows[i].fill, rows[i].value);
        cr_expect_eq(problem != NULL, rows[i].escaped == NULL, "%zu", i);
        if (problem == NULL) {
            cr_assert_eq(nw_text_end(&text, &out), 0);
            cr_expect(nw_slice_equal(out, nw_slice_text(rows[i].escaped)), "%zu: %.*s", i,
                      (int)out.len, out.data);
        }
        nw_message_unref(m);
    }
}
