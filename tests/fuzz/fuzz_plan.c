/* SPDX-License-Identifier: Apache-2.0 */
/* The body of POST /api/plan, asked of a bridge with a route of each kind: whatever comes is
 * answered, with a line for each route, or refused. Its own configuration is not another. */
#include <string.h>

#include "cli/plan.h"
#include "fuzz.h"

struct options {
    const char *name;
};

static const struct nw_option rows[] = {
    {.name = "durable", .type = NW_OPTION_TEXT, .offset = offsetof(struct options, name)},
    {.name = "group", .type = NW_OPTION_TEXT, .offset = offsetof(struct options, name)},
    {.name = NULL},
};
static const struct nw_source_kind kind = {.options = rows};
static struct options given = {"mine"}, none;

#define CONNECTOR(text) (&(const struct nw_connector){.name = (text)})
#define SOURCE(text, own)                                              \
    {                                                                  \
        .connector = CONNECTOR(text), .kind = &kind, .options = (own), \
        .connection = &connections[0]                                  \
    }

static struct nw_connection_spec connections[] = {{.name = "nats", .meaning = "n"},
                                                  {.name = "kafka", .meaning = "k"}};
static struct nw_sink_spec sink = {.connection = &connections[1]};
static struct nw_route_spec routes[] = {
    {.name = "a", .meaning = {"f", "m", "t", "o"}, .source = SOURCE("jetstream", &given)},
    {.name = "b b", .meaning = {"f", NULL, "t", "o"}, .source = SOURCE("jetstream", &none)},
    {.name = "c",
     .meaning = {"f", "m", "t", "o"},
     .source = SOURCE("kafka", &given),
     .sinks = &sink,
     .sink_count = 1},
    {.name = "d",
     .meaning = {"f", "m", "t", "o"},
     .source = SOURCE("kafka", &none),
     .dead_letter = &sink},
    {.name = "e", .meaning = {"f", "m", "t", "o"}, .source = SOURCE("file", &none)},
    {.name = "f", .meaning = {"f", "m", "t", "o"}, .source = SOURCE("mqtt", &none)},
};
#define ROUTES (sizeof routes / sizeof routes[0])

static struct nw_route_spec *all[ROUTES];
static struct nw_connection_spec *others[] = {&connections[1]};
static struct nw_config config = {.name = "plant",
                                  .name_given = true,
                                  .instance = "one",
                                  .workers = 2,
                                  .nats = &connections[0],
                                  .connections = others,
                                  .connection_count = 1,
                                  .routes = all,
                                  .route_count = ROUTES};

/* The pump's, which does not run here. */
int nw_bridge_snapshot(struct nw_bridge *bridge, struct nw_bridge_snapshot *out)
{
    static struct nw_route_snapshot now[ROUTES];
    static struct nw_connection_snapshot open[2];

    for (size_t i = 0; i < ROUTES; i++) {
        now[i].route = &routes[i];
    }
    for (size_t i = 0; i < 2; i++) {
        open[i].name = connections[i].name;
        open[i].spec = &connections[i];
    }
    *out = (struct nw_bridge_snapshot){.bridge = bridge,
                                       .routes = now,
                                       .route_count = ROUTES,
                                       .connections = open,
                                       .connection_count = 2};
    return 0;
}

void nw_bridge_snapshot_done(struct nw_bridge_snapshot *s)
{
    (void)s;
}

static int answer(struct nw_slice question, struct nw_buffer *out)
{
    return nw_plan_answer(NULL, &config, question, out);
}

/* A name with a blank is none that a route can have: the words of its line are too many. */
static void ask_itself(void)
{
    static bool done;
    struct nw_buffer question = {0}, out = {0};

    if (done) {
        return;
    }
    done = true;
    for (size_t i = 0; i < ROUTES; i++) {
        all[i] = &routes[i];
    }
    FUZZ_HOLDS(nw_plan_ask(&config, &question) == 0);
    FUZZ_HOLDS(answer(nw_buffer_slice(&question), &out) == NW_EINVAL);
    routes[1].name = "b";
    nw_buffer_clear(&question);
    nw_buffer_clear(&out);
    FUZZ_HOLDS(nw_plan_ask(&config, &question) == 0);
    FUZZ_HOLDS(answer(nw_buffer_slice(&question), &out) == 0);
    FUZZ_HOLDS(strcmp(nw_buffer_text(&out), "route a unchanged\nroute b unchanged\n"
                                            "route c unchanged\nroute d unchanged\n"
                                            "route e unchanged\nroute f unchanged\n") == 0);
    nw_buffer_done(&question);
    nw_buffer_done(&out);
}

static void check_lines(struct nw_buffer *out)
{
    char *text = nw_buffer_take(out), *rest = text, *line, wanted[20];

    FUZZ_HOLDS(text != NULL);
    for (size_t i = 0; i < ROUTES; i++) {
        (void)snprintf(wanted, sizeof wanted, "route %s ", routes[i].name);
        FUZZ_HOLDS(strstr(text, wanted) != NULL);
    }
    while ((line = strsep(&rest, "\n")) != NULL) {
        FUZZ_HOLDS(*line == '\0' || strncmp(line, "route ", 6) == 0 ||
                   strncmp(line, "position ", 9) == 0 || strncmp(line, "setting ", 8) == 0);
    }
    free(text);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct nw_slice question = {size == 0 ? "" : (const char *)data, size};
    struct nw_buffer out = {0};

    ask_itself();
    if (answer(question, &out) == 0) {
        check_lines(&out);
    }
    nw_buffer_done(&out);
    return 0;
}
