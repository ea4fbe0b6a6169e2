/* SPDX-License-Identifier: Apache-2.0 */
#include "support/http_load.h"

#include "support/fail.h"
#include "support/wait.h"
#include <curl/curl.h>
#include <stdio.h>
#include <stdlib.h>

#define AGAIN_MS 20 /* after what failed */

struct lane {
    CURL *easy;
    struct curl_slist *headers;
    size_t number;
    char *payload;
    bool busy;
    int64_t due_ms; /* not before */
};

struct run {
    struct nwt_http_load *load;
    CURLM *multi;
    struct lane *lanes;
    size_t busy;
};

static size_t ignore(char *data, size_t size, size_t n, void *context)
{
    (void)data;
    (void)context;
    return size * n;
}

static void send_number(struct run *run, struct lane *lane)
{
    char url[300], header[80];
    snprintf(url, sizeof url, "%s/%zu", run->load->url, lane->number);
    snprintf(header, sizeof header, "Idempotency-Key: number-%zu", lane->number);
    nwt_numbered_payload(run->load->numbers, lane->number, lane->payload);
    curl_slist_free_all(lane->headers);
    lane->headers = curl_slist_append(NULL, header);
    snprintf(header, sizeof header, "X-Number: %zu", lane->number);
    lane->headers = curl_slist_append(lane->headers, header);
    lane->headers = curl_slist_append(lane->headers, "Expect:");
    curl_easy_setopt(lane->easy, CURLOPT_URL, url);
    curl_easy_setopt(lane->easy, CURLOPT_HTTPHEADER, lane->headers);
    curl_easy_setopt(lane->easy, CURLOPT_POSTFIELDSIZE, (long)run->load->numbers->payload_size);
    curl_easy_setopt(lane->easy, CURLOPT_POSTFIELDS, lane->payload);
    curl_multi_add_handle(run->multi, lane->easy);
    lane->busy = true;
    run->busy++;
}

/* Have all lanes busy that may be; false: nothing is left to do. */
static bool send_more(struct run *run)
{
    const struct nwt_http_load *load = run->load;
    size_t allowed = load->allowed == NULL ? load->numbers->count : *load->allowed;
    int64_t now_ms = nwt_now_ms();
    bool left = run->busy > 0;
    for (unsigned i = 0; i < load->connections; i++) {
        struct lane *lane = &run->lanes[i];
        left |= lane->number < load->numbers->count;
        if (!lane->busy && lane->number < allowed && now_ms >= lane->due_ms) {
            send_number(run, lane);
        }
    }
    return left && (load->ending == NULL || !*load->ending);
}

static void open_lane(struct run *run, unsigned i)
{
    struct lane *lane = &run->lanes[i];
    lane->easy = curl_easy_init();
    lane->payload = malloc(run->load->numbers->payload_size);
    lane->number = i;
    if (lane->easy == NULL || lane->payload == NULL) {
        nwt_fail("no memory");
    }
    curl_easy_setopt(lane->easy, CURLOPT_WRITEFUNCTION, ignore);
    curl_easy_setopt(lane->easy, CURLOPT_NOSIGNAL, 1L);
    curl_easy_setopt(lane->easy, CURLOPT_NOPROXY, "*");
    curl_easy_setopt(lane->easy, CURLOPT_TIMEOUT_MS,
                     run->load->answer_ms > 0 ? (long)run->load->answer_ms : 20000L);
    curl_easy_setopt(lane->easy, CURLOPT_PRIVATE, lane);
}

static void take_answer(struct run *run, struct lane *lane, CURLcode code)
{
    struct nwt_http_load *load = run->load;
    long status = 0;
    curl_easy_getinfo(lane->easy, CURLINFO_RESPONSE_CODE, &status);
    curl_multi_remove_handle(run->multi, lane->easy);
    lane->busy = false;
    run->busy--;
    bool confirmed = code == CURLE_OK && status >= 200 && status <= 299;
    if (confirmed) {
        load->confirmed_numbers[lane->number] = 1;
        atomic_fetch_add(&load->confirmed, 1);
    } else if (code == CURLE_OK) {
        load->last_refusal = (int)status;
        atomic_fetch_add(&load->refused, 1);
    } else {
        atomic_fetch_add(&load->broken, 1);
    }
    if (confirmed || !load->repeats) {
        lane->number += load->connections;
    }
    lane->due_ms = confirmed || !load->repeats ? 0 : nwt_now_ms() + AGAIN_MS;
}

static void take_answers(struct run *run)
{
    struct CURLMsg *message;
    int left;
    while ((message = curl_multi_info_read(run->multi, &left)) != NULL) {
        struct lane *lane = NULL;
        curl_easy_getinfo(message->easy_handle, CURLINFO_PRIVATE, &lane);
        take_answer(run, lane, message->data.result);
    }
}

void nwt_http_load_run(struct nwt_http_load *load)
{
    struct run run = {.load = load,
                      .multi = curl_multi_init(),
                      .lanes = calloc(load->connections, sizeof(struct lane))};
    int64_t until_ms = nwt_now_ms() + load->timeout_ms;
    int running;
    if (load->confirmed_numbers == NULL) {
        load->confirmed_numbers = calloc(load->numbers->count + 1, 1);
    }
    if (run.multi == NULL || run.lanes == NULL || load->confirmed_numbers == NULL) {
        nwt_fail("no memory");
    }
    curl_multi_setopt(run.multi, CURLMOPT_MAXCONNECTS, (long)load->connections);
    for (unsigned i = 0; i < load->connections; i++) {
        open_lane(&run, i);
    }
    while (send_more(&run) && nwt_now_ms() < until_ms) {
        curl_multi_perform(run.multi, &running);
        take_answers(&run);
        if (run.busy > 0 && send_more(&run)) {
            curl_multi_poll(run.multi, NULL, 0, 10, NULL);
        } else {
            nwt_wait_step(until_ms);
        }
    }
    for (unsigned i = 0; i < load->connections; i++) {
        curl_multi_remove_handle(run.multi, run.lanes[i].easy);
        curl_easy_cleanup(run.lanes[i].easy);
        curl_slist_free_all(run.lanes[i].headers);
        free(run.lanes[i].payload);
    }
    curl_multi_cleanup(run.multi);
    free(run.lanes);
}

static void *run_on_thread(void *load)
{
    nwt_http_load_run(load);
    return NULL;
}

void nwt_http_load_start(struct nwt_http_load *load, pthread_t *thread)
{
    if (pthread_create(thread, NULL, run_on_thread, load) != 0) {
        nwt_fail("no thread");
    }
}

void nwt_http_load_join(struct nwt_http_load *load, pthread_t thread)
{
    (void)load;
    pthread_join(thread, NULL);
}

void nwt_http_load_done(struct nwt_http_load *load)
{
    free(load->confirmed_numbers);
    load->confirmed_numbers = NULL;
}
