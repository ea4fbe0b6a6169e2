/* SPDX-License-Identifier: Apache-2.0 */
#include "mappings/fill.h"

#include "base/json.h"

/* ---- which bytes of a value stay as they are ---- */

static bool is_letter_or_digit(unsigned char c)
{
    return (c >= '0' && c <= '9') || (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z');
}

static bool stays_in_subject(unsigned char c)
{
    return c > ' ' && c != 0x7f && c != '.' && c != '*' && c != '>' && c != '%';
}

static bool stays_in_kv_key(unsigned char c)
{
    return is_letter_or_digit(c) || c == '-' || c == '_' || c == '/';
}

static bool stays_in_mqtt_topic(unsigned char c)
{
    return c >= ' ' && c != 0x7f && c != '/' && c != '+' && c != '#' && c != '%';
}

static bool stays_in_url(unsigned char c)
{
    return is_letter_or_digit(c) || c == '-' || c == '.' || c == '_' || c == '~';
}

static bool stays_in_path(unsigned char c)
{
    return c >= ' ' && c != 0x7f && c != '/' && c != '%';
}

/* The rules of one fill. stays == NULL: values are put in as they are. */
enum beyond_ascii { AS_IT_IS, IF_UTF8, IF_MQTT, NEVER };
struct rules {
    bool (*stays)(unsigned char c);
    enum beyond_ascii others; /* what stays of the bytes from 0x80 */
    char escape, separator;
    bool may_be_empty;
    const char *name;
};

static const struct rules rules[] = {
    [NW_FILL_TEXT] = {NULL, AS_IT_IS, 0, '.', true, "text"},
    [NW_FILL_SUBJECT] = {stays_in_subject, IF_UTF8, '%', '.', false, "subject"},
    [NW_FILL_KAFKA_TOPIC] = {NULL, AS_IT_IS, 0, '.', true, "Kafka topic"},
    [NW_FILL_MQTT_TOPIC] = {stays_in_mqtt_topic, IF_MQTT, '%', '/', true, "MQTT topic"},
    [NW_FILL_URL] = {stays_in_url, NEVER, '%', '/', true, "URL"},
    [NW_FILL_HEADER] = {NULL, AS_IT_IS, 0, '.', true, "header"},
    [NW_FILL_PATH] = {stays_in_path, AS_IT_IS, '%', '/', false, "path"},
    [NW_FILL_KV_KEY] = {stays_in_kv_key, NEVER, '=', '.', false, "KV key"},
};

char nw_fill_separator(enum nw_fill fill)
{
    return rules[fill].separator;
}

const char *nw_fill_name(enum nw_fill fill)
{
    return rules[fill].name;
}

/* ---- escaping ---- */

void nw_fill_add_hex(struct nw_text *out, char prefix, unsigned char byte)
{
    static const char digits[] = "0123456789ABCDEF";
    char text[3] = {prefix, digits[byte >> 4], digits[byte & 15]};

    nw_text_add(out, text, sizeof text);
}

bool nw_mqtt_takes(const char *character, size_t n)
{
    const unsigned char *c = (const unsigned char *)character;
    uint32_t code;

    if (n == 1) {
        return c[0] >= ' ' && c[0] != 0x7f;
    }
    if (n == 2) {
        return c[0] != 0xc2 || c[1] >= 0xa0;
    }
    code = n == 3 ? (uint32_t)(c[0] & 15) << 12 | (uint32_t)(c[1] & 63) << 6 | (c[2] & 63)
                  : (uint32_t)(c[2] & 63) << 6 | (c[3] & 63);
    if (n == 4) {
        return (c[1] & 15) != 15 || (code & 0xfff) < 0xffe;
    }
    return !(code >= 0xfdd0 && code <= 0xfdef) && code < 0xfffe;
}

/* How many bytes at the head of s stay as they are: a whole character or 0. */
static size_t stays(const struct rules *r, struct nw_slice s)
{
    unsigned char c = (unsigned char)s.data[0];
    size_t n;

    if (c < 0x80) {
        return r->stays(c) ? 1 : 0;
    }
    if (r->others == AS_IT_IS) {
        return 1;
    }
    n = r->others == NEVER ? 0 : nw_utf8_length(s);
    return r->others == IF_MQTT && n > 0 && !nw_mqtt_takes(s.data, n) ? 0 : n;
}

static void escape_bytes(struct nw_text *out, const struct rules *r, struct nw_slice value)
{
    size_t run = 0, i = 0;

    while (i < value.len) {
        size_t n = stays(r, (struct nw_slice){value.data + i, value.len - i});
        if (n > 0) {
            i += n;
            continue;
        }
        nw_text_add(out, value.data + run, i - run);
        nw_fill_add_hex(out, r->escape, (unsigned char)value.data[i]);
        run = ++i;
    }
    nw_text_add(out, value.data + run, i - run);
}

static bool is_dots(struct nw_slice name)
{
    return (name.len == 1 && name.data[0] == '.') ||
           (name.len == 2 && memcmp(name.data, "..", 2) == 0);
}

/* The first slash of a KV address ends the bucket: a value in front of it must not have one. */
static void escape_in_bucket(struct nw_text *out, struct nw_slice value)
{
    for (size_t i = 0; i < value.len; i++) {
        unsigned char c = (unsigned char)value.data[i];
        if (stays_in_kv_key(c) && c != '/') {
            nw_text_add_char(out, (char)c);
        } else {
            nw_fill_add_hex(out, '=', c);
        }
    }
}

const char *nw_fill_escape(struct nw_text *out, enum nw_fill fill, struct nw_slice value)
{
    const struct rules *r = &rules[fill];

    if (value.len == 0) {
        return r->may_be_empty ? NULL : "is empty";
    }
    if (r->stays == NULL) {
        nw_text_add(out, value.data, value.len);
    } else if (fill == NW_FILL_PATH && is_dots(value)) {
        for (size_t i = 0; i < value.len; i++) {
            nw_fill_add_hex(out, '%', '.');
        }
    } else if (fill == NW_FILL_KV_KEY && memchr(out->data, '/', out->len) == NULL) {
        escape_in_bucket(out, value);
    } else {
        escape_bytes(out, r, value);
    }
    return NULL;
}
