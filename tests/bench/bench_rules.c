/* SPDX-License-Identifier: Apache-2.0 */
/* bench_rules: what a rule costs, through libjq and without it, in microseconds for a payload of
 * 256 bytes. */
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#include "mappings/program.h"

#define ROUNDS 20
#define RUNS 1000

static const char payload[] =
    "{\"device\":\"press-17\",\"site\":\"plant-1\",\"celsius\":21.5,\"pressure\":1013.25,"
    "\"state\":\"running\",\"tags\":[\"north\",\"line-3\"],\"operator\":{\"id\":4711,\"name\":"
    "\"M. Example\"},\"count\":\"1200\",\"ok\":true,\"time\":\"2026-01-01T00:00:00.000Z\","
    "\"note\":\"pressure within limits, ok..\"}";

static const char *const rules[] = {
    ".celsius > -40",
    ".state == \"running\" and .ok",
    "has(\"note\") and (.celsius > 90 or .pressure < 900)",
    ".device | test(\"^press-[0-9]+$\")",
    "{t: .celsius, at: $meta.timestamp}",
    "{id: .operator.id, site, n: (.count | tonumber)}",
    "\"\\(.site)/\\(.device): \\(.celsius)\"",
    ".operator.name // \"nobody\"",
    ". + {site: (.site | ascii_upcase)}",
    "{n: (.tags | length), v: (.celsius * 1.8 + 32 | tostring)}",
};

struct bench {
    struct nw_mapper *mapper;
    struct nw_message *message;
    struct nw_program *program;
    struct nw_buffer out;
};

static double now(void)
{
    struct timespec t;

    (void)clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &t);
    return (double)t.tv_sec + (double)t.tv_nsec / 1e9;
}

/* From the payload's bytes to those of the result, as a step does it. */
static bool run_libjq(struct bench *b)
{
    struct nw_value v = {.parsed = false};
    struct nw_error error;
    jv result, text;

    if (nw_value_for(&v, b->program, b->message, &error) != 0 ||
        nw_program_run(b->mapper, b->program, &v, b->message, true, &result, &error) !=
            NW_PROGRAM_ONE) {
        return false;
    }
    text = jv_dump_string(result, 0);
    nw_buffer_clear(&b->out);
    nw_buffer_add(&b->out, jv_string_value(text), (size_t)jv_string_length_bytes(jv_copy(text)));
    jv_free(text);
    nw_value_done(&v);
    return true;
}

static bool run_rule(struct bench *b)
{
    struct nw_value v = {.parsed = false};
    struct nw_rule_value result;

    nw_buffer_clear(&b->out);
    return nw_program_rule(b->mapper, b->program, &v, b->message, &result) == NW_PROGRAM_ONE &&
           nw_program_rule_write(b->mapper, &result, &b->out);
}

/* Microseconds of the quickest of ROUNDS, since a shared machine only ever adds to them; a negative
 * number if it does not run. */
static double measure(struct bench *b, bool (*run)(struct bench *))
{
    double best = 1e9;

    if (!run(b)) { /* compiles */
        return -1;
    }
    for (int round = 0; round < ROUNDS; round++) {
        double began = now(), each;
        for (int i = 0; i < RUNS; i++) {
            (void)run(b);
        }
        each = (now() - began) * 1e6 / RUNS;
        best = each < best ? each : best;
    }
    return best;
}

static int bench_rule(struct bench *b, const char *text)
{
    struct nw_error error;
    double libjq, rule;

    if (nw_program_compile(nw_slice_text(text), &b->program, &error) != 0) {
        (void)fprintf(stderr, "%s: %s\n", text, error.text);
        return 1;
    }
    libjq = measure(b, run_libjq);
    rule = measure(b, run_rule);
    if (libjq < 0 || rule < 0) {
        (void)fprintf(stderr, "%s does not run\n", text);
    } else {
        (void)printf("%-58s %7.2f %7.2f %6.1f\n", text, libjq, rule, libjq / rule);
    }
    nw_program_free(b->program);
    return libjq < 0 || rule < 0;
}

int main(void)
{
    struct bench b = {.mapper = nw_mapper_new(), .message = nw_message_make()};
    int failed = 0;

    if (b.mapper == NULL || b.message == NULL) {
        return 1;
    }
    b.message->payload = (struct nw_slice){payload, sizeof payload - 1};
    nw_message_set_timestamp(b.message, INT64_C(1767225600000000000));
    (void)printf("%-58s %7s %7s %6s\n", "microseconds for 256 bytes", "libjq", "rule", "ratio");
    for (size_t i = 0; i < sizeof rules / sizeof rules[0]; i++) {
        failed += bench_rule(&b, rules[i]);
    }
    nw_buffer_done(&b.out);
    nw_message_unref(b.message);
    nw_mapper_free(b.mapper);
    return failed > 0;
}
