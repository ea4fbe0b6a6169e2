/* SPDX-License-Identifier: Apache-2.0 */
/* The options of `avro:` in decode and encode. */
#include "config/step_avro.h"

#include "base/buffer.h"
#include "config/options.h"
#include "config/read_file.h"
#include "config/rows.h"

#define LARGEST_SCHEMA ((size_t)1 << 20)

/* What is read. */
struct avro {
    const struct nw_step *step;
    const struct nw_node *node;
    struct nw_avro_words words;
    bool encodes, good;
};

struct schema_file {
    struct nw_avro_schema *schema; /* NULL: it is wrong; said where it was first named */
    const char *text;
};

void nw_avro_shared_done(struct nw_avro_shared *shared)
{
    nw_table_done(&shared->schemas);
    nw_table_done(&shared->registries);
    nw_table_done(&shared->subjects);
}

/* Where the option stands, or all of them. */
static const struct nw_mark *mark_of(const struct avro *a, const char *option)
{
    const struct nw_item *item = nw_node_get(a->node, option);

    return item == NULL ? &a->step->node->mark : &item->value->mark;
}

#define WRONG(a, option, ...)                                                \
    do {                                                                     \
        nw_reader_error((a)->step->reader, mark_of(a, option), __VA_ARGS__); \
        (a)->good = false;                                                   \
    } while (0)

/* ---- the schema ---- */

static void free_schema(void *schema)
{
    nw_avro_schema_unref(schema);
}

static int parse_file(struct avro *a, struct schema_file *file)
{
    const struct nw_reader *r = a->step->reader;
    struct nw_buffer text = {0};
    struct nw_error error;
    int rc = nw_read_file(a->words.schema, LARGEST_SCHEMA, &text, &error);

    rc = rc != 0 ? rc
                 : nw_avro_schema_new(nw_buffer_slice(&text), a->encodes, &file->schema, &error);
    if (rc == NW_EINVAL) {
        nw_reader_error(r, mark_of(a, "schema"), "avro.schema: %s: %s", a->words.schema,
                        error.text);
        rc = 0;
    } else if (rc == 0) {
        file->text = nw_arena_copy(r->arena, nw_buffer_slice(&text));
        rc = nw_arena_defer(r->arena, free_schema, file->schema);
        rc = file->text == NULL ? NW_ENOMEM : rc;
    }
    nw_buffer_done(&text);
    return rc;
}

/* Who writes needs the defaults and who reads must not stumble over them: so there are two kinds.
 */
static int read_schema(struct avro *a, const struct schema_file **out)
{
    const struct nw_reader *r = a->step->reader;
    const char *key = nw_arena_format(r->arena, "%c%s", a->encodes ? 'w' : 'r', a->words.schema);
    struct schema_file *file =
        key == NULL ? NULL : nw_table_find(&r->avro->schemas, nw_slice_text(key));
    int rc = 0;

    if (file == NULL) {
        file = nw_arena_alloc(r->arena, sizeof *file);
        if (key == NULL || file == NULL ||
            nw_table_put(&r->avro->schemas, nw_slice_text(key), file) != 0) {
            return NW_ENOMEM;
        }
        rc = parse_file(a, file);
    }
    a->good &= file->schema != NULL;
    *out = file;
    return rc;
}

/* ---- the registry ---- */

static void check_registry(struct avro *a)
{
    const struct nw_avro_words *w = &a->words;
    const char *host = strstr(w->registry, "://");

    if (strncmp(w->registry, "http://", 7) != 0 && strncmp(w->registry, "https://", 8) != 0) {
        WRONG(a, "registry", "avro.registry: expected http://host:port or https://host:port");
    } else if (memchr(host + 3, '@', strcspn(host + 3, "/")) != NULL) {
        WRONG(a, "registry", "avro.registry: who logs in stands in user and password, or token");
    }
    if (w->token != NULL && w->user != NULL) {
        WRONG(a, "token", "avro: give user and password, or token");
    }
    if ((w->user == NULL) != (w->password == NULL)) {
        WRONG(a, w->user == NULL ? "password" : "user", "avro: user and password belong together");
    }
}

/* What only says how a registry is used. */
static void refuse_without_registry(struct avro *a)
{
    static const char *const options[] = {"user",    "password", "token",   "tls",
                                          "subject", "name",     "register"};

    for (size_t i = 0; i < sizeof options / sizeof options[0]; i++) {
        if (nw_node_get(a->node, options[i]) != NULL) {
            WRONG(a, options[i], "avro.%s needs a registry", options[i]);
        }
    }
}

static void refuse_in_decode(struct avro *a)
{
    static const char *const options[] = {"subject", "name", "register"};

    for (size_t i = 0; i < sizeof options / sizeof options[0]; i++) {
        if (nw_node_get(a->node, options[i]) != NULL) {
            WRONG(a, options[i], "avro.%s is for encode: a message says which schema it has",
                  options[i]);
        }
    }
}

static int read_registry(struct avro *a, const struct nw_avro_registry **out)
{
    const struct nw_reader *r = a->step->reader;
    const struct nw_avro_words *w = &a->words;
    size_t len = strlen(w->registry);
    struct nw_avro_registry *registry;
    const char *key;

    while (len > 0 && w->registry[len - 1] == '/') {
        len--;
    }
    key = nw_arena_format(r->arena, "%.*s\n%s\n%s\n%s\n%s", (int)len, w->registry,
                          w->user == NULL ? "" : w->user, w->password == NULL ? "" : w->password,
                          w->token == NULL ? "" : w->token, w->tls.ca == NULL ? "" : w->tls.ca);
    if (key == NULL) {
        return NW_ENOMEM;
    }
    *out = nw_table_find(&r->avro->registries, nw_slice_text(key));
    if (*out != NULL) {
        return 0;
    }
    registry = nw_arena_alloc(r->arena, sizeof *registry);
    if (registry == NULL) {
        return NW_ENOMEM;
    }
    *registry = (struct nw_avro_registry){
        .index = r->avro->registries.count,
        .url = nw_arena_copy(r->arena, (struct nw_slice){w->registry, len}),
        .user = w->user,
        .password = w->password,
        .token = w->token,
        .ca = w->tls.ca};
    *out = registry;
    return registry->url == NULL ? NW_ENOMEM
                                 : nw_table_put(&r->avro->registries, nw_slice_text(key), registry);
}

/* ---- the subject ---- */

/* The address of the first target, if it is always the same and like the name of a topic. */
static const char *topic_of(const struct avro *a)
{
    const struct nw_sink_spec *target = a->step->reader->target;

    if (target == NULL || target->address_template == NULL ||
        !nw_template_is_constant(target->address_template) ||
        target->address[strcspn(target->address, "/ ")] != '\0') {
        return NULL;
    }
    return target->address;
}

static const char *name_subject(struct avro *a, const struct nw_avro_schema *schema)
{
    const char *name = a->words.name;

    if (name != NULL) {
        return name;
    }
    if (a->words.subject.index == 1) {
        name = nw_avro_schema_name(schema);
        if (name == NULL) {
            WRONG(a, "subject", "avro.subject: record needs a schema that has a name; give name:");
        }
        return name;
    }
    name = topic_of(a);
    if (name == NULL) {
        WRONG(a, "registry",
              "avro: there is no topic to name the subject after, because %s; give name:, or "
              "subject: record",
              a->step->subject == NULL ? "an answer has none"
                                       : "the address of the first target is no constant topic");
        return NULL;
    }
    return nw_arena_format(a->step->reader->arena, "%s-value", name);
}

static int read_subject(struct avro *a, const struct schema_file *file,
                        const struct nw_avro_registry *registry, const struct nw_avro_subject **out)
{
    const struct nw_reader *r = a->step->reader;
    const char *name = name_subject(a, file->schema), *key;
    struct nw_avro_subject *subject;

    if (!a->good) {
        return 0;
    }
    key = name == NULL ? NULL
                       : nw_arena_format(r->arena, "%zu\n%d\n%s\n%s", registry->index,
                                         a->words.registers, name, file->text);
    if (key == NULL) {
        return NW_ENOMEM;
    }
    *out = nw_table_find(&r->avro->subjects, nw_slice_text(key));
    if (*out != NULL) {
        return 0;
    }
    subject = nw_arena_alloc(r->arena, sizeof *subject);
    if (subject == NULL) {
        return NW_ENOMEM;
    }
    *subject = (struct nw_avro_subject){.registry = registry,
                                        .index = r->avro->subjects.count,
                                        .name = name,
                                        .text = file->text,
                                        .only_look_up = !a->words.registers};
    *out = subject;
    return nw_table_put(&r->avro->subjects, nw_slice_text(key), subject);
}

/* ---- all of them ---- */

static void check(struct avro *a)
{
    if (a->words.registry == NULL) {
        refuse_without_registry(a);
    } else {
        check_registry(a);
    }
    if (!a->encodes) {
        refuse_in_decode(a);
    }
    if (a->words.schema == NULL && (a->words.registry == NULL || a->encodes)) {
        WRONG(a, "",
              a->words.registry == NULL ? "avro needs schema: a file, or registry: a URL"
                                        : "avro: to encode needs schema: a file, beside registry:");
    }
}

static int read_parts(struct avro *a, struct nw_avro_codec *codec)
{
    const struct schema_file *file = NULL;
    int rc = a->words.schema == NULL ? 0 : read_schema(a, &file);

    codec->schema = file == NULL ? NULL : file->schema;
    if (rc == 0 && a->good && a->words.registry != NULL) {
        rc = read_registry(a, &codec->registry);
    }
    if (rc == 0 && a->good && a->words.registry != NULL && a->encodes) {
        rc = read_subject(a, file, codec->registry, &codec->subject);
    }
    return rc;
}

int nw_step_read_avro(const struct nw_step *s, const struct nw_node *node, bool encodes,
                      const struct nw_avro_codec **out)
{
    struct avro a = {.step = s, .node = node, .encodes = encodes, .good = true};
    struct nw_layer layer = {nw_avro_rows, &a.words};
    struct nw_avro_codec *codec = nw_arena_alloc(s->reader->arena, sizeof *codec);
    size_t errors = s->reader->diagnostics->errors;
    int rc = codec == NULL ? NW_ENOMEM : nw_options_defaults(s->reader, nw_avro_rows, &a.words);

    if (rc == 0 && node != NULL) {
        rc = nw_options_read(s->reader, node, 0, &layer, 1, "avro");
    }
    if (rc != 0 || s->reader->diagnostics->errors != errors) {
        return rc;
    }
    check(&a);
    rc = a.good ? read_parts(&a, codec) : 0;
    if (rc == 0 && a.good) {
        *out = codec;
    }
    return rc;
}
