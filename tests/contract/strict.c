/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A connector that holds the pump to its part of the contract, whatever is asked of the bridge:
 * each endpoint is stopped once and closed once, behind that nothing of it is called; what it
 * offered is settled once, before the close; its calls come one at a time, on one thread. The first
 * breach ends the process. At its end it says how many endpoints there were; each must have been
 * closed.
 *
 * Its source offers a message whenever there is credit, `count` at most. Its sink takes everything;
 * with `holds` it keeps what it gets until it is closed. With `slow` a close takes a while.
 */
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#include <natsway/connector.h>

#define MOST 200
#define SLOW_NS 300000000

struct options {
    int64_t count;
    bool holds, slow;
};

/* cookie of a message */
enum { NEW, WITH_PUMP, BACK };

struct end {
    struct end *next;
    struct nw_endpoint *endpoint;
    const struct options *options;
    bool slow; /* of the options, which are gone behind nw_closed() */
    pthread_t worker;
    atomic_int inside; /* a call */
    bool stopped, closing;
    atomic_bool closed;
    struct nw_message *messages[MOST]; /* source: offered; sink: held */
    size_t count, settled;
};

static const struct nw_option rows[] = {{.name = "count",
                                         .type = NW_OPTION_INT,
                                         .offset = offsetof(struct options, count),
                                         .standard = "100",
                                         .max = MOST,
                                         .doc = "So many messages."},
                                        {.name = "holds",
                                         .type = NW_OPTION_BOOL,
                                         .offset = offsetof(struct options, holds),
                                         .standard = "false",
                                         .doc = "Nothing is done before the close."},
                                        {.name = "slow",
                                         .type = NW_OPTION_BOOL,
                                         .offset = offsetof(struct options, slow),
                                         .standard = "false",
                                         .doc = "A close takes a while."},
                                        {.name = NULL}};

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static struct end *ends; /* all there ever were, under the lock */

static void breach(const char *what, const char *call)
{
    (void)fprintf(stderr, "strict: the pump broke its contract: %s: %s\n", call, what);
    abort();
}

static void enter(struct end *e, const char *call)
{
    if (atomic_fetch_add(&e->inside, 1) != 0) {
        breach("while another call has not returned", call);
    }
    if (!pthread_equal(e->worker, pthread_self())) {
        breach("on another thread", call);
    }
    if (e->closing) {
        breach("after close", call);
    }
}

static void leave(struct end *e)
{
    (void)atomic_fetch_sub(&e->inside, 1);
}

static int make(struct nw_endpoint *endpoint, const struct nw_endpoint_config *config, void **state,
                struct nw_error *error)
{
    struct end *e = calloc(1, sizeof *e);

    if (e == NULL) {
        return nw_error_set(error, NW_ENOMEM, "out of memory");
    }
    e->endpoint = endpoint;
    e->options = config->options;
    e->slow = e->options->slow;
    e->worker = pthread_self();
    (void)pthread_mutex_lock(&lock);
    e->next = ends;
    ends = e;
    (void)pthread_mutex_unlock(&lock);
    *state = e;
    nw_endpoint_state(endpoint, NW_STATE_READY, NULL);
    return 0;
}

/* ---- source ---- */

static void offer(struct end *e)
{
    while (e->count < (size_t)e->options->count && nw_credit_take(e->endpoint, 1) == 1) {
        struct nw_message *m = nw_message_new(e->endpoint);
        char text[40];
        int n = snprintf(text, sizeof text, "strict:%p:%zu", (void *)e, e->count);

        nw_message_set_payload(m, nw_message_copy(m, text, (size_t)n));
        nw_message_set_address(m, (struct nw_slice){"strict", 6});
        nw_message_set_origin(m, nw_message_copy(m, text, (size_t)n));
        nw_message_set_cookie(m, WITH_PUMP);
        e->messages[e->count++] = nw_message_ref(m); /* looked at until the end */
        nw_offer(e->endpoint, &m, 1);
    }
}

static int open_source(struct nw_endpoint *endpoint, const struct nw_endpoint_config *config,
                       void **state, struct nw_error *error)
{
    int rc = make(endpoint, config, state, error);

    if (rc == 0) {
        offer(*state);
    }
    return rc;
}

static void credit(void *state)
{
    struct end *e = state;

    enter(e, "credit");
    if (!e->stopped) {
        offer(e);
    }
    leave(e);
}

static void settle(void *state, const struct nw_result *results, size_t n)
{
    struct end *e = state;

    enter(e, "settle");
    for (size_t i = 0; i < n; i++) {
        if (nw_message_cookie(results[i].message) != WITH_PUMP) {
            breach("of a message that it does not hold", "settle");
        }
        nw_message_set_cookie(results[i].message, BACK);
        e->settled++;
    }
    leave(e);
}

static void stop(void *state)
{
    struct end *e = state;

    enter(e, "stop");
    if (e->stopped) {
        breach("twice", "stop");
    }
    e->stopped = true;
    leave(e);
}

/* ---- closing ---- */

static void end(struct end *e)
{
    for (size_t i = 0; i < e->count; i++) {
        nw_message_unref(e->messages[i]);
    }
    atomic_store(&e->closed, true);
    nw_closed(e->endpoint);
}

static void *end_slowly(void *context)
{
    (void)nanosleep(&(struct timespec){0, SLOW_NS}, NULL);
    end(context);
    return NULL;
}

static void begin_to_end(struct end *e)
{
    pthread_t thread;

    if (e->slow && pthread_create(&thread, NULL, end_slowly, e) == 0) {
        (void)pthread_detach(thread);
    } else {
        end(e);
    }
}

static void close_source(void *state)
{
    struct end *e = state;

    enter(e, "close");
    if (!e->stopped) {
        breach("before stop", "close");
    }
    if (e->settled != e->count) {
        breach("before all is settled", "close");
    }
    e->closing = true;
    leave(e);
    begin_to_end(e);
}

/* ---- sink ---- */

static void done(struct end *e, struct nw_message *m, enum nw_outcome outcome)
{
    struct nw_result r = {.message = m,
                          .outcome = outcome,
                          .cause = outcome == NW_ACK ? NW_CAUSE_NONE : NW_CAUSE_STOPPING,
                          .reason = "it is closed"};

    nw_message_set_cookie(m, BACK);
    nw_done(e->endpoint, &r, 1);
}

static void send(void *state, struct nw_message *const *messages, size_t n)
{
    struct end *e = state;

    enter(e, "send");
    for (size_t i = 0; i < n; i++) {
        if (nw_message_cookie(messages[i]) == WITH_PUMP) {
            breach("of a message that it has", "send");
        }
        nw_message_set_cookie(messages[i], WITH_PUMP);
        if (e->options->holds && e->count < MOST) {
            e->messages[e->count++] = messages[i];
        } else {
            done(e, messages[i], NW_ACK);
        }
    }
    leave(e);
}

static void close_sink(void *state)
{
    struct end *e = state;

    enter(e, "close");
    e->closing = true;
    while (e->count > 0) {
        done(e, e->messages[--e->count], NW_RETRY);
    }
    leave(e);
    begin_to_end(e);
}

/* ---- the end of the process ---- */

__attribute__((destructor)) static void tell(void)
{
    size_t count = 0;

    while (ends != NULL) {
        struct end *next = ends->next;
        if (!atomic_load(&ends->closed)) {
            breach("never", "close");
        }
        count++;
        free(ends);
        ends = next;
    }
    if (count > 0) {
        (void)fprintf(stderr, "strict: %zu endpoints, each closed once\n", count);
    }
}

static const struct nw_source_kind source = {.options = rows,
                                             .options_size = sizeof(struct options),
                                             .address = NW_ADDRESS_SUBJECT,
                                             .address_doc = "Any text.",
                                             .promise = "None.",
                                             .open = open_source,
                                             .credit = credit,
                                             .settle = settle,
                                             .stop = stop,
                                             .close = close_source};
static const struct nw_sink_kind sink = {.options = rows,
                                         .options_size = sizeof(struct options),
                                         .address = NW_FILL_TEXT,
                                         .address_doc = "Any text.",
                                         .promise = "None.",
                                         .open = make,
                                         .send = send,
                                         .close = close_sink};

static const struct nw_connector connector = {
    NW_CONNECTOR_HEAD, .name = "strict", .version = "1", .summary = "Looks at how it is called",
    .source = &source, .sink = &sink};

NW_CONNECTOR(strict)
{
    return &connector;
}
