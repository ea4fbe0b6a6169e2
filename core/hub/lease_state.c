/* SPDX-License-Identifier: Apache-2.0 */
#include "hub/lease_state.h"

#include <stdio.h>
#include <string.h>

void nw_lease_state_init(struct nw_lease_state *s, const char *id, const char *run)
{
    *s = (struct nw_lease_state){.inherits = true};
    (void)snprintf(s->id, sizeof s->id, "%s", id);
    (void)snprintf(s->run, sizeof s->run, "%s", run);
    (void)snprintf(s->trouble, sizeof s->trouble, "NATS is not there yet");
}

void nw_lease_state_want(struct nw_lease_state *s, int64_t now_ns)
{
    if (s->phase == NW_LEASE_IDLE && !s->leaving) {
        s->phase = NW_LEASE_WAITING;
        s->due_ns = now_ns;
    }
}

void nw_lease_state_leave(struct nw_lease_state *s)
{
    s->leaving = true;
}

void nw_lease_state_up(struct nw_lease_state *s, int64_t now_ns)
{
    s->session = true;
    s->due_ns = now_ns;
}

static void set_trouble(struct nw_lease_state *s, const char *text)
{
    (void)snprintf(s->trouble, sizeof s->trouble, "%s", text);
    if (s->phase == NW_LEASE_STANDBY) {
        s->phase = NW_LEASE_WAITING;
    }
}

/* What was seen before does not count: a server that was away may have forgotten what it had. */
void nw_lease_state_down(struct nw_lease_state *s, const char *text)
{
    s->session = s->asked = false;
    s->known = s->known && s->phase == NW_LEASE_HELD;
    set_trouble(s, text);
}

bool nw_lease_state_is_good(const struct nw_lease_state *s, int64_t now_ns)
{
    return s->phase == NW_LEASE_HELD && now_ns - s->sent_ns < NW_LEASE_LET_GO_NS;
}

void nw_lease_state_expire(struct nw_lease_state *s, int64_t now_ns)
{
    char why[sizeof s->trouble];

    if (s->phase == NW_LEASE_HELD && !nw_lease_state_is_good(s, now_ns)) {
        s->phase = NW_LEASE_IDLE;
        (void)snprintf(why, sizeof why, "it could not be renewed in time%s%.200s",
                       s->trouble[0] == '\0' ? "" : ": ", s->trouble);
        (void)snprintf(s->trouble, sizeof s->trouble, "%s", why);
    }
}

static bool may_be_taken(const struct nw_lease_state *s, int64_t now_ns)
{
    return s->ours || now_ns - s->seen_ns >= NW_LEASE_NS;
}

static enum nw_lease_action choose(const struct nw_lease_state *s, int64_t now_ns)
{
    if (s->leaving) {
        return s->known && s->ours && !s->record.free ? NW_LEASE_RELEASE : NW_LEASE_NOTHING;
    }
    if (s->phase == NW_LEASE_IDLE || now_ns < s->due_ns) {
        return NW_LEASE_NOTHING;
    }
    return s->known && (s->phase == NW_LEASE_HELD || may_be_taken(s, now_ns)) ? NW_LEASE_PUT
                                                                              : NW_LEASE_LOOK;
}

enum nw_lease_action nw_lease_state_next(struct nw_lease_state *s, int64_t now_ns)
{
    enum nw_lease_action action = s->asked || !s->session ? NW_LEASE_NOTHING : choose(s, now_ns);

    s->asked = s->asked || action != NW_LEASE_NOTHING;
    if (action == NW_LEASE_PUT) {
        s->put_ns = now_ns;
    }
    return action;
}

int64_t nw_lease_state_due(const struct nw_lease_state *s)
{
    int64_t due_ns = INT64_MAX;

    if (s->phase != NW_LEASE_IDLE && s->session && !s->asked) {
        due_ns = s->due_ns;
    }
    if (s->phase == NW_LEASE_HELD && s->sent_ns + NW_LEASE_LET_GO_NS < due_ns) {
        due_ns = s->sent_ns + NW_LEASE_LET_GO_NS;
    }
    return due_ns;
}

/* ---- answers ---- */

/* Held, and this was found: our own renewal whose answer was lost, or what a server that has
 * forgotten it had before; or that an operator removed it. All of these are renewed at once. */
static void find_while_held(struct nw_lease_state *s, int64_t now_ns)
{
    s->due_ns = now_ns;
    if (!s->ours) {
        s->phase = NW_LEASE_IDLE;
        (void)snprintf(s->trouble, sizeof s->trouble, "another process has taken it");
    }
}

void nw_lease_state_looked(struct nw_lease_state *s, const struct nw_lease_record *record,
                           uint64_t revision, int64_t now_ns)
{
    bool inherited = s->inherits && !record->free && strcmp(record->id, s->id) == 0;

    s->asked = false;
    if (!s->known || s->revision != revision) {
        s->seen_ns = now_ns;
    }
    s->known = true;
    s->revision = revision;
    s->record = *record;
    s->inherits = inherited;
    s->ours = record->free || inherited || strcmp(record->run, s->run) == 0;
    if (s->phase == NW_LEASE_HELD) {
        find_while_held(s, now_ns);
        return;
    }
    s->due_ns = now_ns + NW_LEASE_LOOK_NS;
    if (s->ours) {
        s->due_ns = now_ns;
    } else if (s->seen_ns + NW_LEASE_NS < s->due_ns) {
        s->due_ns = s->seen_ns + NW_LEASE_NS;
    }
    if (s->phase == NW_LEASE_WAITING && !s->ours) {
        s->phase = NW_LEASE_STANDBY;
    }
}

void nw_lease_state_stored(struct nw_lease_state *s, uint64_t revision, int64_t now_ns)
{
    s->asked = false;
    s->revision = revision;
    s->known = s->ours = true;
    s->seen_ns = now_ns;
    s->record = (struct nw_lease_record){.free = false};
    (void)snprintf(s->record.run, sizeof s->record.run, "%s", s->run);
    if (s->phase == NW_LEASE_IDLE || now_ns - s->put_ns >= NW_LEASE_LET_GO_NS) {
        s->due_ns = now_ns; /* too late to count: once more */
        return;
    }
    s->sent_ns = s->put_ns;
    s->due_ns = s->put_ns + NW_LEASE_RENEW_NS;
    s->phase = NW_LEASE_HELD;
    s->inherits = false;
    s->trouble[0] = '\0';
}

void nw_lease_state_released(struct nw_lease_state *s, uint64_t revision)
{
    s->asked = false;
    s->phase = NW_LEASE_IDLE;
    s->revision = revision;
    s->record.free = true;
}

void nw_lease_state_refused(struct nw_lease_state *s, int64_t now_ns)
{
    s->asked = s->known = s->ours = false;
    s->due_ns = now_ns;
}

void nw_lease_state_failed(struct nw_lease_state *s, const char *text, int64_t now_ns)
{
    s->asked = s->known = s->ours = false;
    s->due_ns = now_ns + NW_LEASE_AGAIN_NS;
    set_trouble(s, text);
}
