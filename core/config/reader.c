/* SPDX-License-Identifier: Apache-2.0 */
#include "config/reader.h"

#include <stdio.h>

#include "config/diagnostics.h"
#include "config/meaning.h"

void nw_reader_error(const struct nw_reader *r, const struct nw_mark *mark, const char *format, ...)
{
    va_list args;

    va_start(args, format);
    nw_diagnostics_addv(r->diagnostics, mark, r->route, false, format, args);
    va_end(args);
}

void nw_reader_warning(const struct nw_reader *r, const struct nw_mark *mark, const char *format,
                       ...)
{
    va_list args;

    va_start(args, format);
    nw_diagnostics_addv(r->diagnostics, mark, r->route, true, format, args);
    va_end(args);
}

void nw_reader_expected(const struct nw_reader *r, const struct nw_node *node, const char *name,
                        const char *format, ...)
{
    char expected[600], found[NW_NODE_SHOWN];
    va_list args;

    if (node->broken) {
        return;
    }
    va_start(args, format);
    (void)vsnprintf(expected, sizeof expected, format, args);
    va_end(args);
    nw_reader_error(r, &node->mark, "%s%sexpected %s, found %s", name == NULL ? "" : name,
                    name == NULL ? "" : ": ", expected, nw_node_show(node, found));
}

const char *nw_reader_text(const struct nw_reader *r, const struct nw_node *node, const char *name,
                           const char *what)
{
    if (node->kind != NW_NODE_TEXT || node->null) {
        nw_reader_expected(r, node, name, "%s", what);
        return NULL;
    }
    return node->broken ? NULL : node->text.data;
}

int nw_reader_no_memory(const struct nw_reader *r)
{
    nw_reader_error(r, &r->mark, "no memory");
    return NW_ENOMEM;
}

int nw_reader_copy(const struct nw_reader *r, struct nw_slice text, const char **out)
{
    const char *copy = nw_arena_copy(r->arena, text);

    if (copy == NULL) {
        return nw_reader_no_memory(r);
    }
    *out = copy;
    return 0;
}

int nw_reader_path(const struct nw_reader *r, const struct nw_file *file, struct nw_slice path,
                   const char **out)
{
    const char *copy;
    int rc;

    if (path.len == 0 || path.data[0] == '/' || file == NULL) {
        rc = nw_reader_copy(r, path, out);
        return rc != 0 ? rc : nw_meaning_see(r, *out);
    }
    copy = nw_arena_format(r->arena, "%s/%.*s", strcmp(file->folder, "/") == 0 ? "" : file->folder,
                           (int)path.len, path.data);
    if (copy == NULL) {
        return nw_reader_no_memory(r);
    }
    *out = copy;
    return nw_meaning_see(r, copy);
}
