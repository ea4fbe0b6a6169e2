/* SPDX-License-Identifier: Apache-2.0 */
/* Rules beside libjq: one byte that chooses a program, payload; or 255, program NUL payload. What a
 * rule decides, libjq must say the same. */
#include <jv.h>
#include <string.h>

#include "fuzz.h"
#include "mappings/program.h"
#include "tests/support/leaks.h"

static const char *const programs[] = {
    ".",
    ".a",
    ".a.b",
    ".[0]",
    ".a[-1]",
    ".[]",
    ".n > 3 and .s == \"x\"",
    ".a == .b or .a < .b",
    "{a, b: .s, n: [.n, .a.b?]}",
    ". + {z: .a}",
    ".a + .b",
    ".n * 2 - 1 / 4",
    "\"\\(.s)-\\(.n)-\\(.)\"",
    ".a // .b // \"none\"",
    "length",
    "map(length)",
    "[.[] | tostring]",
    "[.[]? | tonumber]",
    "has(\"a\")",
    ".s | test(\"^[a-z]+[0-9]*$\")",
    ".s | ascii_downcase | ltrimstr(\"x\")",
    "if .t then .a else {a: .s} end",
    "[.items[] | select(.v > 1) | {id}]",
    "map(floor)",
    "type",
};
#define PROGRAMS (sizeof programs / sizeof programs[0])

static struct nw_mapper *mapper;
static struct nw_message *m;
static struct nw_program *compiled[PROGRAMS];

/* What was compiled once is kept. */
#define TEXTS_MOST 2000
static unsigned texts;

static void begin(void)
{
    struct nw_error error;

    mapper = nw_mapper_new();
    m = nw_message_make();
    for (size_t i = 0; i < PROGRAMS; i++) {
        FUZZ_HOLDS(nw_program_compile(nw_slice_text(programs[i]), &compiled[i], &error) == 0);
    }
}

static bool by_libjq(const struct nw_program *p, struct nw_buffer *out)
{
    struct nw_value v = {.parsed = false};
    struct nw_error error;
    bool good = nw_value_for(&v, p, m, &error) == 0;
    jv all;

    good = good && nw_program_collect(mapper, p, &v, m, &all, &error) == 0;
    if (good) {
        jv text = jv_dump_string(all, 0);
        nw_buffer_add_text(out, jv_string_value(text));
        jv_free(text);
    }
    nw_value_done(&v);
    return good;
}

static bool by_rule(const struct nw_program *p, struct nw_buffer *out)
{
    struct nw_value v = {.parsed = false};
    const struct nw_rule_member *values;
    size_t count;

    if (!nw_program_rule_all(mapper, p, &v, m, &values, &count)) {
        return false;
    }
    nw_buffer_add_char(out, '[');
    for (size_t i = 0; i < count; i++) {
        if (i > 0) {
            nw_buffer_add_char(out, ',');
        }
        if (!nw_program_rule_write(mapper, &values[i].value, out)) {
            return false;
        }
    }
    nw_buffer_add_char(out, ']');
    return true;
}

static void check(const struct nw_program *p)
{
    struct nw_buffer found = {0}, expected = {0};

    if (by_rule(p, &found)) {
        leaks_ignore();
        FUZZ_HOLDS(by_libjq(p, &expected));
        leaks_notice();
        FUZZ_HOLDS(nw_slice_equal(nw_buffer_slice(&found), nw_buffer_slice(&expected)));
    }
    nw_buffer_done(&found);
    nw_buffer_done(&expected);
}

/* libjq takes 25 ms to compile a program, so it is only asked about those that would be rules. */
static void check_text(struct nw_slice text)
{
    struct nw_program *p = NULL;
    struct nw_error error;
    char copy[64];
    struct nw_rule *rule;
    int rc;

    if (text.len >= sizeof copy || texts == TEXTS_MOST) {
        return;
    }
    memcpy(copy, text.data, text.len);
    copy[text.len] = '\0';
    rule = nw_rule_compile(copy);
    if (rule == NULL) {
        return;
    }
    nw_rule_free(rule);
    texts++;
    leaks_ignore();
    rc = nw_program_compile(text, &p, &error);
    leaks_notice();
    if (rc == 0) {
        check(p);
        nw_program_free(p);
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct nw_slice input = {(const char *)data, size}, text;
    unsigned choice = fuzz_choice(&input, 256);

    if (mapper == NULL) {
        begin();
    }
    if (choice != 255) {
        m->payload = input;
        check(compiled[choice % PROGRAMS]);
        return 0;
    }
    text = fuzz_part(&input);
    m->payload = input;
    check_text(text);
    return 0;
}
