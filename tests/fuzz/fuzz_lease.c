/* SPDX-License-Identifier: Apache-2.0 */
/* What the key of a lease has: headers NUL value. Whatever it is, it is somebody's, or nobody's. */
#include "base/base64.h"
#include "fuzz.h"
#include "hub/lease_record.h"
#include "tests/support/leaks.h"

static jv put(jv message, const char *name, struct nw_slice bytes)
{
    struct nw_buffer b = {0};

    nw_base64_encode(&b, bytes);
    message = jv_object_set(message, jv_string(name), jv_string(nw_buffer_text(&b)));
    nw_buffer_done(&b);
    return message;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct nw_slice input = {(const char *)data, size};
    struct nw_slice headers = fuzz_part(&input);
    struct nw_lease_record record;
    struct nw_lease_state state;
    jv message = jv_object_set(jv_object(), jv_string("seq"), jv_number(7));

    message = put(put(message, "hdrs", headers), "data", input);
    leaks_ignore(); /* of libjq, with what is no JSON */
    FUZZ_HOLDS(nw_lease_record_read(message, &record) == 7);
    leaks_notice();
    jv_free(message);
    FUZZ_HOLDS(record.free || record.holder.name[0] != '\0');
    /* A process never takes it for its own unless it says so. */
    nw_lease_state_init(&state, "folder", "run");
    nw_lease_state_want(&state, 0);
    nw_lease_state_up(&state, 0);
    FUZZ_HOLDS(nw_lease_state_next(&state, 0) == NW_LEASE_LOOK);
    nw_lease_state_looked(&state, &record, 7, 0);
    FUZZ_HOLDS((nw_lease_state_next(&state, 0) == NW_LEASE_PUT) ==
               (record.free || strcmp(record.id, "folder") == 0 || strcmp(record.run, "run") == 0));
    return 0;
}
