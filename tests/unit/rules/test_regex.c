/* SPDX-License-Identifier: Apache-2.0 */
/* Searches that go on place by place give what Oniguruma gives by itself, and end in time. */
#include <criterion/criterion.h>
#include <stdlib.h>
#include <time.h>

#include "base/buffer.h"
#include "mappings/json_value.h"
#include "mappings/program.h"
#include "mappings/regex_search.h"

static const struct pair {
    const char *pattern;
    const char *repeated; /* the text begins with it, */
    int times;            /* so often, */
    const char *last;     /* and ends with it */
} pairs[] = {
    {"x+x+[yz]", "x", 300, "z"},
    {"x+x+[yz]", "x", 300, ""},
    {"x+x+[yz]", "ab", 4000, "xxz"},
    {"a.*z", "ab", 3000, ""},
    {"a.*z", "ab", 3000, "z"},
    {"[é]+[éa]+[yz]", "é", 300, "z"},
    {"[é]+[éa]+[yz]", "bé", 2000, "éaz"},
    {"x+x+$", "xy", 3000, "xx"},
    {"(?:x+x+[yz]|$)", "x", 400, ""},
    {"(?<=x)x+x+[yz]|$", "x", 400, ""},
    {"(x+x+)+y", "x", 12, "yy"},
    {"^x+x+[yz]", "x", 4000, ""},
    {"x*x*x*[yz]", "xw", 3000, "xz"},
    {"", "x", 3000, ""},
};
#define PAIRS (sizeof pairs / sizeof pairs[0])

static void build(const struct pair *p, struct nw_buffer *out)
{
    for (int i = 0; i < p->times; i++) {
        nw_buffer_add_text(out, p->repeated);
    }
    nw_buffer_add_text(out, p->last);
    cr_assert(!out->failed);
}

static int64_t processor_ns(void)
{
    struct timespec t;

    (void)clock_gettime(CLOCK_THREAD_CPUTIME_ID, &t);
    return (int64_t)t.tv_sec * 1000000000 + t.tv_nsec;
}

/* All that there are in text, as libjq looks for them with g; the places and lengths. */
typedef int search_function(OnigRegex regex, const OnigUChar *text, const OnigUChar *end,
                            const OnigUChar *start, OnigRegion *region);

static int as_it_is(OnigRegex regex, const OnigUChar *text, const OnigUChar *end,
                    const OnigUChar *start, OnigRegion *region)
{
    return nw_regex_library()->search(regex, text, end, start, end, region, ONIG_OPTION_NONE);
}

static int find_all(search_function *search, OnigRegex regex, const struct nw_buffer *text,
                    struct nw_buffer *out)
{
    const OnigUChar *from = (const OnigUChar *)text->data, *end = from + text->len;
    OnigRegion region = {0};
    int code = ONIG_MISMATCH;

    for (const OnigUChar *start = from; start <= end;) {
        char line[64];

        code = search(regex, from, end, start, &region);
        if (code < 0) {
            break;
        }
        (void)snprintf(line, sizeof line, "%d: %d to %d\n", code, region.beg[0], region.end[0]);
        nw_buffer_add_text(out, line);
        start = from + region.end[0] + (region.end[0] == region.beg[0]);
    }
    free(region.beg);
    free(region.end);
    return code;
}

Test(regex, as_without_limits)
{
    const struct nw_regex_library *onig = nw_regex_library();
    struct nw_mapper *mapper = nw_mapper_new();

    nw_mapper_message(mapper, 600000);
    for (size_t i = 0; i < PAIRS; i++) {
        const OnigUChar *pattern = (const OnigUChar *)pairs[i].pattern;
        struct nw_buffer text = {0}, expected = {0}, found = {0};
        OnigErrorInfo info;
        OnigRegex regex;

        build(&pairs[i], &text);
        cr_assert_eq(onig->make(&regex, pattern, pattern + strlen(pairs[i].pattern),
                                ONIG_OPTION_CAPTURE_GROUP, onig->utf8, onig->syntax, &info),
                     ONIG_NORMAL);
        cr_expect_eq(find_all(nw_regex_search, regex, &text, &found),
                     find_all(as_it_is, regex, &text, &expected), "%s", pairs[i].pattern);
        cr_expect_str_eq(nw_buffer_text(&found), nw_buffer_text(&expected), "%s", pairs[i].pattern);
        onig->release(regex);
        nw_buffer_done(&text);
        nw_buffer_done(&expected);
        nw_buffer_done(&found);
    }
    nw_mapper_free(mapper);
}

/* What means another thing at each place is not tried so. */
Test(regex, whole)
{
    static const OnigUChar last[] = "x\\Gy", plain[] = "x+";

    cr_expect(nw_regex_is_whole(last, last + 4, ONIG_OPTION_NONE));
    cr_expect(nw_regex_is_whole(plain, plain + 2, ONIG_OPTION_FIND_LONGEST));
    cr_expect_not(nw_regex_is_whole(plain, plain + 2, ONIG_OPTION_IGNORECASE));
}

static void expect_it_ends(const char *text, struct nw_slice payload)
{
    static const int64_t limit_ms = 20;
    struct nw_mapper *mapper = nw_mapper_new();
    struct nw_message *message = nw_message_make();
    struct nw_value v = {.parsed = false};
    struct nw_program *p = NULL;
    struct nw_rule_value out;
    struct nw_error error;
    int64_t began;
    jv first;

    message->payload = payload;
    cr_assert_eq(nw_program_compile(nw_slice_text(text), &p, &error), 0);
    cr_assert_eq(nw_value_parse(&v, message, &error), 0);
    nw_mapper_message(mapper, limit_ms);
    began = processor_ns();
    (void)nw_program_rule(mapper, p, &v, message, &out);
    cr_expect_eq(nw_program_run(mapper, p, &v, message, true, &first, &error), NW_PROGRAM_FAILED,
                 "%s", text);
    cr_expect_str_eq(error.text, "the rule took longer than map_timeout, 20 ms", "%s", text);
    /* Of processor time, and far below what they take without a limit: minutes. */
    cr_expect_lt((processor_ns() - began) / 1000000, 50 * limit_ms, "%s", text);
    nw_value_done(&v);
    nw_program_free(p);
    nw_message_unref(message);
    nw_mapper_free(mapper);
}

Test(regex, ends_in_time)
{
    static const char *const texts[] = {
        "test(\"x+x+[yz]\")",
        "test(\"x+x+x+[yz]\"; \"l\")",
        "match(\"\\\\Gx+x+[yz]|x+x+x+[yz]\")",
        "[match(\"a.*b|x+x+[yz]\"; \"g\").offset]",
        "gsub(\"x+x+[yz]\"; \"q\")",
        ". as $t | [range(100000) | try ($t | test(\"x+x+[yz]\")) catch 1] | length",
    };
    struct nw_buffer payload = {0};

    nw_buffer_add_text(&payload, "\"");
    build(&(struct pair){NULL, "x", 4000, "\""}, &payload);
    for (size_t i = 0; i < sizeof texts / sizeof texts[0]; i++) {
        expect_it_ends(texts[i], (struct nw_slice){payload.data, payload.len});
    }
    nw_buffer_done(&payload);
}
