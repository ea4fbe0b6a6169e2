/* SPDX-License-Identifier: Apache-2.0 */
#include <criterion/criterion.h>

#include "hub/js_parse.h"

Test(js_parse, reads_both_forms_of_metadata)
{
    static const char *const replies[] = {
        "$JS.ACK.ORDERS.dur.2.1234.77.1790000000123456789.5",
        "$JS.ACK._.ACCHASH.ORDERS.dur.2.1234.77.1790000000123456789.5",
        "$JS.ACK.hub.ACCHASH.ORDERS.dur.2.1234.77.1790000000123456789.5.random",
    };
    for (size_t i = 0; i < sizeof replies / sizeof replies[0]; i++) {
        struct nw_js_metadata m;
        cr_assert(nw_js_parse_metadata(replies[i], &m), "%s", replies[i]);
        cr_expect(nw_slice_equal(m.stream, NW_LITERAL("ORDERS")));
        cr_expect(nw_slice_equal(m.consumer, NW_LITERAL("dur")));
        cr_expect_eq(m.delivered, 2);
        cr_expect_eq(m.sequence, 1234);
        cr_expect_eq(m.consumer_sequence, 77);
        cr_expect_eq(m.timestamp_ns, INT64_C(1790000000123456789));
        cr_expect_eq(m.pending, 5);
    }
}

Test(js_parse, takes_nothing_else_for_metadata)
{
    static const char *const replies[] = {
        NULL,
        "",
        "_INBOX.x.1",
        "$JS.ACK.",
        "$JS.ACK.S.d.1.2.3.4",
        "$JS.ACK.S.d.1.2.3.4.x",
        "$JS.ACK.S.d.1..3.4.5",
        "$JS.ACK._.H.S.d.1.2.3.4",
        "$JS.ACK.S.d.1.2.3.4.99999999999999999999",
    };
    for (size_t i = 0; i < sizeof replies / sizeof replies[0]; i++) {
        struct nw_js_metadata m;
        cr_expect_not(nw_js_parse_metadata(replies[i], &m), "%s", replies[i]);
    }
}

static struct nw_js_puback parse(const char *json)
{
    struct nw_js_puback ack;

    nw_js_parse_puback(nw_slice_text(json), &ack);
    return ack;
}

Test(js_parse, reads_an_acknowledgment)
{
    struct nw_js_puback ack = parse("{\"stream\":\"S\", \"domain\":\"hub\",\"seq\":42}");

    cr_expect(ack.is_ack);
    cr_expect_not(ack.duplicate);
    cr_expect_eq(ack.sequence, 42);
    ack = parse("{\"stream\": \"S\", \"seq\": 7,\"duplicate\": true}");
    cr_expect(ack.is_ack && ack.duplicate);
    cr_expect_not(parse("").is_ack);
    cr_expect_not(parse("ok").is_ack);
    cr_expect_not(parse("{\"seq\":").is_ack);
}

Test(js_parse, an_error_decides_whether_it_is_tried_again)
{
    static const struct {
        const char *json;
        enum nw_outcome outcome;
        enum nw_cause cause;
    } cases[] = {
        {"{\"error\":{\"code\":400,\"err_code\":10054,\"description\":\"message size exceeds "
         "maximum allowed\"},\"stream\":\"S\",\"seq\":0}",
         NW_REJECT, NW_CAUSE_TOO_LARGE},
        {"{\"error\":{\"code\":400,\"err_code\":10071,\"description\":\"wrong last sequence: "
         "3\"},\"stream\":\"S\",\"seq\":0}",
         NW_REJECT, NW_CAUSE_REFUSED},
        {"{\"error\":{\"code\":503,\"err_code\":10077,\"description\":\"maximum messages "
         "exceeded\"},\"stream\":\"S\",\"seq\":0}",
         NW_RETRY, NW_CAUSE_OUTAGE},
        {"{\"error\":{\"code\":400,\"err_code\":10109,\"description\":\"invalid operation on "
         "sealed stream\"},\"stream\":\"S\",\"seq\":0}",
         NW_RETRY, NW_CAUSE_OUTAGE},
        {"{\"error\":{\"code\":429,\"err_code\":10167,\"description\":\"too many requests\"}}",
         NW_RETRY, NW_CAUSE_OUTAGE},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct nw_js_puback ack = parse(cases[i].json);
        enum nw_outcome outcome;
        enum nw_cause cause;
        cr_assert_not(ack.is_ack, "case %zu", i);
        cr_expect_gt(ack.code, 0);
        cr_expect_not_null(ack.description.data);
        nw_js_puback_outcome(&ack, &outcome, &cause);
        cr_expect_eq(outcome, cases[i].outcome, "case %zu", i);
        cr_expect_eq(cause, cases[i].cause, "case %zu", i);
    }
}
