/* SPDX-License-Identifier: Apache-2.0 */
#include "config/rows.h"

#define SETTING(member) offsetof(struct nw_settings, member)
#define ROUTE(member) offsetof(struct nw_route_options, member)
#define PART(key, text)                                      \
    {                                                        \
        .name = (key), .type = NW_OPTION_TEXT, .doc = (text) \
    }

#define KIB INT64_C(1024)
#define GIB (KIB * KIB * KIB)
#define DAY_MS INT64_C(86400000)

static const struct nw_option log_rows[] = {
    {.name = "level",
     .type = NW_OPTION_CHOICE,
     .offset = SETTING(log.level) - SETTING(log),
     .standard = "info",
     .choices = "error|warning|info|debug",
     .doc = "what is at least this important is logged"},
    {.name = "format",
     .type = NW_OPTION_CHOICE,
     .offset = SETTING(log.format) - SETTING(log),
     .standard = "text",
     .choices = "text|json",
     .doc = "how a line looks where it is no terminal"},
    {.name = NULL},
};

const struct nw_option nw_settings_rows[] = {
    {.name = "name",
     .type = NW_OPTION_TEXT,
     .offset = SETTING(name),
     .doc = "the bridge's name, shared by every process that runs this file; default: the file's"},
    {.name = "instance",
     .type = NW_OPTION_TEXT,
     .offset = SETTING(instance),
     .doc = "unique for each process; default: made once and kept in state_dir"},
    {.name = "state_dir",
     .type = NW_OPTION_TEXT, /* it need not be there yet; made absolute by settings.c */
     .offset = SETTING(state_dir),
     .doc = "folder of spools and cursors; default: $XDG_STATE_HOME/natsway/NAME, or "
            "/var/lib/natsway/NAME"},
    {.name = "shutdown_timeout",
     .type = NW_OPTION_DURATION,
     .offset = SETTING(shutdown_timeout_ms),
     .standard = "30s",
     .min = 0,
     .max = DAY_MS,
     .doc = "how long what is in flight may take at the end"},
    {.name = "memory",
     .type = NW_OPTION_SIZE,
     .offset = SETTING(memory),
     .standard = "256MiB",
     .min = KIB * KIB,
     .max = INT64_MAX,
     .doc = "one budget for the messages in flight of all routes and what client libraries keep "
            "for them; no less than 2MiB for each lane is best"},
    {.name = "workers",
     .type = NW_OPTION_INT,
     .offset = SETTING(workers),
     .standard = "0",
     .min = 0,
     .max = 1024,
     .doc = "threads that run lanes; 0: one for each core"},
    {.name = "log",
     .type = NW_OPTION_GROUP,
     .offset = SETTING(log),
     .rows = log_rows,
     .doc = "what is logged, and how"},
    {.name = NULL},
};

const struct nw_option nw_top_rows[] = {
    PART("nats", "how NATS is reached; default: nats://127.0.0.1:4222"),
    PART("connections", "the foreign systems by name, and how they are reached"),
    PART("routes", "what moves, by name"),
    PART("dead_letter", "the subject of dead letters for every route, a template"),
    PART("defaults", "route options that count where a route does not give them"),
    PART("admin", "the admin listener's options, or off"),
    PART("include", "a file, or a list of files and folders, to be read as well"),
    PART("tests", "what `natsway test` runs"),
    PART("templates", "routes with parameters, by name: `with:` says which, $(NAME) is filled in"),
    PART("use", "{template: {route: {parameter: value}}}: routes made of templates"),
    {.name = NULL},
};

const struct nw_option nw_admin_rows[] = {
    {.name = "listen",
     .type = NW_OPTION_TEXT,
     .offset = offsetof(struct nw_admin_settings, listen),
     .standard = "127.0.0.1:8223",
     .doc = "where metrics, health and routes are served"},
    {.name = "token",
     .type = NW_OPTION_SECRET,
     .offset = offsetof(struct nw_admin_settings, token),
     .doc = "what a caller must send as a bearer token"},
    {.name = NULL},
};

#define SPOOL(member) (ROUTE(spool.member) - ROUTE(spool))

static const struct nw_option spool_rows[] = {
    {.name = "max_size",
     .type = NW_OPTION_SIZE,
     .offset = SPOOL(max_size),
     .standard = "1GiB",
     .min = KIB * KIB,
     .max = INT64_MAX,
     .doc = "how large it may get"},
    {.name = "max_age",
     .type = NW_OPTION_DURATION,
     .offset = SPOOL(max_age_ms),
     .standard = "24h",
     .doc = "what is older is dropped, counted and said; 0: nothing is"},
    {.name = "sync",
     .type = NW_OPTION_CHOICE,
     .offset = SPOOL(sync),
     .choices = "batch|none",
     .doc =
         "batch: what comes at one time is confirmed after one sync of the disk, so that a power "
         "cut loses nothing; none: it may take the last moments, a kill nothing. Default: batch "
         "for HTTP, none for MQTT"},
    {.name = "full",
     .type = NW_OPTION_CHOICE,
     .offset = SPOOL(full),
     .standard = "hold",
     .choices = "hold|drop_oldest",
     .doc = "what happens when it is full: the source is held (HTTP answers 503), or the oldest "
            "messages go"},
    {.name = NULL},
};

#define ON_ERROR(member) (ROUTE(on_error.member) - ROUTE(on_error))

static const struct nw_option on_error_rows[] = {
    {.name = "retries",
     .type = NW_OPTION_INT,
     .offset = ON_ERROR(retries),
     .standard = "-1",
     .min = -1,
     .max = 1000000000,
     .doc = "how often a message is tried again while its target is away; -1: for ever"},
    {.name = "backoff",
     .type = NW_OPTION_TEXT,
     .offset = ON_ERROR(backoff),
     .standard = "100ms..30s",
     .doc = "the first and the longest wait between tries"},
    {.name = "then",
     .type = NW_OPTION_CHOICE,
     .offset = ON_ERROR(then),
     .choices = "dead_letter|drop|stop",
     .doc = "what becomes of a message that was refused, or had all its tries; default: "
            "dead_letter if there is one, else drop"},
    {.name = "dead_letter",
     .type = NW_OPTION_TEXT,
     .offset = ON_ERROR(dead_letter),
     .doc = "the subject of this route's dead letters, a template"},
    {.name = NULL},
};

const struct nw_option nw_route_rows[] = {
    {.name = "description",
     .type = NW_OPTION_TEXT,
     .offset = ROUTE(description),
     .doc = "for people"},
    {.name = "lanes",
     .type = NW_OPTION_INT,
     .offset = ROUTE(lanes),
     .standard = "1",
     .min = 1,
     .max = 256,
     .doc = "how many copies of the route run side by side"},
    {.name = "max_in_flight",
     .type = NW_OPTION_INT,
     .offset = ROUTE(max_in_flight),
     .standard = "4000",
     .min = 1,
     .max = 1000000,
     .doc = "messages of a lane that are taken and not yet confirmed"},
    {.name = "order",
     .type = NW_OPTION_CHOICE,
     .offset = ROUTE(order),
     .standard = "strict",
     .choices = "strict|key|relaxed",
     .doc = "whether later messages wait for one that is tried again: all, those of its key, or "
            "none"},
    {.name = "on_error",
     .type = NW_OPTION_GROUP,
     .offset = ROUTE(on_error),
     .rows = on_error_rows,
     .doc = "what happens when a target is away or refuses"},
    {.name = "spool",
     .type = NW_OPTION_GROUP,
     .offset = ROUTE(spool),
     .rows = spool_rows,
     .doc = "the store on disk of routes whose source cannot wait: MQTT, and HTTP with respond: "
            "accepted, or while the target is away if the route itself has this option"},
    {.name = "map_timeout",
     .type = NW_OPTION_DURATION,
     .offset = ROUTE(map_timeout_ms),
     .standard = "100ms",
     .min = 1,
     .max = 60000,
     .doc = "a message whose map takes more processor time is refused"},
    {.name = "enabled",
     .type = NW_OPTION_BOOL,
     .offset = ROUTE(enabled),
     .standard = "true",
     .doc = "false: the route is checked, and does not run"},
    {.name = "trace",
     .type = NW_OPTION_BOOL,
     .offset = ROUTE(trace),
     .standard = "false",
     .doc = "log each message of the route, without its payload"},
    {.name = NULL},
};

const struct nw_option nw_route_part_rows[] = {
    PART("from", "the source: {connector: address, options}"),
    PART("map", "a list of steps between source and targets"),
    PART("to", "the target, or a list of targets"),
    PART("reply", "a list of steps for the answer on its way back"),
    PART("use", "the template that the route is made of; what stands beside it counts instead"),
    PART("with", "{parameter: value}, for the template"),
    {.name = NULL},
};

const struct nw_option nw_source_word_rows[] = {
    {.name = "connection",
     .type = NW_OPTION_TEXT,
     .offset = offsetof(struct nw_source_words, connection),
     .doc = "which connection, where there are several of its type"},
    {.name = NULL},
};

const struct nw_option nw_sink_word_rows[] = {
    {.name = "connection",
     .type = NW_OPTION_TEXT,
     .offset = offsetof(struct nw_sink_words, connection),
     .doc = "which connection, where there are several of its type"},
    {.name = "when",
     .type = NW_OPTION_TEXT,
     .offset = offsetof(struct nw_sink_words, when),
     .doc = "jq: the target takes the messages for which this is true"},
    {.name = "otherwise",
     .type = NW_OPTION_BOOL,
     .offset = offsetof(struct nw_sink_words, otherwise),
     .standard = "false",
     .doc = "the target takes the messages that no other target took"},
    {.name = NULL},
};

const struct nw_option nw_connection_word_rows[] = {
    {.name = "type",
     .type = NW_OPTION_TEXT,
     .offset = offsetof(struct nw_connection_words, type),
     .doc = "its connector; default: the one of the connection's name"},
    {.name = NULL},
};

const struct nw_option nw_csv_rows[] = {
    {.name = "delimiter",
     .type = NW_OPTION_TEXT,
     .offset = offsetof(struct nw_csv_words, delimiter),
     .standard = ",",
     .doc = "what stands between fields: one character"},
    {.name = "header",
     .type = NW_OPTION_BOOL,
     .offset = offsetof(struct nw_csv_words, header),
     .standard = "true",
     .doc = "the first row names the columns, and rows are objects; false: rows are arrays"},
    {.name = "columns",
     .type = NW_OPTION_LIST,
     .offset = offsetof(struct nw_csv_words, columns),
     .doc = "the names of the columns, where no row has them: a file that is read line by line; in "
            "encode: which members become columns, all others are left out"},
    {.name = NULL},
};

const struct nw_option nw_csv_type_rows[] = {
    {.name = "types",
     .type = NW_OPTION_PAIRS,
     .doc = "{column: integer, number or boolean}: what fields are read as; all others stay text"},
    {.name = NULL},
};

#define AVRO(member) offsetof(struct nw_avro_words, member)

static const struct nw_option avro_tls_rows[] = {
    {.name = "ca",
     .type = NW_OPTION_PATH,
     .offset = AVRO(tls.ca) - AVRO(tls),
     .doc =
         "file with the certificates that may have signed the registry's; default: the system's"},
    {.name = NULL},
};

const struct nw_option nw_avro_rows[] = {
    {.name = "schema",
     .type = NW_OPTION_PATH,
     .offset = AVRO(schema),
     .doc = "file with the schema (.avsc); in decode with a registry only for `natsway test` and "
            "`natsway try`, which ask nothing"},
    {.name = "registry",
     .type = NW_OPTION_TEXT,
     .offset = AVRO(registry),
     .doc = "URL of a Confluent-compatible schema registry: a message begins with a zero byte and "
            "the id of its schema"},
    {.name = "user",
     .type = NW_OPTION_SECRET,
     .offset = AVRO(user),
     .doc = "for the registry, with password"},
    {.name = "password",
     .type = NW_OPTION_SECRET,
     .offset = AVRO(password),
     .doc = "for the registry, with user"},
    {.name = "token",
     .type = NW_OPTION_SECRET,
     .offset = AVRO(token),
     .doc = "for the registry: a bearer token"},
    {.name = "tls",
     .type = NW_OPTION_GROUP,
     .offset = AVRO(tls),
     .rows = avro_tls_rows,
     .doc = "TLS to the registry"},
    {.name = "subject",
     .type = NW_OPTION_CHOICE,
     .offset = AVRO(subject),
     .standard = "topic",
     .choices = "topic|record",
     .doc = "encode: where the schema is registered: under the address of the first target with "
            "-value behind it, or under the full name of the record"},
    {.name = "name",
     .type = NW_OPTION_TEXT,
     .offset = AVRO(name),
     .doc = "encode: the registry's subject by its name, instead of subject"},
    {.name = "register",
     .type = NW_OPTION_BOOL,
     .offset = AVRO(registers),
     .standard = "true",
     .doc = "encode: false looks the schema up, and registers nothing"},
    {.name = NULL},
};

const struct nw_option nw_check_rows[] = {
    {.name = "required",
     .type = NW_OPTION_LIST,
     .offset = offsetof(struct nw_check_words, required),
     .doc = "members that must be there and not null; with a dot in front a path: .customer.id, "
            ".items[0].sku"},
    {.name = NULL},
};

const struct nw_option nw_check_type_rows[] = {
    {.name = "types",
     .type = NW_OPTION_PAIRS,
     .doc = "{member: type}: string, integer, number, boolean, object, array or null, if it is "
            "there"},
    {.name = NULL},
};

const struct nw_option nw_dedupe_rows[] = {
    {.name = "id",
     .type = NW_OPTION_TEXT, /* a template, compiled by the step */
     .offset = offsetof(struct nw_dedupe_words, id),
     .flags = NW_OPTION_REQUIRED,
     .doc = "a template: what is equal in repeats and in nothing else; where it is empty, the "
            "message is no repeat"},
    {.name = "window",
     .type = NW_OPTION_DURATION,
     .offset = offsetof(struct nw_dedupe_words, window_ms),
     .standard = "2m",
     .min = 1,
     .max = 366 * DAY_MS,
     .doc = "how long an id is remembered, from its first message on, also across restarts"},
    {.name = "max_entries",
     .type = NW_OPTION_INT,
     .offset = offsetof(struct nw_dedupe_words, max_entries),
     .standard = "1000000",
     .min = 1,
     .max = 100000000,
     .doc = "how many ids are remembered at most, at 32 bytes on disk and some 50 in memory each; "
            "beyond it the oldest are forgotten"},
    {.name = NULL},
};

#define LOOKUP(member) offsetof(struct nw_lookup_words, member)

const struct nw_option nw_lookup_rows[] = {
    {.name = "file",
     .type = NW_OPTION_PATH,
     .offset = LOOKUP(file),
     .doc = "a CSV or JSON file, read again when it changes"},
    {.name = "kv",
     .type = NW_OPTION_TEXT,
     .offset = LOOKUP(kv),
     .doc = "a NATS KV bucket, kept current; file or kv must be given"},
    {.name = "key",
     .type = NW_OPTION_TEXT, /* a program, compiled by the step */
     .offset = LOOKUP(key),
     .flags = NW_OPTION_REQUIRED,
     .doc = "jq: what is looked for, a text or a number"},
    {.name = "into",
     .type = NW_OPTION_TEXT,
     .offset = LOOKUP(into),
     .flags = NW_OPTION_REQUIRED,
     .doc = "where in the payload the value goes: a path like .name or .a.b"},
    {.name = "by",
     .type = NW_OPTION_TEXT,
     .offset = LOOKUP(by),
     .doc = "of a file: the column that has the keys (the first one), or the member of the objects "
            "of a JSON array that has"},
    {.name = "take",
     .type = NW_OPTION_TEXT,
     .offset = LOOKUP(take),
     .doc = "the column, or the member of each value, that is wanted; without it all of it: of two "
            "columns the other one as text, of more an object"},
    {.name = "format",
     .type = NW_OPTION_CHOICE,
     .offset = LOOKUP(format),
     .choices = "csv|json",
     .doc = "of the file; default: by its name, .csv, .tsv or .json"},
    {.name = "delimiter",
     .type = NW_OPTION_TEXT,
     .offset = LOOKUP(delimiter),
     .doc = "of a CSV file: one character; default: a comma, in .tsv a tab"},
    {.name = NULL},
};

const struct nw_option nw_lookup_missing_rows[] = {
    {.name = "missing",
     .type = NW_OPTION_CHOICE,
     .standard = "reject",
     .choices = "reject|keep|value=",
     .doc = "where the table has no such key, or there is no key: the message is rejected, goes on "
            "as it is, or gets this value"},
    {.name = NULL},
};

const struct nw_option nw_step_rows[] = {
    PART("filter", "jq: keeps the message if true"),
    PART("payload", "jq: replaces the payload"),
    PART("split", "jq: one message for each value; the source is settled when all are"),
    PART("set", "sets key, subject, timestamp, id and headers to templates; null removes"),
    PART("remove", "removes headers: a name, or the beginning of names with * at its end"),
    PART("drop", "true: drops the message"),
    PART("reject", "a template: refuses the message, and says why"),
    PART("decode",
         "a format, or {csv: options}: makes JSON of the payload; json, text, base64, csv, "
         "xml, msgpack, cbor, and {avro: options}"),
    PART("encode", "the same formats: makes a payload of JSON"),
    PART("check", "{required: [names], types: {name: type}}: rejects what does not fit"),
    PART("dedupe",
         "{id: template, window: 2m}: drops repeats, messages with an id that another had"),
    PART("lookup",
         "{file: path, key: jq, into: path}, or kv: bucket: adds what a table has for a key"),
    PART("when", "jq, beside any step: the step is for messages for which this is true"),
    {.name = NULL},
};
