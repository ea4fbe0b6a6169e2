/* SPDX-License-Identifier: Apache-2.0 */
/* The step dedupe. */
#include "config/options.h"
#include "config/rows.h"
#include "config/steps.h"

/* A constant would make all messages repeats of the first. */
static int read_id(const struct nw_step *s, const struct nw_item *item, struct nw_template **out)
{
    int rc = nw_reader_template(s->reader, item->value, "dedupe.id", NW_FILL_TEXT, s->scope, out);

    if (rc == 0 && *out != NULL && nw_template_is_constant(*out)) {
        nw_reader_error(s->reader, &item->value->mark,
                        "dedupe.id is the same for every message; expected a template like "
                        "\"{{json('.id')}}\"");
    }
    return rc;
}

int nw_step_read_dedupe(const struct nw_step *s)
{
    struct nw_dedupe_words words = {.id = NULL};
    struct nw_layer layer = {nw_dedupe_rows, &words};
    struct nw_reader reader = *s->reader;
    const struct nw_item *id = nw_node_get(s->node, "id");
    struct nw_template *template = NULL;
    struct nw_program *when = NULL;
    int rc;

    if (s->node->kind != NW_NODE_MAP) {
        nw_reader_expected(s->reader, s->node, s->name, "{id: template, window: 2m}");
        return 0;
    }
    if (s->subject == NULL) {
        nw_reader_error(s->reader, &s->node->mark, "dedupe: an answer is no repeat");
        return 0;
    }
    reader.mark = s->node->mark;
    rc = nw_options_defaults(&reader, nw_dedupe_rows, &words);
    rc = rc != 0 ? rc : nw_options_read(&reader, s->node, 0, &layer, 1, "dedupe");
    rc = rc != 0 || id == NULL ? rc : read_id(s, id, &template);
    rc = rc != 0 || template == NULL ? rc : nw_step_when(s, &when);
    if (rc != 0 || template == NULL) {
        nw_template_free(template);
        nw_program_free(when);
        return rc;
    }
    return nw_map_add_dedupe(s->map, template, words.window_ms, (size_t)words.max_entries, when);
}
