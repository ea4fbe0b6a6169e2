/* SPDX-License-Identifier: Apache-2.0 */
/* The lossless codec between MQTT topics and subjects: there and back is the same. */
#include "fuzz.h"
#include "mappings/fill.h"
#include "mappings/topic.h"

static struct nw_slice convert(struct nw_message *m, struct nw_slice text, bool to_subject,
                               bool escaped)
{
    char memory[64];
    struct nw_text t = nw_text_begin(m, memory, sizeof memory);
    struct nw_slice out = NW_ABSENT;

    if (to_subject) {
        nw_topic_to_subject(&t, text, false, escaped);
    } else {
        nw_subject_to_topic(&t, text, false, escaped);
    }
    FUZZ_HOLDS(nw_text_end(&t, &out) == 0);
    return out;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct nw_slice input = {(const char *)data, size}, there;
    bool to_subject = fuzz_choice(&input, 2) == 1, escaped = fuzz_choice(&input, 2) == 1;
    enum nw_fill from = to_subject ? NW_FILL_MQTT_TOPIC : NW_FILL_SUBJECT;
    struct nw_message *m = nw_message_make();
    struct nw_error error;

    if (nw_fill_check(from, input, 0, &error) == 0) {
        there = convert(m, input, to_subject, escaped);
        if (escaped) {
            FUZZ_HOLDS(nw_slice_equal(convert(m, there, !to_subject, true), input));
        }
    }
    nw_message_unref(m);
    return 0;
}
