/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Templates: "orders.{{key}}" filled from a message.
 *
 * A template is compiled once, when the configuration is read, against a *scope*: what the route's
 * source is. So a name that the source does not have, a wildcard that its pattern does not have,
 * and a mistake in the expression are all found then, with the offset in the text. It is immutable
 * and may be rendered by any number of threads at once.
 *
 * It knows what it fills (enum nw_fill): inserted values are escaped so that they can never change
 * the structure of what they are put into, and the whole is validated against the target's own
 * rules.
 */
#ifndef NATSWAY_MAPPINGS_TEMPLATE_H
#define NATSWAY_MAPPINGS_TEMPLATE_H

#include "base/error.h"
#include "base/ranges.h"
#include "message/message.h"

/* What a route's source is, as templates see it. The strings must outlive the templates. */
struct nw_template_scope {
    const char *bridge, *route;
    enum nw_address_kind address;
    const char
        *pattern; /* the source's address as configured: "plant/+/x", "orders.>", "/a/{id}" */
    uint64_t has; /* NW_HAS(…) */
    bool topics_escaped; /* conversion of MQTT topics is the lossless codec */
    bool pattern_wrong;  /* that was said: any wildcard and parameter may be meant */
};

struct nw_template;

/*
 * Compile text (not NUL-terminated, kept by copy). topics_escaped is of the endpoint that it fills.
 * Returns 0 and *out, which the caller frees; or NW_EINVAL with error->at in bytes from the start
 * of text, or NW_ENOMEM.
 */
int nw_template_compile(struct nw_slice text, enum nw_fill fill,
                        const struct nw_template_scope *scope, struct nw_template **out,
                        struct nw_error *error);
/* The same for a text of which parts are not the author's: they are that text, whatever it holds.
 * In an expression they can only be in quotes, or a word. */
struct nw_template_text {
    struct nw_slice text;
    struct nw_ranges outside;
};
int nw_template_compile_text(const struct nw_template_text *text, enum nw_fill fill,
                             const struct nw_template_scope *scope, struct nw_template **out,
                             struct nw_error *error);
void nw_template_free(struct nw_template *t);

/* Text without any expression: rendering never fails and gives the same bytes each time. */
bool nw_template_is_constant(const struct nw_template *t);

/*
 * Fill t for m, an outgoing message: address and wildcards are its original's, key, headers and
 * payload its own. *out lives as long as m and t. Returns 0, or NW_EINVAL with a reason that names
 * the expression (the message is to be rejected), or NW_ENOMEM.
 */
int nw_template_render(const struct nw_template *t, struct nw_message *m, struct nw_slice *out,
                       struct nw_error *error);

/* Whether the address fits the source's pattern (wildcards included), 1 or 0, or NW_ENOMEM. For
 * `try --address`. */
int nw_template_scope_matches(const struct nw_template_scope *scope, struct nw_slice address);

/* The template that an address left out stands for: the source's address, converted. */
const char *nw_template_default_address(const struct nw_template_scope *scope);

#endif
