/* SPDX-License-Identifier: Apache-2.0 */
/* What `set` steps do to a message. */
#include "base/timestamp.h"
#include "mappings/map_steps.h"

static int set_timestamp(struct nw_message *m, struct nw_slice text, struct nw_error *error)
{
    int64_t ns;
    int rc = nw_timestamp_parse(text, &ns, error);

    if (rc == 0) {
        m->timestamp_ns = ns;
    }
    return rc;
}

int nw_map_set_field(struct nw_message *m, const struct nw_map_step *s, struct nw_slice value,
                     struct nw_error *error)
{
    switch (s->field) {
    case NW_MAP_KEY:
        m->key = value;
        return 0;
    case NW_MAP_SUBJECT:
        m->address = value;
        m->numbers_set |= NW_MESSAGE_SUBJECT_SET;
        return 0;
    case NW_MAP_TIMESTAMP:
        return set_timestamp(m, value, error);
    case NW_MAP_ID:
        m->id = value;
        return 0;
    default:
        return nw_message_set_header(m, nw_slice_text(s->name), value);
    }
}

void nw_map_remove_field(struct nw_message *m, const struct nw_map_step *s)
{
    switch (s->field) {
    case NW_MAP_KEY:
        m->key = NW_ABSENT;
        break;
    case NW_MAP_SUBJECT:
        m->numbers_set &= ~NW_MESSAGE_SUBJECT_SET;
        break;
    case NW_MAP_TIMESTAMP:
        m->timestamp_ns = 0;
        break;
    case NW_MAP_ID:
        m->id = NW_ABSENT;
        break;
    default:
        nw_message_remove_header(m, nw_slice_text(s->name));
        break;
    }
}
