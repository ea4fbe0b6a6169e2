/* SPDX-License-Identifier: Apache-2.0 */
/* `natsway dlq edit`: one dead letter is published anew with the change, and only when the stream
 * has confirmed that is the old one removed. */
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "cli/dlq.h"
#include "hub/carry.h"
#include "hub/token.h"

#define PAYLOAD_MAX ((size_t)64 * 1024 * 1024)
#define READ_SIZE ((size_t)64 * 1024)

/* The edit as it is made. */
struct editing {
    struct dlq *d;
    const struct dlq_letter *letter;
    struct nw_letter_header headers[NW_CLI_VALUES_MAX + 1];
    struct nw_letter_edit edit;
    struct nw_buffer payload;
    char id[2 * NW_TOKEN_RANDOM];
    enum nw_exit result;
    bool unchanged;
};

/* ---- what is to be changed ---- */

static bool is_blank(char c)
{
    return c == ' ' || c == '\t';
}

/* 'Name: value'; with nothing behind the colon the header goes. */
static enum nw_exit take_header(struct editing *e, const char *text)
{
    struct nw_letter_header *h = &e->headers[e->edit.count];
    const char *colon = strchr(text, ':');
    struct nw_slice value;

    if (colon == NULL || colon == text) {
        return dlq_wrong(e->d, NW_EXIT_USAGE, "--header wants 'Name: value', found \"%s\"", text);
    }
    value = nw_slice_text(colon + 1);
    while (value.len > 0 && is_blank(value.data[0])) {
        value = (struct nw_slice){value.data + 1, value.len - 1};
    }
    while (value.len > 0 && is_blank(value.data[value.len - 1])) {
        value.len--;
    }
    h->name = nw_arena_copy(e->d->arena, (struct nw_slice){text, (size_t)(colon - text)});
    h->value = value.len == 0 ? NULL : nw_arena_copy(e->d->arena, value);
    if (h->name == NULL || (value.len > 0 && h->value == NULL)) {
        return dlq_wrong(e->d, NW_EXIT_INTERNAL, "out of memory");
    }
    e->edit.count++;
    return NW_EXIT_DONE;
}

static enum nw_exit take_options(struct editing *e)
{
    const struct nw_arguments *a = e->d->arguments;
    enum nw_exit result = NW_EXIT_DONE;

    e->edit.items = e->headers;
    for (size_t i = 0; result == NW_EXIT_DONE && i < a->header_count; i++) {
        result = take_header(e, a->headers[i]);
    }
    if (a->key != NULL) {
        e->headers[e->edit.count++] = (struct nw_letter_header){NW_CARRY_KEY, a->key};
    }
    return result;
}

/* ---- the payload ---- */

static enum nw_exit read_all(struct editing *e, int fd, const char *name)
{
    struct nw_buffer *out = &e->payload;
    ssize_t n = 1;

    while (n != 0 && out->len <= PAYLOAD_MAX && nw_buffer_reserve(out, READ_SIZE)) {
        n = read(fd, out->data + out->len, READ_SIZE);
        if (n < 0 && errno != EINTR) {
            return dlq_wrong(e->d, NW_EXIT_REFUSED, "%s: %s", name, strerror(errno));
        }
        out->len += n > 0 ? (size_t)n : 0;
    }
    if (out->failed || out->len > PAYLOAD_MAX) {
        return dlq_wrong(e->d, out->failed ? NW_EXIT_INTERNAL : NW_EXIT_REFUSED,
                         out->failed ? "out of memory" : "the payload is longer than 64 MiB");
    }
    return NW_EXIT_DONE;
}

/* An empty input is more likely an accident than a payload. */
static enum nw_exit read_input(struct editing *e)
{
    enum nw_exit result = read_all(e, STDIN_FILENO, "standard input");

    if (result == NW_EXIT_DONE && e->payload.len > 0) {
        e->edit.payload = nw_buffer_slice(&e->payload);
    } else if (result == NW_EXIT_DONE && e->edit.count == 0) {
        return dlq_wrong(e->d, NW_EXIT_REFUSED,
                         "standard input is empty, so the dead letter stays as it is");
    }
    return result;
}

/* The shell takes the name apart, as it may have arguments: EDITOR="code --wait". */
static int run_editor(const char *path)
{
    const char *editor = getenv("VISUAL");
    char *command;
    int status;
    pid_t pid;

    editor = editor == NULL || *editor == '\0' ? getenv("EDITOR") : editor;
    editor = editor == NULL || *editor == '\0' ? "vi" : editor;
    if (asprintf(&command, "%s \"$1\"", editor) < 0) {
        return -1;
    }
    pid = fork();
    if (pid == 0) {
        (void)execl("/bin/sh", "sh", "-c", command, "sh", path, (char *)NULL);
        _exit(127);
    }
    free(command);
    while (pid > 0 && waitpid(pid, &status, 0) < 0) {
        if (errno != EINTR) {
            return -1;
        }
    }
    return pid > 0 && WIFEXITED(status) ? WEXITSTATUS(status) : -1;
}

static bool write_all(int fd, struct nw_slice text)
{
    while (text.len > 0) {
        ssize_t n = write(fd, text.data, text.len);
        if (n < 0 && errno != EINTR) {
            return false;
        }
        text = n < 0 ? text : (struct nw_slice){text.data + n, text.len - (size_t)n};
    }
    return true;
}

/* Editors end the last line; where the payload had no such end it was not meant. */
static void take_edited(struct editing *e, struct nw_slice before)
{
    struct nw_slice after = nw_buffer_slice(&e->payload);
    bool had_end = before.len > 0 && before.data[before.len - 1] == '\n';

    if (!had_end && after.len > 0 && after.data[after.len - 1] == '\n') {
        after.len--;
    }
    e->unchanged = nw_slice_equal(before, after);
    if (!e->unchanged) {
        e->edit.payload = after;
    }
}

static enum nw_exit edit_file(struct editing *e, struct nw_slice before, const char *path, int fd)
{
    enum nw_exit result;
    FILE *file;
    int code;

    if (!write_all(fd, before)) {
        return dlq_wrong(e->d, NW_EXIT_REFUSED, "%s: %s", path, strerror(errno));
    }
    code = run_editor(path);
    if (code != 0) {
        return dlq_wrong(e->d, NW_EXIT_REFUSED,
                         "the editor ended with %d, so the dead letter stays as it is", code);
    }
    file = fopen(path, "re"); /* it may be another file of that name by now */
    if (file == NULL) {
        return dlq_wrong(e->d, NW_EXIT_REFUSED, "%s: %s", path, strerror(errno));
    }
    result = read_all(e, fileno(file), path);
    (void)fclose(file);
    if (result == NW_EXIT_DONE) {
        take_edited(e, before);
    }
    return result;
}

static enum nw_exit ask_editor(struct editing *e, struct nw_slice before)
{
    const char *folder = getenv("TMPDIR");
    enum nw_exit result;
    char *path;
    int fd;

    if (asprintf(&path, "%s/natsway-letter-%" PRIu64 "-XXXXXX",
                 folder == NULL || *folder == '\0' ? "/tmp" : folder, e->letter->sequence) < 0) {
        return dlq_wrong(e->d, NW_EXIT_INTERNAL, "out of memory");
    }
    fd = mkstemp(path);
    if (fd < 0) {
        result = dlq_wrong(e->d, NW_EXIT_REFUSED, "%s: %s", path, strerror(errno));
    } else {
        result = edit_file(e, before, path, fd);
        (void)close(fd);
        (void)unlink(path);
    }
    free(path);
    return result;
}

/* ---- the edit ---- */

/* Any id that no message has had: the stream must not take it for a repeat. */
static void make_id(struct editing *e)
{
    char token[NW_TOKEN_RANDOM];

    nw_token_random(token);
    (void)snprintf(e->id, sizeof e->id, "dlq.edit.%s", token);
    e->edit.id = e->id;
}

static enum nw_exit publish(struct editing *e, const struct nw_stored *stored)
{
    struct dlq *d = e->d;
    struct nw_error error = {.text = ""};
    uint64_t sequence;
    int rc;

    make_id(e);
    rc = nw_letters_publish(d->connection, stored, &e->edit, &sequence, &error);
    if (rc != 0) {
        return dlq_failed(d, rc, &error);
    }
    rc = nw_letters_remove(d->connection, stored->stream, stored->sequence, &error);
    if (rc != 0 && rc != NW_ENOTFOUND) {
        (void)dlq_failed(d, rc, &error);
        return dlq_wrong(d, rc == NW_EIO ? NW_EXIT_UNREACHABLE : NW_EXIT_REFUSED,
                         "%" PRIu64 " is there as well as the changed one, %" PRIu64
                         ": it could not be removed",
                         stored->sequence, sequence);
    }
    (void)printf("%" PRIu64 " is now %" PRIu64 "\n", stored->sequence, sequence);
    return NW_EXIT_DONE;
}

static bool edit(void *context, const struct nw_stored *stored)
{
    struct editing *e = context;
    bool options = e->edit.count > 0;

    if (isatty(STDIN_FILENO) == 0) {
        e->result = read_input(e);
    } else if (!options) {
        e->result = ask_editor(e, stored->payload);
    }
    if (e->result != NW_EXIT_DONE) {
        return false;
    }
    if (e->unchanged) {
        (void)printf("%" PRIu64 " is unchanged\n", stored->sequence);
    } else if (e->d->arguments->dry_run) {
        (void)printf("would change %" PRIu64 "\n", stored->sequence);
    } else {
        e->result = publish(e, stored);
    }
    return false;
}

enum nw_exit dlq_edit(struct dlq *d)
{
    struct editing e = {.d = d, .letter = d->letters};
    struct nw_error error = {.text = ""};
    int rc;

    if (d->count != 1) {
        return dlq_wrong(d, NW_EXIT_REFUSED,
                         d->count == 0 ? "there is no such dead letter"
                                       : "%zu dead letters are meant; one is changed at a time",
                         d->count);
    }
    e.result = take_options(&e);
    if (e.result == NW_EXIT_DONE) {
        rc = nw_letters_get(d->connection, e.letter->stream, e.letter->sequence, edit, &e, &error);
        e.result = rc == 0 ? e.result : dlq_failed(d, rc, &error);
    }
    nw_buffer_done(&e.payload);
    return e.result;
}
