/* SPDX-License-Identifier: Apache-2.0 */
/*
 * MQTT 5's properties and our headers. User properties are headers, all values in their order. The
 * properties with a meaning of their own have fixed names, and come back from them:
 *
 *     Content-Type            content type
 *     Mqtt-Response-Topic     response topic
 *     Mqtt-Correlation-Data   correlation data
 *     Mqtt-Message-Expiry     what was left of the message's expiry interval, in seconds
 *     Mqtt-Payload-Format     1: the payload is UTF-8 text
 *     Mqtt-Retain             1: the message was retained (no property, a flag of the packet)
 *
 * A server ends the connection over a string that is not UTF-8 or has control characters, so such
 * headers travel as Natsway-B64-<Name> with their value in base64.
 */
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "mqtt.h"

static const struct {
    const char *name;
    enum MQTTPropertyCodes code;
} fixed[] = {
    {"Content-Type", MQTTPROPERTY_CODE_CONTENT_TYPE},
    {"Mqtt-Response-Topic", MQTTPROPERTY_CODE_RESPONSE_TOPIC},
    {"Mqtt-Correlation-Data", MQTTPROPERTY_CODE_CORRELATION_DATA},
    {"Mqtt-Message-Expiry", MQTTPROPERTY_CODE_MESSAGE_EXPIRY_INTERVAL},
    {"Mqtt-Payload-Format", MQTTPROPERTY_CODE_PAYLOAD_FORMAT_INDICATOR},
};
#define FIXED_COUNT (sizeof fixed / sizeof fixed[0])

/* ---- what came ---- */

static struct nw_slice copy_number(struct nw_message *m, uint32_t number)
{
    char text[12];
    size_t at = sizeof text;

    do {
        text[--at] = (char)('0' + number % 10);
        number /= 10;
    } while (number > 0);
    return nw_message_copy(m, text + at, sizeof text - at);
}

static int add_header(struct nw_message *m, struct nw_slice name, struct nw_slice value)
{
    if (name.data == NULL || value.data == NULL) {
        return NW_ENOMEM;
    }
    return nw_message_add_header(m, name, value);
}

static struct nw_slice string_of(const MQTTLenString *s)
{
    return (struct nw_slice){s->data == NULL ? "" : s->data, (size_t)s->len};
}

static int fixed_to_header(const MQTTProperty *p, const char *name, struct nw_message *m)
{
    struct nw_slice value;

    if (p->identifier == MQTTPROPERTY_CODE_MESSAGE_EXPIRY_INTERVAL) {
        value = copy_number(m, p->value.integer4);
    } else if (p->identifier == MQTTPROPERTY_CODE_PAYLOAD_FORMAT_INDICATOR) {
        if (p->value.byte != 1) {
            return 0;
        }
        value = mqtt_slice("1");
    } else {
        value = string_of(&p->value.data);
    }
    return add_header(m, mqtt_slice(name), value);
}

int mqtt_properties_to_headers(const MQTTProperties *properties, struct nw_message *m)
{
    int rc = 0;

    for (int i = 0; rc == 0 && i < properties->count; i++) {
        const MQTTProperty *p = &properties->array[i];
        if (p->identifier == MQTTPROPERTY_CODE_USER_PROPERTY) {
            rc = add_header(m, string_of(&p->value.data), string_of(&p->value.value));
            continue;
        }
        for (size_t k = 0; rc == 0 && k < FIXED_COUNT; k++) {
            if (p->identifier == fixed[k].code) {
                rc = fixed_to_header(p, fixed[k].name, m);
            }
        }
    }
    return rc;
}

/* ---- what goes ---- */

/* Length of the UTF-8 sequence at s, 0 if there is none that MQTT allows. */
static size_t utf8_sequence(const unsigned char *s, size_t left)
{
    size_t n = s[0] < 0x80 ? 1 : s[0] < 0xC2 ? 0 : s[0] < 0xE0 ? 2 : s[0] < 0xF0 ? 3 : 4;
    bool bad = n == 0 || n > left || s[0] == 0 || s[0] > 0xF4;

    for (size_t i = 1; !bad && i < n; i++) {
        bad = (s[i] & 0xC0) != 0x80;
    }
    bad = bad || (n == 3 && s[0] == 0xE0 && s[1] < 0xA0) || (s[0] == 0xED && n == 3 && s[1] > 0x9F);
    bad = bad || (s[0] == 0xF0 && s[1] < 0x90) || (s[0] == 0xF4 && s[1] > 0x8F);
    return bad ? 0 : n;
}

/* A server may end the connection over a control or a non-character, and mosquitto does. */
static bool is_taken(const unsigned char *s, size_t n)
{
    uint32_t code = n == 1 ? s[0] : s[0] & (0xffu >> (n + 1));

    for (size_t i = 1; i < n; i++) {
        code = code << 6 | (s[i] & 0x3f);
    }
    return code >= 0x20 && !(code >= 0x7f && code < 0xa0) && !(code >= 0xfdd0 && code <= 0xfdef) &&
           (code & 0xfffe) != 0xfffe;
}

static bool is_mqtt_string(struct nw_slice s)
{
    size_t at = 0;

    while (at < s.len) {
        size_t n = utf8_sequence((const unsigned char *)s.data + at, s.len - at);
        if (n == 0 || !is_taken((const unsigned char *)s.data + at, n)) {
            return false;
        }
        at += n;
    }
    return s.len <= 65535;
}

static MQTTLenString len_string(struct nw_slice s)
{
    /* Paho copies it and does not write to it. */
    return (MQTTLenString){(int)s.len, s.len == 0 ? (char *)(uintptr_t) "" : (char *)s.data};
}

static int add_property(MQTTProperties *out, const MQTTProperty *p)
{
    return MQTTProperties_add(out, p) == 0 ? 0 : NW_ENOMEM;
}

static int add_user(MQTTProperties *out, struct nw_slice name, struct nw_slice value)
{
    MQTTProperty p = {.identifier = MQTTPROPERTY_CODE_USER_PROPERTY};

    p.value.data = len_string(name);
    p.value.value = len_string(value);
    return add_property(out, &p);
}

static size_t base64(struct nw_slice in, char *out)
{
    static const char digits[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    const unsigned char *s = (const unsigned char *)in.data;
    size_t at = 0;

    for (size_t i = 0; i < in.len; i += 3) {
        size_t left = in.len - i;
        uint32_t bits = (uint32_t)s[i] << 16;
        bits |= left > 1 ? (uint32_t)s[i + 1] << 8 : 0;
        bits |= left > 2 ? s[i + 2] : 0;
        out[at++] = digits[bits >> 18 & 63];
        out[at++] = digits[bits >> 12 & 63];
        out[at++] = left > 1 ? digits[bits >> 6 & 63] : '=';
        out[at++] = left > 2 ? digits[bits & 63] : '=';
    }
    return at;
}

static int add_encoded(MQTTProperties *out, struct nw_slice name, struct nw_slice value)
{
    static const char prefix[] = "Natsway-B64-";
    size_t prefix_len = sizeof prefix - 1;
    char *text;
    int rc;

    if (name.len > 60000 || value.len > 49000 || !is_mqtt_string(name)) {
        return 0; /* nothing of MQTT can carry it */
    }
    text = malloc(prefix_len + name.len + (value.len + 2) / 3 * 4);
    if (text == NULL) {
        return NW_ENOMEM;
    }
    memcpy(text, prefix, prefix_len);
    memcpy(text + prefix_len, name.data, name.len);
    name = (struct nw_slice){text, prefix_len + name.len};
    value.len = base64(value, text + name.len);
    value.data = text + name.len;
    rc = add_user(out, name, value);
    free(text);
    return rc;
}

static bool is_number(struct nw_slice s, uint32_t *number)
{
    uint64_t n = 0;

    for (size_t i = 0; i < s.len; i++) {
        if (s.data[i] < '0' || s.data[i] > '9' || n > UINT32_MAX) {
            return false;
        }
        n = n * 10 + (uint64_t)(s.data[i] - '0');
    }
    *number = (uint32_t)n;
    return s.len > 0 && n <= UINT32_MAX;
}

/* A header with a fixed meaning; *fits says whether its value makes sense as that property. */
static int add_fixed(MQTTProperties *out, enum MQTTPropertyCodes code, struct nw_slice value,
                     bool *fits)
{
    MQTTProperty p = {.identifier = code};
    uint32_t number = 0;

    *fits = !MQTTProperties_hasProperty(out, code); /* at most one of each */
    switch (code) {
    case MQTTPROPERTY_CODE_MESSAGE_EXPIRY_INTERVAL:
        *fits = *fits && is_number(value, &number);
        p.value.integer4 = number;
        break;
    case MQTTPROPERTY_CODE_PAYLOAD_FORMAT_INDICATOR:
        *fits = *fits && is_number(value, &number) && number <= 1;
        p.value.byte = (unsigned char)number;
        break;
    case MQTTPROPERTY_CODE_RESPONSE_TOPIC:
        *fits = *fits && value.len > 0 && is_mqtt_string(value) &&
                memchr(value.data, '+', value.len) == NULL &&
                memchr(value.data, '#', value.len) == NULL;
        p.value.data = len_string(value);
        break;
    case MQTTPROPERTY_CODE_CORRELATION_DATA:
        *fits = *fits && value.len <= 65535;
        p.value.data = len_string(value);
        break;
    default:
        *fits = *fits && is_mqtt_string(value);
        p.value.data = len_string(value);
        break;
    }
    return *fits ? add_property(out, &p) : 0;
}

static bool names(struct nw_slice name, const char *text)
{
    return name.len == strlen(text) && strncasecmp(name.data, text, name.len) == 0;
}

static int header_to_property(struct nw_slice name, struct nw_slice value, MQTTProperties *out)
{
    bool fits = false;

    for (size_t k = 0; k < FIXED_COUNT; k++) {
        if (names(name, fixed[k].name)) {
            int rc = add_fixed(out, fixed[k].code, value, &fits);
            if (rc != 0 || fits) {
                return rc;
            }
        }
    }
    if (names(name, MQTT_HEADER_RETAIN)) {
        return 0;
    }
    return is_mqtt_string(name) && is_mqtt_string(value) ? add_user(out, name, value)
                                                         : add_encoded(out, name, value);
}

int mqtt_properties_from_headers(const struct nw_message *m, uint32_t expiry_s, MQTTProperties *out)
{
    size_t n = nw_message_header_count(m);
    int rc = 0;

    if (expiry_s > 0) {
        MQTTProperty p = {.identifier = MQTTPROPERTY_CODE_MESSAGE_EXPIRY_INTERVAL};
        p.value.integer4 = expiry_s;
        rc = add_property(out, &p);
    }
    for (size_t i = 0; rc == 0 && i < n; i++) {
        struct nw_slice name, value;
        nw_message_header(m, i, &name, &value);
        rc = header_to_property(name, value, out);
    }
    return rc;
}
