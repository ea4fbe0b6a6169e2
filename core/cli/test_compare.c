/* SPDX-License-Identifier: Apache-2.0 */
/* What a test expects against what came out. */
#include "base/json.h"
#include "cli/test.h"
#include "mappings/json_match.h"

/* What does not fit: both sides, one under the other. */
static void differ(struct nw_buffer *out, const char *what, const struct nw_buffer *expected,
                   const struct nw_buffer *found)
{
    nw_buffer_add_format(out, "    %s\n      expected: %s\n      found:    %s\n", what,
                         nw_buffer_text(expected), nw_buffer_text(found));
}

static void add_quoted(struct nw_buffer *b, struct nw_slice text)
{
    if (text.data == NULL) {
        nw_buffer_add_text(b, "none");
    } else {
        nw_json_add_string(b, text);
    }
}

static void compare_text(struct nw_buffer *out, const char *what, struct nw_slice expected,
                         struct nw_slice found)
{
    struct nw_buffer a = {0}, b = {0};

    if ((expected.data == NULL) == (found.data == NULL) && nw_slice_equal(expected, found)) {
        return;
    }
    add_quoted(&a, expected);
    add_quoted(&b, found);
    differ(out, what, &a, &b);
    nw_buffer_done(&a);
    nw_buffer_done(&b);
}

/* ---- headers ---- */

static void add_expected(struct nw_buffer *out, const struct nw_test_pairs *pairs,
                         struct nw_slice name)
{
    for (size_t i = 0; i < pairs->count; i++) {
        if (nw_header_name_equal(nw_slice_text(pairs->items[i].name), name)) {
            nw_buffer_add_text(out, out->len == 0 ? "" : ", ");
            add_quoted(out, pairs->items[i].value == NULL ? NW_ABSENT
                                                          : nw_slice_text(pairs->items[i].value));
        }
    }
}

static void add_found(struct nw_buffer *out, const struct nw_message *m, struct nw_slice name)
{
    for (uint32_t i = 0; i < m->headers.count; i++) {
        if (nw_header_name_equal(m->headers.items[i].name, name)) {
            nw_buffer_add_text(out, out->len == 0 ? "" : ", ");
            add_quoted(out, m->headers.items[i].value);
        }
    }
    nw_buffer_add_text(out, out->len == 0 ? "none" : "");
}

/* All values of a name against all of it, in order, once for each name. */
static void compare_headers(struct nw_buffer *out, const struct nw_test_pairs *pairs,
                            const struct nw_message *m)
{
    for (size_t i = 0; i < pairs->count; i++) {
        struct nw_slice name = nw_slice_text(pairs->items[i].name);
        struct nw_buffer a = {0}, b = {0}, what = {0};
        bool first = true;

        for (size_t k = 0; k < i; k++) {
            first &= !nw_header_name_equal(nw_slice_text(pairs->items[k].name), name);
        }
        add_expected(&a, pairs, name);
        add_found(&b, m, name);
        if (first && !nw_slice_equal(nw_buffer_slice(&a), nw_buffer_slice(&b))) {
            nw_buffer_add_format(&what, "header %s", pairs->items[i].name);
            differ(out, nw_buffer_text(&what), &a, &b);
        }
        nw_buffer_done(&a);
        nw_buffer_done(&b);
        nw_buffer_done(&what);
    }
}

/* ---- the payload ---- */

/* A text is the payload's bytes, or what a JSON string says. */
static bool text_matches(struct nw_slice expected, struct nw_slice found)
{
    struct nw_buffer quoted = {0};
    bool same;

    if (expected.data == NULL || found.data == NULL) {
        return expected.data == found.data;
    }
    if (nw_slice_equal(expected, found)) {
        return true;
    }
    nw_json_add_string(&quoted, expected);
    same = nw_json_matches(nw_buffer_slice(&quoted), found, false);
    nw_buffer_done(&quoted);
    return same;
}

/* As it was compared: a value, or bytes, which are shown in quotes where that says more. */
static void add_found_payload(struct nw_buffer *b, struct nw_slice payload, bool is_json)
{
    if (payload.data != NULL && (is_json || !nw_utf8_valid(payload))) {
        nw_trial_add_payload(b, payload);
    } else {
        add_quoted(b, payload);
    }
}

static void compare_payload(struct nw_buffer *out, const struct nw_test_expect *e,
                            const struct nw_message *m)
{
    struct nw_buffer a = {0}, b = {0};
    bool same = e->payload_is_json ? nw_json_matches(e->payload, m->payload, e->subset)
                                   : text_matches(e->payload, m->payload);

    if (same) {
        return;
    }
    if (e->payload_is_json) {
        nw_buffer_add_slice(&a, e->payload);
    } else {
        add_found_payload(&a, e->payload, false);
    }
    add_found_payload(&b, m->payload, e->payload_is_json);
    differ(out, e->subset ? "payload (a part of it)" : "payload", &a, &b);
    nw_buffer_done(&a);
    nw_buffer_done(&b);
}

/* ---- one, and all ---- */

static void compare_sent(struct nw_buffer *out, const struct nw_test_expect *e,
                         const struct nw_trial_end *found)
{
    const struct nw_message *m = found->message;

    if (e->to != NULL) {
        compare_text(out, "to", nw_slice_text(e->to), nw_slice_text(found->sink->connector->name));
    }
    if (e->address != NULL) {
        compare_text(out, "address", nw_slice_text(e->address), m->address);
    }
    if (e->key_given) {
        compare_text(out, "key", e->key == NULL ? NW_ABSENT : nw_slice_text(e->key), m->key);
    }
    compare_headers(out, &e->headers, m);
    if (e->payload_given) {
        compare_payload(out, e, m);
    }
}

static void add_wanted(struct nw_buffer *out, const struct nw_test_expect *e)
{
    switch (e->kind) {
    case NW_EXPECT_FILTERED:
        nw_buffer_add_text(out, "that it is filtered");
        break;
    case NW_EXPECT_REJECTED:
        nw_buffer_add_format(out, "that it is rejected with \"%s\"",
                             e->reason == NULL ? "" : e->reason);
        break;
    default:
        nw_buffer_add_text(out, "a message");
        break;
    }
}

static bool is_other_kind(const struct nw_test_expect *e, const struct nw_trial_end *found)
{
    return e->kind != found->kind || (e->kind == NW_EXPECT_REJECTED && e->reason != NULL &&
                                      strstr(found->text, e->reason) == NULL);
}

static void compare_one(struct nw_buffer *out, const struct nw_test_expect *e,
                        const struct nw_trial_end *found)
{
    struct nw_buffer a = {0}, b = {0};

    if (!is_other_kind(e, found)) {
        if (e->kind == NW_EXPECT_SENT) {
            compare_sent(out, e, found);
        }
        return;
    }
    add_wanted(&a, e);
    nw_trial_add_end(&b, found);
    differ(out, "what comes out", &a, &b);
    nw_buffer_done(&a);
    nw_buffer_done(&b);
}

void nw_test_compare(struct nw_buffer *out, const struct nw_test_spec *test,
                     const struct nw_trial_end *found, size_t count)
{
    struct nw_buffer one = {0};

    if (count != test->expect_count) {
        nw_buffer_add_format(out, "    %zu thing%s expected, and %zu came out%s\n",
                             test->expect_count, test->expect_count == 1 ? " is" : "s are", count,
                             count == 0 ? "" : ":");
        for (size_t i = 0; i < count; i++) {
            nw_buffer_add_text(out, "      ");
            nw_trial_add_end(out, &found[i]);
            nw_buffer_add_char(out, '\n');
        }
        return;
    }
    for (size_t i = 0; i < count; i++) {
        nw_buffer_clear(&one);
        compare_one(&one, &test->expects[i], &found[i]);
        if (one.len > 0 && count > 1) {
            nw_buffer_add_format(out, "    number %zu:\n", i + 1);
        }
        nw_buffer_add_slice(out, nw_buffer_slice(&one));
    }
    nw_buffer_done(&one);
}
