/* SPDX-License-Identifier: Apache-2.0 */
/* XML to JSON and back by the convention in codecs.h. Reading is expat's. */
#include <expat.h>
#include <stdlib.h>
#include <string.h>

#include "base/json.h"
#include "mappings/codecs.h"
#include "mappings/document.h"
#include "mappings/types.h"

#define DEEPEST NW_DOCUMENT_DEEPEST

/* ---- decoding ---- */

/* An element that is open. */
struct element {
    jv value; /* attributes and elements so far */
    struct nw_buffer text;
};

struct reader {
    XML_Parser parser;
    struct element open[DEEPEST + 1]; /* open[0] stands for the document */
    size_t depth;
    const char *refused; /* why we stopped; NULL: we did not */
};

static void stop(struct reader *r, const char *why)
{
    r->refused = r->refused == NULL ? why : r->refused;
    (void)XML_StopParser(r->parser, XML_FALSE);
}

static void on_start(void *context, const XML_Char *name, const XML_Char **attributes)
{
    struct reader *r = context;
    struct element *e;

    (void)name;
    if (r->depth == DEEPEST) {
        stop(r, NW_DOCUMENT_TOO_DEEP);
        return;
    }
    e = &r->open[++r->depth];
    *e = (struct element){.value = jv_object()};
    for (; *attributes != NULL; attributes += 2) {
        e->value = jv_object_set(e->value, jv_string_concat(jv_string("@"), jv_string(*attributes)),
                                 jv_string(attributes[1]));
    }
}

static bool is_blank(struct nw_slice text)
{
    for (size_t i = 0; i < text.len; i++) {
        if (strchr(" \t\r\n", text.data[i]) == NULL) {
            return false;
        }
    }
    return true;
}

/* What the element is in the end; its text is done with. */
static jv value_of(struct element *e)
{
    struct nw_slice text = nw_buffer_slice(&e->text);
    bool bare = jv_object_length(jv_copy(e->value)) == 0;
    jv value = e->value;

    if (bare) {
        jv_free(value);
        value = jv_string_sized(text.len == 0 ? "" : text.data, (int)text.len);
    } else if (!is_blank(text)) {
        value = jv_object_set(value, jv_string("#text"), jv_string_sized(text.data, (int)text.len));
    }
    nw_buffer_done(&e->text);
    return value;
}

/* Several of one name become an array. */
static void add_to(struct element *parent, const char *name, jv value)
{
    jv there = jv_object_get(jv_copy(parent->value), jv_string(name));

    if (!jv_is_valid(there)) {
        jv_free(there);
        there = value;
    } else if (jv_get_kind(there) == JV_KIND_ARRAY) { /* no element alone is an array */
        parent->value = jv_object_set(parent->value, jv_string(name), jv_null());
        there = jv_array_append(there, value);
    } else {
        there = JV_ARRAY(there, value);
    }
    parent->value = jv_object_set(parent->value, jv_string(name), there);
}

static void on_end(void *context, const XML_Char *name)
{
    struct reader *r = context;
    struct element *e;

    if (r->refused != NULL) { /* the end of an empty element is told after a stop */
        return;
    }
    e = &r->open[r->depth--];
    add_to(&r->open[r->depth], name, value_of(e));
}

static void on_text(void *context, const XML_Char *text, int len)
{
    struct reader *r = context;

    nw_buffer_add(&r->open[r->depth].text, text, (size_t)len);
}

/* Before any entity could be declared. */
static void on_doctype(void *context, const XML_Char *name, const XML_Char *system,
                       const XML_Char *public, int internal)
{
    (void)name;
    (void)system;
    (void)public;
    (void)internal;
    stop(context, "a document type (DOCTYPE) is refused");
}

static int refusal(const struct reader *r, struct nw_error *error)
{
    return nw_error_set(
        error, NW_EINVAL, "xml: line %lu, column %lu: %s", XML_GetCurrentLineNumber(r->parser),
        XML_GetCurrentColumnNumber(r->parser) + 1,
        r->refused != NULL ? r->refused : XML_ErrorString(XML_GetErrorCode(r->parser)));
}

static int parse(struct reader *r, struct nw_slice payload, jv *value, struct nw_error *error)
{
    bool good;
    int rc = 0;

    XML_SetUserData(r->parser, r);
    XML_SetElementHandler(r->parser, on_start, on_end);
    XML_SetCharacterDataHandler(r->parser, on_text);
    XML_SetStartDoctypeDeclHandler(r->parser, on_doctype);
    good = XML_Parse(r->parser, payload.data == NULL ? "" : payload.data, (int)payload.len,
                     XML_TRUE) == XML_STATUS_OK;
    if (!good) {
        rc = refusal(r, error);
    }
    for (; r->depth > 0; r->depth--) { /* what was left open by an error */
        jv_free(r->open[r->depth].value);
        nw_buffer_done(&r->open[r->depth].text);
    }
    nw_buffer_done(&r->open[0].text);
    if (!good) {
        jv_free(r->open[0].value);
        return rc;
    }
    *value = r->open[0].value;
    return 0;
}

int nw_xml_decode(struct nw_slice payload, jv *value, struct nw_error *error)
{
    struct reader *r = calloc(1, sizeof *r);
    int rc;

    if (r == NULL || (r->parser = XML_ParserCreate(NULL)) == NULL) {
        free(r);
        return nw_error_set(error, NW_ENOMEM, "out of memory");
    }
    r->open[0].value = jv_object();
    rc = parse(r, payload, value, error);
    XML_ParserFree(r->parser);
    free(r);
    return rc;
}

/* ---- encoding ---- */

static int wrong(struct nw_error *error, const char *name, const char *what)
{
    return nw_error_set(error, NW_EINVAL, "xml: %.100s %s", name, what);
}

/* Without a prefix. */
static bool is_local_name(const char *name, const char *end)
{
    for (const char *at = name; at < end; at++) {
        unsigned char c = (unsigned char)*at;
        bool begins = c >= 0x80 || c == '_' || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');
        bool follows = c == '-' || c == '.' || (c >= '0' && c <= '9');
        if (!begins && (at == name || !follows)) {
            return false;
        }
    }
    return name < end;
}

/* A name as XML takes it, of ASCII, with at most one prefix in front; what is not ASCII is taken as
 * it is. */
static bool is_name(const char *name)
{
    const char *colon = strchr(name, ':');

    if (colon != NULL) { /* a:b are two names */
        return colon != name && strchr(colon + 1, ':') == NULL && is_local_name(name, colon) &&
               is_local_name(colon + 1, colon + strlen(colon));
    }
    return is_local_name(name, name + strlen(name));
}

/* Takes value. Strings as they are, other scalars as JSON writes them; nothing for null. */
static int add_text(struct nw_buffer *out, const char *name, jv value, bool attribute,
                    struct nw_error *error)
{
    jv text = jv_get_kind(value) == JV_KIND_STRING ? value
              : jv_get_kind(value) == JV_KIND_NULL ? (jv_free(value), jv_string(""))
                                                   : jv_dump_string(value, 0);
    const char *s = jv_string_value(text);
    int len = jv_string_length_bytes(jv_copy(text)), rc = 0;

    for (int i = 0; rc == 0 && i < len; i++) {
        unsigned char c = (unsigned char)s[i];
        bool last = c == 0xEF && (unsigned char)s[i + 1] == 0xBF && (unsigned char)s[i + 2] >= 0xBE;
        if (last || (c < ' ' && (c == '\0' || strchr("\t\n\r", c) == NULL))) { /* U+FFFE, U+FFFF */
            rc = wrong(error, name, "has a character that XML does not take");
        } else if (strchr("<>&", c) != NULL || c == '\r' ||
                   (attribute && (c == '"' || c == '\n' || c == '\t'))) {
            nw_buffer_add_format(out, "&#%d;", c);
        } else {
            nw_buffer_add_char(out, (char)c);
        }
    }
    jv_free(text);
    return rc;
}

static bool is_scalar(jv value)
{
    return jv_get_kind(value) != JV_KIND_OBJECT && jv_get_kind(value) != JV_KIND_ARRAY;
}

static int add_attributes(struct nw_buffer *out, const char *element, jv object,
                          struct nw_error *error)
{
    int rc = 0;

    jv_object_foreach(object, key, value)
    {
        const char *name = jv_string_value(key);
        if (rc == 0 && *name == '@') {
            if (!is_name(name + 1) || !is_scalar(value)) {
                rc = wrong(error, element, "has an attribute that XML does not take");
            } else {
                nw_buffer_add_format(out, " %s=\"", name + 1);
                rc = add_text(out, name, jv_copy(value), true, error);
                nw_buffer_add_char(out, '"');
            }
        }
        jv_free(key);
        jv_free(value);
    }
    return rc;
}

static int add_element(struct nw_buffer *out, const char *name, jv value, size_t depth,
                       struct nw_error *error);

/* One element, or one for each item of an array. Borrows value. */
static int add_elements(struct nw_buffer *out, const char *name, jv value, size_t depth,
                        struct nw_error *error)
{
    int rc = 0;

    if (jv_get_kind(value) != JV_KIND_ARRAY) {
        return add_element(out, name, value, depth, error);
    }
    for (int i = 0; rc == 0 && i < jv_array_length(jv_copy(value)); i++) {
        jv item = jv_array_get(jv_copy(value), i);
        rc = jv_get_kind(item) == JV_KIND_ARRAY
                 ? wrong(error, name, "is an array in an array, which XML does not have")
                 : add_element(out, name, item, depth, error);
        jv_free(item);
    }
    return rc;
}

static int add_content(struct nw_buffer *out, const char *element, jv object, size_t depth,
                       struct nw_error *error)
{
    int rc = 0;

    jv_object_foreach(object, key, value)
    {
        const char *name = jv_string_value(key);
        if (rc == 0 && strcmp(name, "#text") == 0) {
            rc = is_scalar(value) ? add_text(out, element, jv_copy(value), false, error)
                                  : wrong(error, element, "has a #text that is no text");
        } else if (rc == 0 && *name != '@') {
            rc = add_elements(out, name, value, depth + 1, error);
        }
        jv_free(key);
        jv_free(value);
    }
    return rc;
}

static int add_element(struct nw_buffer *out, const char *name, jv value, size_t depth,
                       struct nw_error *error)
{
    bool object = jv_get_kind(value) == JV_KIND_OBJECT;
    int rc = 0;

    if (!is_name(name)) {
        return wrong(error, name, "cannot be the name of an element");
    }
    if (depth > DEEPEST) {
        return wrong(error, name, "is " NW_DOCUMENT_TOO_DEEP);
    }
    nw_buffer_add_format(out, "<%s", name);
    rc = object ? add_attributes(out, name, value, error) : 0;
    nw_buffer_add_char(out, '>');
    if (rc == 0) {
        rc = object ? add_content(out, name, value, depth, error)
                    : add_text(out, name, jv_copy(value), false, error);
    }
    nw_buffer_add_format(out, "</%s>", name);
    return rc;
}

int nw_xml_encode(jv value, struct nw_buffer *out, struct nw_error *error)
{
    int rc = 0;

    if (jv_get_kind(value) != JV_KIND_OBJECT || jv_object_length(jv_copy(value)) != 1) {
        return nw_error_set(error, NW_EINVAL,
                            "xml: expected an object with one member, the root element");
    }
    jv_object_foreach(value, key, root)
    {
        rc = jv_get_kind(root) == JV_KIND_ARRAY
                 ? wrong(error, jv_string_value(key), "is an array; there is one root element")
                 : add_element(out, jv_string_value(key), root, 1, error);
        jv_free(key);
        jv_free(root);
    }
    return rc;
}
