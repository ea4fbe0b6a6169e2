/* SPDX-License-Identifier: Apache-2.0 */
/* Lookup tables from CSV and JSON files, and entries of buckets: whatever comes is read or refused
 * with a reason, and each value that says it is JSON is. */
#include "fuzz.h"
#include "mappings/json_value.h"
#include "mappings/lookup.h"

static const struct nw_lookup_layout layouts[] = {
    {.format = NW_LOOKUP_CSV, .delimiter = ','},
    {.format = NW_LOOKUP_CSV, .delimiter = ';', .by = "code", .take = "name"},
    {.format = NW_LOOKUP_CSV, .delimiter = '\t', .by = "code"},
    {.format = NW_LOOKUP_JSON},
    {.format = NW_LOOKUP_JSON, .take = "name"},
    {.format = NW_LOOKUP_JSON, .by = "code"},
    {.format = NW_LOOKUP_JSON, .by = "code", .take = "name"},
};
#define LAYOUTS (unsigned)(sizeof layouts / sizeof layouts[0])

static void check_value(const struct nw_looked_up *value)
{
    jv parsed;

    if (value->is_json) {
        parsed = jv_parse_sized(value->bytes.data, (int)value->bytes.len);
        FUZZ_HOLDS(jv_is_valid(parsed));
        jv_free(parsed);
    }
}

/* The key is what stands up to the first NUL. */
static void read_table(const struct nw_lookup_layout *layout, struct nw_slice input)
{
    struct nw_slice key = fuzz_part(&input);
    struct nw_values *table;
    struct nw_looked_up value;
    struct nw_error error;
    size_t count;

    if (nw_lookup_parse(layout, input, &table, &error) != 0) {
        FUZZ_HOLDS(error.text[0] != '\0');
        return;
    }
    count = nw_values_count(table);
    if (nw_values_find(table, key, &value)) {
        check_value(&value);
        nw_values_remove(table, key);
        FUZZ_HOLDS(nw_values_count(table) == --count);
    }
    FUZZ_HOLDS(!nw_values_find(table, key, &value));
    nw_values_free(table);
}

static void read_entry(const char *take, struct nw_slice input)
{
    struct nw_buffer scratch = {0};
    struct nw_looked_up value;

    if (nw_lookup_entry(input, take, &scratch, &value)) {
        check_value(&value);
    }
    nw_buffer_done(&scratch);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct nw_slice input = {(const char *)data, size};
    unsigned choice = fuzz_choice(&input, LAYOUTS + 2);

    if (choice < LAYOUTS) {
        read_table(&layouts[choice], input);
    } else {
        read_entry(choice == LAYOUTS ? NULL : "name", input);
    }
    return 0;
}
