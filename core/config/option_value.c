/* SPDX-License-Identifier: Apache-2.0 */
/* One value of one option, by the row's type. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "base/duration.h"
#include "base/size.h"
#include "base/suggest.h"
#include "config/meaning.h"
#include "config/options.h"

/* ---- what is expected ---- */

/* The next of choices, and where the one after it begins (NULL: it was the last). *takes: it is
 * written {name: value}. */
static struct nw_slice next_choice(const char **at, bool *takes)
{
    struct nw_slice name = {*at, strcspn(*at, "|")};

    *at += name.len;
    *at = **at == '|' ? *at + 1 : NULL;
    *takes = name.len > 0 && name.data[name.len - 1] == '=';
    name.len -= *takes ? 1 : 0;
    return name;
}

void nw_option_choices(const char *choices, char *out, size_t size)
{
    size_t used = 0;

    out[0] = '\0';
    for (const char *at = choices; at != NULL && used < size;) {
        bool first = at == choices, takes;
        struct nw_slice name = next_choice(&at, &takes);

        used += (size_t)snprintf(out + used, size - used, "%s%s%.*s%s",
                                 first        ? ""
                                 : at == NULL ? " or "
                                              : ", ",
                                 takes ? "{" : "", (int)name.len, name.data, takes ? ": …}" : "");
    }
}

static const char *show_number(enum nw_option_type type, int64_t number, char out[64])
{
    _Static_assert(NW_DURATION_TEXT <= 64 && NW_SIZE_TEXT <= 64, "room for both");
    if (type == NW_OPTION_DURATION) {
        return nw_duration_format(number, out);
    }
    if (type == NW_OPTION_SIZE) {
        return nw_size_format(number, out);
    }
    (void)snprintf(out, 64, "%lld", (long long)number);
    return out;
}

static void expect_number(const struct nw_option *row, const char *what, char *out, size_t size)
{
    const char *comma = strstr(what, " like ") == NULL ? "" : ",";
    char low[64], high[64];

    if (row->min == 0 && row->max == 0) {
        (void)snprintf(out, size, "%s", what);
    } else if (row->max == INT64_MAX) {
        (void)snprintf(out, size, "%s%s at least %s", what, comma,
                       show_number(row->type, row->min, low));
    } else {
        (void)snprintf(out, size, "%s%s from %s to %s", what, comma,
                       show_number(row->type, row->min, low),
                       show_number(row->type, row->max, high));
    }
}

void nw_option_expected(const struct nw_option *row, char *out, size_t size)
{
    static const char *const words[] = {
        [NW_OPTION_TEXT] = "a text",
        [NW_OPTION_SECRET] = "a text",
        [NW_OPTION_PATH] = "the path of a file",
        [NW_OPTION_BOOL] = "true or false",
        [NW_OPTION_INT] = "a whole number",
        [NW_OPTION_SIZE] = "a size like 64KiB",
        [NW_OPTION_DURATION] = "a duration like 2s",
        [NW_OPTION_LIST] = "a text or a list of texts",
        [NW_OPTION_SECRETS] = "a text or a list of texts",
        [NW_OPTION_PAIRS] = "a mapping of names to texts",
        [NW_OPTION_TEMPLATE] = "a text",
        [NW_OPTION_TEMPLATES] = "a mapping of names to texts",
        [NW_OPTION_GROUP] = "a mapping",
    };

    if (row->type == NW_OPTION_CHOICE) {
        nw_option_choices(row->choices, out, size);
    } else {
        expect_number(row, words[row->type], out, size);
    }
}

static int refuse(const struct nw_reader *r, const struct nw_option *row, const char *name,
                  const struct nw_node *node)
{
    char expected[400];

    nw_option_expected(row, expected, sizeof expected);
    nw_reader_expected(r, node, name, "%s", expected);
    return 0;
}

static bool is_text(const struct nw_node *node)
{
    return node->kind == NW_NODE_TEXT && !node->null;
}

/* ---- plain values ---- */

/* A path is of a file that is going to be read; better to know now that it cannot be. */
static int read_path(const struct nw_reader *r, const char *name, const struct nw_node *node,
                     const char **member)
{
    int rc = nw_reader_path(r, node->file, node->text, member);

    if (rc == 0 && access(*member, R_OK) != 0) {
        nw_reader_error(r, &node->mark, "%s: cannot read %s: %s", name, *member, strerror(errno));
    }
    return rc != 0 ? rc : nw_meaning_see_content(r, *member);
}

static int read_text(const struct nw_reader *r, const struct nw_option *row, const char *name,
                     const struct nw_node *node, void *member)
{
    if (!is_text(node)) {
        return refuse(r, row, name, node);
    }
    if (row->type == NW_OPTION_PATH) {
        return read_path(r, name, node, member);
    }
    return nw_reader_copy(r, node->text, member);
}

static int read_bool(const struct nw_reader *r, const struct nw_option *row, const char *name,
                     const struct nw_node *node, bool *member)
{
    if (is_text(node) && strcmp(node->text.data, "true") == 0) {
        *member = true;
    } else if (is_text(node) && strcmp(node->text.data, "false") == 0) {
        *member = false;
    } else {
        return refuse(r, row, name, node);
    }
    return 0;
}

static bool parse_whole(struct nw_slice text, int64_t *out)
{
    size_t digits = text.len > 0 && (text.data[0] == '-' || text.data[0] == '+') ? 1 : 0;

    if (text.len == digits || strspn(text.data + digits, "0123456789") != text.len - digits) {
        return false;
    }
    errno = 0;
    *out = strtoll(text.data, NULL, 10);
    return errno == 0;
}

static int read_number(const struct nw_reader *r, const struct nw_option *row, const char *name,
                       const struct nw_node *node, int64_t *member)
{
    int64_t number = 0;
    bool good = is_text(node);

    if (good && row->type == NW_OPTION_INT) {
        good = parse_whole(node->text, &number);
    } else if (good && row->type == NW_OPTION_SIZE) {
        good = nw_size_parse(node->text, &number, NULL) == 0;
    } else if (good) {
        good = nw_duration_parse(node->text, &number, NULL) == 0;
    }
    if (!good || ((row->min != 0 || row->max != 0) && (number < row->min || number > row->max))) {
        return refuse(r, row, name, node);
    }
    *member = number;
    return 0;
}

/* ---- choices ---- */

/* The choice that was meant, or NULL. */
static const char *suggest_choice(const struct nw_reader *r, const struct nw_option *row,
                                  const struct nw_node *node)
{
    struct nw_suggest suggest;

    nw_suggest_init(&suggest, node->text);
    for (const char *at = row->choices; at != NULL;) {
        bool takes;
        struct nw_slice choice = next_choice(&at, &takes);
        const char *copy = nw_arena_copy(r->arena, choice); /* a candidate must end with a NUL */

        if (!takes && copy != NULL) {
            nw_suggest_offer(&suggest, copy);
        }
    }
    return nw_suggest_best(&suggest);
}

static int refuse_choice(const struct nw_reader *r, const struct nw_option *row, const char *name,
                         const struct nw_node *node)
{
    char expected[300], found[NW_NODE_SHOWN];
    const char *meant = is_text(node) ? suggest_choice(r, row, node) : NULL;

    nw_option_choices(row->choices, expected, sizeof expected);
    if (meant == NULL || node->broken) {
        return refuse(r, row, name, node);
    }
    nw_reader_error(r, &node->mark, "%s: expected %s, found %s; did you mean \"%s\"?", name,
                    expected, nw_node_show(node, found), meant);
    return 0;
}

static int read_choice(const struct nw_reader *r, const struct nw_option *row, const char *name,
                       const struct nw_node *node, struct nw_choice *member)
{
    bool pair = node->kind == NW_NODE_MAP && node->count == 1;
    struct nw_slice written = pair ? node->items[0].key : node->text;
    int index = 0;

    if (!pair && !is_text(node)) {
        return refuse_choice(r, row, name, node);
    }
    for (const char *at = row->choices; at != NULL; index++) {
        bool takes;
        struct nw_slice choice = next_choice(&at, &takes);

        if (takes != pair || !nw_slice_equal(choice, written)) {
            continue;
        }
        if (pair && nw_reader_text(r, node->items[0].value, name, "a text") == NULL) {
            return 0;
        }
        *member = (struct nw_choice){index, NULL};
        return pair ? nw_reader_copy(r, node->items[0].value->text, &member->value) : 0;
    }
    return refuse_choice(r, row, name, node);
}

/* ---- lists and pairs ---- */

static int no_memory(const struct nw_reader *r)
{
    nw_reader_error(r, &r->mark, "no memory");
    return NW_ENOMEM;
}

static int read_list(const struct nw_reader *r, const struct nw_option *row, const char *name,
                     const struct nw_node *node, struct nw_list *member)
{
    struct nw_item single = {NW_ABSENT, node->mark, (struct nw_node *)(uintptr_t)node};
    const struct nw_item *items = node->kind == NW_NODE_LIST ? node->items : &single;
    size_t count = node->kind == NW_NODE_LIST ? node->count : 1;
    const char **texts = nw_arena_alloc(r->arena, (count + 1) * sizeof *texts);
    int rc = 0;

    if (texts == NULL) {
        return no_memory(r);
    }
    for (size_t i = 0; rc == 0 && i < count; i++) {
        if (!is_text(items[i].value)) {
            return refuse(r, row, name, items[i].value);
        }
        rc = nw_reader_copy(r, items[i].value->text, &texts[i]);
    }
    *member = (struct nw_list){texts, count};
    return rc;
}

/* Give a template the next slot of the target. */
static int add_slot(const struct nw_reader *r, struct nw_template *template, uint32_t *member)
{
    struct nw_slots *slots = r->slots;

    if (slots->count == slots->capacity) {
        size_t capacity = slots->capacity == 0 ? 4 : slots->capacity * 2;
        struct nw_template **items = nw_arena_alloc(r->arena, capacity * sizeof *items);

        if (items == NULL) {
            return no_memory(r);
        }
        if (slots->count > 0) {
            memcpy(items, slots->items, slots->count * sizeof *items);
        }
        slots->items = items;
        slots->capacity = capacity;
    }
    slots->items[slots->count++] = template;
    *member = (uint32_t)slots->count;
    return 0;
}

static int read_template(const struct nw_reader *r, const struct nw_option *row, const char *name,
                         const struct nw_node *node, uint32_t *member)
{
    struct nw_template *template = NULL;
    int rc;

    if (r->slots == NULL) {
        nw_reader_error(r, &node->mark,
                        "%s: only a target has templates; this is a mistake of the "
                        "connector",
                        name);
        return 0;
    }
    rc = nw_reader_template(r, node, name, row->fill, r->slots->scope, &template);
    if (rc != 0 || template == NULL) {
        return rc;
    }
    rc = nw_reader_keep_template(r, template);
    return rc != 0 ? rc : add_slot(r, template, member);
}

static int read_pair(const struct nw_reader *r, const struct nw_option *row, const char *name,
                     const struct nw_node *node, const char **text, uint32_t *slot)
{
    if (row->type == NW_OPTION_TEMPLATES) {
        return read_template(r, row, name, node, slot);
    }
    if (nw_reader_text(r, node, name, "a text") == NULL) {
        return 0;
    }
    return nw_reader_copy(r, node->text, text);
}

/* Those that are wrong are left out: nobody has to expect a pair without a value. */
static int read_pairs(const struct nw_reader *r, const struct nw_option *row, const char *name,
                      const struct nw_node *node, struct nw_pairs *member)
{
    size_t room = node->count + 1, count = 0;
    const char **names, **texts;
    uint32_t *slots;
    int rc = 0;

    if (node->kind != NW_NODE_MAP) {
        return refuse(r, row, name, node);
    }
    names = nw_arena_alloc(r->arena, room * sizeof *names);
    texts = nw_arena_alloc(r->arena, room * sizeof *texts);
    slots = nw_arena_alloc(r->arena, room * sizeof *slots);
    if (names == NULL || texts == NULL || slots == NULL) {
        return no_memory(r);
    }
    for (size_t i = 0; rc == 0 && i < node->count; i++) {
        char full[300];

        (void)snprintf(full, sizeof full, "%s.%.100s", name, node->items[i].key.data);
        rc = nw_reader_copy(r, node->items[i].key, &names[count]);
        rc = rc != 0 ? rc
                     : read_pair(r, row, full, node->items[i].value, &texts[count], &slots[count]);
        count += texts[count] != NULL || slots[count] != 0 ? 1 : 0;
    }
    *member = (struct nw_pairs){names, texts, slots, count};
    return rc;
}

int nw_option_value(const struct nw_reader *r, const struct nw_option *row, const char *name,
                    const struct nw_node *node, void *member)
{
    if (node->broken) {
        return 0; /* its mistake was said */
    }
    switch (row->type) {
    case NW_OPTION_TEXT:
    case NW_OPTION_SECRET:
    case NW_OPTION_PATH:
        return read_text(r, row, name, node, member);
    case NW_OPTION_BOOL:
        return read_bool(r, row, name, node, member);
    case NW_OPTION_INT:
    case NW_OPTION_SIZE:
    case NW_OPTION_DURATION:
        return read_number(r, row, name, node, member);
    case NW_OPTION_CHOICE:
        return read_choice(r, row, name, node, member);
    case NW_OPTION_LIST:
    case NW_OPTION_SECRETS:
        return read_list(r, row, name, node, member);
    case NW_OPTION_PAIRS:
    case NW_OPTION_TEMPLATES:
        return read_pairs(r, row, name, node, member);
    case NW_OPTION_TEMPLATE:
        return read_template(r, row, name, node, member);
    case NW_OPTION_GROUP:
        break; /* read by options.c, item by item */
    }
    return 0;
}
