/* SPDX-License-Identifier: Apache-2.0 */
#include "mappings/convert.h"

#include "mappings/topic.h"

/* One level of the source's address. Between subjects it is a token already. */
static const char *put_level(struct nw_text *out, enum nw_fill fill, enum nw_address_kind kind,
                             struct nw_slice level)
{
    if (kind == NW_ADDRESS_SUBJECT && fill == NW_FILL_SUBJECT) {
        nw_text_add(out, level.data, level.len);
        return level.len == 0 ? "is empty" : NULL;
    }
    return nw_fill_escape(out, fill, level);
}

static const char *put_levels(struct nw_text *out, enum nw_fill fill, enum nw_address_kind kind,
                              struct nw_slice address)
{
    struct nw_slice rest = nw_address_begin(kind, address), level;
    const char *problem = NULL;
    bool first = true;

    while (problem == NULL && nw_address_next(kind, &rest, &level)) {
        if (!first) {
            nw_text_add_char(out, nw_fill_separator(fill));
        }
        first = false;
        if (nw_level_decode(kind, level, out->message, &level) != 0) {
            out->failed = true;
        } else if (level.len == 0 && fill == NW_FILL_KV_KEY && kind == NW_ADDRESS_TOPIC_MQTT) {
            nw_text_add_char(out, '/'); /* as NATS server writes an empty level */
        } else {
            problem = nw_fill_escape(out, fill, level);
        }
    }
    return problem == NULL ? NULL : "has an empty level";
}

static const char *put_address(struct nw_text *out, enum nw_fill fill,
                               const struct nw_template_scope *scope,
                               const struct nw_operand *operand)
{
    enum nw_address_kind kind = scope->address;
    struct nw_slice address = operand->text;

    if (fill == NW_FILL_TEXT || fill == NW_FILL_HEADER ||
        (fill == NW_FILL_SUBJECT && kind == NW_ADDRESS_SUBJECT)) {
        nw_text_add(out, address.data, address.len);
    } else if (fill == NW_FILL_SUBJECT && kind == NW_ADDRESS_TOPIC_MQTT) {
        nw_topic_to_subject(out, operand->text, operand->rest, scope->topics_escaped);
    } else if (fill == NW_FILL_MQTT_TOPIC && kind == NW_ADDRESS_SUBJECT) {
        nw_subject_to_topic(out, operand->text, operand->rest, scope->topics_escaped);
    } else {
        return put_levels(out, fill, kind, address);
    }
    return NULL;
}

static const char *put_pieces(struct nw_text *out, enum nw_fill fill, enum nw_address_kind kind,
                              const struct nw_operand *operand)
{
    const char *problem = NULL;

    for (size_t i = 0; problem == NULL && i < operand->count; i++) {
        if (i > 0) {
            nw_text_add_char(out, nw_fill_separator(fill));
        }
        if (operand->raw) {
            nw_text_add(out, operand->pieces[i].data, operand->pieces[i].len);
        } else {
            problem = put_level(out, fill, kind, operand->pieces[i]);
        }
    }
    return problem;
}

const char *nw_operand_put(struct nw_text *out, enum nw_fill fill,
                           const struct nw_template_scope *scope, const struct nw_operand *operand)
{
    if (operand->form == NW_FORM_PIECES) {
        return put_pieces(out, fill, scope->address, operand);
    }
    if (operand->raw) {
        nw_text_add(out, operand->text.data, operand->text.len);
        return NULL;
    }
    switch (operand->form) {
    case NW_FORM_TOKEN:
        return put_level(out, fill, scope->address, operand->text);
    case NW_FORM_ADDRESS:
        return put_address(out, fill, scope, operand);
    default:
        return nw_fill_escape(out, fill, operand->text);
    }
}
