/* SPDX-License-Identifier: Apache-2.0 */
#include "base/backoff.h"

#include "base/duration.h"
#include "base/error.h"

/* xorshift64*: enough to spread waits; nothing here is a secret. */
static uint64_t draw(uint64_t *state)
{
    *state ^= *state >> 12;
    *state ^= *state << 25;
    *state ^= *state >> 27;
    return *state * UINT64_C(0x2545F4914F6CDD1D);
}

static int read_wait(struct nw_slice text, uint32_t *out_ms, struct nw_error *error)
{
    int64_t ms = 0;
    int rc = nw_duration_parse(text, &ms, error);

    if (rc != 0) {
        return rc;
    }
    if (ms > UINT32_MAX) {
        return nw_error_set(error, NW_EINVAL, "a wait must not be longer than 49d, found \"%.*s\"",
                            (int)text.len, text.data);
    }
    *out_ms = (uint32_t)ms;
    return 0;
}

int nw_backoff_parse(const char *text, struct nw_backoff_range *out, struct nw_error *error)
{
    const char *dots = strstr(text, "..");
    struct nw_backoff_range range = {0, 0};
    int rc;

    if (dots == NULL) {
        return nw_error_set(error, NW_EINVAL,
                            "expected two durations like 100ms..30s, found \"%.60s\"", text);
    }
    rc = read_wait((struct nw_slice){text, (size_t)(dots - text)}, &range.first_ms, error);
    if (rc == 0) {
        rc = read_wait(nw_slice_text(dots + 2), &range.longest_ms, error);
    }
    if (rc != 0) {
        return rc;
    }
    if (range.first_ms == 0 || range.first_ms > range.longest_ms) {
        return nw_error_set(
            error, NW_EINVAL,
            "the first wait must be above zero and not longer than the last, found \"%.60s\"",
            text);
    }
    *out = range;
    return 0;
}

void nw_backoff_init(struct nw_backoff *b, struct nw_backoff_range range, uint64_t seed)
{
    b->range = range;
    b->wait_ms = range.first_ms;
    b->random = seed | 1; /* xorshift stays at zero for ever */
}

uint32_t nw_backoff_next(struct nw_backoff *b)
{
    uint32_t half = b->wait_ms / 2;
    uint32_t wait = half + (uint32_t)(draw(&b->random) % (b->wait_ms - half + 1));

    b->wait_ms = b->wait_ms > b->range.longest_ms / 2 ? b->range.longest_ms : b->wait_ms * 2;
    return wait;
}

void nw_backoff_reset(struct nw_backoff *b)
{
    b->wait_ms = b->range.first_ms;
}
