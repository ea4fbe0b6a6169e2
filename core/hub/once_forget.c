/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Is there one? Then all keys of the route are purged in one call. What a sink that was just closed
 * has put without waiting, over the revision of a key, is refused if it comes later.
 */
#include "hub/once_forget.h"

#include <semaphore.h>
#include <stdio.h>

#include "hub/js_stored.h"
#include "hub/once_state.h"

struct forgetting {
    struct nw_task task;
    struct nw_js_call call;
    struct nw_hub *hub;
    struct nw_buffer pattern; /* what takes the subjects of the route's keys */
    sem_t over;
    int rc;
    char text[300]; /* unless rc is 0 */
};

static void end(struct forgetting *f, int rc, const char *what, const char *why)
{
    f->rc = rc;
    (void)snprintf(f->text, sizeof f->text, "%s: %s", what, why);
    (void)sem_post(&f->over);
}

static void on_purged(void *context, const struct nw_js_response *r)
{
    int rc = r->ok ? 0 : r->lost ? NW_EIO : NW_EINVAL;

    end(context, rc, "the route's checkpoints cannot be removed from " NW_ONCE_BUCKET, r->text);
}

/* Who may not read them, or has no JetStream, does without them. */
static void on_found(void *context, const struct nw_js_response *r)
{
    struct forgetting *f = context;

    if (!r->ok) {
        bool known = !r->lost && (r->away || r->error_code == NW_ONCE_ERR_NO_MESSAGE ||
                                  r->error_code == NW_JS_ERR_STREAM_NOT_FOUND);
        end(f, known ? 0 : NW_EIO, "the bucket " NW_ONCE_BUCKET " cannot be read", r->text);
        return;
    }
    nw_js_ask(
        &f->call,
        jv_object_set(jv_object(), jv_string("filter"), jv_string(nw_buffer_text(&f->pattern))),
        on_purged, "STREAM.PURGE.KV_" NW_ONCE_BUCKET);
}

static void run(struct nw_task *task)
{
    struct forgetting *f = (struct forgetting *)((char *)task - offsetof(struct forgetting, task));

    nw_js_ask(&f->call, nw_js_stored_request(1, nw_buffer_text(&f->pattern)), on_found,
              "STREAM.MSG.GET.KV_" NW_ONCE_BUCKET);
}

int nw_once_forget(void *hub, const char *bridge, const char *route, struct nw_error *error)
{
    struct forgetting f = {.hub = hub, .task.run = run};

    nw_buffer_add_text(&f.pattern, "$KV." NW_ONCE_BUCKET ".");
    nw_once_name_keys(&f.pattern, bridge, route);
    if (f.pattern.failed) {
        nw_buffer_done(&f.pattern);
        return nw_error_set(error, NW_ENOMEM, "out of memory");
    }
    nw_js_call_init(&f.call, hub, &f);
    (void)sem_init(&f.over, 0, 0);
    nw_loop_post(f.hub->loop, &f.task);
    while (sem_wait(&f.over) != 0) {
    }
    (void)sem_destroy(&f.over);
    nw_buffer_done(&f.pattern);
    return f.rc == 0 ? 0 : nw_error_set(error, f.rc, "%s", f.text);
}
