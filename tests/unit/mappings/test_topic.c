/* SPDX-License-Identifier: Apache-2.0 */
#include <criterion/criterion.h>

#include "base/error.h"
#include "mappings/fill.h"
#include "mappings/topic.h"

static struct nw_message *m;

static void begin(void)
{
    m = nw_message_make();
}

static void end(void)
{
    nw_message_unref(m);
}

/* Convert into out; returns the length. */
static size_t convert(void (*how)(struct nw_text *, struct nw_slice, bool, bool),
                      struct nw_slice in, bool escaped, char *out, size_t size)
{
    struct nw_text text = nw_text_begin(m, out, size);

    how(&text, in, false, escaped);
    cr_assert_eq(text.data, out, "the test's buffer is too small");
    return text.len;
}

Test(topic, follows_the_rules_of_nats_server, .init = begin, .fini = end)
{
    static const struct {
        const char *topic, *subject;
    } rows[] = {
        {"a", "a"},           {"a/b/c", "a.b.c"},
        {"a.b/c", "a//b.c"},  {"/a", "/.a"},
        {"a/", "a./"},        {"a//b", "a./.b"},
        {"a///b", "a././.b"}, {"/", "/./"},
        {"//", "/././"},      {".", "//"},
        {"a/./b", "a.//.b"},  {"..", "////"},
        {"$x/y", "$x.y"},     {"a%2Eb", "a%2Eb"},
        {"a*b/c>", "a*b.c>"}, {"\xc3\xa9/\xe2\x82\xac", "\xc3\xa9.\xe2\x82\xac"},
    };
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        char out[64];
        size_t n = convert(nw_topic_to_subject, nw_slice_text(rows[i].topic), false, out, 64);
        cr_expect(n == strlen(rows[i].subject) && memcmp(out, rows[i].subject, n) == 0, "%s: %.*s",
                  rows[i].topic, (int)n, out);
        n = convert(nw_subject_to_topic, nw_slice_text(rows[i].subject), false, out, 64);
        cr_expect(n == strlen(rows[i].topic) && memcmp(out, rows[i].topic, n) == 0, "%s: %.*s",
                  rows[i].subject, (int)n, out);
    }
}

Test(topic, what_a_subject_cannot_have_is_escaped_for_good, .init = begin, .fini = end)
{
    static const struct {
        const char *topic, *subject;
    } rows[] = {{"a b", "a%20b"}, {"*", "%2A"}, {"a/>", "a.%3E"}, {"a\tb\x7f", "a%09b%7F"}};

    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        char out[64];
        size_t n = convert(nw_topic_to_subject, nw_slice_text(rows[i].topic), false, out, 64);
        cr_expect(n == strlen(rows[i].subject) && memcmp(out, rows[i].subject, n) == 0, "%s: %.*s",
                  rows[i].topic, (int)n, out);
    }
}

Test(topic, wildcards_of_mqtt_cannot_come_out_of_a_subject, .init = begin, .fini = end)
{
    char out[64];
    size_t n = convert(nw_subject_to_topic, NW_LITERAL("a.+.#"), false, out, 64);

    cr_expect(n == 9 && memcmp(out, "a/%2B/%23", n) == 0, "%.*s", (int)n, out);
}

static bool is_topic(struct nw_slice s)
{
    return nw_fill_check(NW_FILL_MQTT_TOPIC, s, 0, NULL) == 0;
}

static bool is_subject(struct nw_slice s)
{
    return nw_fill_check(NW_FILL_SUBJECT, s, 0, NULL) == 0;
}

/* Both ways for s as a topic and as a subject, wherever it is one. */
static void check_round_trips(struct nw_slice s)
{
    char there[256], back[256];
    size_t n, k;

    if (is_topic(s)) {
        n = convert(nw_topic_to_subject, s, true, there, sizeof there);
        cr_assert(is_subject((struct nw_slice){there, n}), "topic \"%.*s\" gives \"%.*s\"",
                  (int)s.len, s.data, (int)n, there);
        k = convert(nw_subject_to_topic, (struct nw_slice){there, n}, true, back, sizeof back);
        cr_assert(k == s.len && memcmp(back, s.data, k) == 0,
                  "topic \"%.*s\" gives \"%.*s\" gives \"%.*s\"", (int)s.len, s.data, (int)n, there,
                  (int)k, back);
    }
    if (is_subject(s)) {
        n = convert(nw_subject_to_topic, s, true, there, sizeof there);
        cr_assert(is_topic((struct nw_slice){there, n}), "subject \"%.*s\" gives \"%.*s\"",
                  (int)s.len, s.data, (int)n, there);
        k = convert(nw_topic_to_subject, (struct nw_slice){there, n}, true, back, sizeof back);
        cr_assert(k == s.len && memcmp(back, s.data, k) == 0,
                  "subject \"%.*s\" gives \"%.*s\" gives \"%.*s\"", (int)s.len, s.data, (int)n,
                  there, (int)k, back);
    }
}

/* All texts of up to `longest` letters of the alphabet, whose letters may have several bytes. */
static size_t try_all(const char *const *alphabet, size_t letters, size_t longest, char *text,
                      size_t len, size_t used)
{
    size_t tried = 0;

    if (used > 0) {
        check_round_trips((struct nw_slice){text, len});
        tried++;
    }
    for (size_t i = 0; used < longest && i < letters; i++) {
        size_t n = strlen(alphabet[i]);
        memcpy(text + len, alphabet[i], n);
        tried += try_all(alphabet, letters, longest, text, len + n, used + 1);
    }
    return tried;
}

Test(topic, escaped_comes_back_for_every_short_text, .init = begin, .fini = end, .timeout = 60)
{
    static const char *const alphabet[] = {"a", "/", ".", "*", ">", "+", "#", "$", " "};
    char text[64];

    cr_expect_eq(try_all(alphabet, 9, 5, text, 0, 0), 9 + 81 + 729 + 6561 + 59049);
}

Test(topic, escaped_comes_back_for_texts_that_look_escaped, .init = begin, .fini = end,
     .timeout = 60)
{
    static const char *const alphabet[] = {"%",  "25", "2E",  "2F",   "00",    "2A",
                                           "20", "2",  "%25", "%252", "%252F", "%00",
                                           "/",  ".",  " ",   "*",    "E"};
    char text[64];

    cr_expect_gt(try_all(alphabet, 17, 4, text, 0, 0), 83521);
}

Test(topic, escaped_is_readable, .init = begin, .fini = end)
{
    static const struct {
        const char *topic, *subject;
    } rows[] = {
        {"plant/7/temperature", "plant.7.temperature"},
        {"a.b/c d", "a%2Eb.c%20d"},
        {"/a//", "%00.a.%00.%00"},
        {"*/>/a*", "%2A.%3E.a*"},
        {"a%2Fb", "a/b"},
        {"%2E", "%252E"},
        {"100%", "100%"},
        {"%00", "%00"},
        {"a/%00", "a.%2500"},
    };
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        char out[64];
        size_t n = convert(nw_topic_to_subject, nw_slice_text(rows[i].topic), true, out, 64);
        cr_expect(n == strlen(rows[i].subject) && memcmp(out, rows[i].subject, n) == 0, "%s: %.*s",
                  rows[i].topic, (int)n, out);
    }
}
