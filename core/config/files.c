/* SPDX-License-Identifier: Apache-2.0 */
/* Which files make the configuration: those named, those in named folders, those they include. */
#include <dirent.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/error.h"
#include "config/loader.h"
#include "config/read_file.h"
#include "config/yaml.h"

#define LARGEST_FILE ((size_t)64 * 1024 * 1024)

/* A path that is to be read, and who said so. */
struct wanted {
    const char *path;              /* as it is shown */
    const struct nw_mark *include; /* NULL: the command line */
    const struct nw_file *by;      /* where that stands */
    bool listed;                   /* it was found in a folder that was named */
};

static int refuse(struct nw_loader *l, const struct wanted *w, const char *text)
{
    nw_diagnostics_add(l->diagnostics, w->include, NULL, false, "%s", text);
    return NW_EINVAL;
}

static int no_memory(struct nw_loader *l)
{
    nw_diagnostics_add(l->diagnostics, NULL, NULL, false, "no memory");
    return NW_ENOMEM;
}

/* The worse of two results: a file that is wrong does not keep the next from being read. */
static int worse(int a, int b)
{
    return a == NW_ENOMEM || b == NW_ENOMEM ? NW_ENOMEM : (a != 0 ? a : b);
}

static int load_path(struct nw_loader *l, const struct wanted *w);

/* ---- one file ---- */

/* The path up to its last slash; "" if there is none. */
static struct nw_slice folder_of(const char *path)
{
    const char *slash = strrchr(path, '/');

    return (struct nw_slice){path, slash == NULL ? 0 : (size_t)(slash - path) + 1};
}

/* What is known of a file before it is read. absolute: the real path. */
static struct nw_file *add_file(struct nw_loader *l, const struct wanted *w, const char *absolute)
{
    struct nw_file *file = nw_arena_alloc(l->arena, sizeof *file);
    struct nw_slice folder = folder_of(absolute);

    if (file != NULL) {
        folder.len -= folder.len > 1 ? 1 : 0;
        file->name = nw_arena_text(l->arena, w->path);
        file->folder = nw_arena_copy(l->arena, folder);
        file->included_by = w->by;
    }
    return file == NULL || file->name == NULL || file->folder == NULL ? NULL : file;
}

static int add_document(struct nw_loader *l, const struct nw_file *file, const struct nw_node *root)
{
    if (l->document_count == l->document_capacity) {
        size_t capacity = l->document_capacity == 0 ? 8 : l->document_capacity * 2;
        struct nw_document *documents = nw_arena_alloc(l->tree, capacity * sizeof *documents);

        if (documents == NULL) {
            return no_memory(l);
        }
        if (l->document_count > 0) {
            memcpy(documents, l->documents, l->document_count * sizeof *documents);
        }
        l->documents = documents;
        l->document_capacity = capacity;
    }
    l->documents[l->document_count++] = (struct nw_document){file, root};
    return 0;
}

static int include(struct nw_loader *l, const struct nw_node *node)
{
    struct nw_reader r = nw_loader_reader(l, node, NULL);
    const char *path = nw_reader_text(&r, node, "include", "a path or a list of paths");
    struct nw_slice folder = folder_of(node->file->name);
    struct wanted w = {path, &node->mark, node->file, false};

    if (path == NULL) {
        return 0;
    }
    if (path[0] != '/') {
        w.path = nw_arena_format(l->tree, "%.*s%s", (int)folder.len, folder.data, path);
    }
    return w.path == NULL ? no_memory(l) : load_path(l, &w);
}

static int load_includes(struct nw_loader *l, const struct nw_node *root)
{
    const struct nw_item *item = nw_node_get(root, "include");
    int rc = 0;

    if (item == NULL) {
        return 0;
    }
    if (item->value->kind != NW_NODE_LIST) {
        return include(l, item->value);
    }
    for (size_t i = 0; i < item->value->count; i++) {
        rc = worse(rc, include(l, item->value->items[i].value));
    }
    return rc;
}

static int parse(struct nw_loader *l, struct nw_slice text, const struct nw_file *file)
{
    struct nw_node *root = NULL;
    int rc = nw_yaml_parse(text, file, l->tree, l->diagnostics, &root);

    if (rc != 0 || root == NULL) {
        return rc;
    }
    if (root->kind != NW_NODE_MAP) {
        struct nw_reader r = nw_loader_reader(l, root, NULL);

        if (root->null) {
            return 0;
        }
        nw_reader_expected(&r, root, NULL, "a mapping with nats:, connections: and routes:");
        return NW_EINVAL;
    }
    rc = add_document(l, file, root);
    return rc != 0 ? rc : load_includes(l, root);
}

/* "a.yaml, b.yaml": who included whom, from `from` down to `to`. */
static void add_chain(struct nw_buffer *out, const struct nw_file *from, const struct nw_file *to)
{
    if (to != from) {
        add_chain(out, from, to->included_by);
        nw_buffer_add_text(out, ", ");
    }
    nw_buffer_add_text(out, to->name);
}

/* A file that was read is wanted again. Twice is fine, but not by itself or what it includes; a
 * folder may be included by a file in it. */
static int check_circle(struct nw_loader *l, const struct wanted *w, const struct nw_file *file)
{
    const struct nw_file *by = w->by;
    struct nw_buffer chain = {0};
    int rc;

    while (by != NULL && by != file) {
        by = by->included_by;
    }
    if (by == NULL || w->listed) {
        return 0;
    }
    if (w->by == file) {
        nw_diagnostics_add(l->diagnostics, w->include, NULL, false, "the file includes itself");
        return 0;
    }
    add_chain(&chain, file, w->by);
    rc = chain.failed ? no_memory(l) : 0;
    if (rc == 0) {
        nw_diagnostics_add(l->diagnostics, w->include, NULL, false, "a circle of includes: %s, %s",
                           nw_buffer_text(&chain), file->name);
    }
    nw_buffer_done(&chain);
    return rc;
}

static int load_file(struct nw_loader *l, const struct wanted *w)
{
    char *absolute = realpath(w->path, NULL);
    const char *known = nw_arena_text(l->tree, absolute == NULL ? w->path : absolute);
    struct nw_buffer text = {0};
    struct nw_error error = {0};
    struct nw_file *file;
    int rc;

    free(absolute);
    if (known == NULL) {
        return no_memory(l);
    }
    file = nw_table_find(&l->files, nw_slice_text(known));
    if (file != NULL) {
        return check_circle(l, w, file);
    }
    file = add_file(l, w, known);
    if (file == NULL || nw_table_put(&l->files, nw_slice_text(known), file) != 0) {
        return no_memory(l);
    }
    rc = nw_read_file(w->path, LARGEST_FILE, &text, &error);
    rc = rc != 0 ? refuse(l, w, error.text) : parse(l, nw_buffer_slice(&text), file);
    nw_buffer_done(&text);
    return rc;
}

/* ---- a folder ---- */

static int is_yaml(const struct dirent *entry)
{
    const char *dot = strrchr(entry->d_name, '.');

    return entry->d_name[0] != '.' && dot != NULL &&
           (strcmp(dot, ".yaml") == 0 || strcmp(dot, ".yml") == 0);
}

static int load_folder(struct nw_loader *l, const struct wanted *w)
{
    size_t len = strlen(w->path);
    struct dirent **entries = NULL;
    int n = scandir(w->path, &entries, is_yaml, alphasort), rc = 0;
    struct nw_error error = {0};

    if (n <= 0) {
        (void)nw_error_set(&error, NW_EINVAL, "%s: there is no .yaml file in this folder", w->path);
        free(entries);
        return refuse(l, w, error.text);
    }
    for (int i = 0; i < n; i++) {
        struct wanted in_it = {.include = w->include, .by = w->by, .listed = true};

        in_it.path = nw_arena_format(l->tree, "%s%s%s", w->path, w->path[len - 1] == '/' ? "" : "/",
                                     entries[i]->d_name);
        rc = worse(rc, in_it.path == NULL ? no_memory(l) : load_file(l, &in_it));
        free(entries[i]);
    }
    free(entries);
    return rc;
}

static int load_path(struct nw_loader *l, const struct wanted *w)
{
    struct stat st;

    return stat(w->path, &st) == 0 && S_ISDIR(st.st_mode) ? load_folder(l, w) : load_file(l, w);
}

/* None of the files holds anything. */
static int refuse_empty(struct nw_loader *l, const struct nw_config_sources *sources)
{
    const char *names = sources->count == 0 ? "" : sources->paths[0];

    for (size_t i = 1; i < sources->count && names != NULL; i++) {
        names = nw_arena_format(l->tree, "%s, %s", names, sources->paths[i]);
    }
    if (names == NULL) {
        return no_memory(l);
    }
    nw_diagnostics_add(l->diagnostics, NULL, NULL, false, "%s: the configuration is empty", names);
    return NW_EINVAL;
}

int nw_load_files(struct nw_loader *l, const struct nw_config_sources *sources)
{
    int rc = 0;

    for (size_t i = 0; i < sources->count; i++) {
        rc = worse(rc, load_path(l, &(struct wanted){.path = sources->paths[i]}));
    }
    l->incomplete = rc != 0;
    if (rc == NW_EINVAL && l->document_count > 0) {
        rc = 0; /* the mistakes in the others are told with it */
    }
    if (rc == 0 && l->document_count == 0) {
        return refuse_empty(l, sources);
    }
    return rc;
}
