/* SPDX-License-Identifier: Apache-2.0 */
/* `natsway dlq retry`: runs the bridge over the chosen letters and says what became of each. */
#include <inttypes.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/duration.h"
#include "base/json.h"
#include "cli/dlq_again.h"
#include "hub/hub.h"
#include "log/log.h"
#include "pump/bridge.h"

#define TIMEOUT_MS 10000
#define CLOSE_MS 5000
#define LOOK_NS (20 * NW_MILLISECOND_NS)
#define NOT_TOLD (-1)

/* What became of a letter; reason is malloced. */
struct fate {
    int end; /* enum nw_letter_end, or NOT_TOLD */
    char *reason;
};

struct retry;

/* A route with its letters, as its callbacks and the wait see it. */
struct route {
    struct retry *retry;
    struct dlq_again_route *again;
    size_t told, seen; /* told: guarded by the lock; seen: when it was last looked at */
    int64_t moved_ns;  /* when one was told, or the route was well */
    bool stuck;
    char trouble[300];
};

struct retry {
    struct dlq *d;
    struct dlq_again_route *again;
    struct route *routes;
    size_t route_count;
    int64_t timeout_ns;
    pthread_mutex_t lock; /* guards fates and told */
    struct fate *fates;   /* of each letter of d */
    bool interrupted, given_up;
    uint64_t filtered;
};

/* ---- on the loop thread ---- */

static int restore(void *context, size_t index, struct nw_message *m, struct nw_error *error)
{
    const struct route *r = context;

    return dlq_again_restore(r->again->spec, &r->again->places[index], m, error);
}

static void set_fate(struct retry *t, size_t letter, int end, const char *reason)
{
    t->fates[letter].end = end;
    free(t->fates[letter].reason);
    t->fates[letter].reason = reason == NULL ? NULL : strdup(reason);
}

static void tell(void *context, size_t index, enum nw_letter_end end, const char *reason)
{
    struct route *r = context;

    (void)pthread_mutex_lock(&r->retry->lock);
    set_fate(r->retry, r->again->letters[index], (int)end, reason);
    r->told++;
    (void)pthread_mutex_unlock(&r->retry->lock);
}

/* ---- the letters of each route ---- */

static struct route *route_for(struct retry *t, const struct nw_route_spec *spec)
{
    for (size_t i = 0; i < t->route_count; i++) {
        if (t->again[i].spec == spec) {
            return &t->routes[i];
        }
    }
    for (size_t i = 0; i < t->d->config->route_count; i++) {
        if (t->d->config->routes[i] == spec) {
            struct route *r = &t->routes[t->route_count];
            struct dlq_again_route *again = &t->again[t->route_count++];
            again->spec = t->d->config->routes[i];
            again->options =
                (struct nw_letter_source_options){.context = r, .restore = restore, .tell = tell};
            *r = (struct route){.retry = t, .again = again};
            return r;
        }
    }
    return NULL;
}

/* All letters are in one array, a run of it for each route. */
static bool share_out(struct retry *t)
{
    struct dlq *d = t->d;
    size_t next = 0;
    struct nw_letter_place *places = nw_arena_alloc(d->arena, (d->count + 1) * sizeof *places);
    size_t *letters = nw_arena_alloc(d->arena, (d->count + 1) * sizeof *letters);

    if (places == NULL || letters == NULL) {
        return false;
    }
    for (size_t i = 0; i < d->count; i++) {
        const struct nw_route_spec *spec = nw_config_route(d->config, d->letters[i].route);
        const char *why = dlq_again_refuses(spec);
        if (why != NULL) {
            set_fate(t, i, NW_LETTER_REFUSED, why);
        } else {
            route_for(t, spec)->again->options.count++;
        }
    }
    for (size_t i = 0; i < t->route_count; i++) {
        struct dlq_again_route *again = &t->again[i];
        again->places = places + next;
        again->options.places = again->places;
        again->letters = letters + next;
        next += again->options.count;
        again->options.count = 0;
    }
    for (size_t i = 0; i < d->count; i++) {
        struct dlq_again_route *again;
        if (t->fates[i].end != NOT_TOLD) {
            continue;
        }
        again = route_for(t, nw_config_route(d->config, d->letters[i].route))->again;
        again->letters[again->options.count] = i;
        again->places[again->options.count++] =
            (struct nw_letter_place){d->letters[i].stream, d->letters[i].sequence};
    }
    return true;
}

/* ---- running ---- */

static size_t told(struct retry *t, struct route *r)
{
    size_t count;

    (void)pthread_mutex_lock(&t->lock);
    count = r->told;
    (void)pthread_mutex_unlock(&t->lock);
    return count;
}

static bool is_stuck(struct retry *t, struct route *r, const struct nw_route_snapshot *now,
                     int64_t now_ns)
{
    size_t count = told(t, r);

    if (count != r->seen || now->state == NW_ROUTE_RUNNING) {
        r->moved_ns = now_ns;
    }
    r->seen = count;
    (void)snprintf(r->trouble, sizeof r->trouble, "%s",
                   now->waiting_for[0] != '\0' ? now->waiting_for : now->error);
    return now->state == NW_ROUTE_STOPPED || now_ns - r->moved_ns >= t->timeout_ns;
}

/* Nothing is left to wait for: every letter is told, or no route that has some moves. */
static bool is_over(struct retry *t, struct nw_bridge *bridge)
{
    int64_t now_ns = nw_clock_monotonic_ns();
    struct nw_bridge_snapshot s;
    bool all = true, stuck = true;

    if (nw_bridge_snapshot(bridge, &s) != 0) {
        return false;
    }
    t->filtered = 0;
    for (size_t i = 0; i < t->route_count; i++) {
        struct route *r = &t->routes[i];
        t->filtered += s.routes[i].filtered;
        if (told(t, r) < r->again->options.count) {
            all = false;
            r->stuck = is_stuck(t, r, &s.routes[i], now_ns);
            stuck &= r->stuck;
        } else {
            r->stuck = false;
        }
    }
    nw_bridge_snapshot_done(&s);
    t->given_up = !all && stuck;
    return all || stuck;
}

static volatile sig_atomic_t interrupted;

static void on_signal(int number)
{
    (void)number;
    interrupted = 1;
}

/* The first one ends it in order, the second at once. */
static void take_signals(void)
{
    struct sigaction action = {.sa_handler = on_signal,
                               .sa_flags = (int)(SA_RESTART | SA_RESETHAND)};

    (void)signal(SIGPIPE, SIG_IGN);
    (void)sigaction(SIGTERM, &action, NULL);
    (void)sigaction(SIGINT, &action, NULL);
    (void)sigaction(SIGHUP, &action, NULL);
}

/* *clean: no thread of the bridge is left. */
static enum nw_exit run_bridge(struct retry *t, bool *clean)
{
    const struct timespec look = {0, LOOK_NS};
    struct nw_error error = {.text = ""};
    struct nw_bridge *bridge = NULL;
    int rc;

    take_signals();
    rc = nw_bridge_start(t->d->config, &bridge, &error);
    if (rc != 0) {
        return dlq_wrong(t->d, rc == NW_ENOMEM ? NW_EXIT_INTERNAL : NW_EXIT_REFUSED, "%s",
                         error.text);
    }
    for (size_t i = 0; i < t->route_count; i++) {
        t->routes[i].moved_ns = nw_clock_monotonic_ns();
    }
    while (interrupted == 0 && !is_over(t, bridge)) {
        (void)nanosleep(&look, NULL);
    }
    t->interrupted = interrupted != 0;
    *clean =
        nw_bridge_stop(bridge, t->interrupted || t->given_up ? 0 : CLOSE_MS) && !nw_hub_lingers();
    return NW_EXIT_DONE;
}

static enum nw_exit run(struct retry *t, bool *clean)
{
    const char *parent = getenv("TMPDIR");
    char *folder = nw_arena_format(t->d->arena, "%s/natsway-retry-XXXXXX",
                                   parent == NULL || *parent == '\0' ? "/tmp" : parent);
    enum nw_exit result;

    if (folder == NULL || mkdtemp(folder) == NULL) {
        return dlq_wrong(t->d, NW_EXIT_REFUSED, "%s: no folder can be made there",
                         folder == NULL ? "" : folder);
    }
    result = dlq_again_prepare(t->d, t->again, t->route_count, folder) == 0
                 ? run_bridge(t, clean)
                 : dlq_wrong(t->d, NW_EXIT_INTERNAL, "out of memory");
    dlq_again_remove_folder(folder);
    return result;
}

/* ---- saying ---- */

static const char *const words[] = {
    [NW_LETTER_REMOVED] = "delivered",
    [NW_LETTER_NOT_REMOVED] = "not removed",
    [NW_LETTER_REFUSED] = "rejected again",
    [NW_LETTER_RETURNED] = "not delivered",
    [NW_LETTER_GONE] = "gone",
};

static const char *const json_words[] = {
    [NW_LETTER_REMOVED] = "delivered", [NW_LETTER_NOT_REMOVED] = "not_removed",
    [NW_LETTER_REFUSED] = "rejected",  [NW_LETTER_RETURNED] = "not_delivered",
    [NW_LETTER_GONE] = "gone",
};

static const char *reason_of(const struct fate *fate)
{
    return fate->reason == NULL ? "no reason given" : fate->reason;
}

static void print_json(const struct dlq_letter *letter, const struct fate *fate)
{
    struct nw_buffer line = {0};

    nw_buffer_add_format(&line, "{\"sequence\":%" PRIu64 ",\"stream\":", letter->sequence);
    nw_json_add_string(&line, nw_slice_text(letter->stream));
    nw_buffer_add_text(&line, ",\"route\":");
    nw_json_add_string(&line, nw_slice_text(letter->route));
    nw_buffer_add_format(&line, ",\"outcome\":\"%s\"", json_words[fate->end]);
    if (fate->end != NW_LETTER_REMOVED) {
        nw_buffer_add_text(&line, ",\"reason\":");
        nw_json_add_string(&line, nw_slice_text(reason_of(fate)));
    }
    nw_buffer_add_text(&line, "}");
    (void)puts(nw_buffer_text(&line));
    nw_buffer_done(&line);
}

static void print_text(const struct dlq_letter *letter, const struct fate *fate)
{
    if (fate->end != NW_LETTER_REMOVED &&
        (fate->end != NW_LETTER_RETURNED || fate->reason != NULL)) {
        (void)printf("%" PRIu64 "  %s  %s: %s\n", letter->sequence, letter->route, words[fate->end],
                     reason_of(fate));
    }
}

static void print_summary(const struct retry *t, const size_t counts[])
{
    uint64_t filtered =
        t->filtered < counts[NW_LETTER_REMOVED] ? t->filtered : counts[NW_LETTER_REMOVED];

    (void)printf("%zu delivered", counts[NW_LETTER_REMOVED] - (size_t)filtered);
    if (filtered > 0) {
        (void)printf(", %" PRIu64 " filtered", filtered);
    }
    for (size_t i = NW_LETTER_NOT_REMOVED; i <= NW_LETTER_GONE; i++) {
        if (counts[i] > 0) {
            (void)printf(", %zu %s", counts[i], words[i]);
        }
    }
    (void)printf(" of %zu dead letter%s\n", t->d->count, t->d->count == 1 ? "" : "s");
}

/* Whose letters were neither delivered nor refused, and why. */
static void say_trouble(const struct retry *t)
{
    for (size_t i = 0; i < t->route_count; i++) {
        const struct route *r = &t->routes[i];
        if (t->given_up && r->stuck) {
            (void)dlq_wrong(t->d, NW_EXIT_UNREACHABLE, "route %s: a target is away: %s",
                            r->again->spec->name,
                            r->trouble[0] == '\0' ? "no reason given" : r->trouble);
        }
    }
    if (t->interrupted) {
        (void)dlq_wrong(t->d, NW_EXIT_REFUSED, "interrupted");
    }
}

static enum nw_exit report(struct retry *t)
{
    const char *format = t->d->arguments->format;
    bool json = format != NULL && strcmp(format, "json") == 0;
    size_t counts[NW_LETTER_GONE + 1] = {0};

    for (size_t i = 0; i < t->d->count; i++) {
        struct fate *fate = &t->fates[i];
        if (fate->end == NOT_TOLD) {
            fate->end = NW_LETTER_RETURNED;
        }
        counts[fate->end]++;
        if (json) {
            print_json(&t->d->letters[i], fate);
        } else {
            print_text(&t->d->letters[i], fate);
        }
    }
    if (!json) {
        print_summary(t, counts);
    }
    say_trouble(t);
    if (counts[NW_LETTER_RETURNED] + counts[NW_LETTER_NOT_REMOVED] > 0) {
        return t->interrupted ? NW_EXIT_REFUSED : NW_EXIT_UNREACHABLE;
    }
    return counts[NW_LETTER_REFUSED] > 0 ? NW_EXIT_REFUSED : NW_EXIT_DONE;
}

/* ---- the action ---- */

static enum nw_exit dry_run(const struct dlq *d)
{
    for (size_t i = 0; i < d->count; i++) {
        dlq_print(d, &d->letters[i]);
    }
    if (d->arguments->format == NULL || strcmp(d->arguments->format, "text") == 0) {
        (void)printf("would retry %zu dead letter%s\n", d->count, d->count == 1 ? "" : "s");
    }
    return NW_EXIT_DONE;
}

static bool init(struct retry *t, struct dlq *d)
{
    int64_t ms = TIMEOUT_MS;
    size_t routes = d->config->route_count + 1;

    if (d->arguments->timeout != NULL) {
        (void)nw_duration_parse(nw_slice_text(d->arguments->timeout), &ms, NULL);
    }
    *t = (struct retry){.d = d, .timeout_ns = ms * NW_MILLISECOND_NS};
    (void)pthread_mutex_init(&t->lock, NULL);
    t->again = nw_arena_alloc(d->arena, routes * sizeof *t->again);
    t->routes = nw_arena_alloc(d->arena, routes * sizeof *t->routes);
    t->fates = nw_arena_alloc(d->arena, (d->count + 1) * sizeof *t->fates);
    if (t->again == NULL || t->routes == NULL || t->fates == NULL) {
        return false;
    }
    for (size_t i = 0; i < d->count; i++) {
        t->fates[i].end = NOT_TOLD;
    }
    return share_out(t);
}

static void quiet_log(const struct dlq *d)
{
    struct nw_log_spec log = d->config->log;

    log.level =
        NW_LOG_ERROR; /* what the command says is enough, unless --log-level asks for more */
    nw_arguments_setup_log(d->arguments, &log);
}

enum nw_exit dlq_retry(struct dlq *d)
{
    enum nw_exit result = NW_EXIT_DONE, ran = NW_EXIT_DONE;
    struct retry t;
    bool clean = true;

    if (d->arguments->dry_run) {
        return dry_run(d);
    }
    if (d->count == 0 && d->filter.range_count > 0) {
        return dlq_wrong(d, NW_EXIT_REFUSED, "there is no such dead letter");
    }
    quiet_log(d);
    if (!init(&t, d)) {
        return dlq_wrong(d, NW_EXIT_INTERNAL, "out of memory");
    }
    if (t.route_count > 0) {
        ran = run(&t, &clean);
    }
    result = ran != NW_EXIT_DONE ? ran : report(&t);
    nw_log_flush();
    if (!clean) { /* a thread hangs in a library, and must find its options until the end */
        (void)fflush(NULL);
        _exit((int)result);
    }
    for (size_t i = 0; i < d->count; i++) {
        free(t.fates[i].reason);
    }
    (void)pthread_mutex_destroy(&t.lock);
    return result;
}
