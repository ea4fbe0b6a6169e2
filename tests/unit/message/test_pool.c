/* SPDX-License-Identifier: Apache-2.0 */
#include <criterion/criterion.h>
#include <pthread.h>

#include "message/message.h"
#include "message/pool.h"

enum { COUNT = 100000, SLOTS = 1000 };

/* A ring between one maker and one freer. */
struct ring {
    struct nw_message *slots[SLOTS];
    atomic_uint written, read;
};

static void *make_them(void *pointer)
{
    struct ring *ring = pointer;

    for (unsigned i = 0; i < COUNT; i++) {
        while (i - atomic_load(&ring->read) >= SLOTS) {
            sched_yield();
        }
        struct nw_message *m = nw_message_make();
        nw_message_set_cookie(m, i);
        nw_message_set_payload(m, nw_message_copy(m, &i, sizeof i));
        ring->slots[i % SLOTS] = m;
        atomic_store(&ring->written, i + 1);
    }
    return NULL;
}

static void *free_them(void *pointer)
{
    struct ring *ring = pointer;

    for (unsigned i = 0; i < COUNT; i++) {
        while (atomic_load(&ring->written) <= i) {
            sched_yield();
        }
        struct nw_message *m = ring->slots[i % SLOTS];
        cr_assert_eq(nw_message_cookie(m), i);
        cr_assert(memcmp(nw_message_payload(m).data, &i, sizeof i) == 0);
        nw_message_unref(m);
        atomic_store(&ring->read, i + 1);
    }
    return NULL;
}

Test(pool, messages_made_on_one_thread_are_freed_on_another)
{
    static struct ring rings[2];
    pthread_t threads[4];

    for (int i = 0; i < 2; i++) {
        cr_assert_eq(pthread_create(&threads[2 * i], NULL, make_them, &rings[i]), 0);
        cr_assert_eq(pthread_create(&threads[2 * i + 1], NULL, free_them, &rings[i]), 0);
    }
    for (int i = 0; i < 4; i++) {
        pthread_join(threads[i], NULL);
    }
    cr_expect_eq(nw_message_alive(), 0);
}

static void *make_a_few(void *pointer)
{
    struct nw_message **list = pointer;

    for (int i = 0; i < 10; i++) {
        struct nw_message *m = nw_message_make();
        m->next = *list;
        *list = m;
    }
    return NULL;
}

Test(pool, ended_threads_leave_their_messages_to_others)
{
    struct nw_message *list = NULL;

    for (int i = 0; i < 50; i++) {
        pthread_t thread;
        cr_assert_eq(pthread_create(&thread, NULL, make_a_few, &list), 0);
        pthread_join(thread, NULL);
    }
    cr_expect_eq(nw_message_alive(), 500);
    while (list != NULL) {
        struct nw_message *m = list;
        list = m->next;
        nw_message_unref(m);
    }
    cr_expect_eq(nw_message_alive(), 0);
}

Test(pool, a_burst_and_its_end_reuse_memory)
{
    enum { BURST = 5000 };
    static struct nw_message *first[BURST], *second[BURST];
    size_t same = 0;

    for (int i = 0; i < BURST; i++) {
        first[i] = nw_pool_take();
    }
    for (int i = 0; i < BURST; i++) {
        nw_pool_give(first[i]);
    }
    for (int i = 0; i < BURST; i++) {
        second[i] = nw_pool_take();
    }
    for (int i = 0; i < BURST; i++) {
        for (int k = 0; k < BURST && !NW_MESSAGE_POOL_BYPASS; k++) {
            if (second[i] == first[k]) {
                same++;
                break;
            }
        }
        nw_pool_give(second[i]);
    }
    cr_expect(NW_MESSAGE_POOL_BYPASS || same == BURST, "%zu reused", same);
}
