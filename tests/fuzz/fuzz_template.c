/* SPDX-License-Identifier: Apache-2.0 */
/* Templates: text NUL key NUL payload. What comes out must be what may stand in such a place. */
#include "fuzz.h"
#include "mappings/fill.h"
#include "mappings/template.h"

static const struct nw_template_scope scopes[] = {
    {.bridge = "b",
     .route = "r",
     .address = NW_ADDRESS_SUBJECT,
     .pattern = "a.*.c.>",
     .has = NW_HAS(NW_META_KEY) | NW_HAS(NW_META_SEQUENCE)},
    {.bridge = "b",
     .route = "r",
     .address = NW_ADDRESS_TOPIC_MQTT,
     .pattern = "a/+/#",
     .has = NW_HAS(NW_META_KEY),
     .topics_escaped = true},
    {.bridge = "b",
     .route = "r",
     .address = NW_ADDRESS_HTTP_PATH,
     .pattern = "/a/{id}",
     .has = NW_HAS(NW_META_KEY)},
};
static const char *const addresses[] = {"a.x y.c.d.e", "a//b/c", "/a/7%2e%2e"};
#define SCOPES (sizeof scopes / sizeof scopes[0])

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct nw_slice input = {(const char *)data, size}, text, key, out;
    unsigned scope = fuzz_choice(&input, SCOPES);
    enum nw_fill fill = (enum nw_fill)fuzz_choice(&input, NW_FILL_KV_KEY + 1);
    struct nw_template *template = NULL;
    struct nw_message *m;
    struct nw_error error;

    text = fuzz_part(&input);
    key = fuzz_part(&input);
    if (nw_template_compile(text, fill, &scopes[scope], &template, &error) != 0) {
        return 0;
    }
    m = nw_message_make();
    nw_message_set_address(m, nw_slice_text(addresses[scope]));
    nw_message_set_key(m, key);
    nw_message_set_payload(m, input);
    nw_message_set_origin(m, NW_LITERAL("o"));
    if (nw_template_render(template, m, &out, &error) == 0) {
        FUZZ_HOLDS(nw_fill_check(fill, out, nw_fill_count_own(fill, out), &error) == 0);
    }
    nw_message_unref(m);
    nw_template_free(template);
    return 0;
}
