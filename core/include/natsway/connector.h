/* SPDX-License-Identifier: Apache-2.0 */
/*
 * natsway/connector.h: the contract between natsway and a connector. A connector includes this
 * header and its own library, nothing else of natsway.
 *
 * A connector is one shared object NAME.so that defines nw_connector_NAME() (see NW_CONNECTOR). It
 * offers a source, a sink, or both. Four verbs move messages:
 *
 *     offer   source -> pump   nw_offer(), any thread: "here are messages"
 *     send    pump -> sink     sink->send(), worker thread: "move these"
 *     done    sink -> pump     nw_done(), any thread: what became of each sent message
 *     settle  pump -> source   source->settle(), worker thread: what became of each offered message
 * Every message sent is done exactly once, every message offered is settled exactly once.
 *
 * Threads. open, credit, settle, send, stop and close of one endpoint run on its lane's worker
 * thread, one at a time: endpoint state needs no lock against them. They must not block and must
 * not wait for the network; anything slow belongs on a thread of the connector or of its library.
 * The functions below may be called from any thread unless they say otherwise. No lock of natsway
 * is held while a connector is called.
 * Results. Functions return 0 or a negative NW_E…; text for people goes into struct nw_error. */
#ifndef NATSWAY_CONNECTOR_H
#define NATSWAY_CONNECTOR_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

#define NW_ABI_VERSION 1
#define NW_API __attribute__((visibility("default")))

/* ---- Values ---- */

/* Bytes of somebody else. data == NULL means absent, which is not the same as empty. */
struct nw_slice {
    const char *data;
    size_t len;
};

enum nw_status {
    NW_OK = 0,
    NW_EINVAL = -1, /* what was given is wrong */
    NW_ENOMEM = -2,
    NW_EIO = -3,       /* the operating system or a library failed */
    NW_EAGAIN = -4,    /* not now; nothing was changed */
    NW_ENOTFOUND = -5, /* there is no such thing */
    NW_EFULL = -6      /* a stated limit is reached */
};

/* Text for people. A caller that does not want it passes NULL. */
struct nw_error {
    int code;
    size_t at; /* where in the text that was parsed, in bytes from its start */
    char text[500];
};

/* Fill error (may be NULL) and return code. */
NW_API int nw_error_set(struct nw_error *error, int code, const char *format, ...)
    __attribute__((format(printf, 3, 4)));

/* Nanoseconds since an arbitrary point; never goes back. */
NW_API int64_t nw_clock_monotonic_ns(void);
/* Nanoseconds since 1970-01-01 UTC. */
NW_API int64_t nw_clock_real_ns(void);

/* ---- Options: one row each; parser, defaults, reference and schema come from the rows ---- */

/* What a template fills decides how inserted values are escaped and what the whole must be. */
/* clang-format off */
enum nw_fill { NW_FILL_TEXT, NW_FILL_SUBJECT, NW_FILL_KAFKA_TOPIC, NW_FILL_MQTT_TOPIC, NW_FILL_URL,
               NW_FILL_HEADER, NW_FILL_PATH, NW_FILL_KV_KEY };
/* clang-format on */

/* The member at `offset` of the options structure has the C type named here. Text belongs to the
 * host and lives as long as the endpoint. */
enum nw_option_type {
    NW_OPTION_TEXT,      /* const char *; NULL if not given and without default */
    NW_OPTION_SECRET,    /* const char *; never printed, logged or served */
    NW_OPTION_PATH,      /* const char *; a readable file, made absolute from its YAML's folder */
    NW_OPTION_BOOL,      /* bool */
    NW_OPTION_INT,       /* int64_t, min..max */
    NW_OPTION_SIZE,      /* int64_t bytes, min..max, written 64KiB */
    NW_OPTION_DURATION,  /* int64_t milliseconds, min..max, written 2s */
    NW_OPTION_CHOICE,    /* struct nw_choice; `choices` names them, see there */
    NW_OPTION_LIST,      /* struct nw_list; a single text is a list of one */
    NW_OPTION_SECRETS,   /* struct nw_list; as NW_OPTION_SECRET */
    NW_OPTION_PAIRS,     /* struct nw_pairs: a mapping of names to texts */
    NW_OPTION_TEMPLATE,  /* uint32_t slot for nw_message_value(), 0: not given */
    NW_OPTION_TEMPLATES, /* struct nw_pairs whose slots are filled, texts are not */
    NW_OPTION_GROUP      /* an embedded structure with rows of its own; offsets within it. With
                            `choices`, a text stands for the first row alone */
};

/* `choices` is "earliest|latest|since=": a name is written as text, a name with "=" as a mapping
 * with that one key, {since: 5m}, whose value is kept as text. index counts from 0. */
struct nw_choice {
    int index;
    const char *value;
};
struct nw_list {
    const char *const *items;
    size_t count;
};
struct nw_pairs {
    const char *const *names;
    const char *const *texts;
    const uint32_t *slots;
    size_t count;
};

#define NW_OPTION_REQUIRED 1u

struct nw_option {
    const char *name; /* NULL ends the table */
    enum nw_option_type type;
    size_t offset;
    const char *standard; /* the default as a user would write it; NULL: none */
    const char *choices;
    int64_t min, max; /* both 0: no range */
    uint32_t flags;
    enum nw_fill fill;            /* of templates */
    const struct nw_option *rows; /* of a group */
    const char *doc;              /* one line */
};

/* Reports what only the connector can see. option is the row's name ("properties.linger.ms" for a
 * name in pairs, "tls.ca" in a group), or NULL: the address. */
struct nw_check;
NW_API void nw_check_error(struct nw_check *check, const char *option, const char *format, ...)
    __attribute__((format(printf, 3, 4)));
NW_API void nw_check_warning(struct nw_check *check, const char *option, const char *format, ...)
    __attribute__((format(printf, 3, 4)));

/* ---- Messages ---- */

/* One pooled object. What a connector sets is borrowed, not copied: it stays valid until the
 * release function runs. nw_message_alloc() and nw_message_copy() give memory that lives as long as
 * the message. Whoever owns the message may read it. */
struct nw_message;
struct nw_endpoint;

/* What a source may know of a message. A source names what it has in nw_source_kind.has. */
/* clang-format off */
enum nw_meta {
    NW_META_PARTITION, NW_META_OFFSET, NW_META_SEQUENCE, NW_META_QOS, NW_META_RETAINED,
    NW_META_LINE, NW_META_STATUS, NW_META_NUMBERS, /* numbers above, texts below */
    NW_META_STREAM = NW_META_NUMBERS, NW_META_METHOD, NW_META_REMOTE, NW_META_COUNT,
    NW_META_KEY = NW_META_COUNT, NW_META_PARAM, NW_META_QUERY /* only for `has` */
};
/* clang-format on */
#define NW_HAS(meta) (UINT64_C(1) << (meta))

/* A message for the source to fill and offer, or a sink's reply. NULL without memory. */
NW_API struct nw_message *nw_message_new(struct nw_endpoint *endpoint);
/* Count one more owner, or one less; the last frees. nw_offer, nw_done with a reply take the
 * caller's. To keep a message beyond settle or a reply beyond settle, ref it there. */
NW_API struct nw_message *nw_message_ref(struct nw_message *message);
NW_API void nw_message_unref(struct nw_message *message);
/* Called once, on any thread, when nobody needs the borrowed bytes any more. */
NW_API void nw_message_set_release(struct nw_message *m, void (*release)(void *owner), void *owner);
NW_API void *nw_message_alloc(struct nw_message *message, size_t size); /* aligned, or NULL */
NW_API struct nw_slice nw_message_copy(struct nw_message *message, const void *data, size_t len);

NW_API void nw_message_set_address(struct nw_message *message, struct nw_slice address);
NW_API void nw_message_set_key(struct nw_message *message, struct nw_slice key);
NW_API void nw_message_set_payload(struct nw_message *message, struct nw_slice payload);
NW_API int nw_message_add_header(struct nw_message *m, struct nw_slice name, struct nw_slice value);
NW_API int nw_message_add_param(struct nw_message *m, struct nw_slice name, struct nw_slice value);
NW_API int nw_message_add_query(struct nw_message *m, struct nw_slice name, struct nw_slice value);
NW_API void nw_message_set_number(struct nw_message *message, enum nw_meta meta, int64_t number);
NW_API void nw_message_set_text(struct nw_message *m, enum nw_meta meta, struct nw_slice text);
/* When it happened at its origin, nanoseconds since 1970. Without it: when it was made. */
NW_API void nw_message_set_timestamp(struct nw_message *message, int64_t real_ns);
/* What identifies the message at its origin for ever: "kafka:orders/3/1234". Equal for a repeat. */
NW_API void nw_message_set_origin(struct nw_message *message, struct nw_slice origin);
/* Somebody waits until then (nw_clock_monotonic_ns): failures are answered, not held. */
NW_API void nw_message_set_deadline(struct nw_message *message, int64_t monotonic_ns);
/* One word of the connector's own; a source's and a sink's do not meet. */
NW_API void nw_message_set_cookie(struct nw_message *message, uintptr_t cookie);
NW_API uintptr_t nw_message_cookie(const struct nw_message *message);

NW_API struct nw_slice nw_message_address(const struct nw_message *message);
NW_API struct nw_slice nw_message_key(const struct nw_message *message);
NW_API struct nw_slice nw_message_payload(const struct nw_message *message); /* NULL: tombstone */
NW_API size_t nw_message_header_count(const struct nw_message *message);
NW_API void nw_message_header(const struct nw_message *m, size_t index, struct nw_slice *name,
                              struct nw_slice *value);
/* false, and number untouched, if it has none. */
NW_API bool nw_message_number(const struct nw_message *message, enum nw_meta meta, int64_t *number);
NW_API struct nw_slice nw_message_text(const struct nw_message *message, enum nw_meta meta);
NW_API int64_t nw_message_timestamp(const struct nw_message *message);
NW_API struct nw_slice nw_message_origin(const struct nw_message *message);
/* Origin, route, target and split index: equal only for a repeat to the same target. */
NW_API struct nw_slice nw_message_id(const struct nw_message *message);
NW_API int64_t nw_message_deadline(const struct nw_message *message); /* 0: nobody waits */
/* What a template option gave for this message, in send and, of a source, after settle or nw_store;
 * slot as stored in the options structure. */
NW_API struct nw_slice nw_message_value(const struct nw_message *message, uint32_t slot);

/* ---- Outcomes ---- */

enum nw_outcome {
    NW_ACK,   /* the target confirmed it (settle: all; or filtered, dropped, dead-lettered) */
    NW_RETRY, /* not now: the target is away or busy (settle: not delivered, it must come again) */
    NW_REJECT /* never: the target refuses this message (settle: only where somebody waits) */
};

/* Why not; a waiting caller's answer is chosen by it. */
/* clang-format off */
enum nw_cause {
    NW_CAUSE_NONE, NW_CAUSE_MAPPING, NW_CAUSE_REFUSED, NW_CAUSE_TOO_LARGE, NW_CAUSE_OUTAGE,
    NW_CAUSE_STOPPING,
    NW_CAUSE_TIMEOUT,     /* a request had no answer in time */
    NW_CAUSE_NO_RESPONDER /* a request that nobody serves */
};
/* clang-format on */

struct nw_result {
    struct nw_message *message;
    enum nw_outcome outcome;
    enum nw_cause cause;
    uint32_t retry_after_ms;  /* with NW_RETRY: the target asked for at least this; 0: it did not */
    const char *reason;       /* unless NW_ACK: for people; copied by nw_done, may be NULL */
    struct nw_message *reply; /* of a sink that answers, with a refusal too; else NULL */
};

/* ---- Endpoints ---- */
enum nw_order { NW_ORDER_STRICT, NW_ORDER_KEY, NW_ORDER_RELAXED };

/* What an endpoint is opened with; all of it lives until nw_closed(). */
struct nw_endpoint_config {
    const char *instance;       /* unique for this process, stable across restarts */
    const char *bridge, *route; /* their names */
    unsigned lane, lanes;       /* from 0; how many */
    const char *address; /* as configured; a sink's is a template, its value comes with messages */
    const void *options; /* the structure the rows fill */
    void *connection;    /* state of the connection's open, or NULL if the kind has none */
    enum nw_order order;
    size_t max_in_flight;                     /* messages */
    int64_t retry_first_ms, retry_longest_ms; /* the route's backoff, for reconnecting */
    bool reply;    /* source: the route answers; sink: the answer is wanted */
    size_t memory; /* source: bytes that it and its library may keep beside what it offered */
    bool spool;    /* source: what is settled with NW_CAUSE_OUTAGE is wanted in nw_store() */
    struct nw_seek *seek; /* sources; NULL but for `natsway seek` */
};

enum nw_seek_to { NW_SEEK_BEGINNING, NW_SEEK_END, NW_SEEK_TIME, NW_SEEK_SEQUENCE };
/* A source opened with one moves the route's position, calls done once, on any thread (text: from
 * where to where, or why not), and offers nothing. Only for those with SEQUENCE, OFFSET or LINE. */
struct nw_seek {
    enum nw_seek_to to;
    int64_t value; /* nanoseconds since 1970; or a sequence, an offset, a line */
    void (*done)(struct nw_seek *seek, bool moved, const char *text);
};

/* offer: hand over n messages, in order; the pump owns them until settle. The source holds credit
 * for them. Not after stop() returned, nor from inside settle of the same message. */
NW_API void nw_offer(struct nw_endpoint *source, struct nw_message *const *messages, size_t n);

/* The only backpressure. Take up to `want` credits, one for each message; what is not used is given
 * back. Returns how many: after 0, credit() of the source is called once when there are some. */
NW_API size_t nw_credit_take(struct nw_endpoint *source, size_t want);
NW_API void nw_credit_return(struct nw_endpoint *source, size_t unused);

/* For a source whose library confirms before anything can be delivered: write n messages to the
 * route's crash-safe spool and take them over. 0: they are stored and may be confirmed; the spool
 * gives them to the lane and settles them, needing no credit. NW_STORED_FULL: the same, but stop
 * the sender: error says what is full; a reserve takes what is under way. NW_EFULL (of the
 * reserve), NW_EIO, NW_ENOMEM, NW_EINVAL (a template has no value): nothing was stored. n 0 asks
 * for room: 0 or NW_STORED_FULL. Takes settled ones too. Blocks for a commit: not for workers. */
#define NW_STORED_FULL 1
NW_API int nw_store(struct nw_endpoint *source, struct nw_message *const *messages, size_t n,
                    struct nw_error *error);

/* done: exactly once for every message sent, in any order. */
NW_API void nw_done(struct nw_endpoint *sink, const struct nw_result *results, size_t n);
/* In send: whether NW_RETRY is still on its way to the pump, so that this would get ahead of it. */
NW_API bool nw_retry_pending(const struct nw_endpoint *sink);
/* At most so many messages sent and not done. In open only; without it the lane's max_in_flight. */
NW_API void nw_sink_window(struct nw_endpoint *sink, size_t messages);

/* DOWN: lost or refused, it is being tried again. FAILED: until one of the two sides is changed. */
enum nw_state { NW_STATE_CONNECTING, NW_STATE_READY, NW_STATE_DOWN, NW_STATE_FAILED };
/* Where the endpoint stands; text for people, copied, may be NULL. Logged once for each change. */
NW_API void nw_endpoint_state(struct nw_endpoint *endpoint, enum nw_state state, const char *text);
/* After close(): exactly once, when nothing of the endpoint runs any more; its state is freed. */
NW_API void nw_closed(struct nw_endpoint *endpoint);

enum nw_level { NW_LOG_ERROR, NW_LOG_WARNING, NW_LOG_INFO, NW_LOG_DEBUG };
/* For what is not the fate of one message (those the pump logs). Never payloads, never secrets. */
NW_API void nw_log(struct nw_endpoint *endpoint, enum nw_level level, const char *format, ...)
    __attribute__((format(printf, 3, 4)));
/* n messages were lost before they could be offered (core NATS, QoS 0): received and dropped. */
NW_API void nw_lost(struct nw_endpoint *source, uint64_t n, const char *why);
/* How many messages wait at the source. */
NW_API void nw_lag(struct nw_endpoint *source, int64_t messages);
/* A counter of the connector's own: natsway_NAME_total{route}. name is a literal. */
NW_API void nw_metric_count(struct nw_endpoint *endpoint, const char *name, uint64_t n);

/* Small crash-safe state of the route (cursors): up to 64 KiB under a key. Reading (a millisecond)
 * gives a copy for free(), or NW_ENOTFOUND. Writing returns at once, NULL removes; it is on disk
 * within 200 ms, after nw_state_sync() (it waits; not for workers), after nw_closed(). */
NW_API int nw_state_read(struct nw_endpoint *endpoint, const char *key, void **data, size_t *len);
NW_API int nw_state_write(struct nw_endpoint *e, const char *key, const void *data, size_t len);
NW_API void nw_state_sync(struct nw_endpoint *endpoint);

struct nw_connection;
NW_API void nw_connection_state(struct nw_connection *c, enum nw_state state, const char *text);
NW_API void nw_connection_log(struct nw_connection *connection, enum nw_level level,
                              const char *format, ...) __attribute__((format(printf, 3, 4)));

/* What routes share: a producer, a listener. Opened before, closed after the endpoints that use it,
 * on the main thread; neither waits for the network. probe (`check --online`) does: it connects
 * once, within 5 s, and leaves nothing behind. */
struct nw_connection_config {
    const char *bridge, *instance, *name;
    const void *options;
};
struct nw_connection_kind {
    const struct nw_option *options; /* NULL: this connector has no connections */
    size_t options_size;
    bool optional; /* an endpoint may do without: its connection is then NULL */
    void (*check)(const void *options, struct nw_check *check); /* may be NULL; no I/O */
    int (*open)(struct nw_connection *connection, const struct nw_connection_config *config,
                void **state, struct nw_error *error);
    void (*close)(void *state);                                /* may take up to a second */
    int (*probe)(const void *options, struct nw_error *error); /* may be NULL */
};

/* What the source's address is, for templates and conversion. */
/* clang-format off */
enum nw_address_kind { NW_ADDRESS_SUBJECT, NW_ADDRESS_TOPIC_MQTT, NW_ADDRESS_TOPIC_KAFKA,
                       NW_ADDRESS_HTTP_PATH, NW_ADDRESS_FILE_PATH };
/* clang-format on */

struct nw_source_kind {
    const struct nw_option *options;
    size_t options_size;
    enum nw_address_kind address;
    uint64_t has;                      /* NW_HAS(…) of what its messages carry */
    bool spooled;                      /* it always uses nw_store() */
    const char *address_doc, *promise; /* for the reference: what it is, what is guaranteed */
    /* May be NULL. options and connection options as parsed; no I/O, nothing kept. */
    void (*check)(const char *address, const void *options, const void *connection_options,
                  struct nw_check *check);
    /* Start. A server that is away is no error: say so with nw_endpoint_state and go on trying.
     * An error here is one that will not go away by itself. */
    int (*open)(struct nw_endpoint *source, const struct nw_endpoint_config *config, void **state,
                struct nw_error *error);
    void (*credit)(void *state); /* there is credit again after nw_credit_take gave none */
    void (*settle)(void *state, const struct nw_result *results, size_t n);
    void (*stop)(void *state);  /* no offer after it returns; what was offered will be settled */
    void (*close)(void *state); /* once, after stop, when all is settled; ends with nw_closed() */
};

struct nw_sink_kind {
    const struct nw_option *options;
    size_t options_size;
    enum nw_fill address; /* what the address template fills */
    const char *address_doc, *promise;
    void (*check)(const char *address, const void *options, const void *connection_options,
                  struct nw_check *check);
    int (*open)(struct nw_endpoint *sink, const struct nw_endpoint_config *config, void **state,
                struct nw_error *error);
    void (*send)(void *state, struct nw_message *const *messages, size_t n);
    void (*close)(void *state); /* once: done() for all it has left (NW_RETRY), then nw_closed() */
};

struct nw_connector {
    uint32_t abi; /* the first five: filled by NW_CONNECTOR_HEAD, checked when it is loaded */
    uint32_t connector_size, option_size, result_size, config_size;
    const char *name, *version, *summary;
    const struct nw_connection_kind *connection; /* each may be NULL */
    const struct nw_source_kind *source;
    const struct nw_sink_kind *sink;
    /* May be NULL: picks another kind by the form of the address ("GET https://…" is called, "GET
     * /x" served). `source` and `sink` above stay the usual ones. */
    const struct nw_source_kind *(*source_for)(const char *address);
    const struct nw_sink_kind *(*sink_for)(const char *address);
    /* May be NULL. Main thread: a reload has removed the route, whose endpoints are closed. */
    void (*removed)(void *connection, const char *route);
};

#define NW_CONNECTOR_HEAD                                                  \
    NW_ABI_VERSION, sizeof(struct nw_connector), sizeof(struct nw_option), \
        sizeof(struct nw_result), sizeof(struct nw_endpoint_config)

/* Defines the entry of connector NAME: NW_CONNECTOR(kafka) { return &connector; } */
#define NW_CONNECTOR(NAME)                                       \
    NW_API const struct nw_connector *nw_connector_##NAME(void); \
    NW_API const struct nw_connector *nw_connector_##NAME(void)

#ifdef __cplusplus
}
#endif
#endif
