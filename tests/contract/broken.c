/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A connector that breaks the contract in the way that its option `how` says, to see that the suite
 * and the pump notice. Its source offers ten messages when it is opened; its sink takes everything.
 */
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#include <natsway/connector.h>

#define COUNT 10

enum how {
    NOT,
    NO_CREDIT,
    KEEPS_CREDIT,
    AFTER_STOP,
    SAME_ORIGIN,
    OFFERS_TWICE,
    KEEPS_MESSAGE,
    STORES,
    TWICE,
    NEVER,
    OTHERS,
    LATE,
    CLOSED_TWICE,
    CLOSED_EARLY,
    BLOCKS
};
#define HOW                                                                               \
    "not|no_credit|keeps_credit|after_stop|same_origin|offers_twice|keeps_message|stores" \
    "|twice|never|others|late|closed_twice|closed_early|blocks"

struct options {
    struct nw_choice how;
};

struct broken {
    struct nw_endpoint *endpoint;
    const char *address;
    enum how how;
    size_t sent;
    struct nw_message *kept; /* LATE */
};

static const struct nw_option rows[] = {{.name = "how",
                                         .type = NW_OPTION_CHOICE,
                                         .offset = offsetof(struct options, how),
                                         .standard = "not",
                                         .choices = HOW,
                                         .doc = "Which rule it breaks."},
                                        {.name = NULL}};

static struct broken *make(struct nw_endpoint *endpoint, const struct nw_endpoint_config *config)
{
    const struct options *o = config->options;
    struct broken *b = calloc(1, sizeof *b);

    if (b != NULL) {
        *b = (struct broken){endpoint, config->address, (enum how)o->how.index, 0, NULL};
        nw_endpoint_state(endpoint, NW_STATE_READY, NULL);
    }
    return b;
}

static void offer(struct broken *b, size_t number)
{
    struct nw_message *m = nw_message_new(b->endpoint);
    char text[32];
    int n = snprintf(text, sizeof text, "%zu", number);

    nw_message_set_payload(m, nw_message_copy(m, text, (size_t)n));
    nw_message_set_address(m, (struct nw_slice){"broken", 6});
    n = snprintf(text, sizeof text, "broken:%zu", b->how == SAME_ORIGIN ? 1 : number);
    nw_message_set_origin(m, nw_message_copy(m, text, (size_t)n));
    if (b->how == KEEPS_MESSAGE && number == 0) {
        (void)nw_message_ref(m);
    }
    if (b->how == STORES) {
        (void)nw_store(b->endpoint, &m, 1, NULL);
        nw_credit_return(b->endpoint, 1);
        return;
    }
    nw_offer(b->endpoint, &m, 1);
    if (b->how == OFFERS_TWICE && number == 0 && nw_credit_take(b->endpoint, 1) == 1) {
        (void)nw_message_ref(m); /* so that the suite can look at it */
        nw_offer(b->endpoint, &m, 1);
    }
}

static int open_source(struct nw_endpoint *endpoint, const struct nw_endpoint_config *config,
                       void **state, struct nw_error *error)
{
    struct broken *b = make(endpoint, config);

    if (b == NULL) {
        return nw_error_set(error, NW_ENOMEM, "out of memory");
    }
    *state = b;
    if (b->how == KEEPS_CREDIT) {
        (void)nw_credit_take(endpoint, 1);
    }
    for (size_t i = 0; i < COUNT; i++) {
        if ((b->how == NO_CREDIT && i == 0) || nw_credit_take(endpoint, 1) == 1) {
            offer(b, i);
        }
    }
    return 0;
}

static void settle(void *state, const struct nw_result *results, size_t n)
{
    (void)state;
    (void)results;
    (void)n;
}

static void stop(void *state)
{
    (void)state;
}

static void end(struct broken *b)
{
    struct nw_endpoint *endpoint = b->endpoint;

    if (b->how != CLOSED_EARLY) {
        nw_closed(endpoint);
    }
    if (b->how == CLOSED_TWICE) {
        nw_closed(endpoint);
    }
    if (b->kept != NULL) {
        nw_done(endpoint, &(struct nw_result){.message = b->kept, .outcome = NW_RETRY}, 1);
    }
    free(b);
}

static void close_source(void *state)
{
    struct broken *b = state;

    if (b->how == AFTER_STOP && nw_credit_take(b->endpoint, 1) == 1) {
        offer(b, COUNT);
    }
    end(b);
}

static int open_sink(struct nw_endpoint *endpoint, const struct nw_endpoint_config *config,
                     void **state, struct nw_error *error)
{
    *state = make(endpoint, config);
    return *state != NULL ? 0 : nw_error_set(error, NW_ENOMEM, "out of memory");
}

static void send(void *state, struct nw_message *const *messages, size_t n)
{
    struct broken *b = state;

    for (size_t i = 0; i < n; i++) {
        struct nw_result r = {.message = messages[i], .outcome = NW_ACK};
        struct nw_message *m = nw_message_ref(messages[i]);
        bool first = b->sent++ == 0;
        if (b->how == BLOCKS && first) {
            struct timespec t = {6, 0};
            (void)nanosleep(&t, NULL);
        }
        if (b->how == CLOSED_EARLY && first) {
            nw_closed(b->endpoint);
        }
        if (b->how == OTHERS && first) {
            struct nw_message *own = nw_message_new(b->endpoint);
            nw_done(b->endpoint, &(struct nw_result){.message = own, .outcome = NW_ACK}, 1);
            nw_message_unref(own);
        }
        if (b->how == LATE && first) {
            b->kept = messages[i];
        } else if (b->how != NEVER || !first) {
            nw_done(b->endpoint, &r, 1);
        }
        if (b->how == TWICE && first) {
            nw_done(b->endpoint, &r, 1);
        }
        nw_message_unref(m);
    }
}

static void close_sink(void *state)
{
    end(state);
}

static const struct nw_source_kind source = {.options = rows,
                                             .options_size = sizeof(struct options),
                                             .address = NW_ADDRESS_SUBJECT,
                                             .address_doc = "Any text.",
                                             .promise = "None.",
                                             .open = open_source,
                                             .settle = settle,
                                             .stop = stop,
                                             .close = close_source};
static const struct nw_sink_kind sink = {.options = rows,
                                         .options_size = sizeof(struct options),
                                         .address = NW_FILL_TEXT,
                                         .address_doc = "Any text.",
                                         .promise = "None.",
                                         .open = open_sink,
                                         .send = send,
                                         .close = close_sink};

static const struct nw_connector connector = {NW_CONNECTOR_HEAD, .name = "broken",
                                              .version = "1",    .summary = "Breaks the contract",
                                              .source = &source, .sink = &sink};

NW_CONNECTOR(broken)
{
    return &connector;
}
