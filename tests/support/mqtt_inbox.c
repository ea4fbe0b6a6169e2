/* SPDX-License-Identifier: Apache-2.0 */
#include "support/mqtt_inbox.h"

#include "support/fail.h"
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define MOST 100

struct nwt_inbox {
    pthread_mutex_t lock; /* guards count; letters below it do not change */
    size_t count;
    struct nwt_letter letters[MOST];
};

struct nwt_inbox *nwt_inbox_new(void)
{
    struct nwt_inbox *inbox = calloc(1, sizeof *inbox);
    if (inbox == NULL) {
        nwt_fail("no memory");
    }
    pthread_mutex_init(&inbox->lock, NULL);
    return inbox;
}

void nwt_inbox_free(struct nwt_inbox *inbox)
{
    for (size_t i = 0; i < inbox->count; i++) {
        free(inbox->letters[i].topic);
        free(inbox->letters[i].payload);
        MQTTProperties_free(&inbox->letters[i].properties);
    }
    pthread_mutex_destroy(&inbox->lock);
    free(inbox);
}

void nwt_inbox_arrived(void *context, const char *topic, const MQTTAsync_message *message)
{
    struct nwt_inbox *inbox = context;
    pthread_mutex_lock(&inbox->lock);
    if (inbox->count < MOST) {
        inbox->letters[inbox->count++] = (struct nwt_letter){
            .topic = strdup(topic),
            .payload = strndup(message->payload, (size_t)message->payloadlen),
            .retained = message->retained != 0,
            .qos = message->qos,
            .properties = MQTTProperties_copy(&message->properties),
        };
    }
    pthread_mutex_unlock(&inbox->lock);
}

size_t nwt_inbox_count(struct nwt_inbox *inbox)
{
    pthread_mutex_lock(&inbox->lock);
    size_t count = inbox->count;
    pthread_mutex_unlock(&inbox->lock);
    return count;
}

const struct nwt_letter *nwt_inbox_get(struct nwt_inbox *inbox, size_t i)
{
    if (i >= nwt_inbox_count(inbox)) {
        nwt_fail("there is no message %zu", i);
    }
    return &inbox->letters[i];
}

static const char *text_of(const MQTTLenString *s)
{
    static char text[1000];
    snprintf(text, sizeof text, "%.*s", s->len, s->data);
    return text;
}

static MQTTProperty *find(const struct nwt_letter *letter, enum MQTTPropertyCodes code, int nth)
{
    MQTTProperties properties = letter->properties;
    return MQTTProperties_getPropertyAt(&properties, code, nth);
}

const char *nwt_letter_user(const struct nwt_letter *letter, const char *name, int nth)
{
    const MQTTProperty *p;
    for (int i = 0; (p = find(letter, MQTTPROPERTY_CODE_USER_PROPERTY, i)) != NULL; i++) {
        if ((size_t)p->value.data.len == strlen(name) &&
            memcmp(p->value.data.data, name, strlen(name)) == 0 && nth-- == 0) {
            return text_of(&p->value.value);
        }
    }
    return NULL;
}

const char *nwt_letter_text(const struct nwt_letter *letter, enum MQTTPropertyCodes code)
{
    const MQTTProperty *p = find(letter, code, 0);
    return p == NULL ? NULL : text_of(&p->value.data);
}

int64_t nwt_letter_number(const struct nwt_letter *letter, enum MQTTPropertyCodes code)
{
    MQTTProperties properties = letter->properties;
    return MQTTProperties_hasProperty(&properties, code)
               ? MQTTProperties_getNumericValue(&properties, code)
               : -1;
}
