/* SPDX-License-Identifier: Apache-2.0 */
#include "config/meaning.h"

#include <inttypes.h>
#include <stdlib.h>
#include <sys/stat.h>

#include "base/json.h"
#include "base/siphash.h"
#include "config/read_file.h"

/* Certificates and schemas are smaller; of what is not, time and size are looked at. */
#define LARGEST_CONTENT ((size_t)4 * 1024 * 1024)

/* ---- the normal form ---- */

static int compare_keys(const void *a, const void *b)
{
    const struct nw_item *x = *(const struct nw_item *const *)a;
    const struct nw_item *y = *(const struct nw_item *const *)b;

    return strcmp(x->key.data, y->key.data);
}

static void add_node(struct nw_buffer *out, const struct nw_node *node);

/* The items from the first'th on, by their keys. */
static void add_sorted(struct nw_buffer *out, const struct nw_node *node, size_t first)
{
    size_t count = node->count - first;
    const struct nw_item **items = calloc(count + 1, sizeof(const struct nw_item *));

    if (items == NULL) {
        out->failed = true;
        return;
    }
    for (size_t i = 0; i < count; i++) {
        items[i] = &node->items[first + i];
    }
    qsort(items, count, sizeof *items, compare_keys);
    for (size_t i = 0; i < count; i++) {
        nw_json_add_string(out, items[i]->key);
        nw_buffer_add_char(out, ':');
        add_node(out, items[i]->value);
        nw_buffer_add_char(out, ',');
    }
    free(items);
}

static void add_node(struct nw_buffer *out, const struct nw_node *node)
{
    if (node->kind == NW_NODE_TEXT) {
        nw_node_json(out, node);
        return;
    }
    nw_buffer_add_char(out, node->kind == NW_NODE_LIST ? '[' : '{');
    if (node->kind == NW_NODE_MAP) {
        add_sorted(out, node, 0);
    }
    for (size_t i = 0; node->kind == NW_NODE_LIST && i < node->count; i++) {
        add_node(out, node->items[i].value);
        nw_buffer_add_char(out, ',');
    }
    nw_buffer_add_char(out, node->kind == NW_NODE_LIST ? ']' : '}');
}

/* {connector: address, options}. The address is what was made of it, so it is given. */
static void add_endpoint(struct nw_buffer *out, const struct nw_node *node, const char *address,
                         const struct nw_connection_spec *connection)
{
    nw_buffer_add_char(out, '{');
    if (node->kind == NW_NODE_MAP && node->count > 0) {
        nw_json_add_string(out, node->items[0].key);
        nw_buffer_add_char(out, ':');
        nw_json_add_string(out, nw_slice_text(address == NULL ? "" : address));
        nw_buffer_add_char(out, ',');
        add_sorted(out, node, 1);
    }
    nw_buffer_add_format(out, "} by %s\n", connection == NULL ? "" : connection->name);
}

/* ---- files ---- */

int nw_meaning_see(const struct nw_reader *r, const char *path)
{
    if (r->seen == NULL) {
        return 0;
    }
    nw_buffer_add_format(r->seen, "\n%s", path);
    return r->seen->failed ? NW_ENOMEM : 0;
}

int nw_meaning_see_content(const struct nw_reader *r, const char *path)
{
    struct nw_buffer content = {0};
    struct stat st;

    if (r->seen == NULL || r->live || stat(path, &st) != 0 || !S_ISREG(st.st_mode)) {
        return 0;
    }
    if (nw_read_file(path, LARGEST_CONTENT, &content, NULL) == 0) {
        struct nw_hash128 h = nw_siphash((struct nw_hash128){{0}}, nw_buffer_slice(&content));
        nw_buffer_add_format(r->seen, " %016" PRIx64 "%016" PRIx64, h.words[0], h.words[1]);
    } else {
        nw_buffer_add_format(r->seen, " %lld bytes of %lld", (long long)st.st_size,
                             (long long)st.st_mtime);
    }
    nw_buffer_done(&content);
    return r->seen->failed ? NW_ENOMEM : 0;
}

/* ---- connections and routes ---- */

static int keep(const struct nw_reader *r, struct nw_buffer *text, const struct nw_buffer *seen,
                const char **out)
{
    int rc;

    if (seen != NULL && seen->len > 0) {
        nw_buffer_add(text, seen->data, seen->len);
    }
    rc = text->failed ? NW_ENOMEM : nw_reader_copy(r, nw_buffer_slice(text), out);
    nw_buffer_done(text);
    return rc;
}

int nw_meaning_of_connection(const struct nw_reader *r, const struct nw_node *node,
                             struct nw_connection_spec *spec)
{
    struct nw_buffer text = {0};

    nw_buffer_add_format(&text, "%s ", spec->connector->name);
    if (node != NULL) {
        add_node(&text, node);
    }
    return keep(r, &text, r->seen, &spec->meaning);
}

static void add_targets(struct nw_buffer *out, const struct nw_node *to,
                        const struct nw_route_spec *spec)
{
    bool list = to->kind == NW_NODE_LIST;

    for (size_t i = 0; i < spec->sink_count; i++) {
        add_endpoint(out, list ? to->items[i].value : to, spec->sinks[i].address,
                     spec->sinks[i].connection);
    }
}

static void add_steps(struct nw_buffer *out, const struct nw_node *route, const char *name)
{
    const struct nw_item *steps = nw_node_get(route, name);

    if (steps != NULL) {
        nw_buffer_add_format(out, "%s ", name);
        add_node(out, steps->value);
    }
}

/* `description` is missing: it changes nothing. */
static void add_options(struct nw_buffer *out, const struct nw_route_spec *spec)
{
    nw_buffer_add_format(
        out,
        "%d %d %d %" PRId64 " %u-%u %u %zu %d %" PRId64 " %" PRId64 " %" PRId64
        " %d %d %d %d %d %d %s",
        spec->enabled, (int)spec->then, spec->on_error_given, spec->retries, spec->backoff.first_ms,
        spec->backoff.longest_ms, spec->lanes, spec->max_in_flight, (int)spec->order,
        spec->map_timeout_ms, spec->spool_max_size, spec->spool_max_age_ms, spec->spool_drop_oldest,
        spec->spool_sync, spec->spool_used, spec->spool_in_outage, spec->trace,
        spec->dead_letter != NULL, spec->dead_letter == NULL ? "" : spec->dead_letter->address);
}

int nw_meaning_of_route(const struct nw_reader *r, const struct nw_node *node,
                        const struct nw_buffer *seen, struct nw_route_spec *spec)
{
    const struct nw_item *from = nw_node_get(node, "from"), *to = nw_node_get(node, "to");
    struct nw_buffer texts[NW_PARTS] = {{0}};
    int rc = 0;

    if (from != NULL) {
        add_endpoint(&texts[NW_PART_FROM], from->value, spec->source.address,
                     spec->source.connection);
    }
    if (to != NULL) {
        add_targets(&texts[NW_PART_TO], to->value, spec);
    }
    add_steps(&texts[NW_PART_MAP], node, "map");
    add_steps(&texts[NW_PART_MAP], node, "reply");
    add_options(&texts[NW_PART_OPTIONS], spec);
    for (int i = 0; i < NW_PARTS; i++) {
        int kept = keep(r, &texts[i], &seen[i], &spec->meaning[i]);
        rc = rc != 0 ? rc : kept;
    }
    return rc;
}
