/* SPDX-License-Identifier: Apache-2.0 */
#include "log/repeat.h"

#include <stdio.h>
#include <string.h>

#include "base/clock.h"

#define WINDOW_NS (10 * NW_SECOND_NS)
#define TEXTS_OF_A_KIND 10

/* FNV-1a */
static uint64_t hash_byte(uint64_t hash, char c)
{
    return (hash ^ (unsigned char)c) * UINT64_C(0x100000001b3);
}

static uint64_t hash_text(uint64_t hash, const char *text, bool numbers)
{
    for (; text != NULL && *text != '\0'; text++) {
        if (numbers || *text < '0' || *text > '9') {
            hash = hash_byte(hash, *text);
        }
    }
    return hash_byte(hash, '\0');
}

static uint64_t hash_subject(const struct nw_log_field *fields)
{
    uint64_t hash = UINT64_C(0xcbf29ce484222325);

    if (fields == NULL || fields->name == NULL) {
        return 0;
    }
    hash = hash_text(hash, fields->name, true);
    return hash_text(hash, fields->value, true);
}

static uint64_t hash_fields(uint64_t hash, const struct nw_log_field *fields)
{
    for (; fields != NULL && fields->name != NULL; fields++) {
        hash = hash_text(hash, fields->name, true);
        hash = hash_text(hash, fields->value, true);
    }
    return hash;
}

static void start(struct nw_repeat_kind *kind, enum nw_level level, uint64_t subject,
                  const struct nw_log_field *fields)
{
    bool named = fields != NULL && fields->name != NULL && fields->value != NULL;

    memset(kind, 0, sizeof *kind);
    kind->level = level;
    kind->subject = subject;
    (void)snprintf(kind->name, sizeof kind->name, "%s", named ? fields->name : "");
    (void)snprintf(kind->value, sizeof kind->value, "%s", named ? fields->value : "");
}

/* Lost, connected, lost again: the second loss is news, though its text is not. */
static void forget(struct nw_repeat *r, uint64_t subject, bool information)
{
    for (size_t i = 0; i < NW_REPEAT_KINDS; i++) {
        if (r->kinds[i].subject == subject && (r->kinds[i].level == NW_LOG_INFO) != information) {
            r->kinds[i].last = 0;
        }
    }
}

bool nw_repeat_pass(struct nw_repeat *r, enum nw_level level, const struct nw_log_field *fields,
                    const char *text, int64_t now_ns, uint64_t *skipped)
{
    uint64_t subject = hash_subject(fields);
    uint64_t hash = hash_text(hash_byte(subject, (char)('0' + level)), text, false) | 1;
    uint64_t whole = hash_fields(hash_text(subject, text, true), fields) | 1;
    struct nw_repeat_kind *kind = &r->kinds[(hash >> 7) % NW_REPEAT_KINDS];

    *skipped = 0;
    if (kind->hash != hash) {
        start(kind, level, subject, fields);
        kind->hash = hash;
        kind->since_ns = now_ns;
    } else if (now_ns - kind->since_ns >= WINDOW_NS) {
        *skipped = kind->skipped;
        kind->skipped = 0;
        kind->written = 0;
        kind->since_ns = now_ns;
    } else if (kind->last == whole || kind->written >= TEXTS_OF_A_KIND) {
        kind->skipped++;
        return false;
    }
    kind->last = whole;
    kind->written++;
    (void)snprintf(kind->text, sizeof kind->text, "%s", text);
    if (subject != 0) {
        forget(r, subject, level == NW_LOG_INFO);
    }
    return true;
}

struct nw_repeat_kind *nw_repeat_left(struct nw_repeat *r, int64_t now_ns, bool all)
{
    for (size_t i = 0; i < NW_REPEAT_KINDS; i++) {
        struct nw_repeat_kind *kind = &r->kinds[i];
        if (kind->skipped > 0 && (all || now_ns - kind->since_ns >= WINDOW_NS)) {
            return kind;
        }
    }
    return NULL;
}
