/* SPDX-License-Identifier: Apache-2.0 */
/* A lease between processes, without NATS and with a clock of the test's own. */
#include <criterion/criterion.h>
#include <string.h>

#include "hub/lease_record.h"
#include "hub/lease_state.h"

#define S NW_SECOND_NS

/* The key as the server has it. */
struct key {
    uint64_t revision;
    struct nw_lease_record record;
};

/* A process: its state, and when it sent what it has sent. */
struct process {
    struct nw_lease_state s;
    struct key *key;
    bool cut; /* what it sends does not arrive, and what was sent is not answered */
};

static void put(struct process *p, bool release, int64_t now)
{
    if (p->s.revision != p->key->revision) {
        nw_lease_state_refused(&p->s, now);
        return;
    }
    p->key->revision++;
    p->key->record = (struct nw_lease_record){.free = release};
    strcpy(p->key->record.id, p->s.id);
    strcpy(p->key->record.run, p->s.run);
    if (release) {
        nw_lease_state_released(&p->s, p->key->revision);
    } else {
        nw_lease_state_stored(&p->s, p->key->revision, now);
    }
}

/* All that it does now; how often it read the key. */
static int run(struct process *p, int64_t now)
{
    enum nw_lease_action action;
    int looks = 0;

    nw_lease_state_expire(&p->s, now);
    while ((action = nw_lease_state_next(&p->s, now)) != NW_LEASE_NOTHING) {
        cr_assert_lt(looks, 5, "it goes round in circles");
        if (p->cut) {
            nw_lease_state_failed(&p->s, "cut", now);
        } else if (action == NW_LEASE_LOOK) {
            looks++;
            nw_lease_state_looked(&p->s, &p->key->record, p->key->revision, now);
        } else {
            put(p, action == NW_LEASE_RELEASE, now);
        }
        nw_lease_state_expire(&p->s, now);
    }
    return looks;
}

static void begin(struct process *p, struct key *key, const char *id, const char *name, int64_t now)
{
    *p = (struct process){.key = key};
    nw_lease_state_init(&p->s, id, name);
    nw_lease_state_want(&p->s, now);
    nw_lease_state_up(&p->s, now);
}

static struct key nobody(void)
{
    return (struct key){.record = {.free = true}};
}

/* Both, in steps of ten milliseconds; who is NULL does nothing. */
static void run_both(struct process *a, struct process *b, int64_t from, int64_t until)
{
    for (int64_t now = from; now < until; now += 10 * NW_MILLISECOND_NS) {
        if (a != NULL) {
            run(a, now);
        }
        if (b != NULL) {
            run(b, now);
        }
        cr_assert_not(a != NULL && b != NULL && a->s.phase == NW_LEASE_HELD &&
                          b->s.phase == NW_LEASE_HELD,
                      "both have it");
    }
}

Test(lease, the_first_has_it_and_keeps_it)
{
    struct key key = nobody();
    struct process a, b;

    begin(&a, &key, "1", "a", 0);
    run(&a, 0);
    cr_expect_eq(a.s.phase, NW_LEASE_HELD);
    begin(&b, &key, "2", "b", S);
    run_both(&a, &b, S, 60 * S);
    cr_expect_eq(a.s.phase, NW_LEASE_HELD);
    cr_expect_eq(b.s.phase, NW_LEASE_STANDBY);
    cr_expect(key.revision >= 40 && key.revision <= 42, "%d renewals", (int)key.revision);
}

Test(lease, what_is_not_renewed_is_taken_after_five_seconds_of_watching)
{
    struct key key = nobody();
    struct process a, b;

    begin(&a, &key, "1", "a", 0);
    run(&a, 0);
    begin(&b, &key, "2", "b", 3 * S); /* it has not seen what was before */
    run_both(NULL, &b, 3 * S, 8 * S);
    cr_expect_eq(b.s.phase, NW_LEASE_STANDBY);
    run(&b, 8 * S);
    cr_expect_eq(b.s.phase, NW_LEASE_HELD);
    /* The first one wakes up. */
    run(&a, 8 * S + 1);
    cr_expect_eq(a.s.phase, NW_LEASE_IDLE);
    nw_lease_state_want(&a.s, 9 * S);
    run_both(&b, &a, 9 * S, 30 * S);
    cr_expect_eq(a.s.phase, NW_LEASE_STANDBY);
    cr_expect_eq(b.s.phase, NW_LEASE_HELD);
}

Test(lease, who_cannot_renew_lets_go_before_another_may_take_it)
{
    /* Whenever the connection breaks, and whenever the other one began to watch. */
    for (int64_t began = 0; began < 4 * S; began += 130 * NW_MILLISECOND_NS) {
        for (int64_t broken = 5 * S; broken < 7 * S; broken += 70 * NW_MILLISECOND_NS) {
            struct key key = nobody();
            struct process a, b;
            begin(&a, &key, "1", "a", 0);
            run_both(&a, NULL, 0, began);
            begin(&b, &key, "2", "b", began);
            run_both(&a, &b, began, broken);
            a.cut = true;
            run_both(&a, &b, broken, broken + 8 * S);
            cr_expect_eq(a.s.phase, NW_LEASE_IDLE);
            cr_expect_eq(b.s.phase, NW_LEASE_HELD);
        }
    }
}

Test(lease, an_answer_that_comes_too_late_does_not_count)
{
    struct key key = nobody();
    struct process a;

    begin(&a, &key, "1", "a", 0);
    cr_assert_eq(nw_lease_state_next(&a.s, 0), NW_LEASE_LOOK);
    nw_lease_state_looked(&a.s, &key.record, 0, 0);
    cr_assert_eq(nw_lease_state_next(&a.s, 0), NW_LEASE_PUT);
    nw_lease_state_stored(&a.s, 1, 4600 * NW_MILLISECOND_NS);
    cr_expect_eq(a.s.phase, NW_LEASE_WAITING);
    cr_assert_eq(nw_lease_state_next(&a.s, 4600 * NW_MILLISECOND_NS), NW_LEASE_PUT);
    nw_lease_state_stored(&a.s, 2, 4700 * NW_MILLISECOND_NS);
    cr_expect_eq(a.s.phase, NW_LEASE_HELD);
    cr_expect_eq(nw_lease_state_due(&a.s), 6100 * NW_MILLISECOND_NS);
}

Test(lease, what_is_given_back_is_taken_at_once)
{
    struct key key = nobody();
    struct process a, b;

    begin(&a, &key, "1", "a", 0);
    run(&a, 0);
    begin(&b, &key, "2", "b", S);
    run(&b, S);
    nw_lease_state_leave(&a.s);
    run(&a, S);
    cr_expect_eq(a.s.phase, NW_LEASE_IDLE);
    cr_expect(key.record.free);
    cr_expect_eq(nw_lease_state_due(&a.s), INT64_MAX);
    run_both(NULL, &b, S, 2 * S + 20 * NW_MILLISECOND_NS);
    cr_expect_eq(b.s.phase, NW_LEASE_HELD);
}

/* Its lock on the folder says that the one before is dead. Another one of the same name does not
 * have the folder. */
Test(lease, the_next_process_of_a_folder_has_it_at_once)
{
    struct key key = nobody();
    struct process a, next, other;

    begin(&a, &key, "1", "a", 0);
    run(&a, 0);
    begin(&next, &key, "1", "next", S);
    run(&next, S);
    cr_expect_eq(next.s.phase, NW_LEASE_HELD);
    begin(&other, &key, "2", "a", S); /* whatever it is called */
    other.s.run[0] = '\0';
    run(&other, S);
    cr_expect_eq(other.s.phase, NW_LEASE_STANDBY);
}

/* Two copies of a folder: each takes it once, when it starts. */
Test(lease, copies_of_a_folder_do_not_take_turns)
{
    struct key key = nobody();
    struct process a, copy;

    begin(&a, &key, "1", "a", 0);
    run(&a, 0);
    begin(&copy, &key, "1", "copy", S);
    for (int64_t now = S; now < 30 * S; now += 10 * NW_MILLISECOND_NS) {
        run(&copy, now);
        run(&a, now);
        nw_lease_state_want(&a.s, now);
    }
    cr_expect_eq(copy.s.phase, NW_LEASE_HELD);
    cr_expect_eq(a.s.phase, NW_LEASE_STANDBY);
}

Test(lease, a_renewal_whose_answer_was_lost_is_its_own)
{
    struct key key = nobody();
    struct process a;

    begin(&a, &key, "1", "a", 0);
    run(&a, 0);
    run(&a, 1600 * NW_MILLISECOND_NS);
    key.revision++; /* the server has it, and nobody said so */
    nw_lease_state_failed(&a.s, "lost", 3200 * NW_MILLISECOND_NS);
    run(&a, 3700 * NW_MILLISECOND_NS);
    cr_expect_eq(a.s.phase, NW_LEASE_HELD);
    cr_expect_eq(a.s.sent_ns, 3700 * NW_MILLISECOND_NS);
}

/* After an outage all begin to watch anew, and who had it has it again before the others may. */
Test(lease, after_an_outage_the_former_holder_has_it_again)
{
    struct key key = nobody();
    struct process a, b;

    begin(&a, &key, "1", "a", 0);
    begin(&b, &key, "2", "b", 0);
    run_both(&a, &b, 0, 10 * S);
    nw_lease_state_down(&a.s, "NATS: gone");
    nw_lease_state_down(&b.s, "NATS: gone");
    cr_expect_eq(b.s.phase, NW_LEASE_WAITING);
    cr_expect_str_eq(b.s.trouble, "NATS: gone");
    run_both(&a, &b, 10 * S, 12 * S);
    cr_expect_eq(a.s.phase, NW_LEASE_HELD);
    run_both(&a, &b, 12 * S, 20 * S);
    cr_expect_eq(a.s.phase, NW_LEASE_IDLE);
    nw_lease_state_want(&a.s, 20 * S);
    nw_lease_state_up(&b.s, 20 * S);
    run_both(NULL, &b, 20 * S, 22 * S);
    nw_lease_state_up(&a.s, 22 * S);
    run_both(&a, &b, 22 * S, 30 * S);
    cr_expect_eq(a.s.phase, NW_LEASE_HELD);
    cr_expect_eq(b.s.phase, NW_LEASE_STANDBY);
}

Test(lease, taken_by_another_it_is_lost_at_once)
{
    struct key key = nobody();
    struct process a;

    begin(&a, &key, "1", "a", 0);
    run(&a, 0);
    key.revision++;
    strcpy(key.record.id, "2");
    strcpy(key.record.run, "b");
    run(&a, 1500 * NW_MILLISECOND_NS);
    cr_expect_eq(a.s.phase, NW_LEASE_IDLE);
    cr_expect_str_eq(a.s.trouble, "another process has taken it");
    /* Removed by an operator, it is put again. */
    key = nobody();
    begin(&a, &key, "1", "a", 0);
    run(&a, 0);
    key = (struct key){.revision = 7, .record = {.free = true}};
    run(&a, 1500 * NW_MILLISECOND_NS);
    cr_expect_eq(a.s.phase, NW_LEASE_HELD);
    cr_expect_eq(key.revision, 8);
}

Test(lease, a_failure_is_tried_again_and_said)
{
    struct key key = nobody();
    struct process a;

    begin(&a, &key, "1", "a", 0);
    a.cut = true;
    for (int64_t now = 0; now < 20 * S; now += 10 * NW_MILLISECOND_NS) {
        cr_assert(run(&a, now) == 0);
    }
    cr_expect_eq(a.s.phase, NW_LEASE_WAITING);
    cr_expect_str_eq(a.s.trouble, "cut");
    a.cut = false;
    run(&a, 20 * S);
    cr_expect_eq(a.s.phase, NW_LEASE_HELD);
}

/* ---- what the key looks like ---- */

static jv answer(const char *json)
{
    return jv_parse(json);
}

Test(lease, a_record_is_read_as_it_was_written)
{
    struct nw_lease_state s;
    struct nw_lease_record r;
    struct nw_buffer b = {0};
    jv value;

    nw_lease_state_init(&s, "folder", "process");
    nw_lease_record_write(&s, "plant \"1\"", "2026-01-01T00:00:00Z", &b);
    value = jv_parse(nw_buffer_text(&b));
    cr_assert_eq(jv_get_kind(value), JV_KIND_OBJECT, "%s", nw_buffer_text(&b));
    jv_free(value);
    nw_buffer_done(&b);
    /* {"id":"i","run":"r","instance":"plant","host":"h","since":"then"} */
    value = answer("{\"seq\":12,\"data\":\"eyJpZCI6ImkiLCJydW4iOiJyIiwiaW5zdGFuY2UiOiJwbGFudCIsImh"
                   "vc3QiOiJoIiwic2luY2UiOiJ0aGVuIn0=\"}");
    cr_expect_eq(nw_lease_record_read(value, &r), 12);
    cr_expect_not(r.free);
    cr_expect_str_eq(r.id, "i");
    cr_expect_str_eq(r.run, "r");
    cr_expect_str_eq(r.holder.name, "plant on h");
    cr_expect_str_eq(r.holder.since, "then");
    jv_free(value);
}

Test(lease, a_marker_frees_it_and_anything_else_is_somebodys)
{
    struct nw_lease_record r;
    /* NATS/1.0\r\nKV-Operation: PURGE\r\n\r\n */
    jv value = answer("{\"seq\":3,\"hdrs\":\"TkFUUy8xLjANCktWLU9wZXJhdGlvbjogUFVSR0UNCg0K\"}");

    cr_expect_eq(nw_lease_record_read(value, &r), 3);
    cr_expect(r.free);
    jv_free(value);
    value = answer("{\"seq\":4,\"data\":\"eA==\"}");
    cr_expect_eq(nw_lease_record_read(value, &r), 4);
    cr_expect_not(r.free);
    cr_expect_str_eq(r.holder.name, "somebody");
    jv_free(value);
}
