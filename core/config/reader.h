/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What everybody carries who turns nodes into structures: where to keep things, where to say what
 * is wrong, and of which route.
 *
 * Functions that take a reader return 0 also when they found mistakes: these are counted in
 * diagnostics, and reading goes on to find the rest. Otherwise they return NW_ENOMEM.
 */
#ifndef NATSWAY_CONFIG_READER_H
#define NATSWAY_CONFIG_READER_H

#include "config/node.h"

/* The templates of one target's options, by slot: items[slot - 1]. */
struct nw_slots {
    const struct nw_template_scope *scope;
    struct nw_template **items; /* in the reader's arena */
    size_t count, capacity;
};

struct nw_reader {
    struct nw_arena *arena; /* lives as long as the configuration */
    struct nw_diagnostics *diagnostics;
    const char *route;          /* NULL: none */
    const struct nw_file *file; /* where relative paths of defaults begin; where mark is */
    struct nw_mark mark;        /* of the mapping that is read: where what is missing is missing */
    struct nw_slots *slots;     /* NULL: rows with templates are not allowed here */
    struct nw_avro_shared *avro;
    const struct nw_sink_spec *target; /* the first, for steps; NULL: there is none */
    struct nw_lookup_spec **lookups;   /* the configuration's */
    struct nw_buffer *seen; /* paths, and what is in their files: see meaning.h. NULL: not wanted */
    bool live;              /* such a file is read again whenever it changes */
};

void nw_reader_error(const struct nw_reader *r, const struct nw_mark *mark, const char *format, ...)
    __attribute__((format(printf, 3, 4)));
void nw_reader_warning(const struct nw_reader *r, const struct nw_mark *mark, const char *format,
                       ...) __attribute__((format(printf, 3, 4)));

/* "NAME: expected …, found …" at node; name may be NULL. Nothing is said of a broken node. */
void nw_reader_expected(const struct nw_reader *r, const struct nw_node *node, const char *name,
                        const char *format, ...) __attribute__((format(printf, 4, 5)));

/* node's text, or NULL after having said that a text was expected (`what` it would have been). */
const char *nw_reader_text(const struct nw_reader *r, const struct nw_node *node, const char *name,
                           const char *what);

/* Copies into the reader's arena. */
int nw_reader_copy(const struct nw_reader *r, struct nw_slice text, const char **out);
/* The same for a path, which becomes absolute. */
int nw_reader_path(const struct nw_reader *r, const struct nw_file *file, struct nw_slice path,
                   const char **out);

/* Say so; returns NW_ENOMEM. */
int nw_reader_no_memory(const struct nw_reader *r);

/* compile.c */
/* Compile the template, or the program, in node. *out stays as it is when it is wrong; otherwise it
 * is the caller's, to hand over or to keep. Of a template without a scope (the source is wrong)
 * only what stands around its expressions is looked at, and *out stays as it is. */
int nw_reader_template(const struct nw_reader *r, const struct nw_node *node, const char *name,
                       enum nw_fill fill, const struct nw_template_scope *scope,
                       struct nw_template **out);
int nw_reader_program(const struct nw_reader *r, const struct nw_node *node, const char *name,
                      struct nw_program **out);
/* From now on it is freed with the reader's arena; at once when there is no memory. */
int nw_reader_keep_template(const struct nw_reader *r, struct nw_template *template);
int nw_reader_keep_program(const struct nw_reader *r, struct nw_program *program);

#endif
