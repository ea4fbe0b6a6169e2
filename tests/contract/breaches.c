/* SPDX-License-Identifier: Apache-2.0 */
/* That the suite sees what it is there to see: one adapter for each way in which broken.c breaks
 * the contract, with the fault that must be found. */
#include "contract.h"

const char *const nwc_connector = "broken";

#define SOURCE(NAME, HOW, BREACH)                                                  \
    static const struct nwc_adapter NAME = {.name = "broken, " HOW,                \
                                            .source = "{broken: x, how: " HOW "}", \
                                            .some = 10,                            \
                                            .breach = (BREACH)}
#define SINK(NAME, HOW, BREACH)                                                  \
    static const struct nwc_adapter NAME = {.name = "broken, " HOW,              \
                                            .sink = "{broken: x, how: " HOW "}", \
                                            .some = 50,                          \
                                            .breach = (BREACH)}

SOURCE(no_credit, "no_credit", "it offers 1 messages and has credit for 0");
SOURCE(keeps_credit, "keeps_credit", "1 credits are not given back");
SOURCE(after_stop, "after_stop", "it offers after stop() has returned");
SOURCE(same_origin, "same_origin", "have the same origin");
SOURCE(offers_twice, "offers_twice", "a message is offered that was offered before");
SOURCE(keeps_message, "keeps_message", "1 messages are left");
SOURCE(stores, "stores", "it stores on the worker thread");
SOURCE(source_closed_twice, "closed_twice", "nw_closed() twice");
SINK(twice, "twice", "message 0 is done twice");
SINK(never, "never", "nw_closed(), and 1 messages are not done");
SINK(others, "others", "is done and was not sent to it");
SINK(late, "late", "nw_done() after nw_closed()");
SINK(closed_early, "closed_early", "nw_closed() before close()");
SINK(sink_closed_twice, "closed_twice", "nw_closed() twice");
SINK(blocks, "blocks", "ms on the worker");

/* And one that breaks nothing. */
static const struct nwc_adapter source = {
    .name = "broken, not", .source = "{broken: x}", .some = 10, .loses = true, .alone = true};

const struct nwc_adapter *const nwc_adapters[] = {
    &no_credit,    &keeps_credit,        &after_stop, &same_origin, &offers_twice, &keeps_message,
    &stores,       &source_closed_twice, &twice,      &never,       &others,       &late,
    &closed_early, &sink_closed_twice,   &blocks,     &source,      NULL};
