/* SPDX-License-Identifier: Apache-2.0 */
#include "mappings/dedupe.h"

struct nw_claim {
    struct nw_claim *next;
    struct nw_window *window;
    struct nw_window_entry entry;
};

static bool is_same_id(const struct nw_window_entry *a, const struct nw_window_entry *b)
{
    return a->id.words[0] == b->id.words[0] && a->id.words[1] == b->id.words[1];
}

/* Somebody waits: only what was delivered, or another part of this very message, makes a repeat. */
static int claim(struct nw_window *w, const struct nw_window_entry *e, struct nw_message *original)
{
    struct nw_claim *c;

    if (nw_window_ask(w, e, nw_window_now(), false) != NW_WINDOW_NEW) {
        return 0;
    }
    for (c = original->claims; c != NULL; c = c->next) {
        if (c->window == w && is_same_id(&c->entry, e)) {
            return c->entry.owner == e->owner ? 1 : 0;
        }
    }
    c = nw_message_alloc(original, sizeof *c);
    if (c != NULL) { /* otherwise a repeat of it passes */
        *c = (struct nw_claim){original->claims, w, *e};
        original->claims = c;
    }
    return 1;
}

int nw_dedupe_run(struct nw_window *w, const struct nw_template *id, struct nw_message *m,
                  struct nw_error *error)
{
    struct nw_message *original = nw_message_original(m);
    struct nw_window_entry entry;
    struct nw_slice text;
    int rc = nw_template_render(id, m, &text, error);

    if (rc != 0 || text.len == 0) { /* without an id nothing is like it */
        return rc != 0 ? rc : 1;
    }
    entry = nw_window_entry(w, text, m);
    if (original->deadline_ns != 0) {
        return claim(w, &entry, original);
    }
    return nw_window_ask(w, &entry, nw_window_now(), true) == NW_WINDOW_REPEAT ? 0 : 1;
}

void nw_dedupe_confirm(struct nw_message *original)
{
    for (; original->claims != NULL; original->claims = original->claims->next) {
        (void)nw_window_ask(original->claims->window, &original->claims->entry, nw_window_now(),
                            true);
    }
}
