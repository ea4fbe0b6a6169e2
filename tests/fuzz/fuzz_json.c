/* SPDX-License-Identifier: Apache-2.0 */
/* The JSON readers: path NUL text. They and libjq agree on what is JSON enough to be read. */
#include "base/compact.h"
#include "fuzz.h"
#include "mappings/json_path.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct nw_slice input = {(const char *)data, size}, text = fuzz_part(&input), out;
    struct nw_buffer once = {0}, twice = {0};
    struct nw_json_path *path = NULL;
    struct nw_message *m;
    struct nw_error error;

    if (nw_json_compact(&once, input)) {
        FUZZ_HOLDS(nw_json_compact(&twice, nw_buffer_slice(&once)));
        FUZZ_HOLDS(nw_slice_equal(nw_buffer_slice(&once), nw_buffer_slice(&twice)));
    }
    nw_buffer_done(&once);
    nw_buffer_done(&twice);
    if (nw_json_path_compile(text, &path, &error) != 0) {
        return 0;
    }
    m = nw_message_make();
    (void)nw_json_path_read(path, input, m, &out, &error);
    nw_message_unref(m);
    nw_json_path_free(path);
    return 0;
}
