/* SPDX-License-Identifier: Apache-2.0 */
/* The daemon. Signals are blocked in every thread and read from a signalfd by the main thread,
 * which does nothing else while the bridge runs. */
#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <sys/signalfd.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/duration.h"
#include "cli/running.h"
#include "hub/hub.h"
#include "log/log.h"

/* Before any thread is made, so that all of them block the signals. */
static int signal_descriptor(void)
{
    sigset_t set;

    (void)signal(SIGPIPE, SIG_IGN);
    (void)sigemptyset(&set);
    (void)sigaddset(&set, SIGTERM);
    (void)sigaddset(&set, SIGINT);
    (void)sigaddset(&set, SIGHUP);
    (void)pthread_sigmask(SIG_BLOCK, &set, NULL);
    return signalfd(-1, &set, SFD_CLOEXEC);
}

/* SIGHUP reloads; false: a signal that ends the process. */
static bool take_signal(struct nw_running *running, int fd)
{
    struct signalfd_siginfo info;
    ssize_t n = read(fd, &info, sizeof info);

    if (n < 0 && errno == EINTR) {
        return true;
    }
    if (n == sizeof info && info.ssi_signo == SIGHUP) {
        struct nw_buffer report = {0};
        nw_log_write(NW_LOG_INFO, NULL, "SIGHUP: reading the configuration again");
        (void)nw_running_reload(running, &report);
        nw_buffer_done(&report);
        return true;
    }
    return false;
}

/* Until SIGTERM or SIGINT. */
static void wait_for_end(struct nw_running *running, int signals)
{
    struct pollfd fds[] = {
        {signals, POLLIN, 0},
        {running->admin == NULL ? -1 : nw_admin_descriptor(running->admin), POLLIN, 0},
        {nw_bridge_descriptor(running->bridge), POLLIN, 0}};

    for (;;) {
        if (poll(fds, 3, -1) < 0) {
            continue; /* EINTR */
        }
        if (fds[0].revents != 0 && !take_signal(running, signals)) {
            return;
        }
        if (fds[1].revents != 0) {
            nw_running_serve(running);
        }
        if (fds[2].revents != 0) {
            nw_bridge_attend(running->bridge);
        }
    }
}

#define SAME_NS (NW_SECOND_NS / 5)

static int64_t first_ns; /* when the first signal came */

/* What signals a process and then its group sends the first one twice. */
static void on_second(int number)
{
    if (nw_clock_monotonic_ns() - first_ns >= SAME_NS) {
        (void)signal(number, SIG_DFL);
        (void)raise(number);
    }
}

/* A second signal while draining means now: the default action is put back. */
static void let_signals_kill(void)
{
    struct sigaction second = {.sa_handler = on_second, .sa_flags = SA_RESTART};
    sigset_t set;

    (void)sigaction(SIGTERM, &second, NULL);
    (void)sigaction(SIGINT, &second, NULL);
    (void)sigemptyset(&set);
    (void)sigaddset(&set, SIGTERM);
    (void)sigaddset(&set, SIGINT);
    (void)pthread_sigmask(SIG_UNBLOCK, &set, NULL);
}

static void run_until_signal(struct nw_running *running, int signals)
{
    const struct nw_config *config = running->config;
    char limit[NW_DURATION_TEXT];

    nw_log_write(NW_LOG_INFO, NULL, "running %s: %zu route%s%s%s", config->name,
                 config->route_count, config->route_count == 1 ? "" : "s",
                 config->admin_listen == NULL ? "" : ", admin at http://",
                 config->admin_listen == NULL ? "" : config->admin_listen);
    wait_for_end(running, signals);
    first_ns = nw_clock_monotonic_ns();
    nw_log_write(NW_LOG_INFO, NULL,
                 "stopping: delivering what is in flight, at most %s; a second signal ends it now",
                 nw_duration_format(running->config->shutdown_timeout_ms, limit));
    let_signals_kill();
}

/* The admin address is taken before anything moves, so that a second natsway started by mistake
 * does not move a message. */
static int start(struct nw_running *running, struct nw_error *error)
{
    const struct nw_config *config = running->config;
    int rc = config->admin_listen == NULL ? 0 : nw_admin_open(config, &running->admin, error);

    rc = rc != 0 ? rc : nw_bridge_start(config, &running->bridge, error);
    if (rc == 0 && running->admin != NULL) {
        rc = nw_admin_serve(running->admin, running->bridge, error);
    }
    return rc;
}

/* *clean: no thread of the bridge is left. */
static enum nw_exit serve(struct nw_running *running, int signals, bool *clean)
{
    struct nw_error error = {.text = ""};
    int rc = start(running, &error);

    if (rc == 0) {
        run_until_signal(running, signals);
    } else {
        (void)fprintf(stderr, "natsway: %s\n", error.text);
    }
    nw_admin_close(running->admin);
    if (running->bridge != NULL) {
        *clean =
            nw_bridge_stop(running->bridge, rc == 0 ? running->config->shutdown_timeout_ms : 0);
    }
    *clean = *clean && !nw_hub_lingers();
    nw_log_flush();
    if (rc != 0) {
        return rc == NW_ENOMEM ? NW_EXIT_INTERNAL : NW_EXIT_REFUSED;
    }
    nw_log_write(NW_LOG_INFO, NULL, "stopped");
    return NW_EXIT_DONE;
}

/* A configuration that is refused is shown as `check` shows it: nothing runs, nobody reads a log.
 */
static enum nw_exit load(const struct nw_arguments *arguments, struct nw_registry **registry,
                         struct nw_config **config)
{
    struct nw_diagnostics diagnostics = {.items = NULL};
    enum nw_exit result =
        nw_cli_read(arguments, arguments->operand_count, registry, config, &diagnostics);

    if (result == NW_EXIT_DONE) {
        nw_arguments_setup_log(arguments, &(*config)->log);
        nw_running_log(&diagnostics);
    } else {
        nw_cli_print(&diagnostics);
    }
    nw_diagnostics_done(&diagnostics);
    return result;
}

enum nw_exit nw_command_run(const struct nw_arguments *arguments)
{
    struct nw_registry *registry;
    struct nw_config *config;
    bool clean = true;
    int signals;
    enum nw_exit result = load(arguments, &registry, &config);

    if (result != NW_EXIT_DONE) {
        return result;
    }
    signals = signal_descriptor();
    if (signals < 0) {
        (void)fprintf(stderr, "natsway: signalfd: %s\n", strerror(errno));
        result = NW_EXIT_INTERNAL;
    } else {
        struct nw_running running = {
            .arguments = arguments, .registry = registry, .config = config};
        result = serve(&running, signals, &clean);
        (void)close(signals);
    }
    if (!clean) {
        /* A thread hangs in a library, and must find its options, and the library, until the end.
         */
        (void)fflush(NULL);
        _exit((int)result);
    }
    nw_config_free(config);
    nw_registry_free(registry);
    return result;
}
