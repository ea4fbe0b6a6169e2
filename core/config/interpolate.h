/* SPDX-License-Identifier: Apache-2.0 */
/*
 * ${NAME}, ${NAME:-default} and ${file:PATH} in a text of the configuration. They are filled in
 * after the YAML is parsed, so that a value can never change the structure; what was filled in is
 * not looked at again. $${ stands for ${.
 */
#ifndef NATSWAY_CONFIG_INTERPOLATE_H
#define NATSWAY_CONFIG_INTERPOLATE_H

#include "base/buffer.h"

/* What stands in text[at, end), and for it in the result[from, to). */
struct nw_piece {
    size_t from, to;
    size_t at, end;
    bool outside; /* it came from the environment or a file: it is not the author's */
};

/* Where in the text the byte at `at` of the result comes from. */
size_t nw_pieces_back(const struct nw_piece *pieces, size_t count, size_t at);

/* Append text to out with everything filled in. folder: what a relative PATH begins from. The
 * default stands for a variable that is unset or empty. Of a file, one newline at its end is left
 * out. What is not in out as it is in text is appended to pieces, as struct nw_piece. 0; NW_EINVAL
 * with error->at in text; NW_ENOMEM. */
int nw_interpolate(struct nw_slice text, const char *folder, struct nw_buffer *out,
                   struct nw_buffer *pieces, struct nw_error *error);

#endif
