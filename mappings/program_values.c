/* SPDX-License-Identifier: Apache-2.0 */
/* libjq calls itself within a file without asking for the symbol, so that what goes down into a
 * value is written anew here, and what only calls others is not. All take their arguments. */
#include "mappings/program_values.h"

#include <dlfcn.h>
#include <pthread.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>

#include "mappings/deadline.h"
#include "mappings/json_value.h"

static struct nw_value_library library;
static pthread_once_t once = PTHREAD_ONCE_INIT;

/* C has no conversion from objects to functions; POSIX has this one. */
#define FIND(member, name) *(void **)&library.member = dlsym(RTLD_NEXT, name)

static void find(void)
{
    FIND(equal, "jv_equal");
    FIND(compare, "jv_cmp");
    FIND(contains, "jv_contains");
    FIND(indexes, "jv_array_indexes");
    FIND(merge, "jv_object_merge_recursive");
    FIND(write, "jv_dump_string");
    FIND(write_begin, "jv_dump_string_trunc");
    FIND(release, "jv_free");
}

const struct nw_value_library *nw_value_library(void)
{
    (void)pthread_once(&once, find);
    return &library;
}

/* What a comparison takes, about: those of texts go over them, those of objects sort their names.
 */
static unsigned steps(jv value)
{
    switch (jv_get_kind(value)) {
    case JV_KIND_STRING:
        return 1 + (unsigned)jv_string_length_bytes(jv_copy(value)) / 64;
    case JV_KIND_OBJECT:
        return 1 + (unsigned)jv_object_length(jv_copy(value));
    default:
        return 1;
    }
}

static void free_both(jv a, jv b)
{
    jv_free(a);
    jv_free(b);
}

static bool is_both(jv a, jv b, jv_kind kind)
{
    return jv_get_kind(a) == kind && jv_get_kind(b) == kind;
}

/* The stack is for less, and so is a message. */
static bool is_too_deep(unsigned depth)
{
    if (depth > NW_VALUE_DEEPEST) {
        nw_deadline_stop();
        return true;
    }
    return false;
}

/* ---- equal ---- */

/* One array or object equals itself, also with not-a-number in it. Borrows both. */
static bool is_same(jv a, jv b)
{
    return jv_identical(jv_copy(a), jv_copy(b)) != 0;
}

static int are_equal(jv a, jv b, unsigned depth);

/* Borrows both. */
static int arrays_are_equal(jv a, jv b, unsigned depth)
{
    int count = jv_array_length(jv_copy(a)), equal = 1;

    if (jv_array_length(jv_copy(b)) != count) {
        return 0;
    }
    for (int i = 0; equal && i < count; i++) {
        equal = are_equal(jv_array_get(jv_copy(a), i), jv_array_get(jv_copy(b), i), depth);
    }
    return equal;
}

/* Borrows both. */
static int objects_are_equal(jv a, jv b, unsigned depth)
{
    int equal = jv_object_length(jv_copy(a)) == jv_object_length(jv_copy(b));

    for (int i = jv_object_iter(a); equal && jv_object_iter_valid(a, i);
         i = jv_object_iter_next(a, i)) {
        jv other = jv_object_get(jv_copy(b), jv_object_iter_key(a, i));
        equal = are_equal(jv_object_iter_value(a, i), other, depth);
    }
    return equal;
}

/* 0 when the time is over: it ends what goes on while all is equal. */
static int are_equal(jv a, jv b, unsigned depth)
{
    int equal;

    if (is_too_deep(depth) || nw_deadline_stops(steps(a))) {
        equal = 0;
    } else if (is_both(a, b, JV_KIND_ARRAY)) {
        equal = is_same(a, b) || arrays_are_equal(a, b, depth + 1);
    } else if (is_both(a, b, JV_KIND_OBJECT)) {
        equal = is_same(a, b) || objects_are_equal(a, b, depth + 1);
    } else {
        return library.equal(a, b);
    }
    free_both(a, b);
    return equal;
}

/* ---- before, behind ---- */

static int compare(jv a, jv b, unsigned depth);

/* Borrows both. */
static int compare_arrays(jv a, jv b, unsigned depth)
{
    int count_a = jv_array_length(jv_copy(a)), count_b = jv_array_length(jv_copy(b));
    int least = count_a < count_b ? count_a : count_b, order = 0;

    for (int i = 0; order == 0 && i < least; i++) {
        order = compare(jv_array_get(jv_copy(a), i), jv_array_get(jv_copy(b), i), depth);
    }
    return order != 0 ? order : (count_a > count_b) - (count_a < count_b);
}

/* Borrows both. The names come first, then the values in the order of names. */
static int compare_objects(jv a, jv b, unsigned depth)
{
    jv names = jv_keys(jv_copy(a));
    int order = compare(jv_copy(names), jv_keys(jv_copy(b)), depth);
    int count = jv_array_length(jv_copy(names));

    for (int i = 0; order == 0 && i < count; i++) {
        jv name = jv_array_get(jv_copy(names), i);
        order = compare(jv_object_get(jv_copy(a), jv_copy(name)),
                        jv_object_get(jv_copy(b), jv_copy(name)), depth);
        jv_free(name);
    }
    jv_free(names);
    return order;
}

/* 1 when the time is over: it ends what goes on while all is equal. */
static int compare(jv a, jv b, unsigned depth)
{
    int order;

    if (is_too_deep(depth) || nw_deadline_stops(steps(a))) {
        order = 1;
    } else if (is_both(a, b, JV_KIND_ARRAY)) {
        order = compare_arrays(a, b, depth + 1);
    } else if (is_both(a, b, JV_KIND_OBJECT)) {
        order = compare_objects(a, b, depth + 1);
    } else {
        return library.compare(a, b);
    }
    free_both(a, b);
    return order;
}

/* ---- in front of libjq's own ---- */

#define IN_FRONT __attribute__((visibility("default"), used))

/* 1 when the time is over: it ends the search of `.a - .b`. */
IN_FRONT int jv_equal(jv a, jv b)
{
    (void)nw_value_library();
    return are_equal(a, b, 0) || nw_deadline_stops(0);
}

IN_FRONT int jv_cmp(jv a, jv b)
{
    (void)nw_value_library();
    return compare(a, b, 0);
}

/* libjq's own asks for the symbol again for each part. */
IN_FRONT int jv_contains(jv a, jv b)
{
    static _Thread_local unsigned depth;
    int contains;

    if (is_too_deep(depth) || nw_deadline_stops(steps(a))) {
        free_both(a, b);
        return 0;
    }
    depth++;
    contains = nw_value_library()->contains(a, b);
    depth--;
    return contains;
}

/* Does b stand in a at this place? Borrows both. */
static bool stands_at(jv a, jv b, int at)
{
    int count = jv_array_length(jv_copy(b));
    bool same = count > 0;

    for (int i = 0; same && i < count; i++) {
        same = jv_equal(jv_array_get(jv_copy(a), at + i), jv_array_get(jv_copy(b), i));
    }
    return same;
}

IN_FRONT jv jv_array_indexes(jv a, jv b)
{
    jv places = jv_array();
    int count = jv_array_length(jv_copy(a));

    for (int at = 0; at < count && !nw_deadline_stops(1); at++) {
        if (stands_at(a, b, at)) {
            places = jv_array_append(places, jv_number(at));
        }
    }
    free_both(a, b);
    return places;
}

static jv merge(jv a, jv b, unsigned depth)
{
    for (int i = jv_object_iter(b);
         jv_object_iter_valid(b, i) && !is_too_deep(depth) && !nw_deadline_stops(1);
         i = jv_object_iter_next(b, i)) {
        jv name = jv_object_iter_key(b, i), value = jv_object_iter_value(b, i);
        jv old = jv_object_get(jv_copy(a), jv_copy(name));
        if (is_both(old, value, JV_KIND_OBJECT)) {
            value = merge(old, value, depth + 1);
        } else {
            jv_free(old);
        }
        a = jv_object_set(a, name, value);
    }
    jv_free(b);
    return a;
}

IN_FRONT jv jv_object_merge_recursive(jv a, jv b)
{
    return merge(a, b, 0);
}

/* What cannot be written would take longer than any message may. */
static bool is_too_large(jv value)
{
    jv_kind kind = jv_get_kind(value);
    bool stops = nw_deadline_stops(1);

    if ((kind != JV_KIND_ARRAY && kind != JV_KIND_OBJECT) ||
        (!stops && nw_json_is_writable(value))) {
        return false;
    }
    nw_deadline_stop();
    return true;
}

IN_FRONT jv jv_dump_string(jv value, int flags)
{
    if (is_too_large(value)) {
        jv_free(value);
        return jv_string("");
    }
    return nw_value_library()->write(value, flags);
}

IN_FRONT char *jv_dump_string_trunc(jv value, char *out, size_t size)
{
    if (is_too_large(value)) {
        jv_free(value);
        (void)snprintf(out, size, "...");
        return out;
    }
    return nw_value_library()->write_begin(value, out, size);
}

/* ---- freeing ---- */

#define FREED_WITHIN_MOST 1000

/* What this thread is freeing: libjq frees the parts of a value within the value, and a rule may
 * nest them deeper than the stack is. What is deeper is put off until those around it are gone. */
static _Thread_local struct {
    unsigned depth;
    jv *later;
    size_t count, room;
} freeing;

static bool put_off(jv value)
{
    if (freeing.count == freeing.room) {
        size_t room = freeing.room == 0 ? 64 : 2 * freeing.room;
        jv *more = realloc(freeing.later, room * sizeof *more);

        if (more == NULL) {
            return false;
        }
        freeing.later = more;
        freeing.room = room;
    }
    freeing.later[freeing.count++] = value;
    return true;
}

static void free_deep(jv value)
{
    if (freeing.depth >= FREED_WITHIN_MOST && put_off(value)) {
        return;
    }
    freeing.depth++;
    library.release(value);
    while (freeing.depth == 1 && freeing.count > 0) {
        library.release(freeing.later[--freeing.count]);
    }
    freeing.depth--;
    if (freeing.depth == 0 && freeing.room > 0) {
        free(freeing.later);
        freeing.later = NULL;
        freeing.room = 0;
    }
}

IN_FRONT void jv_free(jv value)
{
    jv_kind kind = jv_get_kind(value);

    (void)nw_value_library();
    if (kind == JV_KIND_ARRAY || kind == JV_KIND_OBJECT || kind == JV_KIND_INVALID) {
        free_deep(value);
    } else {
        library.release(value);
    }
}
