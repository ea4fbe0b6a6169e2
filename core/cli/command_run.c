/* SPDX-License-Identifier: Apache-2.0 */
/* The daemon. Signals are blocked in every thread and read from a signalfd by the main thread,
 * which does nothing else while the bridge runs. */
#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/signalfd.h>
#include <unistd.h>

#include "cli/cli.h"
#include "log/log.h"
#include "ops/admin.h"
#include "pump/bridge.h"

static int setup_log(const struct nw_arguments *a, const struct nw_config *config)
{
    static const char *const words[] = {"error", "warning", "info", "debug"};
    enum nw_level level = config->log.level;
    bool json = config->log.json;

    if (a->log_level != NULL) {
        size_t i = 0;
        while (i < 4 && strcmp(a->log_level, words[i]) != 0) {
            i++;
        }
        if (i == 4) {
            (void)fprintf(stderr,
                          "natsway run: --log-level wants error, warning, info or debug, "
                          "found \"%s\"\n",
                          a->log_level);
            return NW_EINVAL;
        }
        level = (enum nw_level)i;
    }
    if (a->log_format != NULL) {
        json = strcmp(a->log_format, "json") == 0;
        if (!json && strcmp(a->log_format, "text") != 0) {
            (void)fprintf(stderr, "natsway run: --log-format wants text or json, found \"%s\"\n",
                          a->log_format);
            return NW_EINVAL;
        }
    }
    nw_log_setup(level, json);
    return 0;
}

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

/* Until SIGTERM or SIGINT. */
static void wait_for_end(int fd)
{
    struct signalfd_siginfo info;

    for (;;) {
        ssize_t n = read(fd, &info, sizeof info);
        if (n < 0 && errno == EINTR) {
            continue;
        }
        if (n == sizeof info && info.ssi_signo == SIGHUP) {
            nw_log_write(NW_LOG_WARNING, NULL,
                         "SIGHUP: this version does not reload; stop and start it instead");
            continue;
        }
        return;
    }
}

/* A second signal while draining means now: the default action is put back. */
static void let_signals_kill(void)
{
    sigset_t set;

    (void)sigemptyset(&set);
    (void)sigaddset(&set, SIGTERM);
    (void)sigaddset(&set, SIGINT);
    (void)pthread_sigmask(SIG_UNBLOCK, &set, NULL);
}

static enum nw_exit serve(const struct nw_config *config, int signals)
{
    struct nw_bridge *bridge = NULL;
    struct nw_admin *admin = NULL;
    struct nw_error error = {.text = ""};

    if (nw_bridge_start(config, &bridge, &error) != 0) {
        (void)fprintf(stderr, "natsway: %s\n", error.text);
        return NW_EXIT_REFUSED;
    }
    if (config->admin_listen != NULL && nw_admin_start(config, bridge, &admin, &error) != 0) {
        (void)fprintf(stderr, "natsway: %s\n", error.text);
        nw_bridge_stop(bridge, 0);
        return NW_EXIT_REFUSED;
    }
    nw_log_write(NW_LOG_INFO, NULL, "running: %zu route%s%s%s", config->route_count,
                 config->route_count == 1 ? "" : "s",
                 config->admin_listen == NULL ? "" : ", admin at http://",
                 config->admin_listen == NULL ? "" : config->admin_listen);
    wait_for_end(signals);
    nw_log_write(NW_LOG_INFO, NULL, "stopping: delivering what is in flight, for at most %lld ms",
                 (long long)config->shutdown_timeout_ms);
    let_signals_kill();
    nw_admin_stop(admin);
    nw_bridge_stop(bridge, config->shutdown_timeout_ms);
    nw_log_write(NW_LOG_INFO, NULL, "stopped");
    return NW_EXIT_DONE;
}

enum nw_exit nw_command_run(const struct nw_arguments *arguments)
{
    struct nw_registry *registry;
    struct nw_config *config;
    enum nw_exit result =
        nw_cli_load(arguments, arguments->operand_count, &registry, &config, NULL);
    int signals;

    if (result != NW_EXIT_DONE) {
        return result;
    }
    signals = signal_descriptor();
    if (signals < 0) {
        (void)fprintf(stderr, "natsway: signalfd: %s\n", strerror(errno));
        result = NW_EXIT_INTERNAL;
    } else if (setup_log(arguments, config) != 0) {
        result = NW_EXIT_USAGE;
    } else {
        result = serve(config, signals);
    }
    if (signals >= 0) {
        (void)close(signals);
    }
    nw_config_free(config);
    nw_registry_free(registry);
    return result;
}
