/* SPDX-License-Identifier: Apache-2.0 */
/* What `natsway test` runs: the entries of `tests:`. */
#include <stdio.h>

#include "base/buffer.h"
#include "base/suggest.h"
#include "config/loader.h"

/* One test while it is read. */
struct part {
    struct nw_loader *loader;
    struct nw_reader reader;
    struct nw_test_spec *spec;
};

/* ---- keys ---- */

/* The index of key in names, which ends with NULL; -1 after having said that there is none. */
static int find_key(const struct part *p, const struct nw_item *item, const char *what,
                    const char *const *names)
{
    struct nw_suggest suggest;
    struct nw_buffer all = {0};
    const char *meant;

    for (int i = 0; names[i] != NULL; i++) {
        if (nw_slice_equal(nw_slice_text(names[i]), item->key)) {
            return i;
        }
    }
    nw_suggest_init(&suggest, item->key);
    for (int i = 0; names[i] != NULL; i++) {
        nw_suggest_offer(&suggest, names[i]);
        nw_buffer_add_text(&all, i == 0 ? "" : ", ");
        nw_buffer_add_text(&all, names[i]);
    }
    meant = nw_suggest_best(&suggest);
    nw_reader_error(&p->reader, &item->mark, "%s has no \"%s\"; %s%s%sit has %s", what,
                    item->key.data, meant == NULL ? "" : "did you mean \"",
                    meant == NULL ? "" : meant, meant == NULL ? "" : "\"? ", nw_buffer_text(&all));
    nw_buffer_done(&all);
    return -1;
}

static int copy_text(const struct part *p, const struct nw_node *node, const char *name,
                     const char **out)
{
    if (nw_reader_text(&p->reader, node, name, "a text") == NULL) {
        return 0;
    }
    return nw_reader_copy(&p->reader, node->text, out);
}

/* A text is the payload's bytes, anything else is JSON; nothing is no payload at all. */
static int copy_payload(const struct part *p, const struct nw_node *node, struct nw_slice *out,
                        bool *is_json)
{
    struct nw_buffer json = {0};
    const char *copy = NULL;
    int rc;

    *out = NW_ABSENT;
    *is_json = false;
    if (node->kind == NW_NODE_TEXT && node->null) {
        return 0;
    }
    if (node->kind == NW_NODE_TEXT) {
        rc = nw_reader_copy(&p->reader, node->text, &copy);
        *out = (struct nw_slice){copy, node->text.len};
        return rc;
    }
    *is_json = true;
    nw_node_json(&json, node);
    rc = json.failed ? NW_ENOMEM : nw_reader_copy(&p->reader, nw_buffer_slice(&json), &copy);
    *out = (struct nw_slice){copy, json.len};
    nw_buffer_done(&json);
    return rc;
}

/* ---- pairs ---- */

static int add_pair(const struct part *p, struct nw_test_pairs *pairs, const char *prefix,
                    struct nw_slice name, const struct nw_node *value)
{
    struct nw_test_pair *items =
        nw_arena_alloc(p->reader.arena, (pairs->count + 1) * sizeof *items);
    const char *text = NULL;
    int rc = 0;

    if (value->kind != NW_NODE_TEXT) {
        nw_reader_expected(&p->reader, value, name.data, "a text");
        return 0;
    }
    if (!value->null) {
        rc = nw_reader_copy(&p->reader, value->text, &text);
    }
    if (rc != 0 || items == NULL) {
        return NW_ENOMEM;
    }
    if (pairs->count > 0) {
        memcpy(items, pairs->items, pairs->count * sizeof *items);
    }
    items[pairs->count] = (struct nw_test_pair){
        nw_arena_format(p->reader.arena, "%s%.*s", prefix, (int)name.len, name.data), text,
        value->mark};
    pairs->items = items;
    return items[pairs->count++].name == NULL ? NW_ENOMEM : 0;
}

/* A mapping of names to texts; a list is several values of one name, a mapping (of `deep` names
 * only) more names. */
static int read_pairs(const struct part *p, const struct nw_node *node, const char *name, bool deep,
                      struct nw_test_pairs *out)
{
    int rc = 0;

    if (node->kind != NW_NODE_MAP) {
        nw_reader_expected(&p->reader, node, name, "a mapping of names to texts");
        return 0;
    }
    for (size_t i = 0; rc == 0 && i < node->count; i++) {
        const struct nw_item *item = &node->items[i];
        const struct nw_node *value = item->value;
        char prefix[100];

        if (value->kind == NW_NODE_TEXT || (value->kind == NW_NODE_MAP && !deep)) {
            rc = add_pair(p, out, "", item->key, value);
            continue;
        }
        (void)snprintf(prefix, sizeof prefix, "%.90s.", item->key.data);
        for (size_t k = 0; rc == 0 && k < value->count; k++) {
            bool list = value->kind == NW_NODE_LIST;
            rc = add_pair(p, out, list ? "" : prefix, list ? item->key : value->items[k].key,
                          value->items[k].value);
        }
    }
    return rc;
}

/* ---- the message ---- */

static int read_message_item(const struct part *p, const struct nw_item *item,
                             struct nw_test_message *m)
{
    static const char *const names[] = {"address", "key", "headers", "payload", "meta", NULL};
    bool is_json;

    switch (find_key(p, item, "message", names)) {
    case 0:
        return copy_text(p, item->value, "message.address", &m->address);
    case 1:
        return item->value->null ? 0 : copy_text(p, item->value, "message.key", &m->key);
    case 2:
        return read_pairs(p, item->value, "message.headers", false, &m->headers);
    case 3:
        return copy_payload(p, item->value, &m->payload, &is_json);
    case 4:
        return read_pairs(p, item->value, "message.meta", true, &m->meta);
    default:
        return 0;
    }
}

static int read_message(const struct part *p, const struct nw_node *node, struct nw_test_message *m)
{
    int rc = 0;

    m->mark = node->mark;
    if (node->kind != NW_NODE_MAP) {
        nw_reader_expected(&p->reader, node, "message",
                           "a mapping of address, key, headers, payload, meta");
        return 0;
    }
    for (size_t i = 0; rc == 0 && i < node->count; i++) {
        rc = read_message_item(p, &node->items[i], m);
    }
    return rc;
}

/* One, or a list of those that come one after the other. */
static int read_messages(const struct part *p, const struct nw_node *node)
{
    bool list = node->kind == NW_NODE_LIST;
    size_t count = list ? node->count : 1;
    int rc = 0;

    p->spec->messages = nw_arena_alloc(p->reader.arena, (count + 1) * sizeof *p->spec->messages);
    if (p->spec->messages == NULL) {
        return NW_ENOMEM;
    }
    if (count == 0) {
        nw_reader_expected(&p->reader, node, "message", "a message, or several");
    }
    p->spec->message_count = count;
    for (size_t i = 0; rc == 0 && i < count; i++) {
        p->spec->messages[i].number = (unsigned)i + 1;
        rc = read_message(p, list ? node->items[i].value : node, &p->spec->messages[i]);
    }
    return rc;
}

/* ---- what is expected ---- */

static void read_filtered(const struct part *p, const struct nw_node *node,
                          struct nw_test_expect *e)
{
    if (node->kind != NW_NODE_TEXT || strcmp(node->text.data, "true") != 0) {
        nw_reader_expected(&p->reader, node, "expect.filtered", "true");
    }
    e->kind = NW_EXPECT_FILTERED;
}

static void read_match(const struct part *p, const struct nw_node *node, struct nw_test_expect *e)
{
    e->subset = node->kind == NW_NODE_TEXT && strcmp(node->text.data, "subset") == 0;
    if (!e->subset && (node->kind != NW_NODE_TEXT || strcmp(node->text.data, "exact") != 0)) {
        nw_reader_expected(&p->reader, node, "expect.match", "exact or subset");
    }
}

static int read_expect_item(const struct part *p, const struct nw_item *item,
                            struct nw_test_expect *e)
{
    static const char *const names[] = {"to",       "address",  "key",   "headers", "payload",
                                        "filtered", "rejected", "match", NULL};

    switch (find_key(p, item, "expect", names)) {
    case 0:
        return copy_text(p, item->value, "expect.to", &e->to);
    case 1:
        return copy_text(p, item->value, "expect.address", &e->address);
    case 2:
        e->key_given = true;
        return item->value->null ? 0 : copy_text(p, item->value, "expect.key", &e->key);
    case 3:
        return read_pairs(p, item->value, "expect.headers", false, &e->headers);
    case 4:
        e->payload_given = true;
        return copy_payload(p, item->value, &e->payload, &e->payload_is_json);
    case 5:
        read_filtered(p, item->value, e);
        return 0;
    case 6:
        e->kind = NW_EXPECT_REJECTED;
        return copy_text(p, item->value, "expect.rejected", &e->reason);
    case 7:
        read_match(p, item->value, e);
        return 0;
    default:
        return 0;
    }
}

static int read_expect(const struct part *p, const struct nw_node *node, struct nw_test_expect *e)
{
    int rc = 0;

    e->mark = node->mark;
    if (node->kind != NW_NODE_MAP || node->count == 0) {
        nw_reader_expected(&p->reader, node, "expect",
                           "a mapping like {address: …, payload: …}, {filtered: true} or "
                           "{rejected: part of the reason}");
        return 0;
    }
    for (size_t i = 0; rc == 0 && i < node->count; i++) {
        rc = read_expect_item(p, &node->items[i], e);
    }
    if (e->kind != NW_EXPECT_SENT && node->count > 1) {
        nw_reader_error(&p->reader, &node->mark,
                        "expect: nothing is sent where a message is %s, so nothing stands beside "
                        "it",
                        e->kind == NW_EXPECT_FILTERED ? "filtered" : "rejected");
    }
    return rc;
}

static int read_expects(struct part *p, const struct nw_node *node)
{
    bool list = node->kind == NW_NODE_LIST;
    size_t count = list ? node->count : 1;
    int rc = 0;

    p->spec->expects = nw_arena_alloc(p->reader.arena, (count + 1) * sizeof *p->spec->expects);
    if (p->spec->expects == NULL) {
        return NW_ENOMEM;
    }
    p->spec->expect_count = count;
    for (size_t i = 0; rc == 0 && i < count; i++) {
        rc = read_expect(p, list ? node->items[i].value : node, &p->spec->expects[i]);
    }
    return rc;
}

/* ---- what buckets have ---- */

static int read_entry(const struct part *p, const char *bucket, const struct nw_item *item)
{
    struct nw_test_entry *entry = &p->spec->entries[p->spec->entry_count++];
    struct nw_buffer json = {0};
    const char *key = NULL, *value = NULL;
    int rc = nw_reader_copy(&p->reader, item->key, &key);

    nw_node_json(&json, item->value);
    if (rc == 0) {
        rc = json.failed ? NW_ENOMEM : nw_reader_copy(&p->reader, nw_buffer_slice(&json), &value);
    }
    *entry = (struct nw_test_entry){bucket, {key, item->key.len}, {value, json.len}};
    nw_buffer_done(&json);
    return rc;
}

static int read_bucket(const struct part *p, const struct nw_item *bucket)
{
    const char *name = NULL;
    int rc = nw_reader_copy(&p->reader, bucket->key, &name);

    if (rc == 0 && bucket->value->kind != NW_NODE_MAP) {
        nw_reader_expected(&p->reader, bucket->value, "lookup", "{bucket: {key: value}}");
        return 0;
    }
    p->spec->entries[p->spec->entry_count++] = (struct nw_test_entry){.bucket = name};
    for (size_t i = 0; rc == 0 && i < bucket->value->count; i++) {
        rc = read_entry(p, name, &bucket->value->items[i]);
    }
    return rc;
}

/* {bucket: {key: value}} */
static int read_lookups(const struct part *p, const struct nw_node *node)
{
    size_t most = 1;
    int rc = 0;

    if (node->kind != NW_NODE_MAP) {
        nw_reader_expected(&p->reader, node, "lookup", "{bucket: {key: value}}");
        return 0;
    }
    for (size_t i = 0; i < node->count; i++) {
        most += node->items[i].value->count + 1;
    }
    p->spec->entries = nw_arena_alloc(p->reader.arena, most * sizeof *p->spec->entries);
    if (p->spec->entries == NULL) {
        return NW_ENOMEM;
    }
    for (size_t i = 0; rc == 0 && i < node->count; i++) {
        rc = read_bucket(p, &node->items[i]);
    }
    return rc;
}

/* ---- one test, all tests ---- */

static void read_route(struct part *p, const struct nw_node *node)
{
    const struct nw_config *config = p->loader->config;
    struct nw_suggest suggest;
    const char *name = nw_reader_text(&p->reader, node, "route", "the name of a route"), *meant;

    if (name == NULL) {
        return;
    }
    p->spec->route = nw_table_find(&config->routes_by_name, node->text);
    if (p->spec->route != NULL) {
        return;
    }
    nw_suggest_init(&suggest, node->text);
    for (size_t i = 0; i < config->route_count; i++) {
        nw_suggest_offer(&suggest, config->routes[i]->name);
    }
    meant = nw_suggest_best(&suggest);
    nw_reader_error(&p->reader, &node->mark, "there is no route \"%s\"%s%s%s", name,
                    meant == NULL ? "" : "; did you mean \"", meant == NULL ? "" : meant,
                    meant == NULL ? "" : "\"?");
}

static int read_item(struct part *p, const struct nw_item *item)
{
    static const char *const names[] = {"name", "route", "message", "expect", "lookup", NULL};

    switch (find_key(p, item, "a test", names)) {
    case 0:
        return copy_text(p, item->value, "name", &p->spec->name);
    case 1:
        read_route(p, item->value);
        return 0;
    case 2:
        return read_messages(p, item->value);
    case 3:
        return read_expects(p, item->value);
    case 4:
        return read_lookups(p, item->value);
    default:
        return 0;
    }
}

static int read_test(struct nw_loader *l, const struct nw_node *node)
{
    static const char *const needed[] = {"route", "message", "expect"};
    struct part p = {.loader = l, .reader = nw_loader_reader(l, node, NULL)};
    int rc = 0;

    if (node->kind != NW_NODE_MAP) {
        nw_reader_expected(&p.reader, node, "tests", "{route: …, message: …, expect: …}");
        return 0;
    }
    p.spec = &l->config->tests[l->config->test_count++];
    p.spec->mark = node->mark;
    for (size_t i = 0; rc == 0 && i < node->count; i++) {
        rc = read_item(&p, &node->items[i]);
    }
    for (size_t i = 0; i < sizeof needed / sizeof needed[0]; i++) {
        if (nw_node_get(node, needed[i]) == NULL) {
            nw_reader_error(&p.reader, &node->mark, "a test needs %s:", needed[i]);
        }
    }
    return rc;
}

int nw_load_tests(struct nw_loader *l)
{
    size_t most = 1;
    int rc = 0;

    for (size_t d = 0; d < l->document_count; d++) {
        const struct nw_item *all = nw_node_get(l->documents[d].root, "tests");

        most += all == NULL ? 0 : all->value->count;
    }
    l->config->tests = nw_arena_alloc(l->arena, most * sizeof *l->config->tests);
    if (l->config->tests == NULL) {
        return NW_ENOMEM;
    }
    for (size_t d = 0; d < l->document_count; d++) {
        const struct nw_item *all = nw_node_get(l->documents[d].root, "tests");

        if (all != NULL && all->value->kind != NW_NODE_LIST && !all->value->null) {
            struct nw_reader r = nw_loader_reader(l, all->value, NULL);

            nw_reader_expected(&r, all->value, "tests", "a list");
            continue;
        }
        for (size_t i = 0; rc == 0 && all != NULL && i < all->value->count; i++) {
            rc = read_test(l, all->value->items[i].value);
        }
    }
    return rc;
}
