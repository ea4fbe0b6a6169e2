/* SPDX-License-Identifier: Apache-2.0 */
#include "config/yaml.h"

#include "config/yaml_parser.h"

/* From so many keys on a mapping is searched through a table. */
#define FEW_KEYS 16

/* What stands at a mark; NULL: that is behind the end. */
static const char *text_at(struct nw_slice text, yaml_mark_t at)
{
    const char *begin = text.data, *end = text.data + text.len;

    for (size_t line = 0; line < at.line; line++) {
        begin = memchr(begin, '\n', (size_t)(end - begin));
        if (begin == NULL) {
            return NULL;
        }
        begin++;
    }
    for (size_t column = 0; column < at.column && begin < end; column++) {
        do {
            begin++;
        } while (begin < end && ((unsigned char)*begin & 0xC0) == 0x80);
    }
    return begin < end ? begin : NULL;
}

/* libyaml's words help nobody who forgot quotes, or has a tab among the blanks of an indentation.
 */
static const char *find_hint(const struct nw_yaml_parser *p, yaml_mark_t at)
{
    struct nw_slice text = p->text;
    const char *found = text_at(text, at);
    bool began_here = p->yaml.context == NULL || p->yaml.context_mark.line == at.line;

    if (found == NULL) {
        return NULL;
    }
    if (*found == '\t') {
        return "a tab; lines are indented with blanks";
    }
    if (*found == ':' && began_here) {
        return "a text with a colon and a blank in it needs quotes";
    }
    if (*found == '{' && text.data + text.len - found > 1 && found[1] == '{') {
        return "a template like \"{{key}}\" needs quotes";
    }
    return NULL;
}

/* Say what libyaml could not read. */
static int refuse_syntax(struct nw_yaml_parser *p)
{
    const yaml_parser_t *y = &p->yaml;
    yaml_mark_t at = y->problem_mark;
    const char *hint;

    if (y->error == YAML_MEMORY_ERROR) {
        return nw_yaml_no_memory(p);
    }
    if (y->error == YAML_READER_ERROR) {
        return nw_yaml_refuse(p, NW_EINVAL, y->mark, "no UTF-8 text: %s at byte %zu", y->problem,
                              y->problem_offset);
    }
    hint = find_hint(p, at);
    if (hint != NULL) {
        return nw_yaml_refuse(p, NW_EINVAL, at, "not valid YAML: %s", hint);
    }
    if (y->context != NULL && y->context_mark.line != at.line) {
        return nw_yaml_refuse(p, NW_EINVAL, at, "not valid YAML: %s, %s that began in line %zu",
                              y->problem, y->context, y->context_mark.line + 1);
    }
    return nw_yaml_refuse(p, NW_EINVAL, at, "not valid YAML: %s%s%s", y->problem,
                          y->context == NULL ? "" : ", ", y->context == NULL ? "" : y->context);
}

static int next_event(struct nw_yaml_parser *p, yaml_event_t *event)
{
    return yaml_parser_parse(&p->yaml, event) ? 0 : refuse_syntax(p);
}

/* ---- lists and mappings ---- */

static int read_node(struct nw_yaml_parser *p, const yaml_event_t *event, struct nw_node **out);

/* The items of a list or mapping while it is read. */
struct items {
    struct nw_item *all;
    size_t count, capacity;
};

static int add_item(struct nw_yaml_parser *p, struct items *items, struct nw_item item)
{
    if (items->count == items->capacity) {
        size_t capacity = items->capacity == 0 ? 4 : items->capacity * 2;
        struct nw_item *all = nw_arena_alloc(p->arena, capacity * sizeof *all);

        if (all == NULL) {
            return nw_yaml_no_memory(p);
        }
        if (items->count > 0) {
            memcpy(all, items->all, items->count * sizeof *all);
        }
        items->all = all;
        items->capacity = capacity;
    }
    items->all[items->count++] = item;
    return 0;
}

static void count_item(struct nw_node *node, const struct nw_node *value, size_t *weight)
{
    *weight += value->weight;
    if (value->height + 1 > node->height) {
        node->height = value->height + 1;
    }
}

/* node's weight stays 0 until its end was read: that is how an alias inside of it is found. */
static int read_list(struct nw_yaml_parser *p, struct nw_node *node)
{
    struct items items = {0};
    size_t weight = 1;

    for (;;) {
        struct nw_node *value = NULL;
        yaml_event_t event;
        int rc = next_event(p, &event);

        if (rc != 0) {
            return rc;
        }
        if (event.type == YAML_SEQUENCE_END_EVENT) {
            yaml_event_delete(&event);
            break;
        }
        rc = read_node(p, &event, &value);
        yaml_event_delete(&event);
        rc = rc != 0 ? rc : add_item(p, &items, (struct nw_item){NW_ABSENT, value->mark, value});
        if (rc != 0) {
            return rc;
        }
        count_item(node, value, &weight);
    }
    node->items = items.all;
    node->count = items.count;
    node->weight = weight;
    return 0;
}

/* A mapping while it is read. keys is filled only when there are many: key to the key's mark. */
struct mapping {
    struct items items;
    struct nw_table keys;
    bool partial; /* see struct nw_node */
};

/* Where the key was given before. *out NULL: nowhere. */
static int find_earlier(struct nw_yaml_parser *p, struct mapping *m, struct nw_slice key,
                        const struct nw_mark **out)
{
    const struct nw_node few = {
        .kind = NW_NODE_MAP, .items = m->items.all, .count = m->items.count};
    const struct nw_item *item;

    if (m->items.count < FEW_KEYS) {
        item = nw_node_find(&few, key);
        *out = item == NULL ? NULL : &item->mark;
        return 0;
    }
    for (size_t i = m->keys.count; i < m->items.count; i++) {
        struct nw_mark *mark = nw_arena_alloc(p->arena, sizeof *mark); /* items move, marks stay */

        if (mark == NULL) {
            return nw_yaml_no_memory(p);
        }
        *mark = m->items.all[i].mark;
        if (nw_table_put(&m->keys, m->items.all[i].key, mark) != 0) {
            return nw_yaml_no_memory(p);
        }
    }
    *out = nw_table_find(&m->keys, key);
    return 0;
}

/* Read a key into item. *keep false: its value is to be read and forgotten, a mistake was said. */
static int read_key(struct nw_yaml_parser *p, const yaml_event_t *event, struct mapping *m,
                    struct nw_item *item, bool *keep)
{
    const struct nw_mark *earlier = NULL;
    struct nw_slice key;
    int rc;

    if (event->type == YAML_MAPPING_START_EVENT &&
        event->data.mapping_start.style == YAML_FLOW_MAPPING_STYLE) { /* {{ */
        return nw_yaml_refuse(p, NW_EINVAL, event->start_mark,
                              "a key must be a text; a template like \"{{key}}\" needs quotes");
    }
    if (event->type != YAML_SCALAR_EVENT ||
        memchr(event->data.scalar.value, '\0', event->data.scalar.length) != NULL) {
        return nw_yaml_refuse(p, NW_EINVAL, event->start_mark, "a key must be a text");
    }
    key = (struct nw_slice){(const char *)event->data.scalar.value, event->data.scalar.length};
    item->key = (struct nw_slice){nw_arena_copy(p->arena, key), key.len};
    item->mark = nw_yaml_mark(p, event->start_mark);
    if (item->key.data == NULL) {
        return nw_yaml_no_memory(p);
    }
    rc = find_earlier(p, m, key, &earlier);
    *keep = false;
    if (rc == 0 && event->data.scalar.style == YAML_PLAIN_SCALAR_STYLE &&
        nw_slice_equal(key, NW_LITERAL("<<"))) {
        m->partial = true;
        (void)nw_yaml_refuse(
            p, 0, event->start_mark,
            "<< is not supported: it hides which value counts; use an alias for a whole "
            "value, or defaults: for what all routes share");
    } else if (rc == 0 && earlier != NULL) {
        (void)nw_yaml_refuse(p, 0, event->start_mark, "\"%s\" is given twice, first in line %zu",
                             item->key.data, earlier->line);
    } else {
        *keep = true;
    }
    return rc;
}

/* Read the value of item, knowing in which route we are. */
static int read_value(struct nw_yaml_parser *p, struct nw_item *item)
{
    bool top = p->depth == 1 && nw_slice_equal(item->key, NW_LITERAL("routes"));
    bool route = p->depth == 2 && p->in_routes;
    yaml_event_t event;
    int rc;

    p->in_routes = p->in_routes || top;
    if (route) {
        p->route = item->key.data;
    }
    rc = next_event(p, &event);
    if (rc == 0) {
        rc = read_node(p, &event, &item->value);
        yaml_event_delete(&event);
    }
    if (route) {
        p->route = NULL;
    }
    p->in_routes = p->in_routes && !top;
    return rc;
}

static int read_items(struct nw_yaml_parser *p, struct nw_node *node, struct mapping *m)
{
    size_t weight = 1;

    for (;;) {
        struct nw_item item = {0};
        yaml_event_t event;
        bool keep = true;
        int rc = next_event(p, &event);

        if (rc != 0) {
            return rc;
        }
        if (event.type == YAML_MAPPING_END_EVENT) {
            yaml_event_delete(&event);
            break;
        }
        rc = read_key(p, &event, m, &item, &keep);
        yaml_event_delete(&event);
        rc = rc != 0 ? rc : read_value(p, &item);
        rc = rc != 0 || !keep ? rc : add_item(p, &m->items, item);
        if (rc != 0) {
            return rc;
        }
        count_item(node, item.value, &weight);
    }
    node->items = m->items.all;
    node->count = m->items.count;
    node->partial = m->partial;
    node->weight = weight;
    return 0;
}

static int read_map(struct nw_yaml_parser *p, struct nw_node *node)
{
    struct mapping m = {0};
    int rc = read_items(p, node, &m);

    nw_table_done(&m.keys);
    return rc;
}

/* A list or a mapping, whose first event was read. */
static int read_inner(struct nw_yaml_parser *p, const yaml_event_t *event, struct nw_node **out)
{
    bool list = event->type == YAML_SEQUENCE_START_EVENT;
    struct nw_node *node = nw_yaml_node(p, list ? NW_NODE_LIST : NW_NODE_MAP, event->start_mark);
    int rc =
        nw_yaml_check_tag(p, list ? event->data.sequence_start.tag : event->data.mapping_start.tag,
                          event->start_mark);

    if (node == NULL) {
        return nw_yaml_no_memory(p);
    }
    if (p->depth == NW_YAML_DEEPEST) {
        return nw_yaml_refuse(p, NW_EINVAL, event->start_mark, "more than %d levels",
                              NW_YAML_DEEPEST);
    }
    rc = rc != 0
             ? rc
             : nw_yaml_anchor(
                   p, list ? event->data.sequence_start.anchor : event->data.mapping_start.anchor,
                   node);
    p->depth++;
    rc = rc != 0 ? rc : (list ? read_list(p, node) : read_map(p, node));
    p->depth--;
    *out = node;
    return rc;
}

static int read_node(struct nw_yaml_parser *p, const yaml_event_t *event, struct nw_node **out)
{
    int rc = event->type == YAML_ALIAS_EVENT    ? nw_yaml_alias(p, event, out)
             : event->type == YAML_SCALAR_EVENT ? nw_yaml_text(p, event, out)
                                                : read_inner(p, event, out);

    p->nodes++;
    if (rc == 0 && p->nodes > NW_YAML_MOST_NODES) {
        return nw_yaml_refuse(p, NW_EINVAL, event->start_mark,
                              "more than %d values, aliases followed", NW_YAML_MOST_NODES);
    }
    return rc;
}

/* ---- the document ---- */

/* Pass over events up to and with the first of that type. Returns 1 when the stream ends before. */
static int skip_to(struct nw_yaml_parser *p, yaml_event_type_t type)
{
    for (;;) {
        yaml_event_t event;
        yaml_event_type_t found;
        int rc = next_event(p, &event);

        if (rc != 0) {
            return rc;
        }
        found = event.type;
        yaml_event_delete(&event);
        if (found == type) {
            return 0;
        }
        if (found == YAML_STREAM_END_EVENT) {
            return 1;
        }
    }
}

static int read_document(struct nw_yaml_parser *p, struct nw_node **out)
{
    yaml_event_t event;
    int rc = skip_to(p, YAML_DOCUMENT_START_EVENT);

    if (rc != 0) {
        return rc == 1 ? 0 : rc; /* nothing in it */
    }
    rc = next_event(p, &event);
    if (rc != 0) {
        return rc;
    }
    rc = read_node(p, &event, out);
    yaml_event_delete(&event);
    rc = rc != 0 ? rc : skip_to(p, YAML_DOCUMENT_END_EVENT);
    rc = rc != 0 ? rc : next_event(p, &event);
    if (rc != 0) {
        return rc;
    }
    if (event.type != YAML_STREAM_END_EVENT) {
        (void)nw_yaml_refuse(p, 0, event.start_mark, "a second document: a file holds one");
    }
    yaml_event_delete(&event);
    return 0;
}

int nw_yaml_parse(struct nw_slice text, const struct nw_file *file, struct nw_arena *arena,
                  struct nw_diagnostics *diagnostics, struct nw_node **out)
{
    struct nw_yaml_parser p = {
        .text = text, .file = file, .arena = arena, .diagnostics = diagnostics};
    struct nw_node *root = NULL;
    int rc;

    p.line_at = nw_arena_copy(arena, text); /* for places: see nw_node_at */
    if (p.line_at == NULL || !yaml_parser_initialize(&p.yaml)) {
        return nw_yaml_no_memory(&p);
    }
    p.line_at += nw_slice_starts(text, NW_LITERAL("\xEF\xBB\xBF")) ? 3 : 0;
    yaml_parser_set_input_string(&p.yaml, (const unsigned char *)text.data, text.len);
    rc = read_document(&p, &root);
    yaml_parser_delete(&p.yaml);
    nw_table_done(&p.anchors);
    if (rc == 0) {
        *out = root;
    }
    return rc;
}
