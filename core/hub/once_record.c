/* SPDX-License-Identifier: Apache-2.0 */
#include "hub/once_record.h"

#include <inttypes.h>
#include <jv.h>

#define EXACT 9007199254740992.0 /* JSON's numbers are whole up to here */
#define EACH 4                   /* of each age so many points are kept, at least half as many */

/* ---- the history ---- */

static void drop(struct nw_once_history *h, size_t i)
{
    size_t behind = h->count - i - 1;

    memmove(&h->numbers[i], &h->numbers[i + 1], behind * sizeof h->numbers[0]);
    memmove(&h->points[i], &h->points[i + 1], behind * sizeof h->points[0]);
    h->count--;
}

/* Of the last four all are kept, of the last eight every second, of the last 16 every fourth, … */
static bool is_kept(uint64_t number, uint64_t made)
{
    int zeros = number == 0 ? 0 : __builtin_ctzll(number);

    return made - number < (uint64_t)EACH << (zeros > 40 ? 40 : zeros);
}

void nw_once_history_add(struct nw_once_history *h, struct nw_once_point point)
{
    struct nw_once_point *last = h->count == 0 ? NULL : &h->points[h->count - 1];

    if (last != NULL && last->position > point.position) {
        return; /* what is there says as much */
    }
    if (last != NULL && last->position == point.position) {
        last->sequence = point.sequence > last->sequence ? point.sequence : last->sequence;
        return;
    }
    h->made++;
    for (size_t i = h->count; i-- > 0;) {
        if (!is_kept(h->numbers[i], h->made)) {
            drop(h, i);
        }
    }
    if (h->count == NW_ONCE_POINTS) {
        drop(h, 0);
    }
    h->numbers[h->count] = h->made;
    h->points[h->count++] = point;
}

void nw_once_history_cut(struct nw_once_history *h, int64_t offset)
{
    while (h->count > 0 && h->points[h->count - 1].position > offset) {
        h->count--;
    }
}

bool nw_once_history_find(const struct nw_once_history *h, int64_t offset, uint64_t *sequence)
{
    for (size_t i = h->count; i-- > 0;) {
        if (h->points[i].position <= offset) {
            *sequence = h->points[i].sequence;
            return true;
        }
    }
    return false;
}

/* ---- JSON ---- */

void nw_once_record_write(struct nw_buffer *b, const struct nw_once_stream *stream,
                          const struct nw_once_history *h)
{
    jv name = jv_dump_string(jv_string(stream->name), 0);
    jv created = jv_dump_string(jv_string(stream->created), 0);

    nw_buffer_add_format(b, "{\"stream\":%s,\"created\":%s,\"points\":[", jv_string_value(name),
                         jv_string_value(created));
    for (size_t i = 0; i < h->count; i++) {
        nw_buffer_add_format(b, "%s[%" PRIu64 ",%" PRId64 ",%" PRIu64 "]", i == 0 ? "" : ",",
                             h->numbers[i], h->points[i].position, h->points[i].sequence);
    }
    nw_buffer_add_text(b, "]}");
    jv_free(name);
    jv_free(created);
}

static bool has_text(jv object, const char *name, const char *wanted)
{
    jv value = jv_object_get(jv_copy(object), jv_string(name));
    bool same = jv_get_kind(value) == JV_KIND_STRING && strcmp(jv_string_value(value), wanted) == 0;

    jv_free(value);
    return same;
}

/* A whole number that is not negative; array is not taken. */
static bool read_number(jv array, int index, uint64_t *out)
{
    jv value = jv_array_get(jv_copy(array), index);
    double n = jv_get_kind(value) == JV_KIND_NUMBER ? jv_number_value(value) : -1;

    jv_free(value);
    if (!(n >= 0 && n <= EXACT)) {
        return false;
    }
    *out = (uint64_t)n;
    return true;
}

/* point is not taken. */
static bool read_point(jv point, struct nw_once_history *h)
{
    uint64_t number, position, sequence;

    if (jv_get_kind(point) != JV_KIND_ARRAY || !read_number(point, 0, &number) ||
        !read_number(point, 1, &position) || !read_number(point, 2, &sequence) ||
        number <= h->made || h->count == NW_ONCE_POINTS ||
        (h->count > 0 && (int64_t)position <= h->points[h->count - 1].position)) {
        return false;
    }
    h->numbers[h->count] = h->made = number;
    h->points[h->count++] = (struct nw_once_point){(int64_t)position, sequence};
    return true;
}

/* record is an object and not taken. */
static bool read_points(jv record, struct nw_once_history *h)
{
    jv points = jv_object_get(jv_copy(record), jv_string("points"));
    bool good = jv_get_kind(points) == JV_KIND_ARRAY;
    int n = good ? jv_array_length(jv_copy(points)) : 0;

    for (int i = 0; i < n && good; i++) {
        jv point = jv_array_get(jv_copy(points), i);
        good = read_point(point, h);
        jv_free(point);
    }
    jv_free(points);
    return good;
}

bool nw_once_record_read(struct nw_slice json, const struct nw_once_stream *stream,
                         struct nw_once_history *history)
{
    jv record = jv_parse_sized(json.len == 0 ? "" : json.data, (int)json.len);
    bool good;

    *history = (struct nw_once_history){0};
    good = jv_get_kind(record) == JV_KIND_OBJECT && has_text(record, "stream", stream->name) &&
           has_text(record, "created", stream->created) && read_points(record, history);
    jv_free(record);
    if (!good) {
        *history = (struct nw_once_history){0};
    }
    return good;
}
