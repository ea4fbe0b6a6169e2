/* SPDX-License-Identifier: Apache-2.0 */
#include "schemas/request.h"

#include <curl/curl.h>
#include <jv.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/buffer.h"
#include "base/json.h"
#include "mappings/json_value.h"

#define LARGEST_ANSWER ((size_t)4 << 20)
#define TIMEOUT_MS 10000L

struct nw_request {
    const struct nw_avro_registry *registry;
    CURLM *multi; /* of one handle: only a multi handle can be woken */
    CURL *easy;
    struct curl_slist *headers;
    struct nw_buffer body; /* of the answer */
    char failure[CURL_ERROR_SIZE];
    bool too_large;
    atomic_bool ended;
};

static pthread_once_t curl_once = PTHREAD_ONCE_INIT;

static void init_curl(void)
{
    (void)curl_global_init(CURL_GLOBAL_DEFAULT);
}

/* ---- making ---- */

static size_t collect(char *data, size_t size, size_t count, void *context)
{
    struct nw_request *r = context;
    size_t len = size * count;

    if (r->body.len + len > LARGEST_ANSWER) {
        r->too_large = true;
        return 0;
    }
    nw_buffer_add(&r->body, data, len);
    return r->body.failed ? 0 : len;
}

static void set_login(CURL *easy, const struct nw_avro_registry *registry)
{
    if (registry->ca != NULL) {
        (void)curl_easy_setopt(easy, CURLOPT_CAINFO, registry->ca);
    }
    if (registry->user != NULL) {
        (void)curl_easy_setopt(easy, CURLOPT_HTTPAUTH, CURLAUTH_BASIC);
        (void)curl_easy_setopt(easy, CURLOPT_USERNAME, registry->user);
        (void)curl_easy_setopt(easy, CURLOPT_PASSWORD, registry->password);
    } else if (registry->token != NULL) {
        (void)curl_easy_setopt(easy, CURLOPT_HTTPAUTH, CURLAUTH_BEARER);
        (void)curl_easy_setopt(easy, CURLOPT_XOAUTH2_BEARER, registry->token);
    }
}

static bool make_headers(struct nw_request *r)
{
    static const char *const lines[] = {
        "Accept: application/vnd.schemaregistry.v1+json, application/json",
        "Content-Type: application/vnd.schemaregistry.v1+json",
        "Expect:"}; /* libcurl's way to leave a header of its own out */

    for (size_t i = 0; i < sizeof lines / sizeof lines[0]; i++) {
        struct curl_slist *more = curl_slist_append(r->headers, lines[i]);
        if (more == NULL) {
            return false;
        }
        r->headers = more;
    }
    return true;
}

struct nw_request *nw_request_new(const struct nw_avro_registry *registry)
{
    struct nw_request *r = calloc(1, sizeof *r);

    (void)pthread_once(&curl_once, init_curl);
    if (r == NULL) {
        return NULL;
    }
    r->registry = registry;
    r->multi = curl_multi_init();
    r->easy = curl_easy_init();
    if (r->multi == NULL || r->easy == NULL || !make_headers(r)) {
        nw_request_free(r);
        return NULL;
    }
    (void)curl_easy_setopt(r->easy, CURLOPT_NOSIGNAL, 1L);
    (void)curl_easy_setopt(r->easy, CURLOPT_PROTOCOLS_STR, "http,https");
    (void)curl_easy_setopt(r->easy, CURLOPT_USERAGENT, "natsway");
    (void)curl_easy_setopt(r->easy, CURLOPT_HTTPHEADER, r->headers);
    (void)curl_easy_setopt(r->easy, CURLOPT_TIMEOUT_MS, TIMEOUT_MS);
    (void)curl_easy_setopt(r->easy, CURLOPT_WRITEFUNCTION, collect);
    (void)curl_easy_setopt(r->easy, CURLOPT_WRITEDATA, r);
    (void)curl_easy_setopt(r->easy, CURLOPT_ERRORBUFFER, r->failure);
    set_login(r->easy, registry);
    return r;
}

void nw_request_free(struct nw_request *r)
{
    if (r == NULL) {
        return;
    }
    curl_easy_cleanup(r->easy);
    (void)curl_multi_cleanup(r->multi);
    curl_slist_free_all(r->headers);
    nw_buffer_done(&r->body);
    free(r);
}

void nw_request_end(struct nw_request *r)
{
    atomic_store(&r->ended, true);
    (void)curl_multi_wakeup(r->multi);
}

/* ---- running ---- */

static int fails(const struct nw_request *r, struct nw_error *error, const char *why)
{
    return nw_error_set(error, NW_EAGAIN, "schema registry %.120s: %s", r->registry->url, why);
}

static CURLcode wait_for_it(struct nw_request *r)
{
    CURLMsg *message;
    int running = 1, left;

    while (!atomic_load(&r->ended)) {
        if (curl_multi_perform(r->multi, &running) != CURLM_OK) {
            break;
        }
        message = curl_multi_info_read(r->multi, &left);
        if (message != NULL && message->msg == CURLMSG_DONE) {
            return message->data.result;
        }
        (void)curl_multi_poll(r->multi, NULL, 0, 1000, NULL);
    }
    return CURLE_ABORTED_BY_CALLBACK;
}

/* post NULL: a GET. 0 with the status and the body, or NW_EAGAIN. */
static int run(struct nw_request *r, const char *path, const char *post, long *status,
               struct nw_error *error)
{
    struct nw_buffer url = {0};
    CURLcode code = CURLE_OUT_OF_MEMORY;

    nw_buffer_clear(&r->body);
    r->failure[0] = '\0';
    r->too_large = false;
    nw_buffer_add_format(&url, "%s%s", r->registry->url, path);
    if (post == NULL) {
        (void)curl_easy_setopt(r->easy, CURLOPT_HTTPGET, 1L);
    } else {
        (void)curl_easy_setopt(r->easy, CURLOPT_POST, 1L);
        (void)curl_easy_setopt(r->easy, CURLOPT_POSTFIELDSIZE_LARGE, (curl_off_t)strlen(post));
        (void)curl_easy_setopt(r->easy, CURLOPT_POSTFIELDS, post);
    }
    if (!url.failed && curl_easy_setopt(r->easy, CURLOPT_URL, nw_buffer_text(&url)) == CURLE_OK &&
        curl_multi_add_handle(r->multi, r->easy) == CURLM_OK) {
        code = wait_for_it(r);
        (void)curl_multi_remove_handle(r->multi, r->easy);
    }
    nw_buffer_done(&url);
    if (code != CURLE_OK) {
        return fails(r, error,
                     r->too_large            ? "it answered more than 4 MiB"
                     : r->failure[0] != '\0' ? r->failure
                                             : curl_easy_strerror(code));
    }
    (void)curl_easy_getinfo(r->easy, CURLINFO_RESPONSE_CODE, status);
    return 0;
}

/* ---- answers ---- */

static jv read_answer(const struct nw_request *r)
{
    struct nw_error error;
    jv answer;

    if (nw_json_value(nw_buffer_slice(&r->body), &answer, &error) != 0) {
        return jv_object();
    }
    if (jv_get_kind(answer) != JV_KIND_OBJECT) {
        jv_free(answer);
        return jv_object();
    }
    return answer;
}

static double get_number(jv object, const char *name)
{
    jv value = jv_object_get(jv_copy(object), jv_string(name));
    double number = jv_get_kind(value) == JV_KIND_NUMBER ? jv_number_value(value) : -1;

    jv_free(value);
    return number;
}

/* What the registry says of a failure, with its status. Frees answer. */
static int refused(const struct nw_request *r, long status, jv answer, struct nw_error *error)
{
    jv message = jv_object_get(answer, jv_string("message"));
    bool said = jv_get_kind(message) == JV_KIND_STRING;

    (void)nw_error_set(error, NW_EAGAIN, "schema registry %.120s answered %ld%s%.200s",
                       r->registry->url, status, said ? ": " : "",
                       said ? jv_string_value(message) : "");
    jv_free(message);
    return NW_EAGAIN;
}

/* "There is none" is said with a code of the registry's own; a plain 404 may be anybody's who
 * stands at a wrong URL, and must not cost messages. */
static bool says_not_found(long status, jv answer)
{
    double code = get_number(answer, "error_code");

    return status == 404 && code >= 40400 && code <= 40499;
}

/* Why the schema in answer cannot be read, whatever its text is; NULL: it can. */
static const char *find_wrong(jv answer)
{
    jv type = jv_object_get(jv_copy(answer), jv_string("schemaType"));
    jv references = jv_object_get(jv_copy(answer), jv_string("references"));
    const char *wrong = NULL;

    if (jv_get_kind(type) == JV_KIND_STRING && strcmp(jv_string_value(type), "AVRO") != 0) {
        wrong = "is not Avro";
    } else if (jv_get_kind(references) == JV_KIND_ARRAY &&
               jv_array_length(jv_copy(references)) > 0) {
        wrong = "refers to other schemas, which is not supported";
    }
    jv_free(type);
    jv_free(references);
    return wrong;
}

static int parse_schema(const struct nw_request *r, uint32_t id, jv answer,
                        struct nw_avro_schema **out, struct nw_error *error)
{
    const char *wrong = find_wrong(answer);
    jv text = jv_object_get(jv_copy(answer), jv_string("schema"));
    struct nw_error why;
    int rc;

    if (jv_get_kind(text) != JV_KIND_STRING) {
        jv_free(text);
        return fails(r, error, "it answered without a schema");
    }
    if (wrong != NULL) {
        jv_free(text);
        return nw_error_set(error, NW_ENOTFOUND, "avro: the registry's schema %u %s", (unsigned)id,
                            wrong);
    }
    rc = nw_avro_schema_new(
        (struct nw_slice){jv_string_value(text), (size_t)jv_string_length_bytes(jv_copy(text))},
        false, out, &why);
    jv_free(text);
    if (rc == NW_EINVAL) {
        return nw_error_set(error, NW_ENOTFOUND, "avro: the registry's schema %u: %.300s",
                            (unsigned)id, why.text);
    }
    return rc == 0 ? 0 : fails(r, error, "out of memory");
}

int nw_request_schema(struct nw_request *r, uint32_t id, struct nw_avro_schema **out,
                      struct nw_error *error)
{
    char path[64];
    long status = 0;
    jv answer;
    int rc;

    (void)snprintf(path, sizeof path, "/schemas/ids/%u", (unsigned)id);
    rc = run(r, path, NULL, &status, error);
    if (rc != 0) {
        return rc;
    }
    answer = read_answer(r);
    if (says_not_found(status, answer)) {
        jv_free(answer);
        return nw_error_set(error, NW_ENOTFOUND, "avro: schema registry %.120s has no schema %u",
                            r->registry->url, (unsigned)id);
    }
    if (status != 200) {
        return refused(r, status, answer, error);
    }
    rc = parse_schema(r, id, answer, out, error);
    jv_free(answer);
    return rc;
}

int nw_request_subject(struct nw_request *r, const struct nw_avro_subject *subject, uint32_t *out,
                       struct nw_error *error)
{
    struct nw_buffer path = {0}, body = {0};
    char *name = curl_easy_escape(r->easy, subject->name, 0);
    long status = 0;
    double id;
    jv answer;
    int rc;

    nw_buffer_add_format(&path, "/subjects/%s%s", name == NULL ? "" : name,
                         subject->only_look_up ? "" : "/versions");
    nw_buffer_add_text(&body, "{\"schema\":");
    nw_json_add_string(&body, nw_slice_text(subject->text));
    nw_buffer_add_text(&body, "}");
    rc = name == NULL || path.failed || body.failed
             ? fails(r, error, "out of memory")
             : run(r, nw_buffer_text(&path), nw_buffer_text(&body), &status, error);
    curl_free(name);
    nw_buffer_done(&path);
    nw_buffer_done(&body);
    if (rc != 0) {
        return rc;
    }
    answer = read_answer(r);
    id = get_number(answer, "id");
    if (status != 200) {
        return refused(r, status, answer, error);
    }
    jv_free(answer);
    if (id < 0 || id > UINT32_MAX) {
        return fails(r, error, "it answered without an id");
    }
    *out = (uint32_t)id;
    return 0;
}
