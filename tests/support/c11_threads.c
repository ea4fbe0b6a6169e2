/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The threads of C11, made of those of POSIX, for builds with the thread sanitizer: that sees what
 * goes through pthread_…(), and a thread that it has not seen begin ends the process. librdkafka
 * uses these; in the program they are found before the C library's own. glibc's types of both kinds
 * have the same size, and its C11 ones are used here as the POSIX ones they are made of.
 *
 * Its read-write locks come through here, too, because what it asks of the C library by itself is
 * not looked at (tsan.supp), and the order that they make has to be seen.
 */
#include <dlfcn.h>
#include <errno.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdint.h>
#include <stdlib.h>
#include <threads.h>

_Static_assert(sizeof(mtx_t) == sizeof(pthread_mutex_t), "a mutex has another size");
_Static_assert(sizeof(cnd_t) == sizeof(pthread_cond_t), "a condition has another size");
_Static_assert(sizeof(thrd_t) == sizeof(pthread_t), "a thread has another size");
_Static_assert(sizeof(once_flag) == sizeof(pthread_once_t), "a flag has another size");

static int result(int rc)
{
    return rc == 0           ? thrd_success
           : rc == ETIMEDOUT ? thrd_timedout
           : rc == EBUSY     ? thrd_busy
           : rc == ENOMEM    ? thrd_nomem
                             : thrd_error;
}

/* ---- threads ---- */

struct start {
    thrd_start_t run;
    void *context;
};

static void *run(void *context)
{
    struct start start = *(struct start *)context;

    free(context);
    return (void *)(intptr_t)start.run(start.context);
}

int thrd_create(thrd_t *thread, thrd_start_t function, void *context)
{
    struct start *start = malloc(sizeof *start);
    int rc;

    if (start == NULL) {
        return thrd_nomem;
    }
    *start = (struct start){function, context};
    rc = pthread_create(thread, NULL, run, start);
    if (rc != 0) {
        free(start);
    }
    return result(rc);
}

int thrd_join(thrd_t thread, int *code)
{
    void *value = NULL;
    int rc = pthread_join(thread, &value);

    if (code != NULL) {
        *code = (int)(intptr_t)value;
    }
    return result(rc);
}

int thrd_detach(thrd_t thread)
{
    return result(pthread_detach(thread));
}

thrd_t thrd_current(void)
{
    return pthread_self();
}

void call_once(once_flag *flag, void (*function)(void))
{
    (void)pthread_once((pthread_once_t *)flag, function);
}

/* ---- mutexes ---- */

int mtx_init(mtx_t *mutex, int type)
{
    pthread_mutexattr_t attributes;
    int rc;

    (void)pthread_mutexattr_init(&attributes);
    (void)pthread_mutexattr_settype(
        &attributes, (type & mtx_recursive) != 0 ? PTHREAD_MUTEX_RECURSIVE : PTHREAD_MUTEX_NORMAL);
    rc = pthread_mutex_init((pthread_mutex_t *)mutex, &attributes);
    (void)pthread_mutexattr_destroy(&attributes);
    return result(rc);
}

int mtx_lock(mtx_t *mutex)
{
    return result(pthread_mutex_lock((pthread_mutex_t *)mutex));
}

int mtx_trylock(mtx_t *mutex)
{
    return result(pthread_mutex_trylock((pthread_mutex_t *)mutex));
}

int mtx_unlock(mtx_t *mutex)
{
    return result(pthread_mutex_unlock((pthread_mutex_t *)mutex));
}

void mtx_destroy(mtx_t *mutex)
{
    (void)pthread_mutex_destroy((pthread_mutex_t *)mutex);
}

/* ---- conditions ---- */

int cnd_init(cnd_t *condition)
{
    return result(pthread_cond_init((pthread_cond_t *)condition, NULL));
}

int cnd_signal(cnd_t *condition)
{
    return result(pthread_cond_signal((pthread_cond_t *)condition));
}

int cnd_broadcast(cnd_t *condition)
{
    return result(pthread_cond_broadcast((pthread_cond_t *)condition));
}

int cnd_wait(cnd_t *condition, mtx_t *mutex)
{
    return result(pthread_cond_wait((pthread_cond_t *)condition, (pthread_mutex_t *)mutex));
}

int cnd_timedwait(cnd_t *restrict condition, mtx_t *restrict mutex,
                  const struct timespec *restrict until)
{
    return result(
        pthread_cond_timedwait((pthread_cond_t *)condition, (pthread_mutex_t *)mutex, until));
}

void cnd_destroy(cnd_t *condition)
{
    (void)pthread_cond_destroy((pthread_cond_t *)condition);
}

/* ---- read-write locks: on to the sanitizer's ---- */

typedef int rwlock_call(pthread_rwlock_t *lock);

static int call_next(_Atomic(rwlock_call *) *next, const char *name, pthread_rwlock_t *lock)
{
    rwlock_call *call = atomic_load(next);

    if (call == NULL) {
        *(void **)&call = dlsym(RTLD_NEXT, name);
        atomic_store(next, call);
    }
    return call(lock);
}

#define RWLOCK(NAME)                          \
    int NAME(pthread_rwlock_t *lock)          \
    {                                         \
        static _Atomic(rwlock_call *) next;   \
                                              \
        return call_next(&next, #NAME, lock); \
    }

RWLOCK(pthread_rwlock_rdlock)
RWLOCK(pthread_rwlock_wrlock)
RWLOCK(pthread_rwlock_unlock)
