/* SPDX-License-Identifier: Apache-2.0 */
/* The lookups of a trial: files are read as ever, buckets have what the test says. */
#include "cli/trial.h"

static bool names_bucket(const struct nw_test_spec *test, const char *bucket)
{
    for (size_t i = 0; test != NULL && i < test->entry_count; i++) {
        if (strcmp(test->entries[i].bucket, bucket) == 0) {
            return true;
        }
    }
    return false;
}

static int put(struct nw_values *table, const struct nw_lookup_spec *spec,
               const struct nw_test_entry *entry)
{
    struct nw_buffer scratch = {0};
    struct nw_looked_up value;
    int rc = 0;

    if (entry->key.data != NULL && strcmp(entry->bucket, spec->bucket) == 0 &&
        nw_lookup_entry(entry->value, spec->layout.take, &scratch, &value)) {
        rc = nw_values_put(table, entry->key, value);
    }
    nw_buffer_done(&scratch);
    return rc;
}

static int fill(const struct nw_lookup_spec *spec, const struct nw_test_spec *test)
{
    struct nw_values *table = nw_values_new();
    int rc = table == NULL ? NW_ENOMEM : 0;

    for (size_t i = 0; rc == 0 && i < test->entry_count; i++) {
        rc = put(table, spec, &test->entries[i]);
    }
    if (rc != 0) {
        nw_values_free(table);
        return rc;
    }
    nw_lookup_replace(spec->lookup, table);
    return 0;
}

int nw_trial_lookups(const struct nw_config *config, const struct nw_test_spec *test)
{
    int rc = 0;

    for (const struct nw_lookup_spec *spec = config->lookups; rc == 0 && spec != NULL;
         spec = spec->next) {
        if (spec->bucket == NULL) {
            continue;
        }
        if (names_bucket(test, spec->bucket)) {
            rc = fill(spec, test);
        } else {
            nw_lookup_closed(spec->lookup,
                             "no network is touched here; a test says what the bucket has: "
                             "lookup: {bucket: {key: value}}");
        }
    }
    return rc;
}
