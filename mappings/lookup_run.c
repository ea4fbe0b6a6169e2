/* SPDX-License-Identifier: Apache-2.0 */
#include "mappings/lookup_run.h"

#include "mappings/fill.h"
#include "mappings/types.h"

#define SHOWN 100 /* of a key in a reason */

/* The text of what the key's program gave, in m; absent: it gave nothing, or null. Takes value. */
static int key_text(jv value, struct nw_message *m, struct nw_slice *out, struct nw_error *error)
{
    int rc = 0;

    *out = NW_ABSENT;
    switch (jv_get_kind(value)) {
    case JV_KIND_NULL:
        jv_free(value);
        return 0;
    case JV_KIND_OBJECT:
    case JV_KIND_ARRAY:
        rc = nw_error_set(error, NW_EINVAL, "lookup: key: expected a text or a number, found %s",
                          nw_type_found(value));
        jv_free(value);
        return rc;
    case JV_KIND_STRING:
        break;
    default:
        value = jv_dump_string(value, 0);
        break;
    }
    *out =
        nw_message_copy(m, jv_string_value(value), (size_t)jv_string_length_bytes(jv_copy(value)));
    jv_free(value);
    return out->data == NULL ? nw_error_set(error, NW_ENOMEM, "out of memory") : 0;
}

static int find_key(const struct nw_program *key, struct nw_mapper *mapper, struct nw_value *v,
                    struct nw_message *m, struct nw_slice *out, struct nw_error *error)
{
    jv value;

    *out = NW_ABSENT;
    if (nw_value_for(v, key, m, error) != 0) {
        return NW_EINVAL;
    }
    switch (nw_program_run(mapper, key, v, m, true, &value, error)) {
    case NW_PROGRAM_ONE:
        return key_text(value, m, out, error);
    case NW_PROGRAM_NONE:
        return 0;
    case NW_PROGRAM_SEVERAL:
        return nw_error_set(error, NW_EINVAL, "lookup: key gave more than one value");
    default:
        return NW_EINVAL;
    }
}

/* A bucket's key as it stands, or as a kv target would have written it. */
static int find_escaped(const struct nw_lookup_rule *rule, struct nw_slice key,
                        struct nw_message *m, struct nw_looked_up *out, struct nw_error *error)
{
    char buffer[256];
    struct nw_text text = nw_text_begin(m, buffer, sizeof buffer);
    struct nw_slice escaped;

    if (nw_fill_escape(&text, NW_FILL_KV_KEY, key) != NULL) {
        return NW_ENOTFOUND; /* an empty key */
    }
    if (nw_text_end(&text, &escaped) != 0) {
        return nw_error_set(error, NW_ENOMEM, "out of memory");
    }
    return nw_lookup_find(rule->lookup, escaped, m, out, error);
}

static int find(const struct nw_lookup_rule *rule, struct nw_slice key, struct nw_message *m,
                struct nw_looked_up *out, struct nw_error *error)
{
    /* Without a key it is still to be known whether there is a table. */
    int rc = nw_lookup_find(rule->lookup, key.data == NULL ? NW_LITERAL("") : key, m, out, error);

    if (rc == NW_ENOTFOUND && rule->kv && key.data != NULL) {
        rc = find_escaped(rule, key, m, out, error);
    }
    return key.data == NULL && rc == 0 ? NW_ENOTFOUND : rc;
}

static int miss(const struct nw_lookup_rule *rule, struct nw_slice key, struct nw_looked_up *out,
                struct nw_error *error)
{
    switch (rule->missing) {
    case NW_MISSING_KEEP:
        return NW_ENOTFOUND;
    case NW_MISSING_VALUE:
        *out = (struct nw_looked_up){rule->value, true};
        return 0;
    default:
        break;
    }
    if (key.data == NULL) {
        return nw_error_set(error, NW_EINVAL, "lookup: there is no key to look for in %s",
                            nw_lookup_name(rule->lookup));
    }
    return nw_error_set(error, NW_EINVAL, "lookup: there is no \"%.*s\" in %s",
                        (int)(key.len > SHOWN ? SHOWN : key.len), key.data,
                        nw_lookup_name(rule->lookup));
}

static jv path_of(const struct nw_json_path *path)
{
    jv array = jv_array();
    struct nw_slice name;
    size_t index;

    for (size_t i = 0; nw_json_path_step(path, i, &name, &index); i++) {
        array =
            jv_array_append(array, name.data == NULL ? jv_number((double)index)
                                                     : jv_string_sized(name.data, (int)name.len));
    }
    return array;
}

/* The payload with the value where it is wanted. */
static int put(const struct nw_lookup_rule *rule, const struct nw_looked_up *found,
               const struct nw_value *v, jv *out, struct nw_error *error)
{
    jv value = found->is_json ? jv_parse_sized(found->bytes.data, (int)found->bytes.len)
                              : jv_string_sized(found->bytes.data, (int)found->bytes.len);
    jv whole = jv_setpath(jv_copy(v->value), path_of(rule->into), value);

    if (!jv_is_valid(whole)) {
        jv why = jv_invalid_get_msg(whole);
        int rc = nw_error_set(error, NW_EINVAL, "lookup: into: %.200s",
                              jv_get_kind(why) == JV_KIND_STRING ? jv_string_value(why)
                                                                 : "it cannot be put there");
        jv_free(why);
        return rc;
    }
    *out = whole;
    return 0;
}

int nw_lookup_run(const struct nw_lookup_rule *rule, const struct nw_program *key,
                  struct nw_mapper *mapper, struct nw_value *v, struct nw_message *m, jv *out,
                  struct nw_error *error)
{
    struct nw_looked_up found;
    struct nw_slice text;
    int rc = find_key(key, mapper, v, m, &text, error);

    rc = rc != 0 ? rc : find(rule, text, m, &found, error);
    if (rc == NW_ENOTFOUND) {
        rc = miss(rule, text, &found, error);
    }
    if (rc != 0) {
        return rc;
    }
    return nw_value_parse(v, m, error) != 0 ? NW_EINVAL : put(rule, &found, v, out, error);
}
