/* SPDX-License-Identifier: Apache-2.0 */
/* The host: configuring, opening and closing an endpoint, and what both kinds share. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "host_internal.h"
#include "plugin/registry.h"
#include "support/wait.h"

struct nwc_host nwc_host = {.lock = PTHREAD_MUTEX_INITIALIZER, .changed = PTHREAD_COND_INITIALIZER};

void nwc_lock(void)
{
    (void)pthread_mutex_lock(&nwc_host.lock);
}

void nwc_unlock(void)
{
    (void)pthread_mutex_unlock(&nwc_host.lock);
}

void nwc_list_add(struct nwc_list *list, struct nw_message *m)
{
    if (list->count == list->capacity) {
        list->capacity = list->capacity == 0 ? 64 : 2 * list->capacity;
        list->items = realloc(list->items, list->capacity * sizeof(struct nw_message *));
        if (list->items == NULL) {
            abort();
        }
    }
    list->items[list->count++] = m;
}

void nwc_check_alive(const struct nw_endpoint *e, const char *call)
{
    NWC_CHECK(!e->closed, "%s() after nw_closed()", call);
}

struct nw_message *nw_message_new(struct nw_endpoint *endpoint)
{
    struct nw_message *m = nw_message_make();

    nwc_lock();
    nwc_check_alive(endpoint, "nw_message_new");
    nwc_unlock();
    if (m != NULL) {
        m->endpoint = endpoint;
    }
    return m;
}

void nw_closed(struct nw_endpoint *e)
{
    struct nwc_host *h = &nwc_host;

    nwc_lock();
    NWC_CHECK(!e->closed, "nw_closed() twice");
    NWC_CHECK(e->closing, "nw_closed() before close()");
    NWC_CHECK(e->in_flight == 0, "nw_closed(), and %zu messages are not done", e->in_flight);
    NWC_CHECK(e->reserved == 0, "nw_closed(), and %zu credits are not given back", e->reserved);
    e->closed = true;
    (void)pthread_cond_broadcast(&h->changed);
    nwc_unlock();
}

/* ---- loading and configuring ---- */

static void load_failed(void *context, const char *text)
{
    (void)context;
    (void)fprintf(stderr, "contract: %s\n", text);
    exit(1);
}

/* A folder with nothing but this connector, so that no other library is loaded. */
static void load_connector(struct nwt_folder *folder)
{
    char *file = nwt_folder_file(folder, "%s.so", nwc_connector);
    char target[1000];

    (void)snprintf(target, sizeof target, "%s/%s.so", NWC_CONNECTORS, nwc_connector);
    if (access(target, R_OK) != 0) { /* one of the tests' own */
        (void)snprintf(target, sizeof target, "%s/%s.so", NWC_OWN_CONNECTORS, nwc_connector);
    }
    if (symlink(target, file) != 0) {
        load_failed(NULL, "cannot make a link to the connector");
    }
    nw_registry_search(nwc_host.registry, nwt_folder_path(folder), load_failed, NULL);
    if (nw_registry_find(nwc_host.registry, nwc_connector) == NULL) {
        load_failed(NULL, "the connector is not there");
    }
    free(file);
}

void nwc_host_start(struct nwt_folder *folder)
{
    struct nw_error error = {.text = ""};

    nwc_host.registry = nw_registry_new();
    if (nwc_host.registry == NULL || nw_registry_add_builtin(nwc_host.registry, &error) != 0) {
        load_failed(NULL, error.text);
    }
    if (nwc_connector != NULL) {
        load_connector(folder);
    }
    nwc_worker_start();
}

void nwc_host_end(void)
{
    nwc_worker_end();
    nw_registry_free(nwc_host.registry);
}

static void write_replaced(FILE *out, const char *text, const char *name)
{
    for (; text != NULL && *text != '\0'; text++) {
        if (*text == '@') {
            (void)fputs(name, out);
        } else {
            (void)fputc(*text, out);
        }
    }
}

static void write_route(FILE *out, const struct nwc_adapter *a, const char *name,
                        const struct nwc_test *test)
{
    const char *end = test->impatient ? a->impatient : a->source != NULL ? a->source : a->sink;

    (void)fprintf(out, "\n  %s:\n    from: ", name);
    write_replaced(out, a->source == NULL ? "{jetstream: in.contract}" : end, name);
    (void)fputs("\n    to: ", out);
    write_replaced(out, a->sink == NULL ? "{nats: out.contract}" : end, name);
    (void)fprintf(out, "\n    max_in_flight: %zu\n    on_error: {backoff: 20ms..500ms}\n%s",
                  test->max_in_flight, a->more == NULL ? "" : a->more);
}

/* The route of the test, and another one that is like it. */
static void write_yaml(const struct nwc_adapter *a, const char *path, const char *name,
                       const struct nwc_test *test)
{
    char other[64];
    FILE *out = fopen(path, "w");

    if (out == NULL) {
        load_failed(NULL, "cannot write the configuration");
    }
    (void)fprintf(out, "name: contract\nnats: {url: \"%s\"}\n",
                  a->hub == NULL ? "nats://127.0.0.1:1" : a->hub);
    if (a->connection != NULL) {
        (void)fputs("connections:\n  ", out);
        write_replaced(out, a->connection, name);
    }
    (void)fputs("\nroutes:", out);
    write_route(out, a, name, test);
    (void)snprintf(other, sizeof other, "%s-other", name);
    if (!a->alone) {
        write_route(out, a, other, test);
    }
    (void)fputc('\n', out);
    (void)fclose(out);
}

void nwc_configure(const struct nwc_adapter *adapter, const char *name, const struct nwc_test *test,
                   struct nwt_folder *folder)
{
    struct nwc_host *h = &nwc_host;
    struct nw_diagnostics diagnostics = {.items = NULL};
    char *path = nwt_folder_file(folder, "%s.yaml", name);
    const char *paths[] = {path};
    struct nw_config_sources sources = {paths, 1, nwt_folder_path(folder)};

    write_yaml(adapter, path, name, test);
    if (nw_config_load(&sources, h->registry, &h->config, &diagnostics) != 0) {
        nw_diagnostics_print(&diagnostics, stderr);
        load_failed(NULL, "the configuration of the test is refused");
    }
    nw_diagnostics_done(&diagnostics);
    free(path);
    h->adapter = adapter;
    h->route = h->config->routes[0];
    h->other = adapter->alone ? NULL : h->config->routes[1];
    h->limit = test->max_in_flight;
    h->longest_ms = h->longest_close_ms = 0;
    h->alive = nw_message_alive();
    memset(h->records, 0, sizeof h->records);
}

void nwc_unconfigure(void)
{
    struct nwc_host *h = &nwc_host;

    nwc_source_forget();
    nwc_sink_forget();
    nwc_services_forget();
    while (h->ends != NULL) {
        struct nw_endpoint *next = h->ends->next;
        free(h->ends);
        h->ends = next;
    }
    nw_config_free(h->config);
    h->config = NULL;
    NWC_CHECK(nw_message_alive() <= h->alive, "%zu messages are left",
              nw_message_alive() - h->alive);
}

/* ---- opening ---- */

static const struct nw_connection_spec *connection_spec(void)
{
    const struct nwc_host *h = &nwc_host;

    return h->adapter->source != NULL ? h->route->source.connection : h->route->sinks[0].connection;
}

static void open_connection(void)
{
    struct nw_connection *c = &nwc_host.connection;
    struct nw_error error = {.text = ""};

    *c = (struct nw_connection){.spec = connection_spec()};
    if (c->spec == NULL) {
        return;
    }
    c->config =
        (struct nw_connection_config){"contract", "contract-1", c->spec->name, c->spec->options};
    if (c->spec->kind->open(c, &c->config, &c->state, &error) != 0) {
        load_failed(NULL, error.text);
    }
}

static struct nw_endpoint *make_endpoint(const struct nw_route_spec *route)
{
    const struct nw_sink_spec *sink = &route->sinks[0];
    struct nw_endpoint *e = calloc(1, sizeof *e);
    bool is_source = nwc_host.adapter->source != NULL;

    if (e == NULL) {
        abort();
    }
    e->source = is_source ? route->source.kind : NULL;
    e->sink = is_source ? NULL : sink->kind;
    e->config = (struct nw_endpoint_config){
        .bridge = "contract",
        .instance = "contract-1",
        .route = route->name,
        .lanes = 1,
        .address = is_source ? route->source.address : sink->address,
        .options = is_source ? route->source.options : sink->options,
        .connection = nwc_host.connection.state,
        .order = route->order,
        .max_in_flight = route->max_in_flight,
        .retry_first_ms = route->backoff.first_ms,
        .retry_longest_ms = route->backoff.longest_ms,
        .memory = (size_t)16 << 20,
        .spool = is_source && route->spool_in_outage,
    };
    e->opening = true;
    return e;
}

static void open_task(void *context)
{
    struct nw_endpoint *e = context;
    struct nw_error error = {.text = "no reason given"};
    int rc = e->source != NULL ? e->source->open(e, &e->config, &e->state, &error)
                               : e->sink->open(e, &e->config, &e->state, &error);

    if (rc != 0) {
        load_failed(NULL, error.text); /* a server that is away is no error */
    }
    nwc_lock();
    e->opening = false;
    nwc_unlock();
    nwc_worker_wake();
}

static void open_endpoint(const struct nw_route_spec *route, struct nw_endpoint **as)
{
    struct nw_endpoint *e = make_endpoint(route);

    nwc_lock();
    e->next = nwc_host.ends;
    nwc_host.ends = e;
    *as = e;
    nwc_unlock();
    nwc_worker_call("open", open_task, e);
}

void nwc_open_beside(void)
{
    open_endpoint(nwc_host.other, &nwc_host.beside);
}

void nwc_open(void)
{
    struct nwc_host *h = &nwc_host;
    struct nw_endpoint *e;

    open_connection();
    nwc_lock();
    h->store_full = false;
    nwc_unlock();
    open_endpoint(h->route, &h->end);
    e = h->end;
    nwc_lock();
    NWC_CHECK(h->adapter->window == 0 || e->window == h->adapter->window,
              "it asked for a window of %zu, not %zu", e->window, h->adapter->window);
    nwc_unlock();
}

/* ---- closing ---- */

static void stop_task(void *context)
{
    struct nw_endpoint *e = context;

    e->source->stop(e->state);
    nwc_lock();
    e->stopped = true;
    nwc_unlock();
}

static void close_task(void *context)
{
    struct nw_endpoint *e = context;

    if (e->source != NULL) {
        e->source->close(e->state);
    } else {
        e->sink->close(e->state);
    }
}

static void begin_to_close(struct nw_endpoint *e)
{
    if (e == NULL) {
        return;
    }
    nwc_lock();
    e->closing = true;
    nwc_unlock();
    nwc_worker_call("close", close_task, e);
}

static bool is_closed(const struct nw_endpoint *e)
{
    bool closed;

    nwc_lock();
    closed = e->closed;
    nwc_unlock();
    return closed;
}

static void wait_until_closed(const struct nw_endpoint *e)
{
    struct nwc_host *h = &nwc_host;
    int64_t began_ms = nwt_now_ms(), took_ms;

    if (e == NULL) {
        return;
    }
    if (!NWT_WAIT(NWC_LONG_MS, is_closed(e))) {
        (void)fprintf(stderr, "contract: nw_closed() does not come\n");
        abort();
    }
    took_ms = nwt_now_ms() - began_ms;
    h->longest_close_ms = took_ms > h->longest_close_ms ? took_ms : h->longest_close_ms;
}

static size_t unsettled(void)
{
    size_t n;

    nwc_lock();
    n = nwc_host.held.count - nwc_host.stored;
    nwc_unlock();
    return n;
}

/* No offer after it has returned; what is held goes back. */
static void stop_sources(void)
{
    struct nwc_host *h = &nwc_host;

    nwc_settle_by_itself(false);
    nwc_worker_call("stop", stop_task, h->end);
    if (h->beside != NULL) {
        nwc_worker_call("stop", stop_task, h->beside);
    }
    if (unsettled() > 0) {
        nwc_settle(nwc_held(), NW_RETRY);
    }
}

static void close_connection(void)
{
    struct nwc_host *h = &nwc_host;

    nwc_spool_keep();
    nwc_lock();
    h->end = h->beside = NULL;
    nwc_unlock();
    if (h->connection.spec != NULL) {
        h->connection.spec->kind->close(h->connection.state);
    }
}

void nwc_shut_from(bool beside_first)
{
    struct nwc_host *h = &nwc_host;

    if (h->end->source != NULL) {
        stop_sources();
    }
    begin_to_close(beside_first ? h->beside : h->end);
    begin_to_close(beside_first ? h->end : h->beside);
    wait_until_closed(h->end);
    wait_until_closed(h->beside);
    close_connection();
}

void nwc_shut(void)
{
    nwc_shut_from(false);
}

bool nwc_is_open(void)
{
    return nwc_host.end != NULL;
}

/* ---- for the tests ---- */

enum nw_state nwc_state(void)
{
    enum nw_state state;

    nwc_lock();
    state = nwc_host.end->status;
    nwc_unlock();
    return state;
}

int64_t nwc_longest_call_ms(void)
{
    return nwc_host.longest_ms;
}

int64_t nwc_longest_close_ms(void)
{
    return nwc_host.longest_close_ms;
}

struct nwc_record nwc_record(size_t number)
{
    struct nwc_record r;

    nwc_lock();
    r = nwc_host.records[number];
    nwc_unlock();
    return r;
}

size_t nwc_count_offered(size_t n)
{
    size_t count = 0;

    nwc_lock();
    for (size_t i = 0; i < n; i++) {
        count += nwc_host.records[i].offered > 0 ? 1 : 0;
    }
    nwc_unlock();
    return count;
}

size_t nwc_count_settled(size_t n)
{
    size_t count = 0;

    nwc_lock();
    for (size_t i = 0; i < n; i++) {
        count += nwc_host.records[i].settled_ack > 0 ? 1 : 0;
    }
    nwc_unlock();
    return count;
}

size_t nwc_count_acked(size_t n)
{
    size_t count = 0;

    nwc_lock();
    for (size_t i = 0; i < n; i++) {
        count += nwc_host.records[i].acked > 0 ? 1 : 0;
    }
    nwc_unlock();
    return count;
}
