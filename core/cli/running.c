/* SPDX-License-Identifier: Apache-2.0 */
#include "cli/running.h"

#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "cli/plan.h"
#include "cli/seek.h"
#include "log/log.h"

/* As ops/request.h wants them. */
#define DONE 200
#define REFUSED 422
#define FAILED 500
#define ENDING 503

void nw_running_log(const struct nw_diagnostics *d)
{
    for (size_t i = 0; i < d->count; i++) {
        const struct nw_diagnostic *item = &d->items[i];
        const struct nw_log_field fields[] = {{"route", item->route}, {NULL, NULL}};
        enum nw_level level = item->warning ? NW_LOG_WARNING : NW_LOG_ERROR;

        if (item->mark.file != NULL) {
            nw_log_write(level, fields, "%s:%zu:%zu: %s", item->mark.file, item->mark.line,
                         item->mark.column, item->text);
        } else {
            nw_log_write(level, fields, "%s", item->text);
        }
    }
}

/* Signals wait until the main thread reads them: has one come that ends the process? */
static bool is_ending(void)
{
    sigset_t set;

    return sigpending(&set) == 0 &&
           (sigismember(&set, SIGTERM) == 1 || sigismember(&set, SIGINT) == 1);
}

static void add_diagnostics(struct nw_buffer *out, const struct nw_diagnostics *d)
{
    char *text = NULL;
    size_t len = 0;
    FILE *file = open_memstream(&text, &len);

    if (file != NULL) {
        nw_diagnostics_print(d, file);
        (void)fclose(file);
        nw_buffer_add(out, text, len);
        free(text);
    }
}

static void log_lines(const struct nw_buffer *text)
{
    const char *at = nw_buffer_text(text);

    while (*at != '\0') {
        size_t len = strcspn(at, "\n");
        nw_log_write(NW_LOG_INFO, NULL, "%.*s", (int)len, at);
        at += len + (at[len] == '\n' ? 1 : 0);
    }
}

static unsigned refuse(struct nw_buffer *out, unsigned status, const char *why)
{
    nw_log_write(NW_LOG_ERROR, NULL, "reload: nothing is changed: %s", why);
    nw_buffer_add_format(out, "nothing is changed: %s\n", why);
    return status;
}

static unsigned go_over(struct nw_running *running, struct nw_config *config, struct nw_buffer *out)
{
    struct nw_error error = {.text = ""};
    struct nw_buffer report = {0};
    int rc = nw_bridge_reload(running->bridge, config, is_ending, &report, &error);

    if (rc != 0) {
        nw_config_free(config);
        nw_buffer_done(&report);
        return refuse(out,
                      rc == NW_EINVAL   ? REFUSED
                      : rc == NW_EAGAIN ? ENDING
                                        : FAILED,
                      error.text);
    }
    running->config = config;
    nw_arguments_setup_log(running->arguments, &config->log);
    if (running->admin != NULL && nw_admin_set_token(running->admin, config->admin_token) != 0) {
        nw_log_write(NW_LOG_ERROR, NULL, "out of memory: the token of before is still needed");
    }
    log_lines(&report);
    nw_buffer_add(out, report.data, report.len);
    nw_buffer_done(&report);
    return DONE;
}

unsigned nw_running_reload(struct nw_running *running, struct nw_buffer *out)
{
    const struct nw_arguments *a = running->arguments;
    struct nw_config_sources sources = {a->operands, a->operand_count, a->state_dir};
    struct nw_diagnostics diagnostics = {.items = NULL};
    struct nw_config *config = NULL;
    int rc = nw_config_load(&sources, running->registry, &config, &diagnostics);
    unsigned status;

    nw_running_log(&diagnostics);
    add_diagnostics(out, &diagnostics);
    status = rc != 0 ? refuse(out, REFUSED, "the configuration has mistakes")
                     : go_over(running, config, out);
    nw_diagnostics_done(&diagnostics);
    nw_log_flush();
    return status;
}

static unsigned answer_plan(struct nw_running *running, struct nw_request *request)
{
    int rc = nw_plan_answer(running->bridge, running->config, nw_buffer_slice(&request->body),
                            &request->answer);

    if (rc == 0) {
        return DONE;
    }
    nw_buffer_clear(&request->answer);
    nw_buffer_add_text(&request->answer, rc == NW_EINVAL ? "this is no question of natsway plan\n"
                                                         : "out of memory\n");
    return rc == NW_EINVAL ? REFUSED : FAILED;
}

static unsigned seek(struct nw_running *running, struct nw_request *request)
{
    struct nw_error error = {.text = ""};
    struct nw_seek_request wanted;
    char *text = nw_buffer_take(&request->body);
    int rc = text == NULL || !nw_seek_read(text, &wanted)
                 ? nw_error_set(&error, NW_EINVAL, "this is no question of natsway seek")
                 : nw_bridge_seek(running->bridge, &wanted, is_ending, &request->answer, &error);

    if (rc != 0) {
        nw_log_write(NW_LOG_ERROR, NULL, "seek: nothing is moved: %s", error.text);
        nw_buffer_add_format(&request->answer, "nothing is moved: %s\n", error.text);
    } else {
        log_lines(&request->answer);
    }
    free(text);
    return rc == 0                                 ? DONE
           : rc == NW_EINVAL || rc == NW_ENOTFOUND ? REFUSED
           : rc == NW_EAGAIN                       ? ENDING
                                                   : FAILED;
}

void nw_running_serve(struct nw_running *running)
{
    struct nw_request *request;

    while (!is_ending() && (request = nw_admin_take(running->admin)) != NULL) {
        switch (request->kind) {
        case NW_REQUEST_PLAN:
            request->status = answer_plan(running, request);
            break;
        case NW_REQUEST_SEEK:
            request->status = seek(running, request);
            break;
        case NW_REQUEST_RELOAD:
        default:
            request->status = nw_running_reload(running, &request->answer);
            break;
        }
        nw_admin_answer(running->admin, request);
    }
}
