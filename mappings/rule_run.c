/* SPDX-License-Identifier: Apache-2.0 */
#include <math.h>
#include <stdlib.h>

#include "mappings/rule_node.h"

typedef struct nw_rule_run_state state;
typedef struct nw_rule_node node;
typedef struct nw_rule_value value;
typedef enum nw_rule_outcome outcome;

#define BLOCK (16 * 1024)
#define KEEP (1024 * 1024) /* of memory, between runs */

struct block {
    struct block *next;
    size_t size, used;
    max_align_t data[];
};

struct nw_rule_space {
    struct nw_document document;
    bool has_document; /* otherwise the input is null */
    struct block *blocks, *current;
    size_t total;
    struct nw_buffer buffer;
    state run; /* the latest, for what is written after it */
};

/* ---- memory ---- */

static struct block *add_block(struct nw_rule_space *space, size_t size)
{
    size_t room = size > BLOCK ? size : BLOCK;
    struct block *b = malloc(sizeof *b + room);

    if (b == NULL) {
        return NULL;
    }
    *b = (struct block){.size = room};
    if (space->current == NULL) {
        b->next = space->blocks;
        space->blocks = b;
    } else {
        b->next = space->current->next;
        space->current->next = b;
    }
    space->current = b;
    space->total += room;
    return b;
}

void *nw_rule_alloc(struct nw_rule_space *space, size_t size)
{
    size_t rounded = (size + sizeof(max_align_t) - 1) / sizeof(max_align_t) * sizeof(max_align_t);
    struct block *b = space->current;
    void *at;

    while (b != NULL && b->size - b->used < rounded) {
        b = b->next;
        if (b != NULL) {
            b->used = 0;
            space->current = b;
        }
    }
    if (b == NULL) {
        b = add_block(space, rounded);
        if (b == NULL) {
            return NULL;
        }
    }
    at = (char *)b->data + b->used;
    b->used += rounded;
    return at;
}

static void free_blocks(struct nw_rule_space *space)
{
    struct block *b, *next;

    for (b = space->blocks; b != NULL; b = next) {
        next = b->next;
        free(b);
    }
    space->blocks = space->current = NULL;
    space->total = 0;
}

static void forget_all(struct nw_rule_space *space)
{
    if (space->total > KEEP) {
        free_blocks(space);
    }
    space->current = space->blocks;
    if (space->current != NULL) {
        space->current->used = 0;
    }
}

struct nw_buffer *nw_rule_buffer(struct nw_rule_space *space)
{
    return &space->buffer;
}

struct nw_rule_space *nw_rule_space_new(void)
{
    return calloc(1, sizeof(struct nw_rule_space));
}

void nw_rule_space_free(struct nw_rule_space *space)
{
    if (space != NULL) {
        nw_document_done(&space->document);
        nw_buffer_done(&space->buffer);
        free_blocks(space);
        free(space);
    }
}

int nw_rule_space_read(struct nw_rule_space *space, struct nw_slice payload)
{
    space->has_document = payload.data != NULL;
    return space->has_document ? nw_document_read(&space->document, payload) : 0;
}

const struct nw_document *nw_rule_space_document(const struct nw_rule_space *space)
{
    return space->has_document && space->document.count > 0 ? &space->document : NULL;
}

/* ---- paths ---- */

static outcome find_item(state *r, const value *object, struct nw_slice name, value *out)
{
    const struct nw_item *items = r->d->items;
    uint32_t at = object->item + 1, found = 0;

    for (uint32_t i = items[object->item].len; i > 0; i--) {
        if (items[at].escaped) {
            return NW_RULE_UNSURE;
        }
        if (items[at].len == name.len &&
            memcmp(r->d->text + items[at].at, name.data, name.len) == 0) {
            found = at + 1; /* the last of the same name counts */
        }
        at = items[at + 1].next;
    }
    if (found == 0) {
        *out = (value){.kind = NW_KIND_NULL};
        return NW_RULE_VALUE;
    }
    return nw_rule_from_item(r, found, out) ? NW_RULE_VALUE : NW_RULE_UNSURE;
}

static outcome find_member(const value *object, struct nw_slice name, value *out)
{
    *out = (value){.kind = NW_KIND_NULL};
    for (size_t i = 0; i < object->count; i++) {
        if (object->members[i].name.text.len == name.len &&
            memcmp(object->members[i].name.text.data, name.data, name.len) == 0) {
            *out = object->members[i].value;
        }
    }
    return NW_RULE_VALUE;
}

static outcome find_element(state *r, const value *array, double index, value *out)
{
    double count = array->made ? (double)array->count : (double)r->d->items[array->item].len;
    uint32_t at;

    index += index < 0 ? count : 0;
    if (index < 0 || index >= count) {
        *out = (value){.kind = NW_KIND_NULL};
        return NW_RULE_VALUE;
    }
    if (array->made) {
        *out = array->members[(size_t)index].value;
        return NW_RULE_VALUE;
    }
    at = array->item + 1;
    for (double i = 0; i < index; i++) {
        at = r->d->items[at].next;
    }
    return nw_rule_from_item(r, at, out) ? NW_RULE_VALUE : NW_RULE_UNSURE;
}

static outcome eval_path(state *r, const node *n, const value *in, value *out)
{
    enum nw_kind wants = n->op == NW_RULE_MEMBER ? NW_KIND_OBJECT : NW_KIND_ARRAY;
    value from;
    outcome result = nw_rule_eval(r, n->a, in, &from);

    if (result != NW_RULE_VALUE) {
        return result;
    }
    if (from.kind == NW_KIND_NULL) {
        *out = from;
        return NW_RULE_VALUE;
    }
    if (from.kind != wants) {
        return n->optional ? NW_RULE_NONE : NW_RULE_UNSURE;
    }
    if (wants == NW_KIND_ARRAY) {
        return find_element(r, &from, n->index, out);
    }
    return from.made ? find_member(&from, n->name, out) : find_item(r, &from, n->name, out);
}

/* ---- lists ---- */

struct list {
    struct nw_rule_member *items;
    size_t count, capacity;
};

static outcome append(state *r, struct list *list, const value *v)
{
    if (list->count == list->capacity) {
        size_t capacity = list->capacity == 0 ? 8 : list->capacity * 2;
        struct nw_rule_member *items = nw_rule_alloc(r->space, capacity * sizeof *items);
        if (items == NULL || capacity > 2 * NW_RULE_VALUES_MOST) {
            return NW_RULE_UNSURE;
        }
        if (list->count > 0) {
            memcpy(items, list->items, list->count * sizeof *items);
        }
        list->items = items;
        list->capacity = capacity;
    }
    list->items[list->count++] = (struct nw_rule_member){.value = *v};
    return NW_RULE_VALUE;
}

static outcome collect(state *r, const node *n, const value *in, struct list *list);

static outcome collect_pipe(state *r, const node *n, const value *in, struct list *list)
{
    struct list first = {0};
    outcome result = collect(r, n->a, in, &first);

    for (size_t i = 0; result == NW_RULE_VALUE && i < first.count; i++) {
        result = collect(r, n->b, &first.items[i].value, list);
    }
    return result;
}

static outcome collect_each(state *r, const node *n, const value *in, struct list *list)
{
    const struct nw_rule_member *members;
    size_t count;
    value from;
    outcome result = nw_rule_eval(r, n->a, in, &from);

    if (result != NW_RULE_VALUE) {
        return result == NW_RULE_NONE ? NW_RULE_VALUE : result;
    }
    if (from.kind < NW_KIND_ARRAY) {
        return n->optional ? NW_RULE_VALUE : NW_RULE_UNSURE;
    }
    if (nw_rule_members(r, &from, &members, &count) != NW_RULE_VALUE) {
        return NW_RULE_UNSURE;
    }
    for (size_t i = 0; i < count; i++) {
        if (append(r, list, &members[i].value) != NW_RULE_VALUE) {
            return NW_RULE_UNSURE;
        }
    }
    return NW_RULE_VALUE;
}

/* All values of n behind the list. VALUE or UNSURE. */
static outcome collect(state *r, const node *n, const value *in, struct list *list)
{
    outcome result;
    value v;

    switch (n->op) {
    case NW_RULE_PIPE:
        return collect_pipe(r, n, in, list);
    case NW_RULE_COMMA:
        result = collect(r, n->a, in, list);
        return result == NW_RULE_VALUE ? collect(r, n->b, in, list) : result;
    case NW_RULE_EACH:
        return collect_each(r, n, in, list);
    default:
        result = nw_rule_eval(r, n, in, &v);
        return result == NW_RULE_VALUE  ? append(r, list, &v)
               : result == NW_RULE_NONE ? NW_RULE_VALUE
                                        : result;
    }
}

static outcome eval_array(state *r, const node *n, const value *in, value *out)
{
    struct list list = {0};
    outcome result = n->a == NULL ? NW_RULE_VALUE : collect(r, n->a, in, &list);

    *out = (value){.kind = NW_KIND_ARRAY, .made = true, .members = list.items, .count = list.count};
    return result;
}

/* ---- what is made ---- */

/* Two operands, both of which are always run: if one is an error jq says so, whichever came first.
 */
static outcome eval_both(state *r, const node *n, const value *in, value *a, value *b)
{
    outcome left = nw_rule_eval(r, n->a, in, a), right = nw_rule_eval(r, n->b, in, b);

    return left > right ? left : right;
}

static outcome eval_object(state *r, const node *n, const value *in, value *out)
{
    struct nw_rule_member *members;
    outcome worst = NW_RULE_VALUE;
    size_t count = 0, most = 0;

    for (const node *m = n->next; m != NULL; m = m->next) {
        most++;
    }
    members = nw_rule_alloc(r->space, (most + 1) * sizeof *members);
    if (members == NULL) {
        return NW_RULE_UNSURE;
    }
    for (const node *m = n->next; m != NULL; m = m->next) {
        struct nw_rule_member own;
        outcome result = eval_both(r, m, in, &own.name, &own.value);

        worst = result > worst ? result : worst;
        if (result == NW_RULE_VALUE && own.name.kind != NW_KIND_STRING) {
            return NW_RULE_UNSURE;
        }
        if (result == NW_RULE_VALUE) {
            count = nw_rule_set_member(members, count, &own);
        }
    }
    *out = (value){.kind = NW_KIND_OBJECT, .made = true, .members = members, .count = count};
    return worst;
}

static outcome eval_text(state *r, const node *n, const value *in, value *out)
{
    outcome worst = NW_RULE_VALUE;
    size_t len = 0, at = 0;
    struct list pieces = {0};
    bool plain = true;
    char *text;

    for (const node *piece = n->next; piece != NULL; piece = piece->next) {
        value v;
        outcome result = nw_rule_eval(r, piece->a, in, &v);

        worst = result > worst ? result : worst;
        if (result != NW_RULE_VALUE) {
            continue;
        }
        if (nw_rule_text_of(r, &v, &v) != NW_RULE_VALUE ||
            append(r, &pieces, &v) != NW_RULE_VALUE) {
            return NW_RULE_UNSURE;
        }
        len += v.text.len;
        plain &= v.plain;
    }
    text = worst == NW_RULE_VALUE ? nw_rule_alloc(r->space, len + 1) : NULL;
    if (text == NULL) {
        return worst == NW_RULE_VALUE ? NW_RULE_UNSURE : worst;
    }
    for (size_t i = 0; i < pieces.count; i++) {
        struct nw_slice piece = pieces.items[i].value.text;
        memcpy(text + at, piece.data == NULL ? "" : piece.data, piece.len);
        at += piece.len;
    }
    *out = (value){.kind = NW_KIND_STRING, .plain = plain, .text = {text, len}};
    return NW_RULE_VALUE;
}

/* ---- operators ---- */

static outcome eval_pipe(state *r, const node *n, const value *in, value *out)
{
    value between;
    outcome result = nw_rule_eval(r, n->a, in, &between);

    return result == NW_RULE_VALUE ? nw_rule_eval(r, n->b, &between, out) : result;
}

static outcome eval_alternative(state *r, const node *n, const value *in, value *out)
{
    outcome result = nw_rule_eval(r, n->a, in, out);

    if (result == NW_RULE_UNSURE || (result == NW_RULE_VALUE && nw_rule_is_true(out))) {
        return result;
    }
    return nw_rule_eval(r, n->b, in, out);
}

static outcome eval_logic(state *r, const node *n, const value *in, value *out)
{
    bool is_or = n->op == NW_RULE_OR;
    value v;
    outcome result = nw_rule_eval(r, n->a, in, &v);

    if (result != NW_RULE_VALUE) {
        return result;
    }
    if (nw_rule_is_true(&v) != is_or) {
        result = nw_rule_eval(r, n->b, in, &v);
    }
    *out = nw_rule_bool(nw_rule_is_true(&v));
    return result;
}

static outcome eval_comparison(state *r, const node *n, const value *in, value *out)
{
    value a, b;
    outcome result = eval_both(r, n, in, &a, &b);
    int order;

    if (result != NW_RULE_VALUE || (result = nw_rule_compare(&a, &b, &order)) != NW_RULE_VALUE) {
        return result;
    }
    switch (n->op) {
    case NW_RULE_EQUAL:
        *out = nw_rule_bool(order == 0);
        break;
    case NW_RULE_UNEQUAL:
        *out = nw_rule_bool(order != 0);
        break;
    case NW_RULE_LESS:
        *out = nw_rule_bool(order < 0);
        break;
    case NW_RULE_LESS_EQUAL:
        *out = nw_rule_bool(order <= 0);
        break;
    case NW_RULE_GREATER:
        *out = nw_rule_bool(order > 0);
        break;
    default:
        *out = nw_rule_bool(order >= 0);
        break;
    }
    return NW_RULE_VALUE;
}

static outcome eval_arithmetic(state *r, const node *n, const value *in, value *out)
{
    value a, b;
    outcome result = eval_both(r, n, in, &a, &b);

    return result == NW_RULE_VALUE ? nw_rule_arithmetic(r, n->op, &a, &b, out) : result;
}

static outcome eval_if(state *r, const node *n, const value *in, value *out)
{
    value condition;
    outcome result = nw_rule_eval(r, n->a, in, &condition);

    if (result != NW_RULE_VALUE) {
        return result;
    }
    return nw_rule_eval(r, nw_rule_is_true(&condition) ? n->b : n->c, in, out);
}

outcome nw_rule_eval(state *r, const node *n, const value *in, value *out)
{
    switch (n->op) {
    case NW_RULE_CONSTANT:
        *out = n->constant;
        return NW_RULE_VALUE;
    case NW_RULE_INPUT:
        *out = *in;
        return NW_RULE_VALUE;
    case NW_RULE_META:
        return nw_rule_meta(r, n, out);
    case NW_RULE_MEMBER:
    case NW_RULE_ELEMENT:
        return eval_path(r, n, in, out);
    case NW_RULE_PIPE:
        return eval_pipe(r, n, in, out);
    case NW_RULE_ALTERNATIVE:
        return eval_alternative(r, n, in, out);
    case NW_RULE_AND:
    case NW_RULE_OR:
        return eval_logic(r, n, in, out);
    case NW_RULE_ADD:
    case NW_RULE_SUBTRACT:
    case NW_RULE_MULTIPLY:
    case NW_RULE_DIVIDE:
        return eval_arithmetic(r, n, in, out);
    case NW_RULE_OBJECT:
        return eval_object(r, n, in, out);
    case NW_RULE_ARRAY:
        return eval_array(r, n, in, out);
    case NW_RULE_TEXT:
        return eval_text(r, n, in, out);
    case NW_RULE_IF:
        return eval_if(r, n, in, out);
    case NW_RULE_CALL:
        return n->function(r, n, in, out);
    case NW_RULE_EACH:
    case NW_RULE_COMMA:
        return NW_RULE_UNSURE; /* collect() has them */
    default:
        return eval_comparison(r, n, in, out);
    }
}

/* ---- runs ---- */

static outcome begin(struct nw_rule_space *space, struct nw_message *m, value *in)
{
    forget_all(space);
    space->run = (state){space, m, &space->document};
    *in = (value){.kind = NW_KIND_NULL};
    if (space->has_document && !nw_rule_from_item(&space->run, 0, in)) {
        return NW_RULE_UNSURE;
    }
    return NW_RULE_VALUE;
}

outcome nw_rule_run(const struct nw_rule *rule, struct nw_rule_space *space, struct nw_message *m,
                    value *out)
{
    value in;

    if (rule->root->many || begin(space, m, &in) != NW_RULE_VALUE) {
        return NW_RULE_UNSURE;
    }
    return nw_rule_eval(&space->run, rule->root, &in, out);
}

outcome nw_rule_run_all(const struct nw_rule *rule, struct nw_rule_space *space,
                        struct nw_message *m, const struct nw_rule_member **values, size_t *count)
{
    struct list list = {0};
    value in;

    if (begin(space, m, &in) != NW_RULE_VALUE ||
        collect(&space->run, rule->root, &in, &list) != NW_RULE_VALUE) {
        return NW_RULE_UNSURE;
    }
    *values = list.items;
    *count = list.count;
    return NW_RULE_VALUE;
}

bool nw_rule_write(struct nw_rule_space *space, const value *v, struct nw_buffer *out)
{
    return nw_rule_write_in(&space->run, v, out);
}
