/* SPDX-License-Identifier: Apache-2.0 */
#include "mappings/json_match.h"

#include "mappings/json_value.h"

#include <jv.h>

/* Neither is freed. The depth is bounded by what jv_parse takes. */
static bool matches(jv expected, jv found, bool subset);

static bool members_match(jv expected, jv found, bool subset)
{
    bool same = true;

    if (!subset && jv_object_length(jv_copy(expected)) != jv_object_length(jv_copy(found))) {
        return false;
    }
    jv_object_foreach(expected, name, value)
    {
        if (same) {
            jv other = jv_object_get(jv_copy(found), jv_copy(name));
            same = jv_is_valid(other) && matches(value, other, subset);
            jv_free(other);
        }
        jv_free(name);
        jv_free(value);
    }
    return same;
}

static bool items_match(jv expected, jv found, bool subset)
{
    int count = jv_array_length(jv_copy(expected));
    bool same = count == jv_array_length(jv_copy(found));

    for (int i = 0; same && i < count; i++) {
        jv a = jv_array_get(jv_copy(expected), i), b = jv_array_get(jv_copy(found), i);
        same = matches(a, b, subset);
        jv_free(a);
        jv_free(b);
    }
    return same;
}

static bool matches(jv expected, jv found, bool subset)
{
    jv_kind kind = jv_get_kind(expected);

    if (kind != jv_get_kind(found)) {
        return false;
    }
    if (kind == JV_KIND_OBJECT) {
        return members_match(expected, found, subset);
    }
    if (kind == JV_KIND_ARRAY) {
        return items_match(expected, found, subset);
    }
    return jv_equal(jv_copy(expected), jv_copy(found)) != 0;
}

bool nw_json_matches(struct nw_slice expected, struct nw_slice found, bool subset)
{
    struct nw_error ignored;
    jv a, b;
    bool same;

    if (expected.data == NULL || found.data == NULL) {
        return expected.data == found.data;
    }
    if (nw_json_value(expected, &a, &ignored) != 0) {
        return false;
    }
    same = nw_json_value(found, &b, &ignored) == 0;
    if (same) {
        same = matches(a, b, subset);
        jv_free(b);
    }
    jv_free(a);
    return same;
}
