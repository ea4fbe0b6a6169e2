/* SPDX-License-Identifier: Apache-2.0 */
#include "ops/ask.h"

#include <curl/curl.h>
#include <string.h>

#define CONNECT_TIMEOUT_S 5L

static size_t take(char *data, size_t size, size_t n, void *context)
{
    nw_buffer_add(context, data, size * n);
    return size * n;
}

static struct curl_slist *make_headers(const struct nw_asking *asking)
{
    struct curl_slist *list = curl_slist_append(NULL, "Natsway-Admin: 1");
    struct nw_buffer line = {0};

    list = curl_slist_append(list, "Content-Type: text/plain");
    if (asking->token != NULL) {
        nw_buffer_add_format(&line, "Authorization: Bearer %s", asking->token);
        list = curl_slist_append(list, nw_buffer_text(&line));
        nw_buffer_done(&line);
    }
    return list;
}

static int perform(CURL *curl, const char *url, long *status, struct nw_error *error)
{
    char why[CURL_ERROR_SIZE] = "";
    CURLcode code;

    (void)curl_easy_setopt(curl, CURLOPT_ERRORBUFFER, why);
    code = curl_easy_perform(curl);
    if (code != CURLE_OK) {
        return nw_error_set(error, NW_EIO, "%s: %s", url,
                            why[0] != '\0' ? why : curl_easy_strerror(code));
    }
    (void)curl_easy_getinfo(curl, CURLINFO_RESPONSE_CODE, status);
    return 0;
}

int nw_ask(const struct nw_asking *asking, const char *path, struct nw_slice body, long *status,
           struct nw_buffer *answer, struct nw_error *error)
{
    size_t len = strlen(asking->url);
    struct curl_slist *headers = make_headers(asking);
    struct nw_buffer url = {0};
    CURL *curl = curl_easy_init();
    int rc;

    nw_buffer_add(&url, asking->url, len > 0 && asking->url[len - 1] == '/' ? len - 1 : len);
    nw_buffer_add_text(&url, path);
    if (curl == NULL || headers == NULL || url.failed) {
        rc = nw_error_set(error, NW_ENOMEM, "out of memory");
    } else {
        (void)curl_easy_setopt(curl, CURLOPT_URL, nw_buffer_text(&url));
        (void)curl_easy_setopt(curl, CURLOPT_PROTOCOLS_STR, "http,https");
        (void)curl_easy_setopt(curl, CURLOPT_NOPROXY, "*"); /* the address is what was meant */
        (void)curl_easy_setopt(curl, CURLOPT_NOSIGNAL, 1L);
        (void)curl_easy_setopt(curl, CURLOPT_CONNECTTIMEOUT, CONNECT_TIMEOUT_S);
        (void)curl_easy_setopt(curl, CURLOPT_HTTPHEADER, headers);
        (void)curl_easy_setopt(curl, CURLOPT_POSTFIELDS, body.data == NULL ? "" : body.data);
        (void)curl_easy_setopt(curl, CURLOPT_POSTFIELDSIZE_LARGE, (curl_off_t)body.len);
        (void)curl_easy_setopt(curl, CURLOPT_WRITEFUNCTION, take);
        (void)curl_easy_setopt(curl, CURLOPT_WRITEDATA, answer);
        rc = perform(curl, nw_buffer_text(&url), status, error);
    }
    curl_slist_free_all(headers);
    curl_easy_cleanup(curl);
    nw_buffer_done(&url);
    return rc;
}
