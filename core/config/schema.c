/* SPDX-License-Identifier: Apache-2.0 */
#include "config/schema.h"

#include <inttypes.h>
#include <stdio.h>

#include "base/json.h"
#include "config/rows.h"
#include "mappings/codec.h"

/* Part of every text that is filled in before it is read: ${NAME} and, in templates, $(name). */
#define FILLED "\\\\$[{(]"

static void add_string(struct nw_buffer *b, const char *text)
{
    nw_json_add_string(b, nw_slice_text(text));
}

static void add_key(struct nw_buffer *b, const char *name)
{
    add_string(b, name);
    nw_buffer_add_char(b, ':');
}

/* A comma, but for the first. */
static void add_comma(struct nw_buffer *b)
{
    char last = b->len == 0 ? '{' : b->data[b->len - 1];

    if (last != '{' && last != '[') {
        nw_buffer_add_char(b, ',');
    }
}

static void add_member(struct nw_buffer *b, const char *name, const char *json)
{
    add_comma(b);
    add_key(b, name);
    nw_buffer_add_text(b, json);
}

/* ---- one option ---- */

/* The names of a choice as texts, and those with "=" as mappings with that one key. */
static void add_choices(struct nw_buffer *b, const char *choices)
{
    nw_buffer_add_text(b, "\"anyOf\":[{\"type\":\"string\",\"pattern\":\"" FILLED "\"}");
    while (*choices != '\0') {
        size_t len = strcspn(choices, "|");
        bool mapping = len > 0 && choices[len - 1] == '=';
        struct nw_slice name = {choices, mapping ? len - 1 : len};

        if (mapping) {
            nw_buffer_add_text(b, ",{\"type\":\"object\",\"properties\":{");
            nw_json_add_string(b, name);
            nw_buffer_add_text(b, ":{\"$ref\":\"#/$defs/text\"}},\"required\":[");
            nw_json_add_string(b, name);
            nw_buffer_add_text(b, "],\"additionalProperties\":false}");
        } else if (nw_slice_equal(name, NW_LITERAL("true")) ||
                   nw_slice_equal(name, NW_LITERAL("false")) ||
                   strspn(name.data, "0123456789") == name.len) { /* what YAML takes for no text */
            nw_buffer_add_format(b, ",{\"enum\":[%.*s,\"%.*s\"]}", (int)name.len, name.data,
                                 (int)name.len, name.data);
        } else {
            nw_buffer_add_text(b, ",{\"const\":");
            nw_json_add_string(b, name);
            nw_buffer_add_text(b, "}");
        }
        choices += len + (choices[len] == '|' ? 1 : 0);
    }
    nw_buffer_add_text(b, "]");
}

static void add_integer(struct nw_buffer *b, const struct nw_option *row)
{
    nw_buffer_add_text(b, "\"anyOf\":[{\"type\":\"integer\"");
    if (row->min != 0 || row->max != 0) {
        nw_buffer_add_format(b, ",\"minimum\":%" PRId64 ",\"maximum\":%" PRId64, row->min,
                             row->max);
    }
    nw_buffer_add_text(b, "},{\"type\":\"string\",\"pattern\":\"^-?[0-9]+$|" FILLED "\"}]");
}

static void add_object(struct nw_buffer *b, const struct nw_option *rows);

/* A mapping, or one of its choices as a text. */
static void add_group(struct nw_buffer *b, const struct nw_option *row)
{
    if (row->choices == NULL) {
        add_object(b, row->rows);
        return;
    }
    nw_buffer_add_text(b, "\"anyOf\":[{");
    add_choices(b, row->choices);
    nw_buffer_add_text(b, "},{");
    add_object(b, row->rows);
    nw_buffer_add_text(b, "}]");
}

static void add_type(struct nw_buffer *b, const struct nw_option *row)
{
    switch (row->type) {
    case NW_OPTION_BOOL:
        nw_buffer_add_text(b, "\"$ref\":\"#/$defs/boolean\"");
        break;
    case NW_OPTION_INT:
        add_integer(b, row);
        break;
    case NW_OPTION_SIZE:
        nw_buffer_add_text(b, "\"$ref\":\"#/$defs/size\"");
        break;
    case NW_OPTION_DURATION:
        nw_buffer_add_text(b, "\"$ref\":\"#/$defs/duration\"");
        break;
    case NW_OPTION_CHOICE:
        add_choices(b, row->choices);
        break;
    case NW_OPTION_LIST:
    case NW_OPTION_SECRETS:
        nw_buffer_add_text(b, "\"$ref\":\"#/$defs/list\"");
        break;
    case NW_OPTION_PAIRS:
    case NW_OPTION_TEMPLATES:
        nw_buffer_add_text(b, "\"$ref\":\"#/$defs/pairs\"");
        break;
    case NW_OPTION_GROUP:
        add_group(b, row);
        break;
    default:
        nw_buffer_add_text(b, "\"$ref\":\"#/$defs/text\"");
        break;
    }
}

static bool has_row(const struct nw_option *rows, const struct nw_option *end, const char *name)
{
    for (const struct nw_option *row = rows; row != end; row++) {
        if (strcmp(row->name, name) == 0) {
            return true;
        }
    }
    return false;
}

/* "name": {…}, for each row that has a place in the schema of its own; `but` are left out. */
static void add_properties(struct nw_buffer *b, const struct nw_option *rows,
                           const struct nw_option *but)
{
    const struct nw_option *end = but;

    while (end != NULL && end->name != NULL) {
        end++;
    }
    for (const struct nw_option *row = rows; row != NULL && row->name != NULL; row++) {
        if (but != NULL && has_row(but, end, row->name)) {
            continue;
        }
        add_comma(b);
        add_key(b, row->name);
        nw_buffer_add_char(b, '{');
        add_type(b, row);
        if (row->doc != NULL) {
            add_comma(b);
            nw_buffer_add_text(b, "\"description\":");
            add_string(b, row->doc);
        }
        if (row->standard != NULL) {
            nw_buffer_add_text(b, ",\"default\":");
            add_string(b, row->standard);
        }
        nw_buffer_add_char(b, '}');
    }
}

/* "required": first, which may be NULL, and the rows that must be given. */
static void add_required(struct nw_buffer *b, const char *first, const struct nw_option *rows)
{
    nw_buffer_add_text(b, ",\"required\":[");
    if (first != NULL) {
        add_string(b, first);
    }
    for (const struct nw_option *row = rows; row != NULL && row->name != NULL; row++) {
        if ((row->flags & NW_OPTION_REQUIRED) != 0) {
            add_comma(b);
            add_string(b, row->name);
        }
    }
    nw_buffer_add_char(b, ']');
}

static void add_object(struct nw_buffer *b, const struct nw_option *rows)
{
    nw_buffer_add_text(b, "\"type\":\"object\"");
    add_required(b, NULL, rows);
    nw_buffer_add_text(b, ",\"properties\":{");
    add_properties(b, rows, NULL);
    nw_buffer_add_text(b, "},\"additionalProperties\":false");
}

/* The same with `types:`, of those names; an unquoted null is a type. */
static void add_typed_object(struct nw_buffer *b, const struct nw_option *rows, const char *doc,
                             const char *names)
{
    nw_buffer_add_format(b,
                         "\"type\":\"object\",\"properties\":{\"types\":{\"type\":\"object\","
                         "\"additionalProperties\":{\"anyOf\":[{\"enum\":[%s]},"
                         "{\"type\":\"string\",\"pattern\":\"" FILLED "\"}]},\"description\":",
                         names);
    add_string(b, doc);
    nw_buffer_add_char(b, '}');
    add_properties(b, rows, NULL);
    nw_buffer_add_text(b, "},\"additionalProperties\":false");
}

/* ---- connectors ---- */

/* One address of each form that a connector may tell apart; see reference.c. */
static const char *const forms[] = {"", "GET /path", "GET https://host/path"};
#define FORMS (sizeof forms / sizeof forms[0])
#define URL (FORMS - 1)

/* What a form picks; false: nothing. */
static bool pick(const struct nw_connector *c, bool source, size_t form,
                 const struct nw_option **rows)
{
    const struct nw_source_kind *from = c->source;
    const struct nw_sink_kind *to = c->sink;

    if (form > 0) {
        from = c->source_for == NULL ? NULL : c->source_for(forms[form]);
        to = c->sink_for == NULL ? NULL : c->sink_for(forms[form]);
    }
    if (source ? from == NULL : to == NULL) {
        return false;
    }
    *rows = source ? from->options : to->options;
    return true;
}

/* The kinds of source, or target, of a connector: what each form picks, once. */
static size_t find_rows(const struct nw_connector *c, bool source,
                        const struct nw_option *out[FORMS])
{
    size_t count = 0;

    for (size_t form = 0; form < FORMS; form++) {
        const struct nw_option *rows;
        bool known = false;

        if (!pick(c, source, form, &rows)) {
            continue;
        }
        for (size_t k = 0; k < count; k++) {
            known |= out[k] == rows;
        }
        if (!known) {
            out[count++] = rows;
        }
    }
    return count;
}

/* Which addresses are of this kind, where a connector has several. */
static void add_form(struct nw_buffer *b, const struct nw_connector *c, bool source,
                     const struct nw_option *rows)
{
    const struct nw_option *of_url;

    if (pick(c, source, URL, &of_url) && of_url == rows) {
        nw_buffer_add_text(b, ",\"pattern\":\"://|" FILLED "\"");
    } else {
        nw_buffer_add_text(b, ",\"not\":{\"type\":\"string\",\"pattern\":\"://\"}");
    }
}

static void add_endpoint(struct nw_buffer *b, const struct nw_connector *c, bool source)
{
    const struct nw_option *words = source ? nw_source_word_rows : nw_sink_word_rows;
    const struct nw_option *rows[FORMS];
    size_t count = find_rows(c, source, rows);

    for (size_t i = 0; i < count; i++) {
        add_comma(b);
        nw_buffer_add_text(b, "{\"type\":\"object\"");
        add_required(b, c->name, rows[i]);
        nw_buffer_add_text(b, ",\"properties\":{");
        add_key(b, c->name);
        nw_buffer_add_text(b, "{\"anyOf\":[{\"$ref\":\"#/$defs/text\"},{\"type\":\"null\"}]");
        if (count > 1) {
            add_form(b, c, source, rows[i]);
        }
        if (source && c->source->address_doc != NULL) {
            nw_buffer_add_text(b, ",\"description\":");
            add_string(b, c->source->address_doc);
        }
        nw_buffer_add_char(b, '}');
        add_properties(b, rows[i], NULL);
        add_properties(b, words, NULL);
        nw_buffer_add_text(b, "},\"additionalProperties\":false");
        if (!source) { /* not both */
            nw_buffer_add_text(b, ",\"not\":{\"required\":[\"when\",\"otherwise\"],\"properties\":{"
                                  "\"otherwise\":{\"enum\":[true,\"true\"]}}}");
        }
        nw_buffer_add_char(b, '}');
    }
}

static void add_endpoints(struct nw_buffer *b, const struct nw_connector *const *connectors,
                          size_t count, bool source)
{
    add_comma(b);
    nw_buffer_add_format(b, "\"%s\":{\"anyOf\":[{\"$ref\":\"#/$defs/parameter\"}",
                         source ? "source" : "target");
    for (size_t i = 0; i < count; i++) {
        add_endpoint(b, connectors[i], source);
    }
    nw_buffer_add_text(b, "]}");
}

/* Has it connections under `connections:`? Those of NATS are the top-level nats:. */
static bool has_connections(const struct nw_connector *c, const struct nw_connector *hub)
{
    return c->connection != NULL && (hub == NULL || c->connection != hub->connection);
}

static void add_connection(struct nw_buffer *b, const struct nw_connector *c)
{
    add_comma(b);
    nw_buffer_add_format(b, "\"%s-connection\":{\"type\":\"object\"", c->name);
    add_required(b, NULL, c->connection->options);
    nw_buffer_add_format(b, ",\"properties\":{\"type\":{\"const\":\"%s\"}", c->name);
    add_properties(b, c->connection->options, nw_connection_word_rows);
    nw_buffer_add_text(b, "},\"additionalProperties\":false}");
}

/* A connection named like its type needs no `type:`. */
static void add_connections(struct nw_buffer *b, const struct nw_connector *const *connectors,
                            size_t count, const struct nw_connector *hub)
{
    struct nw_buffer named = {0}, any = {0};

    for (size_t i = 0; i < count; i++) {
        if (!has_connections(connectors[i], hub)) {
            continue;
        }
        add_connection(b, connectors[i]);
        nw_buffer_add_format(&any, "%s{\"$ref\":\"#/$defs/%s-connection\"}", any.len > 0 ? "," : "",
                             connectors[i]->name);
        nw_buffer_add_format(&named,
                             "%s\"%s\":{\"anyOf\":[{\"$ref\":\"#/$defs/%s-connection\"},"
                             "{\"$ref\":\"#/$defs/connection\"}]}",
                             named.len > 0 ? "," : "", connectors[i]->name, connectors[i]->name);
    }
    add_comma(b);
    nw_buffer_add_format(b, "\"connection\":{\"required\":[\"type\"],\"anyOf\":[%s]},",
                         any.len > 0 ? nw_buffer_text(&any) : "false");
    nw_buffer_add_format(b,
                         "\"connections\":{\"type\":[\"object\",\"null\"],\"properties\":{%s},"
                         "\"additionalProperties\":{\"$ref\":\"#/$defs/connection\"}}",
                         nw_buffer_text(&named));
    b->failed |= any.failed || named.failed;
    nw_buffer_done(&named);
    nw_buffer_done(&any);
}

/* ---- the language ---- */

static const char *const values =
    "\"text\":{\"type\":[\"string\",\"number\",\"boolean\"]},"
    "\"boolean\":{\"anyOf\":[{\"type\":\"boolean\"},{\"type\":\"string\",\"pattern\":"
    "\"^(true|false)$|" FILLED "\"}]},"
    "\"duration\":{\"anyOf\":[{\"const\":0},{\"type\":\"string\",\"pattern\":"
    "\"^([0-9]+(ms|s|m|h|d))+$|^0$|" FILLED "\"}]},"
    "\"size\":{\"anyOf\":[{\"type\":\"integer\",\"minimum\":0},{\"type\":\"string\",\"pattern\":"
    "\"^[0-9]+([KMGT]i?B|kB|B)?$|" FILLED "\"}]},"
    "\"list\":{\"anyOf\":[{\"$ref\":\"#/$defs/text\"},{\"type\":\"array\",\"items\":"
    "{\"$ref\":\"#/$defs/text\"}}]},"
    "\"pairs\":{\"type\":\"object\",\"additionalProperties\":{\"$ref\":\"#/$defs/text\"}},"
    "\"jq\":{\"$ref\":\"#/$defs/text\",\"description\":\"a jq program\"},"
    "\"template\":{\"$ref\":\"#/$defs/text\",\"description\":\"a template\"},"
    "\"removable\":{\"type\":[\"string\",\"number\",\"boolean\",\"null\"]}";

#define FIELD_TYPES "\"string\",\"text\",\"integer\",\"number\",\"boolean\""

/* {json: } and {json: {}}: formats without options. */
static void add_plain_formats(struct nw_buffer *b)
{
    static const char nothing[] = "{\"type\":[\"object\",\"null\"],\"maxProperties\":0}";

    nw_buffer_add_text(b, "{\"type\":\"object\",\"minProperties\":1,\"maxProperties\":1,"
                          "\"additionalProperties\":false,\"properties\":{");
    for (const char *at = nw_format_names(); *at != '\0';) {
        size_t len = strcspn(at, ",");
        struct nw_slice name = {at, len};

        if (!nw_slice_equal(name, NW_LITERAL("avro")) && !nw_slice_equal(name, NW_LITERAL("csv"))) {
            add_comma(b);
            nw_json_add_string(b, name);
            nw_buffer_add_format(b, ":%s", nothing);
        }
        at += len + strspn(at + len, ", ");
    }
    nw_buffer_add_text(b, "}}");
}

static void add_format(struct nw_buffer *b)
{
    nw_buffer_add_text(b, "\"format\":{\"anyOf\":[{\"enum\":[");
    for (const char *at = nw_format_names(); *at != '\0';) {
        size_t len = strcspn(at, ",");
        struct nw_slice name = {at, len};
        if (!nw_slice_equal(name, NW_LITERAL("avro"))) { /* it has options that it needs */
            add_comma(b);
            nw_json_add_string(b, name);
        }
        at += len + strspn(at + len, ", ");
    }
    nw_buffer_add_text(b, "]},");
    add_plain_formats(b);
    nw_buffer_add_text(b, ",{\"type\":\"object\",\"required\":[\"csv\"],\"properties\":{\"csv\":"
                          "{\"anyOf\":[{\"type\":\"null\"},{");
    add_typed_object(b, nw_csv_rows, nw_csv_type_rows[0].doc, FIELD_TYPES);
    nw_buffer_add_text(b, "}]}},\"additionalProperties\":false},{\"type\":\"object\",\"required\":"
                          "[\"avro\"],\"properties\":{\"avro\":{\"anyOf\":[{\"required\":"
                          "[\"schema\"]},{\"required\":[\"registry\"]}],");
    add_object(b, nw_avro_rows);
    nw_buffer_add_text(b, "}},\"additionalProperties\":false}]}");
}

/* A step has one of its keys; when stands beside it. */
static void add_one_of_steps(struct nw_buffer *b)
{
    nw_buffer_add_text(b, "\"oneOf\":[");
    for (const struct nw_option *row = nw_step_rows; row->name != NULL; row++) {
        if (strcmp(row->name, "when") != 0) {
            add_comma(b);
            nw_buffer_add_format(b, "{\"required\":[\"%s\"]}", row->name);
        }
    }
    nw_buffer_add_text(b, "],");
}

/* A whole $(name) of a route template may be any value. */
static void add_steps(struct nw_buffer *b)
{
    add_comma(b);
    add_format(b);
    nw_buffer_add_text(
        b, ",\"parameter\":{\"type\":\"string\",\"pattern\":\"^\\\\$\\\\([^)]*\\\\)$\"},"
           "\"steps\":{\"anyOf\":[{\"$ref\":\"#/$defs/parameter\"},"
           "{\"type\":\"array\",\"items\":{\"type\":\"object\",");
    add_one_of_steps(b);
    nw_buffer_add_text(
        b, "\"additionalProperties\":false,\"properties\":{"
           "\"when\":{\"$ref\":\"#/$defs/jq\"},\"filter\":{\"$ref\":\"#/$defs/jq\"},"
           "\"payload\":{\"$ref\":\"#/$defs/jq\"},\"split\":{\"$ref\":\"#/$defs/jq\"},"
           "\"set\":{\"type\":\"object\",\"minProperties\":1,\"additionalProperties\":false,"
           "\"properties\":{\"key\":{\"$ref\":\"#/$defs/removable\"},"
           "\"subject\":{\"$ref\":\"#/$defs/removable\"},"
           "\"timestamp\":{\"$ref\":\"#/$defs/removable\"},\"id\":{\"$ref\":\"#/$defs/removable\"},"
           "\"headers\":{\"type\":\"object\",\"additionalProperties\":"
           "{\"$ref\":\"#/$defs/removable\"}}}},"
           "\"remove\":{\"$ref\":\"#/$defs/list\"},\"decode\":{\"$ref\":\"#/$defs/format\"},"
           "\"encode\":{\"$ref\":\"#/$defs/format\"},\"check\":{\"minProperties\":1,");
    add_typed_object(b, nw_check_rows, nw_check_type_rows[0].doc,
                     FIELD_TYPES ",\"object\",\"array\",\"null\",null");
    nw_buffer_add_text(b, "},\"dedupe\":{");
    add_object(b, nw_dedupe_rows);
    nw_buffer_add_text(b, ",\"required\":[\"id\"]},\"lookup\":{\"type\":\"object\",\"properties\":{"
                          "\"missing\":{\"anyOf\":[{\"enum\":[\"reject\",\"keep\"]},"
                          "{\"type\":\"object\",\"properties\":{\"value\":true},"
                          "\"required\":[\"value\"],\"additionalProperties\":false}]}");
    add_properties(b, nw_lookup_rows, NULL);
    nw_buffer_add_text(b, "},\"required\":[\"key\",\"into\"],\"oneOf\":[{\"required\":[\"file\"]},"
                          "{\"required\":[\"kv\"]}],\"additionalProperties\":false");
    nw_buffer_add_text(b, "},\"drop\":{\"enum\":[true,\"true\"]},"
                          "\"reject\":{\"$ref\":\"#/$defs/template\"}}}}]}");
}

static void add_route(struct nw_buffer *b)
{
    add_comma(b);
    nw_buffer_add_text(
        b, "\"parts\":{\"properties\":{\"from\":{\"$ref\":\"#/$defs/source\"},"
           "\"to\":{\"anyOf\":[{\"$ref\":\"#/$defs/target\"},{\"type\":\"array\","
           "\"minItems\":1,\"items\":{\"$ref\":\"#/$defs/target\"}}]},"
           "\"map\":{\"$ref\":\"#/$defs/steps\"},"
           "\"reply\":{\"$ref\":\"#/$defs/steps\"},"
           "\"use\":{\"$ref\":\"#/$defs/text\"},\"with\":{\"type\":[\"object\",\"null\"]}");
    add_properties(b, nw_route_rows, NULL);
    nw_buffer_add_text(b, "}},\"route\":{\"type\":\"object\",\"$ref\":\"#/$defs/parts\","
                          "\"unevaluatedProperties\":false,\"dependentRequired\":{\"with\":["
                          "\"use\"]},\"anyOf\":[{\"required\":[\"from\","
                          "\"to\"]},{\"required\":[\"use\"]}]},"
                          "\"routeTemplate\":{\"type\":\"object\",\"$ref\":\"#/$defs/parts\","
                          "\"unevaluatedProperties\":false}");
}

static void add_tests(struct nw_buffer *b)
{
    add_comma(b);
    nw_buffer_add_text(
        b, "\"values\":{\"type\":\"object\",\"additionalProperties\":{\"anyOf\":["
           "{\"$ref\":\"#/$defs/removable\"},{\"type\":\"array\"},{\"type\":\"object\"}]}},"
           "\"expectation\":{\"type\":\"object\",\"minProperties\":1,\"properties\":{"
           "\"to\":{\"$ref\":\"#/$defs/text\"},\"address\":{\"$ref\":\"#/$defs/text\"},"
           "\"key\":{\"$ref\":\"#/$defs/removable\"},\"headers\":{\"$ref\":\"#/$defs/values\"},"
           "\"payload\":true,\"filtered\":{\"enum\":[true,\"true\"]},"
           "\"rejected\":{\"$ref\":\"#/$defs/text\"},\"match\":{\"enum\":[\"exact\",\"subset\"]}},"
           "\"additionalProperties\":false},"
           "\"message\":{\"type\":\"object\","
           "\"additionalProperties\":false,\"properties\":{"
           "\"address\":{\"$ref\":\"#/$defs/text\"},\"key\":{\"$ref\":\"#/$defs/removable\"},"
           "\"headers\":{\"$ref\":\"#/$defs/values\"},\"payload\":true,"
           "\"meta\":{\"$ref\":\"#/$defs/values\"}}},"
           "\"test\":{\"type\":\"object\",\"required\":[\"route\",\"message\",\"expect\"],"
           "\"additionalProperties\":false,\"properties\":{\"name\":{\"$ref\":\"#/$defs/text\"},"
           "\"route\":{\"$ref\":\"#/$defs/text\"},\"message\":{\"anyOf\":["
           "{\"$ref\":\"#/$defs/message\"},{\"type\":\"array\",\"items\":"
           "{\"$ref\":\"#/$defs/message\"}}]},\"lookup\":{\"type\":\"object\","
           "\"additionalProperties\":{\"type\":\"object\"}},\"expect\":{\"anyOf\":["
           "{\"$ref\":\"#/$defs/expectation\"},{\"type\":\"array\",\"items\":"
           "{\"$ref\":\"#/$defs/expectation\"}}]}}}");
}

static void add_top(struct nw_buffer *b, const struct nw_connector *hub)
{
    nw_buffer_add_text(b, "\"properties\":{");
    add_properties(b, nw_settings_rows, NULL);
    add_comma(b);
    nw_buffer_add_text(b, "\"nats\":{");
    if (hub != NULL && hub->connection != NULL) {
        add_object(b, hub->connection->options);
    }
    nw_buffer_add_text(b, "},\"admin\":{\"anyOf\":[{\"enum\":[\"off\",false]},{");
    add_object(b, nw_admin_rows);
    nw_buffer_add_text(b, "}]},\"defaults\":{\"anyOf\":[{\"type\":\"null\"},{");
    add_object(b, nw_route_rows);
    nw_buffer_add_text(b, "}]}");
    add_member(b, "connections", "{\"$ref\":\"#/$defs/connections\"}");
    add_member(b, "routes",
               "{\"type\":\"object\",\"additionalProperties\":{\"$ref\":\"#/$defs/route\"}}");
    add_member(b, "templates",
               "{\"type\":[\"object\",\"null\"],\"additionalProperties\":"
               "{\"$ref\":\"#/$defs/routeTemplate\"}}");
    add_member(b, "use",
               "{\"type\":[\"object\",\"null\"],\"additionalProperties\":{\"type\":\"object\","
               "\"additionalProperties\":{\"type\":[\"object\",\"null\"]}}}");
    add_member(b, "dead_letter", "{\"$ref\":\"#/$defs/template\"}");
    add_member(b, "include", "{\"$ref\":\"#/$defs/list\"}");
    add_member(b, "tests", "{\"type\":[\"array\",\"null\"],\"items\":{\"$ref\":\"#/$defs/test\"}}");
    nw_buffer_add_text(b, "},\"additionalProperties\":false");
}

void nw_schema(struct nw_buffer *b, const struct nw_connector *const *connectors, size_t count)
{
    const struct nw_connector *hub = NULL;

    for (size_t i = 0; i < count; i++) {
        hub = strcmp(connectors[i]->name, "nats") == 0 ? connectors[i] : hub;
    }
    nw_buffer_add_text(b, "{\"$schema\":\"https://json-schema.org/draft/2020-12/schema\","
                          "\"title\":\"natsway configuration\",\"type\":\"object\",");
    add_top(b, hub);
    nw_buffer_add_text(b, ",\"$defs\":{");
    nw_buffer_add_text(b, values);
    add_connections(b, connectors, count, hub);
    add_endpoints(b, connectors, count, true);
    add_endpoints(b, connectors, count, false);
    add_steps(b);
    add_route(b);
    add_tests(b);
    nw_buffer_add_text(b, "}}");
}
