/* SPDX-License-Identifier: Apache-2.0 */
#include "support/bridge.h"

#include "support/fail.h"
#include "support/http_client.h"
#include "support/port.h"
#include "support/wait.h"
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define READY_TIMEOUT_MS 60000
#define STOP_TIMEOUT_MS 40000

/* All that a test has made, to see when one crashes. Made, started and freed by one thread. */
static struct nwt_bridge *bridges;

static const char *program(void)
{
    const char *given = getenv("NATSWAY");
    return given == NULL ? NWT_BUILD_FOLDER "/bin/natsway" : given;
}

static void write_config(struct nwt_bridge *bridge, const char *format, va_list arguments)
{
    char *text = NULL;
    if (vasprintf(&text, format, arguments) < 0) {
        nwt_fail("no memory");
    }
    nwt_file_write(bridge->config, "%s\nadmin: {listen: \"%s\"}\n", text,
                   bridge->admin + strlen("http://"));
    free(text);
}

struct nwt_bridge *nwt_bridge_new(struct nwt_folder *folder, const char *name, const char *format,
                                  ...)
{
    struct nwt_bridge *bridge = calloc(1, sizeof *bridge);
    if (bridge == NULL) {
        nwt_fail("no memory");
    }
    bridge->config = nwt_folder_file(folder, "%s.yaml", name);
    bridge->state_dir = nwt_folder_file(folder, "%s.state", name);
    bridge->log = nwt_folder_file(folder, "%s.log", name);
    bridge->out = nwt_folder_file(folder, "%s.out", name);
    snprintf(bridge->admin, sizeof bridge->admin, "http://127.0.0.1:%d", nwt_port_free());
    va_list arguments;
    va_start(arguments, format);
    write_config(bridge, format, arguments);
    va_end(arguments);
    bridge->next = bridges;
    bridges = bridge;
    return bridge;
}

void nwt_bridge_write(struct nwt_bridge *bridge, const char *format, ...)
{
    va_list arguments;
    va_start(arguments, format);
    write_config(bridge, format, arguments);
    va_end(arguments);
}

static void print_log(const struct nwt_bridge *bridge, const char *why)
{
    char *log = nwt_file_read(bridge->log, NULL);
    size_t len = log == NULL ? 0 : strlen(log);
    fprintf(stderr, "support: %s; end of its log:\n%s\n", why,
            log == NULL ? "" : log + (len > 6000 ? len - 6000 : 0));
    free(log);
}

static void print_routes(const struct nwt_bridge *bridge)
{
    char url[60];

    snprintf(url, sizeof url, "%s/api/routes", bridge->admin);
    struct nwt_http_answer answer = nwt_http_request("GET", url, NULL, NULL, 0, 2000);
    fprintf(stderr, "support: its routes: %d %s\n", answer.status, answer.body);
    nwt_http_done(&answer);
}

/* natsway must not crash, and a test need not wait to the end for one that did. */
static void fail_if_crashed(void)
{
    for (struct nwt_bridge *bridge = bridges; bridge != NULL; bridge = bridge->next) {
        if (nwt_process_crashed(&bridge->process)) {
            print_log(bridge, "natsway crashed");
            nwt_fail("natsway crashed: signal %d", nwt_process_wait(&bridge->process, 0) - 128);
        }
    }
}

static void watch(bool late)
{
    fail_if_crashed();
    for (struct nwt_bridge *bridge = bridges; late && bridge != NULL; bridge = bridge->next) {
        print_log(bridge, "a wait was in vain");
        if (nwt_process_running(&bridge->process)) {
            print_routes(bridge);
        }
    }
}

void nwt_bridge_start(struct nwt_bridge *bridge, const char *in_path)
{
    char *arguments[] = {(char *)program(), "run", bridge->config, "--state-dir",
                         bridge->state_dir, NULL};
    const char *valgrind = getenv("NATSWAY_TEST_VALGRIND"); /* a script that runs its arguments */
    char *under_valgrind[] = {(char *)valgrind, (char *)program(), "run", bridge->config,
                              "--state-dir",    bridge->state_dir, NULL};
    /* What a sanitizer finds is a crash, too. */
    setenv("ASAN_OPTIONS", "abort_on_error=1", 0);
    setenv("UBSAN_OPTIONS", "abort_on_error=1:print_stacktrace=1", 0);
    setenv("TSAN_OPTIONS", "abort_on_error=1:halt_on_error=1", 0);
    nwt_process_start(&bridge->process, valgrind == NULL ? arguments : under_valgrind, in_path,
                      bridge->out, bridge->log);
    nwt_wait_watch(watch);
}

void nwt_bridge_run(struct nwt_bridge *bridge)
{
    nwt_bridge_start(bridge, NULL);
    if (!NWT_WAIT(READY_TIMEOUT_MS,
                  nwt_bridge_ready(bridge) || !nwt_process_running(&bridge->process)) ||
        bridge->process.pid == 0) {
        char url[60];
        snprintf(url, sizeof url, "%s/readyz", bridge->admin);
        struct nwt_http_answer answer = nwt_http_request("GET", url, NULL, NULL, 0, 2000);
        print_log(bridge, "natsway is not ready");
        nwt_fail("/readyz: %d %s", answer.status, answer.body);
    }
}

int nwt_bridge_stop(struct nwt_bridge *bridge)
{
    nwt_process_signal(&bridge->process, SIGTERM);
    int code = nwt_process_wait(&bridge->process, STOP_TIMEOUT_MS);
    if (code < 0) {
        print_log(bridge, "natsway does not stop");
        nwt_process_kill(&bridge->process);
    }
    return code;
}

void nwt_bridge_kill(struct nwt_bridge *bridge)
{
    nwt_process_kill(&bridge->process);
}

void nwt_bridge_free(struct nwt_bridge *bridge)
{
    if (bridge == NULL) {
        return;
    }
    if (getenv("NATSWAY_TEST_LOG") != NULL) {
        print_log(bridge, bridge->config);
    }
    fail_if_crashed();
    for (struct nwt_bridge **at = &bridges; *at != NULL; at = &(*at)->next) {
        if (*at == bridge) {
            *at = bridge->next;
            break;
        }
    }
    nwt_process_kill(&bridge->process);
    free(bridge->config);
    free(bridge->state_dir);
    free(bridge->log);
    free(bridge->out);
    free(bridge);
}

int nwt_bridge_command(struct nwt_bridge *bridge, const char *command)
{
    return nwt_bridge_command_with(bridge, command, bridge->config);
}

int nwt_bridge_command_with(struct nwt_bridge *bridge, const char *command, const char *option)
{
    struct nwt_process process;
    char *arguments[] = {(char *)program(), (char *)command, (char *)option,
                         option == bridge->config ? NULL : bridge->config, NULL};
    nwt_process_start(&process, arguments, NULL, bridge->out, bridge->log);
    int code = nwt_process_wait(&process, STOP_TIMEOUT_MS);
    nwt_process_kill(&process);
    return code;
}

#define WORDS_MAX 32

void nwt_bridge_spawn(struct nwt_bridge *bridge, struct nwt_process *process, const char *words,
                      const char *in_path, const char *out_path, const char *error_path)
{
    char *arguments[WORDS_MAX + 3] = {(char *)program()};
    char *copy = strdup(words), *rest = copy, *word;
    size_t count = 1;
    while (count <= WORDS_MAX && (word = strsep(&rest, " ")) != NULL) {
        arguments[count++] = word;
    }
    arguments[count] = bridge->config;
    nwt_process_start(process, arguments, in_path, out_path, error_path);
    free(copy);
}

static void start_to_tell(struct nwt_bridge *bridge, struct nwt_process *process, const char *path,
                          const char *command, va_list more)
{
    char *arguments[20] = {(char *)program(), (char *)command, (char *)"--admin", bridge->admin};
    size_t n = 4;

    while (n + 1 < sizeof arguments / sizeof arguments[0] &&
           (arguments[n] = va_arg(more, char *)) != NULL) {
        n++;
    }
    nwt_process_start(process, arguments, NULL, path, path);
}

int nwt_bridge_tell(struct nwt_bridge *bridge, char **said, const char *command, ...)
{
    char path[400];
    struct nwt_process process;
    va_list more;

    snprintf(path, sizeof path, "%s.told", bridge->config);
    nwt_file_write(path, "%s", "");
    va_start(more, command);
    start_to_tell(bridge, &process, path, command, more);
    va_end(more);
    int code = nwt_process_wait(&process, STOP_TIMEOUT_MS);
    nwt_process_kill(&process);
    if (said != NULL) {
        *said = nwt_file_read(path, NULL);
    }
    return code;
}

void nwt_bridge_begin_to_tell(struct nwt_bridge *bridge, struct nwt_process *process,
                              const char *command, ...)
{
    va_list more;

    va_start(more, command);
    start_to_tell(bridge, process, "/dev/null", command, more);
    va_end(more);
}

bool nwt_bridge_ready(const struct nwt_bridge *bridge)
{
    char url[60];
    snprintf(url, sizeof url, "%s/readyz", bridge->admin);
    return nwt_http_status(url) == 200;
}

bool nwt_bridge_logged(const struct nwt_bridge *bridge, const char *text)
{
    return nwt_file_contains(bridge->log, text);
}

/* The text behind "FIELD": in a JSON object; blanks are passed over. Enough for what natsway
 * itself writes: its names need no escapes. */
static const char *after_field(const char *json, const char *end, const char *field)
{
    char quoted[80];
    int len = snprintf(quoted, sizeof quoted, "\"%s\"", field);
    const char *p = json;
    while ((p = strstr(p, quoted)) != NULL && p < end) {
        p += len;
        p += strspn(p, " ");
        if (*p == ':') {
            p++;
            return p + strspn(p, " ");
        }
    }
    return NULL;
}

/* The object of the route: from its name to the next route's, which begins with its name too. */
static bool find_route(const char *body, const char *route, const char **from, const char **to)
{
    size_t len = strlen(route);
    const char *end = body + strlen(body);
    const char *p = strstr(body, "\"routes\"");
    while (p != NULL && (p = after_field(p, end, "name")) != NULL) {
        if (p[0] == '"' && strncmp(p + 1, route, len) == 0 && p[len + 1] == '"') {
            const char *next = after_field(p, end, "name");
            *from = p;
            *to = next == NULL ? end : next;
            return true;
        }
    }
    return false;
}

static char *fetch_routes(const struct nwt_bridge *bridge)
{
    char url[60];
    snprintf(url, sizeof url, "%s/api/routes", bridge->admin);
    struct nwt_http_answer answer = nwt_http_request("GET", url, NULL, NULL, 0, 2000);
    free(answer.headers);
    return answer.body;
}

static int64_t number_in(const char *body, const char *route, const char *field)
{
    const char *from, *to;
    if (!find_route(body, route, &from, &to)) {
        return -1;
    }
    const char *number = after_field(from, to, field);
    return number == NULL ? -1 : strtoll(number, NULL, 10);
}

int64_t nwt_bridge_number(const struct nwt_bridge *bridge, const char *route, const char *field)
{
    char *body = fetch_routes(bridge);
    int64_t number = number_in(body, route, field);
    free(body);
    return number;
}

bool nwt_bridge_ledger_adds_up(const struct nwt_bridge *bridge, const char *route)
{
    static const char *const parts[] = {"delivered", "filtered", "dead_lettered", "dropped",
                                        "in_flight"};
    char *body = fetch_routes(bridge);
    int64_t received = number_in(body, route, "received"), sum = 0;
    for (size_t i = 0; i < sizeof parts / sizeof parts[0]; i++) {
        sum += number_in(body, route, parts[i]);
    }
    free(body);
    return received >= 0 && received == sum;
}
