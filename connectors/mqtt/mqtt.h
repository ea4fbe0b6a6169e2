/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What the files of the MQTT connector share.
 *
 * Each endpoint is an MQTT client of its own, with a session and a TCP connection of its own: a
 * route that is held (its spool is full) then holds no other, overlapping filters of two routes are
 * told apart without any help, and MQTT 3.1.1 and 5 work alike. A *connection* in natsway's sense
 * is the address, the credentials and the TLS files that its clients share, and one thread.
 *
 * That thread, the *keeper*, is the only one that calls paho's functions: connect, subscribe,
 * publish, disconnect, destroy. Paho serialises everything in the process with one lock, which it
 * also holds while it resolves a name or shakes hands, so a worker must never call it. Workers and
 * paho's callbacks leave work under the connection's lock and wake the keeper.
 *
 *     worker  ── queue ──► keeper ── MQTTAsync_… ──► paho's send thread
 *     worker  ◄─ nw_done ─ keeper ◄── event, acked ─ paho's receive thread ── nw_store, nw_offer ─►
 */
#ifndef NATSWAY_MQTT_H
#define NATSWAY_MQTT_H

#include <MQTTAsync.h>
#include <natsway/connector.h>
#include <pthread.h>
#include <stdatomic.h>

#define MQTT_SECOND_NS INT64_C(1000000000)
#define MQTT_MILLISECOND_NS INT64_C(1000000)
#define MQTT_NEVER INT64_MAX

/* ---- options, filled from the rows in mqtt.c ---- */

enum { MQTT_VERSION_OPTION_5, MQTT_VERSION_OPTION_311 };

struct mqtt_tls {
    const char *ca, *cert, *key;
    bool verify;
};

struct mqtt_will {
    const char *topic, *payload;
    int64_t qos;
    bool retain;
};

struct mqtt_options {
    const char *url, *client_id, *username, *password;
    struct nw_choice version;
    int64_t keep_alive_ms, session_expiry_ms, connect_timeout_ms, receive_maximum;
    bool clean;
    struct mqtt_tls tls;
    struct mqtt_will will;
};

enum { MQTT_RETAINED_KEEP, MQTT_RETAINED_DROP };

struct mqtt_source_options {
    int64_t qos;
    const char *shared, *client_id;
    struct nw_choice retained, topics;
};

enum { MQTT_RETAIN_KEEP, MQTT_RETAIN_TRUE, MQTT_RETAIN_FALSE };

struct mqtt_sink_options {
    int64_t qos, expiry_ms;
    struct nw_choice retain, topics;
    const char *client_id;
};

extern const struct nw_connection_kind mqtt_connection_kind;
extern const struct nw_source_kind mqtt_source_kind;
extern const struct nw_sink_kind mqtt_sink_kind;

static inline struct nw_slice mqtt_slice(const char *text)
{
    return (struct nw_slice){text, text == NULL ? 0 : __builtin_strlen(text)};
}

/* ---- mqtt_connection.c: the keeper ---- */

struct mqtt_client;

struct mqtt_connection {
    struct nw_connection *host;
    const struct mqtt_options *options;
    const char *bridge, *instance, *name;
    bool version5;
    pthread_t keeper;

    pthread_mutex_t lock; /* guards all below, and of each client what is said there */
    pthread_cond_t wake;
    bool woken, ending;
    struct mqtt_client *clients;
    atomic_bool will_taken; /* the first client carries the will */

    /* The keeper's own. */
    struct mqtt_known *known; /* sessions that this bridge ever had here, see mqtt_sessions.c */
    int64_t clean_at_ns;      /* when all routes have opened: look for sessions nobody has */
    int state;                /* as last told to the host */
};

/* Let the keeper look at all clients. Any thread, the lock not held. */
void mqtt_connection_wake(struct mqtt_connection *c);
/* The same with the lock held. */
void mqtt_connection_wake_locked(struct mqtt_connection *c);

/* ---- mqtt_client.c: one MQTT client, kept connected ---- */

enum mqtt_phase {
    MQTT_WAITING,    /* until retry_at_ns */
    MQTT_CONNECTING, /* an attempt is under way */
    MQTT_UP,
    MQTT_HOLDING, /* disconnected on purpose, the session is kept */
    MQTT_CLOSED
};

enum mqtt_event { MQTT_EVENT_NONE, MQTT_EVENT_UP, MQTT_EVENT_LOST };

/* What a client is for. All but arrived run on the keeper, with no lock held. */
struct mqtt_client_kind {
    bool keeps_session; /* of a source; a sink begins anew with every connection */
    void (*up)(struct mqtt_client *c, bool session_present);
    void (*down)(struct mqtt_client *c); /* the connection is gone */
    /* Do what there is to do in this phase; returns when to call again at the latest. */
    int64_t (*work)(struct mqtt_client *c);
    void (*closed)(struct mqtt_client *c); /* paho forgot it: free it, nw_closed() */
    MQTTAsync_messageArrived *arrived;     /* paho's receive thread; NULL: none come */
    MQTTClient_persistence *persistence;   /* NULL: none */
};

/* What the server said in its CONNACK. max_packet 0: no limit. */
struct mqtt_server {
    uint32_t max_packet;
    int max_qos, receive_maximum;
    bool retain;
};

/* Embedded first in a source, a sink or a cleaner. The keeper's, but where said. */
struct mqtt_client {
    struct mqtt_client *next; /* lock */
    struct mqtt_connection *connection;
    const struct mqtt_client_kind *kind;
    struct nw_endpoint *endpoint; /* NULL: none */
    char *id;
    MQTTAsync handle;
    enum mqtt_phase phase;
    bool has_will, ready, failed; /* ready and failed as last told */
    int64_t retry_at_ns; /* WAITING: the next attempt; CONNECTING: when paho must have told */
    int64_t first_ms, longest_ms, wait_ms; /* the backoff */
    struct mqtt_server server;

    /* Guarded by the connection's lock. */
    enum mqtt_event event; /* the newest thing paho said */
    bool closing, session_present;
    bool unexplained; /* there was no connection, and paho does not say why */
    struct mqtt_server said;
    char reason[200];      /* of MQTT_EVENT_LOST */
    char said_reason[200]; /* the server's own, if it said one */
};

/* Prepare c, whose memory is zero; id is taken over (NULL: no memory). 0 or NW_ENOMEM. */
int mqtt_client_init(struct mqtt_client *c, struct mqtt_connection *connection,
                     const struct mqtt_client_kind *kind, char *id);
/* Hand c to the keeper, which owns it until kind->closed(). Any thread. */
void mqtt_client_start(struct mqtt_client *c);
/* Ask the keeper to disconnect and give it back. Any thread. */
void mqtt_client_close(struct mqtt_client *c);

/* One round of the keeper; returns when the next is due at the latest. */
int64_t mqtt_client_step(struct mqtt_client *c, bool *closed);
/* Give up this connection and come again after the backoff. Keeper. */
void mqtt_client_fail(struct mqtt_client *c, const char *reason);
/* Disconnect and stay away until mqtt_client_resume(); reason NULL: nobody need be told. Keeper. */
void mqtt_client_hold(struct mqtt_client *c, const char *reason);
void mqtt_client_resume(struct mqtt_client *c);
/* The endpoint works. Keeper. */
void mqtt_client_ready(struct mqtt_client *c);

/* The client id of an endpoint: exact if it is given, else made of the connection's (or the
 * bridge's and the instance's) name, the route and the lane. NULL: no memory. */
char *mqtt_client_id(const struct mqtt_connection *c, const struct nw_endpoint_config *config,
                     const char *exact);

/* ---- mqtt_paho.c: paho's functions, with our options ---- */

/* All return 0 or one of paho's negative codes. Keeper. */
int mqtt_paho_create(struct mqtt_client *c);
int mqtt_paho_connect(struct mqtt_client *c);
void mqtt_paho_disconnect(struct mqtt_client *c);
/* No callback comes after it. NULL handles are allowed. */
void mqtt_paho_destroy(struct mqtt_client *c);

/* A callback that must not return (a return confirms the message) says that it waits and holds
 * paho's lock, or that it no longer does. When it can wait no longer, because the bridge stops, it
 * parks: it never returns and touches nothing, and paho is not to be called any more. */
void mqtt_paho_wait(bool waits);
void mqtt_paho_park(void) __attribute__((noreturn));
bool mqtt_paho_is_parked(void);

/* A code of paho (negative), of CONNACK or of MQTT 5, as text. */
const char *mqtt_paho_text(bool version5, int code);

/* ---- mqtt_explain.c ---- */

/* Why the server of a connection's url cannot be connected to, into reason, which stays as it is if
 * that cannot be told. Looks the host up and tries to connect: may take a second and the lookup. */
void mqtt_explain(const char *url, char *reason, size_t size);

/* ---- mqtt_properties.c: MQTT 5's properties and our headers ---- */

/* User and publication properties of what came, as headers of m, which borrow their bytes. 0 or
 * NW_ENOMEM. */
int mqtt_properties_to_headers(const MQTTProperties *properties, struct nw_message *m);
/* Headers of m as properties of what goes; expiry_s 0: what the header says, or none. 0 or
 * NW_ENOMEM; free out with MQTTProperties_free in any case. */
int mqtt_properties_from_headers(const struct nw_message *m, uint32_t expiry_s,
                                 MQTTProperties *out);

#define MQTT_HEADER_RETAIN "Mqtt-Retain"

/* ---- mqtt_sessions.c: what the broker keeps for us ---- */

/* A source's session as it was left: the client id, and what was subscribed under it. The first
 * subscription is the current one; others are to be removed. `options` tells whether the current
 * one was made with the same options. */
struct mqtt_session {
    char *id, *options, *filter, *stale;
};
/* 0, also if there was nothing to read; or NW_ENOMEM. */
int mqtt_session_read(struct nw_endpoint *e, struct mqtt_session *out);
void mqtt_session_write(struct nw_endpoint *e, const struct mqtt_session *s);
void mqtt_session_done(struct mqtt_session *s);

/* The client ids of all sessions that sources of this bridge have or had on the connection. Each
 * endpoint of the connection keeps the whole list in its state, so that it outlives the route it
 * speaks of. */
struct mqtt_known {
    struct mqtt_known *next;
    bool live;     /* a source has it, or had it and its route is still there */
    bool cleaning; /* it is being removed */
    char *route;   /* of the source that had it last; NULL: of before */
    char id[];
};
/* Lock held. Read e's list into the connection's; mark id (may be NULL) as the route's, and live.
 */
void mqtt_sessions_open(struct mqtt_connection *c, struct nw_endpoint *e, const char *route,
                        const char *id);
/* Main thread: the route is no more; its sessions are removed some time later. */
void mqtt_sessions_removed(void *connection, const char *route);
/* Keeper, lock not held: write the list to all endpoints, begin to remove what nobody has. */
void mqtt_sessions_clean(struct mqtt_connection *c);
/* Keeper: the session is gone from the broker. */
void mqtt_sessions_forget(struct mqtt_connection *c, const char *id);
void mqtt_sessions_done(struct mqtt_connection *c);

/* ---- mqtt_cleaner.c ---- */

/* Connect once as id with a clean session, which makes the broker forget the old one. */
int mqtt_cleaner_start(struct mqtt_connection *c, const char *id);
/* Lock held: the one that does, or NULL. */
struct mqtt_client *mqtt_cleaner_of(const struct mqtt_connection *c, const char *id);

#endif
