/* SPDX-License-Identifier: Apache-2.0 */
#include "cli/docs.h"
#include "config/rows.h"
#include "hub/hub.h"

static const struct {
    const char *title;
    const struct nw_option *names, *rows; /* either may be NULL */
} sections[] = {
    {"The top level of a file", nw_top_rows, nw_settings_rows},
    {"`admin:`", NULL, nw_admin_rows},
    {"`connections:`, each beside the options of its connector", NULL, nw_connection_word_rows},
    {"A route", nw_route_part_rows, nw_route_rows},
    {"`from:`, beside the connector and its options", NULL, nw_source_word_rows},
    {"`to:`, beside the connector and its options", NULL, nw_sink_word_rows},
    {"`map:` and `reply:`, a list of steps", nw_step_rows, NULL},
};

void nw_docs_configuration(struct nw_buffer *out)
{
    nw_buffer_add_text(out,
                       "# Configuration\n\nEvery key that is not of a connector. `natsway docs "
                       "CONNECTOR` has those.\n\n");
    for (size_t i = 0; i < sizeof sections / sizeof sections[0]; i++) {
        nw_buffer_add_format(out, "## %s\n\n", sections[i].title);
        if (sections[i].names != NULL) {
            nw_docs_names(out, sections[i].names);
        }
        nw_docs_rows(out, sections[i].rows);
    }
    nw_buffer_add_text(out, "## `nats:`\n\n");
    nw_docs_rows(out, nw_hub_connection_kind.options);
}
