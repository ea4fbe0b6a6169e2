/* SPDX-License-Identifier: Apache-2.0 */
#include "support/http_client.h"

#include "support/fail.h"
#include <curl/curl.h>
#include <stdlib.h>
#include <string.h>

struct bytes {
    char *data;
    size_t len;
};

static size_t append(char *data, size_t size, size_t n, void *context)
{
    struct bytes *bytes = context;
    char *larger = realloc(bytes->data, bytes->len + size * n + 1);
    if (larger == NULL) {
        return 0;
    }
    memcpy(larger + bytes->len, data, size * n);
    bytes->data = larger;
    bytes->len += size * n;
    larger[bytes->len] = '\0';
    return size * n;
}

static void set_up(CURL *curl, const char *method, const char *url, int64_t timeout_ms)
{
    curl_easy_setopt(curl, CURLOPT_URL, url);
    curl_easy_setopt(curl, CURLOPT_CUSTOMREQUEST, method);
    curl_easy_setopt(curl, CURLOPT_NOBODY, strcmp(method, "HEAD") == 0 ? 1L : 0L);
    curl_easy_setopt(curl, CURLOPT_TIMEOUT_MS, (long)timeout_ms);
    curl_easy_setopt(curl, CURLOPT_NOSIGNAL, 1L);
    curl_easy_setopt(curl, CURLOPT_PATH_AS_IS, 1L);
    curl_easy_setopt(curl, CURLOPT_NOPROXY, "*");
    curl_easy_setopt(curl, CURLOPT_WRITEFUNCTION, append);
    curl_easy_setopt(curl, CURLOPT_HEADERFUNCTION, append);
}

struct nwt_http_answer nwt_http_request(const char *method, const char *url,
                                        const char *const *headers, const void *body,
                                        size_t body_len, int64_t timeout_ms)
{
    CURL *curl = curl_easy_init();
    struct bytes head = {strdup(""), 0}, content = {strdup(""), 0};
    if (curl == NULL || head.data == NULL || content.data == NULL) {
        nwt_fail("libcurl does not start");
    }
    set_up(curl, method, url, timeout_ms);
    curl_easy_setopt(curl, CURLOPT_HEADERDATA, &head);
    curl_easy_setopt(curl, CURLOPT_WRITEDATA, &content);
    struct curl_slist *list = NULL;
    for (; headers != NULL && *headers != NULL; headers++) {
        list = curl_slist_append(list, *headers);
    }
    curl_easy_setopt(curl, CURLOPT_HTTPHEADER, list);
    if (body != NULL) {
        curl_easy_setopt(curl, CURLOPT_POSTFIELDSIZE_LARGE, (curl_off_t)body_len);
        curl_easy_setopt(curl, CURLOPT_POSTFIELDS, body);
    }
    long status = 0;
    if (curl_easy_perform(curl) == CURLE_OK) {
        curl_easy_getinfo(curl, CURLINFO_RESPONSE_CODE, &status);
    }
    curl_slist_free_all(list);
    curl_easy_cleanup(curl);
    return (struct nwt_http_answer){(int)status, content.data, content.len, head.data};
}

void nwt_http_done(struct nwt_http_answer *answer)
{
    free(answer->body);
    free(answer->headers);
    answer->body = answer->headers = NULL;
}

int nwt_http_status(const char *url)
{
    struct nwt_http_answer answer = nwt_http_request("GET", url, NULL, NULL, 0, 2000);
    nwt_http_done(&answer);
    return answer.status;
}
