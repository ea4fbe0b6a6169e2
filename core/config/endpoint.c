/* SPDX-License-Identifier: Apache-2.0 */
/* The two ends of a route: {connector: address, options}. */
#include <stdio.h>

#include "config/check.h"
#include "config/loader.h"
#include "config/options.h"
#include "mappings/json_match.h"
#include "plugin/registry.h"

/* The first item of an endpoint, read. */
struct head {
    const struct nw_connector *connector;
    const struct nw_node *address; /* a text */
};

/* {group: x, kafka: orders}: the connector is there, but not first. */
static const char *find_misplaced(const struct nw_loader *l, const struct nw_node *node)
{
    for (size_t i = 1; i < node->count; i++) {
        const struct nw_connector *c = nw_registry_find(l->registry, node->items[i].key.data);

        if (c != NULL) {
            return c->name;
        }
    }
    return NULL;
}

/* Returns false after having said what is wrong. */
static bool read_head(const struct nw_loader *l, const struct nw_reader *r,
                      const struct nw_node *node, struct head *out)
{
    const struct nw_item *first;
    const char *misplaced;

    if (node->kind != NW_NODE_MAP || node->count == 0) {
        nw_reader_expected(r, node, NULL, "{connector: address, options}");
        return false;
    }
    first = &node->items[0];
    misplaced =
        nw_registry_find(l->registry, first->key.data) == NULL ? find_misplaced(l, node) : NULL;
    if (misplaced != NULL) {
        nw_reader_error(r, &first->mark,
                        "the connector comes first: write %s: before %s:", misplaced,
                        first->key.data);
        return false;
    }
    out->connector = nw_find_connector(l, r, first->key, &first->mark);
    out->address = first->value;
    if (out->connector == NULL) {
        return false;
    }
    if (first->value->kind != NW_NODE_TEXT) {
        nw_reader_expected(r, first->value, first->key.data, "an address");
        return false;
    }
    return !first->value->broken;
}

/* Room for the options, with their defaults, then what is given. */
static int read_options(const struct nw_reader *r, const struct nw_node *node,
                        const struct nw_option *rows, size_t size, const struct nw_option *words,
                        void *word_values, void **out)
{
    void *options = nw_arena_alloc(r->arena, size);
    int rc = options == NULL ? NW_ENOMEM : nw_options_defaults(r, rows, options);

    if (rc == 0) {
        struct nw_layer layers[] = {{rows, options}, {words, word_values}};

        rc = nw_options_read(r, node, 1, layers, 2, node->items[0].key.data);
    }
    *out = options;
    return rc;
}

/* Is the choice `name: choice` made? For options that mean something to templates. */
static bool is_chosen(const struct nw_node *node, const char *name, const char *choice)
{
    const struct nw_item *item = nw_node_get(node, name);

    return item != NULL && item->value->kind == NW_NODE_TEXT &&
           strcmp(item->value->text.data, choice) == 0;
}

/* A wrong connection has options too, the defaults for those that are wrong: what it takes to find
 * the mistakes of its endpoints as well. */
static bool is_readable(const struct nw_loader *l, const struct nw_connector *connector,
                        const struct nw_connection_entry *connection)
{
    if (connection == NULL) {
        return connector->connection == NULL || !l->incomplete;
    }
    return connection->spec.options != NULL;
}

/* ---- sources ---- */

static bool answers(const struct nw_source_kind *kind, const void *options)
{
    const struct nw_option *row = nw_option_find(kind->options, NW_LITERAL("reply"));

    if (row != NULL && row->type == NW_OPTION_BOOL) {
        return *(const bool *)((const char *)options + row->offset);
    }
    return kind->address == NW_ADDRESS_HTTP_PATH && (kind->has & NW_HAS(NW_META_METHOD)) != 0;
}

static int set_source_address(const struct nw_reader *r, const struct nw_node *node,
                              struct nw_source_spec *out)
{
    if (out->kind->address == NW_ADDRESS_FILE_PATH && strcmp(node->text.data, "-") != 0) {
        return nw_reader_path(r, node->file, node->text, &out->address);
    }
    return nw_reader_copy(r, node->null ? NW_LITERAL("") : node->text, &out->address);
}

/* What templates match: the path of "POST /hooks/{repo}", the keys of bucket/key, else the address.
 */
static const char *pattern_of(const struct nw_source_spec *source)
{
    const char *blank = strchr(source->address, ' '), *slash = strchr(source->address, '/');

    if (strcmp(source->connector->name, "kv") == 0) {
        return slash == NULL ? ">" : slash + 1;
    }

    return source->kind->address == NW_ADDRESS_HTTP_PATH && blank != NULL
               ? blank + strspn(blank, " ")
               : source->address;
}

static int read_source(const struct nw_loader *l, const struct nw_reader *r,
                       const struct nw_node *node, const struct head *head,
                       struct nw_template_scope *scope, struct nw_source_spec *out, bool *known)
{
    const struct nw_connection_entry *connection = NULL;
    struct nw_slots slots = {.scope = scope};
    struct nw_reader with_slots = *r;
    struct nw_source_words words = {0};
    size_t errors = r->diagnostics->errors;
    struct nw_check check = {r, node, head->address->mark, false};
    int rc = set_source_address(r, head->address, out);

    if (rc != 0) {
        return rc;
    }
    *scope = (struct nw_template_scope){
        .bridge = l->config->name,
        .route = r->route,
        .address = out->kind->address,
        .pattern = pattern_of(out),
        .has = out->kind->has,
    };
    with_slots.slots = &slots;
    rc = read_options(&with_slots, node, out->kind->options, out->kind->options_size,
                      nw_source_word_rows, &words, &out->options);
    rc = rc != 0 ? rc
                 : nw_find_connection(l, r, out->connector, node, words.connection, &connection);
    *known = rc == 0;
    if (rc != 0 || r->diagnostics->errors != errors ||
        !is_readable(l, out->connector, connection)) {
        return rc;
    }
    out->connection = connection == NULL ? NULL : &connection->spec;
    out->reply = answers(out->kind, out->options);
    out->templates = slots.items;
    out->template_count = slots.count;
    if (out->kind->check != NULL) {
        out->kind->check(out->address, out->options,
                         connection == NULL ? NULL : connection->spec.options, &check);
        scope->pattern_wrong = check.address_wrong;
    }
    return 0;
}

int nw_load_source(const struct nw_loader *l, const struct nw_reader *r, const struct nw_node *node,
                   struct nw_template_scope *scope, struct nw_source_spec *out, bool *good,
                   bool *known)
{
    size_t errors = r->diagnostics->errors;
    struct head head = {0};
    int rc = 0;

    *good = *known = false;
    out->mark = node->mark;
    if (!read_head(l, r, node, &head)) {
        return 0;
    }
    out->connector = head.connector;
    if (head.connector->source_for != NULL) {
        out->kind = head.connector->source_for(head.address->text.data);
    }
    out->kind = out->kind != NULL ? out->kind : head.connector->source;
    if (out->kind == NULL) {
        nw_reader_error(r, &node->items[0].mark, "%s is only a target, not a source",
                        head.connector->name);
        return 0;
    }
    rc = read_source(l, r, node, &head, scope, out, known);
    *good = rc == 0 && r->diagnostics->errors == errors;
    return rc;
}

/* ---- sinks ---- */

/* The address, as it is or made absolute. address is a copy of the node, to be changed. */
static int set_sink_address(const struct nw_reader *r, const struct nw_template_scope *scope,
                            struct nw_node *address, struct nw_sink_spec *out)
{
    bool subject = out->kind->address == NW_FILL_SUBJECT ||
                   out->kind->address == NW_FILL_MQTT_TOPIC ||
                   out->kind->address == NW_FILL_KAFKA_TOPIC;
    const char *standard = scope == NULL || !subject ? NULL : nw_template_default_address(scope);
    int rc;

    if (address->null && standard != NULL) {
        address->null = false;
        address->source = NULL;
        address->text = nw_slice_text(standard);
        address->written = standard;
    }
    if (out->kind->address != NW_FILL_PATH || strcmp(address->text.data, "-") == 0) {
        return nw_reader_copy(r, address->text, &out->address);
    }
    rc = nw_reader_path(r, address->file, address->text, &out->address);
    if (rc == 0) {
        address->before = strlen(out->address) - address->text.len;
        address->text = nw_slice_text(out->address);
    }
    return rc;
}

static int read_address(const struct nw_reader *r, const struct nw_template_scope *scope,
                        const struct nw_node *node, struct nw_sink_spec *out)
{
    struct nw_node address = *node;
    int rc = set_sink_address(r, scope, &address, out);

    if (rc != 0 || (scope == NULL && address.null)) {
        return rc;
    }
    rc = nw_reader_template(r, &address, out->connector->name, out->kind->address, scope,
                            &out->address_template);
    return rc != 0 || out->address_template == NULL
               ? rc
               : nw_reader_keep_template(r, out->address_template);
}

/* A JSON value is the jq program that gives it, for every message the same. */
static void warn_constant(const struct nw_reader *r, const struct nw_node *when)
{
    struct nw_slice text = when->text;

    if (!nw_json_matches(text, text, false)) {
        return;
    }
    if (nw_json_matches(text, NW_LITERAL("false"), false) ||
        nw_json_matches(text, NW_LITERAL("null"), false)) {
        nw_reader_warning(r, &when->mark, "when: %s is never true: this target gets no message",
                          text.data);
    } else {
        nw_reader_warning(r, &when->mark,
                          "when: %s is true of every message: only false and null are not true",
                          text.data);
    }
}

static int read_when(const struct nw_reader *r, const struct nw_node *node,
                     const struct nw_sink_words *words, struct nw_sink_spec *out)
{
    const struct nw_item *when = nw_node_get(node, "when");
    int rc;

    out->otherwise = words->otherwise;
    if (words->when == NULL) {
        return 0;
    }
    if (words->otherwise) {
        nw_reader_error(r, &when->mark, "a target has when: or otherwise:, not both");
    }
    rc = nw_reader_program(r, when->value, "when", &out->when);
    if (out->when != NULL) {
        warn_constant(r, when->value);
    }
    return rc != 0 || out->when == NULL ? rc : nw_reader_keep_program(r, out->when);
}

static uint32_t find_key_slot(const struct nw_sink_spec *sink)
{
    const struct nw_option *row = nw_option_find(sink->kind->options, NW_LITERAL("key"));

    return row == NULL || row->type != NW_OPTION_TEMPLATE
               ? 0
               : *(const uint32_t *)(const void *)((const char *)sink->options + row->offset);
}

static int read_sink(const struct nw_loader *l, const struct nw_reader *r,
                     const struct nw_node *node, const struct head *head,
                     const struct nw_template_scope *scope, struct nw_sink_spec *out)
{
    const struct nw_connection_entry *connection = NULL;
    struct nw_slots slots = {.scope = scope};
    struct nw_reader with_slots = *r;
    struct nw_sink_words words = {0};
    size_t errors = r->diagnostics->errors;
    struct nw_check check = {r, node, head->address->mark, false};
    int rc = read_address(r, scope, head->address, out);

    with_slots.slots = &slots;
    rc = rc != 0 ? rc
                 : read_options(&with_slots, node, out->kind->options, out->kind->options_size,
                                nw_sink_word_rows, &words, &out->options);
    rc = rc != 0 ? rc : read_when(r, node, &words, out);
    rc = rc != 0 ? rc
                 : nw_find_connection(l, r, out->connector, node, words.connection, &connection);
    if (rc != 0 || r->diagnostics->errors != errors ||
        !is_readable(l, out->connector, connection)) {
        return rc;
    }
    out->connection = connection == NULL ? NULL : &connection->spec;
    out->templates = slots.items;
    out->template_count = slots.count;
    out->key_slot = find_key_slot(out);
    if (out->kind->check != NULL) {
        out->kind->check(out->address, out->options,
                         connection == NULL ? NULL : connection->spec.options, &check);
    }
    return 0;
}

int nw_load_sink(const struct nw_loader *l, const struct nw_reader *r, const struct nw_node *node,
                 const struct nw_template_scope *scope, struct nw_sink_spec *out, bool *good)
{
    size_t errors = r->diagnostics->errors;
    struct nw_template_scope own;
    struct head head = {0};
    int rc = 0;

    *good = false;
    out->mark = node->mark;
    if (!read_head(l, r, node, &head)) {
        return 0;
    }
    out->connector = head.connector;
    if (head.connector->sink_for != NULL) {
        out->kind = head.connector->sink_for(head.address->text.data);
    }
    out->kind = out->kind != NULL ? out->kind : head.connector->sink;
    if (out->kind == NULL) {
        nw_reader_error(r, &node->items[0].mark, "%s is only a source, not a target",
                        head.connector->name);
        return 0;
    }
    if (scope != NULL) {
        own = *scope;
        if (out->kind->address == NW_FILL_MQTT_TOPIC && scope->address != NW_ADDRESS_TOPIC_MQTT) {
            own.topics_escaped = is_chosen(node, "topics", "escaped");
        }
        scope = &own;
    }
    rc = read_sink(l, r, node, &head, scope, out);
    *good = rc == 0 && r->diagnostics->errors == errors;
    return rc;
}

/* ---- dead letters ---- */

int nw_load_dead_letter(const struct nw_loader *l, const struct nw_reader *r,
                        const struct nw_node *node, const struct nw_template_scope *scope,
                        struct nw_sink_spec **out)
{
    struct nw_sink_spec *sink = nw_arena_alloc(r->arena, sizeof *sink);
    struct nw_slots slots = {.scope = scope};
    struct nw_reader with_slots = *r;
    int rc;

    if (sink == NULL) {
        return NW_ENOMEM;
    }
    sink->connector = nw_registry_find(l->registry, "dead_letter");
    sink->kind = sink->connector == NULL ? NULL : sink->connector->sink;
    if (sink->kind == NULL) {
        nw_reader_error(r, &node->mark, "this program was built without dead letters");
        return 0;
    }
    sink->mark = node->mark;
    sink->connection = &l->nats_entry->spec;
    sink->options = nw_arena_alloc(r->arena, sink->kind->options_size);
    with_slots.slots = &slots;
    rc = sink->options == NULL
             ? NW_ENOMEM
             : nw_options_defaults(&with_slots, sink->kind->options, sink->options);
    sink->templates = slots.items;
    sink->template_count = slots.count;
    sink->key_slot = find_key_slot(sink);
    rc = rc != 0 ? rc : nw_reader_copy(r, node->text, &sink->address);
    rc = rc != 0 ? rc
                 : nw_reader_template(r, node, "dead_letter", sink->kind->address, scope,
                                      &sink->address_template);
    if (rc == 0 && sink->address_template != NULL) {
        *out = sink;
        rc = nw_reader_keep_template(r, sink->address_template);
    }
    return rc;
}
