/* SPDX-License-Identifier: Apache-2.0 */
/*
 * As text: "STREAM HIGHEST NEWEST_NS RUNS". RUNS goes down from the highest sequence, in numbers of
 * five bits a character, the low ones first, of which all but the last have a sixth bit set. For
 * each run: the gap above it less one (0 for the first run) times two, plus one if the run is
 * longer than one; then, if so, its length less two. A dense stream takes a few characters however
 * many messages there are; one of which a filter takes each tenth message, a character for each.
 */
#include "kafka_stored.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define RUNS_MAX 65536
#define NUMBER_MAX 13 /* characters of one number */

static const char digits[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";

void nw_kafka_stored_done(struct kafka_stored *s)
{
    free(s->runs);
    *s = (struct kafka_stored){0};
}

static bool make_room(struct kafka_stored *s, size_t count)
{
    struct kafka_run *runs;
    size_t capacity = s->capacity == 0 ? 16 : s->capacity;

    while (capacity < count) {
        capacity *= 2;
    }
    if (capacity == s->capacity) {
        return true;
    }
    runs = realloc(s->runs, capacity * sizeof *runs);
    if (runs == NULL) {
        return false;
    }
    s->runs = runs;
    s->capacity = capacity;
    return true;
}

int nw_kafka_stored_copy(const struct kafka_stored *from, struct kafka_stored *to)
{
    if (!make_room(to, from->count + 1)) {
        return NW_ENOMEM;
    }
    (void)memcpy(to->stream, from->stream, sizeof to->stream);
    to->newest_ns = from->newest_ns;
    to->count = from->count;
    if (from->count > 0) {
        (void)memcpy(to->runs, from->runs, from->count * sizeof *from->runs);
    }
    return 0;
}

uint64_t nw_kafka_stored_highest(const struct kafka_stored *s)
{
    return s->count == 0 ? 0 : s->runs[s->count - 1].last;
}

/* ---- the set ---- */

static bool is_stream(const struct kafka_stored *s, struct nw_slice stream)
{
    return strlen(s->stream) == stream.len && memcmp(s->stream, stream.data, stream.len) == 0;
}

/* How many runs begin at or below the sequence. */
static size_t runs_up_to(const struct kafka_stored *s, uint64_t sequence)
{
    size_t low = 0, high = s->count;

    while (low < high) {
        size_t middle = low + (high - low) / 2;
        if (s->runs[middle].first <= sequence) {
            low = middle + 1;
        } else {
            high = middle;
        }
    }
    return low;
}

/* Of the stream as it was when the set was made: a higher sequence came later. */
static bool contains(const struct kafka_stored *s, uint64_t sequence)
{
    size_t i = sequence > nw_kafka_stored_highest(s) ? 0 : runs_up_to(s, sequence);

    return i > 0 && s->runs[i - 1].last >= sequence;
}

bool nw_kafka_stored_has(const struct kafka_stored *s, struct nw_slice stream, uint64_t sequence,
                         int64_t timestamp_ns)
{
    return contains(s, sequence) && timestamp_ns <= s->newest_ns && is_stream(s, stream);
}

/* A run of its own at place i, or an end of its neighbours. */
static int insert(struct kafka_stored *s, size_t i, uint64_t sequence)
{
    struct kafka_run *below = i == 0 ? NULL : &s->runs[i - 1];
    struct kafka_run *above = i == s->count ? NULL : &s->runs[i];
    bool joins_below = below != NULL && below->last + 1 == sequence;
    bool joins_above = above != NULL && above->first == sequence + 1;

    if (joins_below && joins_above) {
        below->last = above->last;
        s->count--;
        (void)memmove(above, above + 1, (s->count - i) * sizeof *above);
    } else if (joins_below) {
        below->last = sequence;
    } else if (joins_above) {
        above->first = sequence;
    } else {
        if (!make_room(s, s->count + 1)) {
            return NW_ENOMEM;
        }
        (void)memmove(&s->runs[i + 1], &s->runs[i], (s->count - i) * sizeof *s->runs);
        s->runs[i] = (struct kafka_run){sequence, sequence};
        s->count++;
    }
    return 0;
}

static void forget_oldest(struct kafka_stored *s)
{
    if (s->count > RUNS_MAX) {
        s->count -= RUNS_MAX / 2;
        (void)memmove(s->runs, s->runs + RUNS_MAX / 2, s->count * sizeof *s->runs);
    }
}

int nw_kafka_stored_add(struct kafka_stored *s, struct nw_slice stream, uint64_t sequence,
                        int64_t timestamp_ns)
{
    uint64_t highest = nw_kafka_stored_highest(s);

    if (stream.len >= sizeof s->stream) {
        return NW_EINVAL;
    }
    if (!is_stream(s, stream) || (contains(s, sequence) && timestamp_ns > s->newest_ns)) {
        (void)memcpy(s->stream, stream.data, stream.len);
        s->stream[stream.len] = '\0';
        s->count = 0;
        highest = 0;
    }
    if (contains(s, sequence)) {
        return 0;
    }
    if (sequence > highest) {
        s->newest_ns = timestamp_ns;
    }
    if (insert(s, sequence > highest ? s->count : runs_up_to(s, sequence), sequence) != 0) {
        return NW_ENOMEM;
    }
    forget_oldest(s);
    return 0;
}

/* ---- as text ---- */

static char *write_number(char *p, uint64_t number)
{
    for (; number > 31; number >>= 5) {
        *p++ = digits[32 + (number & 31)];
    }
    *p++ = digits[number];
    return p;
}

size_t nw_kafka_stored_write(const struct kafka_stored *s, char *out, size_t room, size_t *left)
{
    uint64_t above = nw_kafka_stored_highest(s) + 1;
    char *p = out;
    size_t i;

    p += snprintf(out, room, "%s %" PRIu64 " %" PRId64 " ", s->stream, above - 1, s->newest_ns);
    for (i = s->count; i > 0; i--) {
        const struct kafka_run *r = &s->runs[i - 1];
        uint64_t gap = i == s->count ? 0 : above - r->last - 2;
        if ((size_t)(p - out) + (size_t)2 * NUMBER_MAX >= room) {
            break;
        }
        p = write_number(p, gap << 1 | (r->last > r->first ? 1 : 0));
        if (r->last > r->first) {
            p = write_number(p, r->last - r->first - 1);
        }
        above = r->first;
    }
    *left = i;
    return (size_t)(p - out);
}

/* NULL: that is no number. */
static const char *read_number(const char *p, const char *end, uint64_t *out)
{
    uint64_t number = 0;

    for (unsigned shift = 0; p < end && shift < 64; shift += 5) {
        const char *digit = *p == '\0' ? NULL : strchr(digits, *p);
        unsigned value = digit == NULL ? 0 : (unsigned)(digit - digits);
        if (digit == NULL) {
            return NULL;
        }
        p++;
        number |= (uint64_t)(value & 31) << shift;
        if (value < 32) {
            *out = number;
            return p;
        }
    }
    return NULL;
}

/* One run, which comes before the others. */
static const char *read_run(struct kafka_stored *s, const char *p, const char *end, uint64_t *above)
{
    uint64_t gap, length = 0;

    p = read_number(p, end, &gap);
    if (p != NULL && (gap & 1) != 0) {
        p = read_number(p, end, &length);
        length++;
    }
    gap = s->count == 0 ? 0 : (gap >> 1) + 1;
    if (p == NULL || gap >= *above || length >= *above - gap - 1 || !make_room(s, s->count + 1)) {
        return NULL;
    }
    s->runs[s->count].last = *above - gap - 1;
    s->runs[s->count].first = *above - gap - 1 - length;
    *above = s->runs[s->count++].first;
    return p;
}

static void turn_round(struct kafka_stored *s)
{
    for (size_t i = 0; i < s->count / 2; i++) {
        struct kafka_run r = s->runs[i];
        s->runs[i] = s->runs[s->count - 1 - i];
        s->runs[s->count - 1 - i] = r;
    }
}

int nw_kafka_stored_read(struct kafka_stored *s, const char *text, size_t len)
{
    const char *end = text + len, *p = text;
    uint64_t highest;
    int used = 0;
    char head[KAFKA_STREAM_MAX + 60];

    (void)snprintf(head, sizeof head, "%.*s", (int)(len < sizeof head ? len : sizeof head - 1),
                   text);
    if (sscanf(head, "%255[^ ] %" SCNu64 " %" SCNd64 "%n", s->stream, &highest, &s->newest_ns,
               &used) != 3 ||
        head[used] != ' ' || highest == UINT64_MAX) {
        nw_kafka_stored_done(s);
        return NW_EINVAL;
    }
    highest++;
    for (p += used + 1; p != NULL && p < end;) {
        p = read_run(s, p, end, &highest);
    }
    if (p == NULL) {
        nw_kafka_stored_done(s);
        return NW_EINVAL;
    }
    turn_round(s);
    return 0;
}
