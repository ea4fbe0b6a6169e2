/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The step `dedupe`. A message whose source gives it again until it is settled enters the window
 * when it is mapped: its repeats are dropped from then on, and if it is not delivered it comes
 * again itself. Where somebody waits for the answer (HTTP) nothing comes again by itself: who is
 * told of a failure sends the same once more. So such a message enters when it is settled; until
 * then its ids are *claims*, which hang on the original.
 */
#ifndef NATSWAY_MAPPINGS_DEDUPE_H
#define NATSWAY_MAPPINGS_DEDUPE_H

#include "mappings/template.h"
#include "mappings/window.h"

/* 1: m goes on. 0: it is a repeat. NW_EINVAL or NW_ENOMEM with the reason: the id cannot be made.
 */
int nw_dedupe_run(struct nw_window *w, const struct nw_template *id, struct nw_message *m,
                  struct nw_error *error);

/* The message, an original, is done with and does not come again: its claims enter. */
void nw_dedupe_confirm(struct nw_message *original);

#endif
