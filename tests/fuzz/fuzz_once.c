/* SPDX-License-Identifier: Apache-2.0 */
/* What checkpoints are made of: origin NUL id NUL record. A record that is taken is written as it
 * was read. */
#include "fuzz.h"
#include "hub/once_name.h"
#include "hub/once_record.h"
#include "tests/support/leaks.h"

static void read_name(struct nw_slice origin, struct nw_slice id)
{
    struct nw_once_name name;
    struct nw_buffer key = {0};

    if (nw_once_name_read(origin, id, &name)) {
        FUZZ_HOLDS(name.offset >= 0 && name.partition.len < origin.len);
        nw_once_name_key(&key, "b", "r", "0", name.partition);
        FUZZ_HOLDS(strcspn(nw_buffer_text(&key), " *>\r\n\t") == key.len);
    }
    nw_buffer_done(&key);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static const struct nw_once_stream stream = {"S", "C"};
    struct nw_slice input = {(const char *)data, size};
    struct nw_slice origin = fuzz_part(&input), id = fuzz_part(&input);
    struct nw_once_history first, second;
    struct nw_buffer b = {0};
    uint64_t sequence;

    read_name(origin, id);
    leaks_ignore(); /* {"a":1 "b"} is one that libjq loses memory with */
    if (nw_once_record_read(input, &stream, &first)) {
        for (size_t i = 0; i < first.count; i++) {
            FUZZ_HOLDS(nw_once_history_find(&first, first.points[i].position, &sequence));
            FUZZ_HOLDS(sequence == first.points[i].sequence);
        }
        nw_once_record_write(&b, &stream, &first);
        FUZZ_HOLDS(nw_once_record_read(nw_buffer_slice(&b), &stream, &second));
        FUZZ_HOLDS(second.count == first.count);
    }
    leaks_notice();
    nw_buffer_done(&b);
    return 0;
}
