/* SPDX-License-Identifier: Apache-2.0 */
/* The dead letter of a message that was refused. Worker thread. */
#include <inttypes.h>
#include <stdio.h>
#include <time.h>

#include "base/clock.h"
#include "config/target_name.h"
#include "message/letter.h"
#include "pump/bridge_state.h"
#include "pump/lane.h"

/* As the message was when it came; a part of a split as it was when it was split off. What steps
 * changed since is theirs to do again. */
static struct nw_message *before_refusal(struct nw_message *failed)
{
    struct nw_message *m = failed;

    if (failed->part.data == NULL) {
        return nw_message_original(failed);
    }
    while (m->original != NULL && m->part.data == failed->part.data) {
        m = m->original;
    }
    return m;
}

/* "dlq." before the id of the message that failed, or of the original if none was made. */
static int set_id(struct nw_message *m, struct nw_slice id)
{
    char *text = nw_message_alloc(m, id.len + 4);

    if (text == NULL) {
        return NW_ENOMEM;
    }
    memcpy(text, "dlq.", 4);
    memcpy(text + 4, id.data, id.len);
    m->id = (struct nw_slice){text, id.len + 4};
    m->part_id = NW_ABSENT;
    return 0;
}

static void describe_part(const struct nw_message *failed, struct nw_letter *letter,
                          char number[16], char split[16])
{
    if (failed->part.data != NULL) {
        (void)snprintf(number, 16, "%" PRIu32, failed->split_index);
        (void)snprintf(split, 16, "%" PRIu32, failed->part_split);
        letter->part = nw_slice_text(number);
        letter->split = nw_slice_text(split);
    }
}

/* What the map refused was not on its way to one. */
static void describe_target(const struct nw_lane *lane, const struct nw_message *failed,
                            struct nw_letter *letter, char name[NW_TARGET_NAME])
{
    if (failed->endpoint != NULL && failed->target < lane->target_count) {
        nw_target_name(lane->route, failed->target, name);
        letter->target = nw_slice_text(name);
    }
}

static int write_letter(const struct nw_lane *lane, struct nw_message *m,
                        const struct nw_message *failed, const char *reason)
{
    time_t now = (time_t)(nw_clock_real_ns() / NW_SECOND_NS);
    struct nw_letter letter = {
        .reason = nw_slice_text(reason),
        .bridge = nw_slice_text(lane->bridge->name),
        .route = nw_slice_text(lane->route->name),
    };
    char attempts[16], time[32], part[16], split[16], target[NW_TARGET_NAME];
    struct tm utc;

    (void)snprintf(attempts, sizeof attempts, "%" PRIu32, failed->attempts + 1);
    (void)gmtime_r(&now, &utc);
    (void)strftime(time, sizeof time, "%Y-%m-%dT%H:%M:%SZ", &utc);
    letter.attempts = nw_slice_text(attempts);
    letter.time = nw_slice_text(time);
    describe_part(failed, &letter, part, split);
    describe_target(lane, failed, &letter, target);
    if ((m->numbers_set & NW_MESSAGE_SUBJECT_SET) != 0) {
        letter.subject = m->address;
    }
    return nw_letter_write(m, &letter);
}

static int fill(const struct nw_lane *lane, struct nw_message *m, const struct nw_message *failed,
                const char *reason)
{
    struct nw_slice address;
    struct nw_error error;
    int rc = set_id(m, nw_message_id(failed));

    rc = rc != 0
             ? rc
             : nw_template_render(lane->dead_letter->spec->address_template, m, &address, &error);
    if (rc == 0 && failed->part.data != NULL) { /* of a split only the part that failed */
        m->payload = nw_message_copy(m, failed->part.data, failed->part.len);
        rc = m->payload.data == NULL ? NW_ENOMEM : 0;
    }
    rc = rc != 0 ? rc : write_letter(lane, m, failed, reason);
    if (rc == 0) {
        m->address = address;
    }
    return rc;
}

int nw_lane_queue_letter(struct nw_lane *lane, struct nw_message *failed, const char *reason)
{
    struct nw_target *t = lane->dead_letter;
    struct nw_message *original = nw_message_original(failed);
    struct nw_message *m = nw_message_derive(before_refusal(failed));
    int rc = m == NULL ? NW_ENOMEM : fill(lane, m, failed, reason);

    if (rc != 0) {
        nw_message_unref(m);
        return rc;
    }
    m->lane = lane;
    m->endpoint = &t->sink;
    m->number = original->number;
    m->target = (uint16_t)t->index;
    original->pending++;
    nw_target_queue(t, m);
    return 0;
}
