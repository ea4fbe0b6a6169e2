/* SPDX-License-Identifier: Apache-2.0 */
#include "hub/settle.h"

#include <stdlib.h>
#include <string.h>

static void run(struct nw_task *task)
{
    struct nw_settlement *s = (struct nw_settlement *)task;

    s->take(s);
}

void nw_settlement_post(struct nw_loop *loop, const struct nw_result *results, size_t n,
                        void *owner, void (*take)(struct nw_settlement *settlement))
{
    struct nw_settlement *s = malloc(sizeof *s + n * sizeof(struct nw_settled));

    if (s == NULL) {
        return;
    }
    s->task.run = run;
    s->next = NULL;
    s->take = take;
    s->owner = owner;
    s->count = n;
    for (size_t i = 0; i < n; i++) {
        const struct nw_result *r = &results[i];
        s->items[i] = (struct nw_settled){
            .message = nw_message_ref(r->message),
            .reply = r->reply == NULL ? NULL : nw_message_ref(r->reply),
            .reason = r->reason == NULL ? NULL : strdup(r->reason),
            .outcome = r->outcome,
            .cause = r->cause,
            .retry_after_ms = r->retry_after_ms,
        };
    }
    nw_loop_post(loop, &s->task);
}

void nw_settlement_free(struct nw_settlement *s)
{
    for (size_t i = 0; i < s->count; i++) {
        nw_message_unref(s->items[i].message);
        if (s->items[i].reply != NULL) {
            nw_message_unref(s->items[i].reply);
        }
        free(s->items[i].reason);
    }
    free(s);
}
