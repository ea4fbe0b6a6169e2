/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The lossless codec between topics and subjects (mappings/topic.h) over every text of up to
 * LONGEST letters of an alphabet of all that is special to either: each that is a topic comes back
 * as it was through a subject, and each that is a subject through a topic. 48 million texts, so
 * this program and what it tests are compiled for speed whatever the preset.
 */
#include <stdio.h>
#include <string.h>

#include "mappings/fill.h"
#include "mappings/topic.h"

#define LONGEST 8

static const char alphabet[] = "a/.*>+#$ ";
#define LETTERS (sizeof alphabet - 1)

typedef void converter(struct nw_text *out, struct nw_slice in, bool part, bool escaped);

/* One of the two ways: there is what `from` becomes, which must be an `other`, and back. */
static bool comes_back(struct nw_slice s, converter *forth, converter *home, enum nw_fill other)
{
    char there[128], back[128];
    struct nw_text t = nw_text_begin(NULL, there, sizeof there);
    struct nw_text b = nw_text_begin(NULL, back, sizeof back);
    struct nw_slice whole;

    forth(&t, s, false, true);
    whole = (struct nw_slice){there, t.len};
    if (nw_fill_check(other, whole, 0, NULL) != 0) {
        (void)printf("\"%.*s\" gives \"%.*s\", which is none\n", (int)s.len, s.data, (int)t.len,
                     there);
        return false;
    }
    home(&b, whole, false, true);
    if (b.len != s.len || memcmp(back, s.data, s.len) != 0) {
        (void)printf("\"%.*s\" gives \"%.*s\" gives \"%.*s\"\n", (int)s.len, s.data, (int)t.len,
                     there, (int)b.len, back);
        return false;
    }
    return true;
}

static size_t topics, subjects, wrong;

static void check(struct nw_slice s)
{
    if (nw_fill_check(NW_FILL_MQTT_TOPIC, s, 0, NULL) == 0) {
        topics++;
        wrong += !comes_back(s, nw_topic_to_subject, nw_subject_to_topic, NW_FILL_SUBJECT);
    }
    if (nw_fill_check(NW_FILL_SUBJECT, s, 0, NULL) == 0) {
        subjects++;
        wrong += !comes_back(s, nw_subject_to_topic, nw_topic_to_subject, NW_FILL_MQTT_TOPIC);
    }
}

int main(void)
{
    char text[LONGEST];

    for (size_t len = 1; len <= LONGEST && wrong < 20; len++) {
        size_t digits[LONGEST] = {0};
        size_t place = 0;

        memset(text, alphabet[0], sizeof text);
        while (place < len && wrong < 20) {
            check((struct nw_slice){text, len});
            for (place = 0; place < len; place++) {
                digits[place] = (digits[place] + 1) % LETTERS;
                text[place] = alphabet[digits[place]];
                if (digits[place] != 0) {
                    break;
                }
            }
        }
    }
    (void)printf("%zu topics and %zu subjects, %zu wrong\n", topics, subjects, wrong);
    return wrong > 0 || topics < 1000000 || subjects < 1000000;
}
