/* SPDX-License-Identifier: Apache-2.0 */
/* For letters.c and letters_read.c only. */
#ifndef NATSWAY_HUB_LETTERS_INTERNAL_H
#define NATSWAY_HUB_LETTERS_INTERNAL_H

#include <jv.h>
#include <nats/nats.h>

#include "hub/letters.h"

#define NW_LETTERS_ANSWER_MS 10000

struct nw_letters {
    natsConnection *nc;
    jsCtx *js;
    const char *inbox_prefix;
    int error_code; /* JetStream's, of the last answer; 0: none */
};

/* Ask $JS.API.METHOD; body is taken. 0 with the answer, an object, in *out, or an error. */
int nw_letters_ask(struct nw_letters *l, jv body, jv *out, struct nw_error *error,
                   const char *format, ...) __attribute__((format(printf, 5, 6)));
/* There was no answer. Fills error and returns its code. */
int nw_letters_unanswered(struct nw_letters *l, natsStatus s, struct nw_error *error);

#endif
