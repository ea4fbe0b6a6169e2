/* SPDX-License-Identifier: Apache-2.0 */
/* Payload formats: whatever comes is read or refused, and what was read can be written and read
 * again, with the same value. */
#include "fuzz.h"
#include "mappings/codecs.h"

static const char *const columns[] = {"a", "b"};
static const struct nw_typed types[] = {{"a", NW_TYPE_INTEGER}, {"b", NW_TYPE_BOOLEAN}};

/* The last: does reading what was written give the same? */
static const struct {
    struct nw_codec codec;
    bool lossless;
} codecs[] = {
    {{.format = NW_FORMAT_CSV, .delimiter = ',', .header = true}, false},
    {{.format = NW_FORMAT_CSV, .delimiter = ';', .header = false}, true},
    {{.format = NW_FORMAT_CSV,
      .delimiter = '\t',
      .columns = columns,
      .column_count = 2,
      .types = types,
      .type_count = 2},
     false},
    {{.format = NW_FORMAT_XML}, false},
    {{.format = NW_FORMAT_MSGPACK}, true},
    {{.format = NW_FORMAT_CBOR}, true},
    {{.format = NW_FORMAT_JSON}, true},
};
#define CODECS (sizeof codecs / sizeof codecs[0])

/* The same value, or, where a number is beyond what JSON can say, the same text from then on. */
static bool is_same(const struct nw_codec *c, jv value, jv again, const struct nw_buffer *written)
{
    struct nw_buffer twice = {0};
    struct nw_error error;
    bool same = jv_equal(jv_copy(value), jv_copy(again));

    if (!same && nw_codec_encode(c, NULL, again, &twice, &error) == 0) {
        same = nw_slice_equal(nw_buffer_slice(&twice), nw_buffer_slice(written));
    }
    nw_buffer_done(&twice);
    return same;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct nw_slice input = {(const char *)data, size};
    unsigned choice = fuzz_choice(&input, CODECS);
    const struct nw_codec *c = &codecs[choice].codec;
    struct nw_buffer written = {0};
    struct nw_error error;
    jv value, again;

    if (nw_codec_decode(c, NULL, input, &value, &error) != 0) {
        FUZZ_HOLDS(error.text[0] != '\0');
        return 0;
    }
    FUZZ_HOLDS(jv_is_valid(value));
    if (nw_codec_encode(c, NULL, value, &written, &error) == 0 && codecs[choice].lossless) {
        FUZZ_HOLDS(nw_codec_decode(c, NULL, nw_buffer_slice(&written), &again, &error) == 0);
        FUZZ_HOLDS(is_same(c, value, again, &written));
        jv_free(again);
    }
    nw_buffer_done(&written);
    jv_free(value);
    return 0;
}
