/* SPDX-License-Identifier: Apache-2.0 */
/* What a right configuration becomes. */
#include <criterion/criterion.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "fakes.h"

TestSuite(load, .init = folder_enter, .fini = folder_leave);

/* Load text, which has no mistake; warnings are let pass. */
static struct nw_config *load(const char *text)
{
    struct nw_config *config = NULL;
    char *said = load_text(text, &config);

    cr_assert_not_null(config, "%s", said);
    free(said);
    return config;
}

static const struct nw_route_spec *route_of(const struct nw_config *config, const char *name)
{
    const struct nw_route_spec *route = nw_config_route(config, name);

    cr_assert_not_null(route, "%s", name);
    return route;
}

Test(load, little_is_needed)
{
    struct nw_config *c = load("routes: {r: {from: {nats: a}, to: {nats: b}}}");
    const struct nw_route_spec *r = route_of(c, "r");
    const struct fake_nats *nats = c->nats->options;

    cr_expect_str_eq(c->name, "c");
    cr_expect_null(c->instance);
    cr_expect_str_eq(c->admin_listen, "127.0.0.1:8223");
    cr_expect_not(c->admin_listen_given);
    cr_expect_null(c->admin_token);
    cr_expect_eq(c->shutdown_timeout_ms, 30000);
    cr_expect_eq(c->memory, 256 << 20);
    cr_expect_eq(c->workers, 0);
    cr_expect_eq(c->log.level, NW_LOG_INFO);
    cr_expect_not(c->log.json);
    cr_expect_str_eq(c->nats->name, "nats");
    cr_expect_str_eq(nats->url.items[0], "nats://127.0.0.1:4222");
    cr_expect_eq(c->connection_count, 0);
    cr_expect_eq(c->route_count, 1);
    cr_expect_eq(c->routes[0], r);
    cr_expect_eq(r->lanes, 1);
    cr_expect_eq(r->max_in_flight, 4000);
    cr_expect_eq(r->order, NW_ORDER_STRICT);
    cr_expect_eq(r->retries, -1);
    cr_expect_eq(r->backoff.first_ms, 100);
    cr_expect_eq(r->backoff.longest_ms, 30000);
    cr_expect_eq(r->then, NW_THEN_DEAD_LETTER);
    cr_expect_null(r->dead_letter);
    cr_expect_not(r->on_error_given);
    cr_expect_eq(r->map_timeout_ms, 100);
    cr_expect_eq(r->spool_max_size, INT64_C(1) << 30);
    cr_expect_eq(r->spool_max_age_ms, 86400000);
    cr_expect(r->enabled);
    cr_expect_not(r->trace);
    cr_expect(nw_map_is_empty(r->map));
    cr_expect(nw_map_is_empty(r->reply));
    cr_expect_str_eq(r->source.address, "a");
    cr_expect_eq(r->source.connection, c->nats);
    cr_expect_eq(r->sink_count, 1);
    cr_expect_str_eq(r->sinks[0].address, "b");
    cr_expect_eq(r->sinks[0].connection, c->nats);
    cr_expect_null(r->sinks[0].when);
    nw_config_free(c);
}

Test(load, settings_are_read)
{
    struct nw_config *c = load("name: plant-1\n"
                               "instance: i-7\n"
                               "state_dir: state\n"
                               "admin: {listen: \"0.0.0.0:9000\", token: t}\n"
                               "shutdown_timeout: 5s\n"
                               "memory: 64MiB\n"
                               "workers: 3\n"
                               "log: {level: debug, format: json}\n"
                               "tests: [{route: r, message: {}, expect: {address: b}}]\n"
                               "routes: {r: {from: {nats: a}, to: {nats: b}}}");
    char state[200];

    (void)snprintf(state, sizeof state, "%s/state", folder_path());
    cr_expect_str_eq(c->name, "plant-1");
    cr_expect_str_eq(c->instance, "i-7");
    cr_expect_str_eq(c->state_dir, state);
    cr_expect_str_eq(c->admin_listen, "0.0.0.0:9000");
    cr_expect(c->admin_listen_given);
    cr_expect_str_eq(c->admin_token, "t");
    cr_expect_eq(c->shutdown_timeout_ms, 5000);
    cr_expect_eq(c->memory, 64 << 20);
    cr_expect_eq(c->workers, 3);
    cr_expect_eq(c->log.level, NW_LOG_DEBUG);
    cr_expect(c->log.json);
    nw_config_free(c);
    c = load("admin: off\nroutes: {r: {from: {nats: a}, to: {nats: b}}}");
    cr_expect_null(c->admin_listen);
    nw_config_free(c);
}

Test(load, routes_are_made_of_templates)
{
    struct nw_config *c = load(
        "templates:\n"
        "  plant:\n"
        "    with: {line: , lanes: 1, level: high}\n"
        "    from: {nats: \"plant.$(line)\"}\n"
        "    map: [{filter: '.line == \"$(line)\" and .x != \"$(x\"'}, {set: {key: $(line)}}]\n"
        "    to: [{nats: \"out.$(line).$(level)\"}, {nats: all}]\n"
        "    lanes: $(lanes)\n"
        "    description: plain\n"
        "routes:\n"
        "  a: {use: plant, with: {line: 7}}\n"
        "  b: {use: plant, with: {line: eight, lanes: 3}, description: own, to: {nats: b}}\n"
        "use:\n"
        "  plant: {c: {line: 9, level: low}}\n");
    const struct nw_route_spec *a = nw_config_route(c, "a"), *b = nw_config_route(c, "b"),
                               *u = nw_config_route(c, "c");

    cr_assert_eq(c->route_count, 3);
    cr_expect_str_eq(a->source.address, "plant.7");
    cr_expect_eq(a->sink_count, 2);
    cr_expect_str_eq(a->sinks[0].address, "out.7.high");
    cr_expect_str_eq(a->description, "plain");
    cr_expect_eq(a->lanes, 1);
    cr_expect_str_eq(b->source.address, "plant.eight");
    cr_expect_eq(b->sink_count, 1);
    cr_expect_str_eq(b->sinks[0].address, "b");
    cr_expect_str_eq(b->description, "own");
    cr_expect_eq(b->lanes, 3);
    cr_expect_str_eq(u->sinks[0].address, "out.9.low");
    nw_config_free(c);
}

Test(load, the_state_has_its_usual_places)
{
    static const char text[] = "name: n\nroutes: {r: {from: {nats: a}, to: {nats: b}}}";
    struct nw_config *c;

    (void)setenv("XDG_STATE_HOME", "/x/state", 1);
    c = load(text);
    cr_expect_str_eq(c->state_dir, "/x/state/natsway/n");
    nw_config_free(c);
    (void)unsetenv("XDG_STATE_HOME");
    (void)setenv("HOME", "/home/u", 1);
    c = load(text);
    cr_expect_str_eq(c->state_dir,
                     geteuid() == 0 ? "/var/lib/natsway/n" : "/home/u/.local/state/natsway/n");
    nw_config_free(c);
}

Test(load, connections_are_found_by_name_or_type)
{
    struct nw_config *c =
        load("connections:\n"
             "  kafka: {brokers: [h1, h2], properties: {linger.ms: 5}}\n"
             "  plant: {type: mqtt, url: \"mqtt://p\", version: 3.1.1, password: \"${NW_PW:-s}\"}\n"
             "  office: {type: mqtt, url: \"mqtt://o\"}\n"
             "routes:\n"
             "  k: {from: {kafka: t, group: g}, to: {nats: b}}\n"
             "  p: {from: {mqtt: a, connection: plant}, to: {nats: b}}\n"
             "  o: {from: {nats: a}, to: {mqtt: b, connection: office, qos: 2}}\n"
             "  f: {from: {file: /x}, to: {nats: b}}\n"
             "  h: {from: {nats: a}, to: {http: \"POST https://h/\"}}\n");
    const struct nw_source_spec *kafka = &route_of(c, "k")->source;
    const struct nw_source_spec *plant = &route_of(c, "p")->source;
    const struct nw_sink_spec *office = &route_of(c, "o")->sinks[0];

    cr_expect_eq(c->connection_count, 3);
    cr_expect_str_eq(kafka->connection->name, "kafka");
    cr_expect_eq(((const struct fake_kafka *)kafka->connection->options)->brokers.count, 2);
    cr_expect_str_eq(((const struct fake_kafka_source *)kafka->options)->group, "g");
    cr_expect_str_eq(plant->connection->name, "plant");
    cr_expect_eq(((const struct fake_mqtt *)plant->connection->options)->version.index, 1);
    cr_expect_str_eq(((const struct fake_mqtt *)plant->connection->options)->password, "s");
    cr_expect_str_eq(office->connection->name, "office");
    cr_expect_eq(((const struct fake_mqtt_end *)office->options)->qos, 2);
    cr_expect_null(route_of(c, "f")->source.connection);
    cr_expect_null(route_of(c, "h")->sinks[0].connection);
    nw_config_free(c);
}

Test(load, a_connection_may_be_all_defaults)
{
    struct nw_config *c = load("connections: {http: }\n"
                               "routes: {h: {from: {http: \"POST /x\"}, to: {nats: b}}}");
    const struct nw_connection_spec *http = route_of(c, "h")->source.connection;

    cr_assert_not_null(http);
    cr_expect_str_eq(((const struct fake_http *)http->options)->listen, "127.0.0.1:8080");
    nw_config_free(c);
}

Test(load, the_form_of_the_address_decides_and_so_who_waits)
{
    struct nw_config *c = load("routes:\n"
                               "  served: {from: {http: \"POST /hooks/{repo}\"}, to: {nats: b}}\n"
                               "  polled: {from: {http: \"GET https://h/\"}, to: {nats: b}}\n"
                               "  asked: {from: {nats: a, reply: true}, to: {nats: b}}\n"
                               "  told: {from: {nats: a}, to: {nats: b}}\n");

    cr_expect(route_of(c, "served")->source.reply);
    cr_expect_str_eq(route_of(c, "served")->source.address, "POST /hooks/{repo}");
    cr_expect_str_eq(route_of(c, "served")->scope.pattern, "/hooks/{repo}");
    cr_expect_not(route_of(c, "polled")->source.reply);
    cr_expect(route_of(c, "asked")->source.reply);
    cr_expect_not(route_of(c, "told")->source.reply);
    nw_config_free(c);
}

Test(load, paths_begin_at_their_file)
{
    struct nw_config *c;
    char expected[200];

    cr_assert_eq(mkdir("conf", 0700), 0);
    folder_write("conf/me.creds", "");
    folder_write("conf/r.yaml", "nats: {credentials: me.creds, tls: {ca: /etc/passwd}}\n"
                                "routes:\n"
                                "  in: {from: {file: \"inbox/*.csv\"}, to: {nats: b}}\n"
                                "  out: {from: {nats: a}, to: {file: \"out/{{id}}.json\"}}\n"
                                "  abs: {from: {file: /x}, to: {nats: b}}\n"
                                "  std: {from: {file: \"-\"}, to: {nats: b}}\n");
    free(load_files((const char *const[]){"conf/r.yaml"}, 1, &c));
    cr_assert_not_null(c);
    cr_expect_str_eq(c->name, "r");
    (void)snprintf(expected, sizeof expected, "%s/conf/me.creds", folder_path());
    cr_expect_str_eq(((const struct fake_nats *)c->nats->options)->credentials, expected);
    cr_expect_str_eq(((const struct fake_nats *)c->nats->options)->tls.ca, "/etc/passwd");
    (void)snprintf(expected, sizeof expected, "%s/conf/inbox/*.csv", folder_path());
    cr_expect_str_eq(route_of(c, "in")->source.address, expected);
    (void)snprintf(expected, sizeof expected, "%s/conf/out/{{id}}.json", folder_path());
    cr_expect_str_eq(route_of(c, "out")->sinks[0].address, expected);
    cr_expect_str_eq(route_of(c, "abs")->source.address, "/x");
    cr_expect_str_eq(route_of(c, "std")->source.address, "-");
    nw_config_free(c);
}

Test(load, targets_templates_and_steps)
{
    struct nw_config *c =
        load("connections: {kafka: {brokers: h}, mqtt: {url: \"mqtt://h\"}}\n"
             "routes:\n"
             "  alarms:\n"
             "    from: {jetstream: \"alarms.>\", durable: d, deliver: {sequence: 5}}\n"
             "    map:\n"
             "      - {filter: \".a > 1\", when: .b}\n"
             "      - payload: \"{t: .a}\"\n"
             "      - set: {key: k, headers: {X: y, Z: null}, timestamp: null, id: i}\n"
             "      - remove: [Old-*, Other]\n"
             "      - {drop: true, when: .c}\n"
             "      - {reject: no, when: .d}\n"
             "    reply: [{set: {headers: {A: b}}}]\n"
             "    to:\n"
             "      - {mqtt: \"alarms/{{token(2)}}\", when: .high}\n"
             "      - {kafka: alarms, key: \"{{token(2)}}\", headers: {H: v}}\n"
             "      - {nats: rest, otherwise: true, request: 2s}\n");
    const struct nw_route_spec *r = route_of(c, "alarms");
    const struct fake_kafka_sink *kafka = r->sinks[1].options;

    cr_expect_not(nw_map_is_empty(r->map));
    cr_expect_not(nw_map_is_empty(r->reply));
    cr_expect_eq(((const struct fake_jetstream_source *)r->source.options)->deliver.index, 3);
    cr_expect_eq(r->sink_count, 3);
    cr_expect_not_null(r->sinks[0].when);
    cr_expect_eq(r->sinks[0].template_count, 0);
    cr_expect_eq(r->sinks[1].template_count, 2);
    cr_expect_eq(r->sinks[1].key_slot, kafka->key);
    cr_expect_neq(kafka->key, 0);
    cr_expect_neq(kafka->headers.slots[0], 0);
    cr_expect(r->sinks[2].otherwise);
    cr_expect_eq(((const struct fake_nats_sink *)r->sinks[2].options)->request_ms, 2000);
    for (size_t i = 0; i < 3; i++) {
        cr_expect_not_null(r->sinks[i].address_template);
    }
    nw_config_free(c);
}

Test(load, a_default_may_be_a_template)
{
    struct nw_config *c = load("routes: {r: {from: {nats: a}, to: {jetstream: b}}}");
    const struct nw_sink_spec *sink = &route_of(c, "r")->sinks[0];

    cr_expect_eq(((const struct fake_jetstream_sink *)sink->options)->message_id, 1);
    cr_expect_eq(sink->template_count, 1);
    nw_config_free(c);
}

Test(load, dead_letters_are_everybodys_or_the_routes_own)
{
    struct nw_config *c =
        load("dead_letter: \"dlq.{{route}}\"\n"
             "routes:\n"
             "  a: {from: {nats: a}, to: {nats: b}}\n"
             "  b: {from: {nats: a}, to: {nats: b}, on_error: {dead_letter: own}}\n"
             "  c: {from: {nats: a}, to: {nats: b}, on_error: {then: drop}}\n"
             "  d: {from: {nats: a}, to: {nats: b}, on_error: {then: stop, retries: 3, backoff: "
             "1s..2s}}\n");
    const struct nw_sink_spec *letter = route_of(c, "a")->dead_letter;

    cr_assert_not_null(letter);
    cr_expect_str_eq(letter->connector->name, "dead_letter");
    cr_expect_eq(letter->connection, c->nats);
    cr_expect_str_eq(letter->address, "dlq.{{route}}");
    cr_expect_not_null(letter->address_template);
    cr_expect_not(route_of(c, "a")->on_error_given);
    cr_expect_str_eq(route_of(c, "b")->dead_letter->address, "own");
    cr_expect(route_of(c, "b")->on_error_given);
    cr_expect_eq(route_of(c, "c")->then, NW_THEN_DROP);
    cr_expect_null(route_of(c, "c")->dead_letter);
    cr_expect_eq(route_of(c, "d")->then, NW_THEN_STOP);
    cr_expect_eq(route_of(c, "d")->retries, 3);
    cr_expect_eq(route_of(c, "d")->backoff.first_ms, 1000);
    cr_expect_eq(route_of(c, "d")->backoff.longest_ms, 2000);
    nw_config_free(c);
}

Test(load, defaults_count_where_a_route_says_nothing)
{
    struct nw_config *c =
        load("defaults: {lanes: 4, order: key, on_error: {retries: 5, backoff: 1s..2s}}\n"
             "routes:\n"
             "  a: {from: {nats: a}, to: {nats: b}}\n"
             "  b: {from: {nats: a}, to: {nats: b}, lanes: 2, on_error: {retries: 6}}\n");

    cr_expect_eq(route_of(c, "a")->lanes, 4);
    cr_expect_eq(route_of(c, "a")->order, NW_ORDER_KEY);
    cr_expect_eq(route_of(c, "a")->retries, 5);
    cr_expect_eq(route_of(c, "a")->backoff.first_ms, 1000);
    cr_expect_not(route_of(c, "a")->on_error_given);
    cr_expect_eq(route_of(c, "b")->lanes, 2);
    cr_expect_eq(route_of(c, "b")->retries, 6);
    cr_expect_eq(route_of(c, "b")->backoff.longest_ms, 2000);
    cr_expect(route_of(c, "b")->on_error_given);
    nw_config_free(c);
}

Test(load, requests_side_by_side_have_no_order)
{
    struct nw_config *c =
        load("routes:\n"
             "  one: {from: {nats: a}, to: {http: \"POST https://h/\"}}\n"
             "  many: {from: {nats: a}, to: {http: \"POST https://h/\", concurrency: 8}}\n"
             "  key: {order: key, from: {nats: a}, to: {http: \"POST https://h/\", concurrency: "
             "8}}\n");

    cr_expect_eq(route_of(c, "one")->order, NW_ORDER_STRICT);
    cr_expect_eq(route_of(c, "many")->order, NW_ORDER_RELAXED);
    cr_expect_eq(route_of(c, "key")->order, NW_ORDER_KEY);
    nw_config_free(c);
}

static int64_t timeout_of(const struct nw_config *config, const char *name)
{
    const struct fake_nats_source *source = route_of(config, name)->source.options;

    return source->timeout_ms;
}

Test(load, whoever_asks_waits_as_long_as_the_targets_may_take)
{
    struct nw_config *c =
        load("routes:\n"
             "  usual: {from: {nats: x, reply: true}, to: {nats: y, request: 2s}}\n"
             "  longest:\n    from: {nats: x, reply: true}\n"
             "    to: [{nats: y, request: 8s}, {http: \"GET http://h\", timeout: 1m}, {nats: z}]\n"
             "  given: {from: {nats: x, reply: true, timeout: 3s}, to: {nats: y, request: 8s}}\n"
             "  plain: {from: {nats: x, reply: true}, to: {http: \"GET http://h\"}}\n"
             "  nobody: {from: {nats: x}, to: {nats: y, request: 8s}}\n");

    cr_expect_eq(timeout_of(c, "usual"), 5000);
    cr_expect_eq(timeout_of(c, "longest"), 60000);
    cr_expect_eq(timeout_of(c, "given"), 3000);
    cr_expect_eq(timeout_of(c, "plain"), 5000); /* a call's usual time was not asked for */
    cr_expect_eq(timeout_of(c, "nobody"), 5000);
    nw_config_free(c);
}

Test(load, aliases_share_what_is_written_once)
{
    struct nw_config *c = load("connections: {kafka: &k {brokers: h}, other: {type: kafka, "
                               "brokers: o}}\n"
                               "defaults: {on_error: &e {retries: 1}}\n"
                               "routes:\n"
                               "  a: {from: {nats: a}, to: {nats: b}, on_error: *e}\n"
                               "  b: {from: {nats: a}, to: {nats: b}}\n");

    cr_expect(route_of(c, "a")->on_error_given);
    cr_expect_eq(route_of(c, "a")->retries, 1);
    nw_config_free(c);
}

/* ---- several files ---- */

Test(load, files_and_folders_are_merged)
{
    struct nw_config *c;
    char *said;

    cr_assert_eq(mkdir("conf.d", 0700), 0);
    folder_write("main.yaml",
                 "name: n\nnats: {url: nats://h}\ninclude: [more/x.yaml, more/y.yaml, conf.d]\n");
    folder_write("conf.d/b.yml", "routes: {b: {from: {kafka: t, group: g}, to: {nats: b}}}\n");
    folder_write("conf.d/a.yaml", "connections: {kafka: {brokers: h}}\n");
    folder_write("conf.d/notes.txt", "not: [yaml\n");
    folder_write("conf.d/.hidden.yaml", "not: [yaml\n");
    cr_assert_eq(mkdir("more", 0700), 0);
    folder_write("more/x.yaml", "include: y.yaml\nroutes: {x: {from: {nats: a}, to: {nats: b}}}\n");
    folder_write("more/y.yaml", "include: z.yaml\nroutes: {y: {from: {nats: a}, to: {nats: b}}}\n");
    folder_write("more/z.yaml", "include: ../conf.d\n");
    folder_write("conf.d/c.yaml", "include: .\n");
    said = load_files((const char *const[]){"main.yaml", "conf.d/", "conf.d/b.yml"}, 3, &c);
    cr_assert_not_null(c, "%s", said);
    cr_expect_eq(c->route_count, 3);
    cr_expect_str_eq(route_of(c, "b")->source.connection->name, "kafka");
    cr_expect_str_eq(route_of(c, "y")->mark.file, "more/y.yaml");
    free(said);
    nw_config_free(c);
}

Test(load, what_two_files_define_names_both_places)
{
    char *said;

    folder_write("a.yaml", "name: n\n"
                           "nats: {url: nats://h}\n"
                           "connections: {kafka: {brokers: h}}\n"
                           "routes: {r: {from: {nats: a}, to: {nats: b}}}\n");
    folder_write("b.yaml", "name: n\n"
                           "nats: {url: nats://h}\n"
                           "connections:\n"
                           "  kafka: {brokers: h}\n"
                           "routes:\n"
                           "  r: {from: {nats: a}, to: {nats: b}}\n");
    said = load_files((const char *const[]){"a.yaml", "b.yaml"}, 2, NULL);
    cr_expect_str_eq(said, "b.yaml:1:1: name is given twice, first at a.yaml:1:1\n"
                           "b.yaml:2:1: nats is given twice, first at a.yaml:2:1\n"
                           "b.yaml:4:3: the connection kafka is defined twice, first at "
                           "a.yaml:3:15\n"
                           "b.yaml:6:3: r: the route is defined twice, first at a.yaml:4:10\n");
    free(said);
}

Test(load, every_file_that_cannot_be_read_is_named)
{
    char *said;

    cr_assert_eq(mkdir("empty", 0700), 0);
    folder_write("a.yaml", "include: [absent.yaml, empty]\n");
    folder_write("b.yaml", "routes: [\n");
    said = load_files((const char *const[]){"gone.yaml", "a.yaml", "b.yaml"}, 3, NULL);
    cr_expect_str_eq(said, "cannot read gone.yaml: No such file or directory\n"
                           "a.yaml:1:11: cannot read absent.yaml: No such file or directory\n"
                           "a.yaml:1:24: empty: there is no .yaml file in this folder\n"
                           "b.yaml:2:1: not valid YAML: did not find expected node content, "
                           "while parsing a flow node\n");
    free(said);
}

Test(load, circles_of_includes_are_found)
{
    char *said;

    cr_assert_eq(mkdir("more", 0700), 0);
    folder_write("a.yaml", "include: [more, more/b.yaml]\n"
                           "routes: {r: {from: {nats: a}, to: {nats: b}, lanes: 0}}\n");
    folder_write("more/b.yaml", "include: [c.yaml, c.yaml]\n");
    folder_write("more/c.yaml", "include:\n"
                                "  - d.yaml\n"
                                "  - ../a.yaml\n");
    folder_write("more/d.yaml", "include: [d.yaml, ./b.yaml]\n");
    said = load_files((const char *const[]){"a.yaml", "more/d.yaml"}, 2, NULL);
    cr_expect_str_eq(
        said, "a.yaml:2:53: r: lanes: expected a whole number from 1 to 256, found \"0\"\n"
              "more/c.yaml:3:5: a circle of includes: a.yaml, more/b.yaml, more/c.yaml, a.yaml\n"
              "more/d.yaml:1:11: the file includes itself\n"
              "more/d.yaml:1:19: a circle of includes: more/b.yaml, more/c.yaml, more/d.yaml, "
              "more/b.yaml\n");
    free(said);
}

Test(load, what_a_missing_file_may_hold_is_not_missed)
{
    char *said;

    folder_write("a.yaml", "include: absent.yaml\n"
                           "routes:\n"
                           "  a: {from: {nats: a, quue: q}, to: {nats: b}}\n"
                           "  b: {from: {kafka: a, connection: there}, to: {nats: b}}\n"
                           "  c: {use: there}\n");
    said = load_files((const char *const[]){"a.yaml"}, 1, NULL);
    cr_expect_str_eq(said,
                     "a.yaml:1:10: cannot read absent.yaml: No such file or directory\n"
                     "a.yaml:3:23: a: nats has no option \"quue\"; did you mean \"queue\"?\n");
    free(said);
}

Test(load, a_bridge_is_named_after_its_file)
{
    struct nw_config *c;

    folder_write("plant one.v2.yaml", "routes: {r: {from: {nats: a}, to: {nats: b}}}\n");
    free(load_files((const char *const[]){"plant one.v2.yaml"}, 1, &c));
    cr_assert_not_null(c);
    cr_expect_str_eq(c->name, "plant-one.v2");
    nw_config_free(c);
}

Test(load, thousands_of_routes_take_no_time)
{
    struct nw_config *c;
    FILE *out = fopen("many.yaml", "w");
    int64_t start;

    (void)fputs("dead_letter: dlq\nconnections: {kafka: {brokers: h}}\nroutes:\n", out);
    for (int i = 0; i < 10000; i++) {
        (void)fprintf(out,
                      "  r%d:\n    from: {kafka: t%d, group: g}\n"
                      "    to: {jetstream: \"legacy.t%d.{{key}}\"}\n",
                      i, i, i);
    }
    (void)fclose(out);
    start = nw_clock_monotonic_ns();
    free(load_files((const char *const[]){"many.yaml"}, 1, &c));
    cr_assert_not_null(c);
    cr_expect_eq(c->route_count, 10000);
    cr_expect_not_null(nw_config_route(c, "r9999"));
    cr_expect_null(nw_config_route(c, "r10000"));
    /* A second is the promise; sanitizers and a busy machine get ten. */
    cr_expect_lt(nw_clock_monotonic_ns() - start, INT64_C(10000000000));
    nw_config_free(c);
}
