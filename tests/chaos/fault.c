/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The faults. Each has a beginning and, most of them, an end, which are rows of a table; around
 * them is what they have in common: messages before and during it, whether /readyz knows of it, how
 * long nothing moves afterwards.
 */
#include "chaos.h"

#include "support/fail.h"
#include "support/wait.h"
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#define MOVE_MS 30000 /* after that it hangs */
#define MOVE_SOON_MS 2000
#define TRUTH_MS 2000 /* so soon /readyz must be right */
#define JOIN_MS 10000 /* for a second natsway */
#define DISK_KIB 98304

static void pause_ms(int ms)
{
    nanosleep(&(struct timespec){ms / 1000, ms % 1000 * 1000000}, NULL);
}

/* ---- the disk ---- */

/* A run that fails must not leave it behind. */
static struct run *mounted;

static void unmount_at_exit(void)
{
    disk_unmount(mounted);
}

bool disk_mount(struct run *run, const char *path)
{
    char options[40];
    snprintf(options, sizeof options, "size=%dk", DISK_KIB);
    if (mkdir(path, 0700) != 0 && errno != EEXIST) {
        nwt_fail("cannot make %s: %s", path, strerror(errno));
    }
    if (mount("tmpfs", path, "tmpfs", 0, options) != 0) {
        fprintf(stderr, "chaos: no full disks: mount: %s\n", strerror(errno));
        return false;
    }
    run->disk = strdup(path);
    mounted = run;
    return atexit(unmount_at_exit) == 0;
}

void disk_unmount(struct run *run)
{
    if (run->disk != NULL) {
        umount2(run->disk, MNT_DETACH);
        free(run->disk);
        run->disk = NULL;
    }
}

static int open_ballast(const struct run *run)
{
    char path[300];
    snprintf(path, sizeof path, "%s/ballast", run->disk);
    return open(path, O_WRONLY | O_CREAT | O_CLOEXEC | O_TRUNC, 0600);
}

static void fill_disk(struct run *run)
{
    static char block[65536];
    int fd = open_ballast(run);
    for (size_t size = sizeof block; size > 0; size /= 2) {
        while (write(fd, block, size) > 0) {
        }
    }
    close(fd);
}

static void empty_disk(struct run *run)
{
    close(open_ballast(run));
}

/* ---- natsway ---- */

static void kill_natsway(struct run *run)
{
    nwt_bridge_kill(run->bridge);
    run->figures.kills++;
}

static void start_natsway(struct run *run)
{
    nwt_bridge_start(run->bridge, NULL);
}

static void freeze(struct run *run)
{
    nwt_process_signal(&run->bridge->process, SIGSTOP);
}

static void thaw(struct run *run)
{
    nwt_process_signal(&run->bridge->process, SIGCONT);
}

static void join_second(struct run *run)
{
    if (run->second == NULL) {
        run->second = nwt_bridge_new(run->folder, "second",
                                     "name: chaos\nnats: {url: \"%s\"}\nconnections:\n%s\nroutes:\n"
                                     "  r:\n    from: {%s}\n    to: {%s}\n",
                                     run_nats_url(run), run->connections, run->from, run->to);
    }
    nwt_bridge_start(run->second, NULL);
    (void)NWT_WAIT(JOIN_MS, nwt_bridge_ready(run->second));
}

/* In an orderly way, every other time. */
static void leave_second(struct run *run)
{
    if (run->figures.faults % 2 == 0) {
        nwt_bridge_kill(run->second);
    } else {
        nwt_bridge_stop(run->second);
    }
}

/* ---- NATS ---- */

static void kill_nats(struct run *run)
{
    nwt_process_kill(&run->nats->process);
}

static void stop_nats(struct run *run)
{
    nwt_nats_stop(run->nats);
}

static void start_nats(struct run *run)
{
    nwt_nats_start(run->nats);
}

static void cut_nats(struct run *run)
{
    nwt_proxy_cut(run->nats_proxy);
}

static void close_nats(struct run *run)
{
    nwt_proxy_set(run->nats_proxy, NWT_PROXY_CLOSED);
}

static void stall_nats(struct run *run)
{
    nwt_proxy_set(run->nats_proxy, NWT_PROXY_STALL);
}

static void vanish_nats(struct run *run)
{
    nwt_proxy_set(run->nats_proxy, NWT_PROXY_VANISH);
}

static void open_nats(struct run *run)
{
    nwt_proxy_set(run->nats_proxy, NWT_PROXY_OPEN);
}

/* ---- the other system ---- */

static void kill_other(struct run *run)
{
    nwt_process_kill(&run->kafka->process);
}

static void stop_other(struct run *run)
{
    if (run->kafka != NULL) {
        nwt_kafka_stop(run->kafka);
    } else if (run->mosquitto != NULL) {
        nwt_mosquitto_stop(run->mosquitto);
    } else {
        nwt_http_server_stop(run->server);
    }
}

static void start_other(struct run *run)
{
    if (run->kafka != NULL) {
        nwt_kafka_start(run->kafka);
    } else if (run->mosquitto != NULL) {
        nwt_mosquitto_start(run->mosquitto);
    } else {
        nwt_http_server_start(run->server);
    }
}

static void cut_other(struct run *run)
{
    nwt_proxy_cut(run->other_proxy);
}

static void close_other(struct run *run)
{
    nwt_proxy_set(run->other_proxy, NWT_PROXY_CLOSED);
}

static void stall_other(struct run *run)
{
    nwt_proxy_set(run->other_proxy, NWT_PROXY_STALL);
}

static void vanish_other(struct run *run)
{
    nwt_proxy_set(run->other_proxy, NWT_PROXY_VANISH);
}

static void open_other(struct run *run)
{
    nwt_proxy_set(run->other_proxy, NWT_PROXY_OPEN);
}

static void answer_500(struct run *run)
{
    run->http_way = FAULT_HTTP_ERROR;
}

static void answer_429(struct run *run)
{
    run->http_way = FAULT_HTTP_BUSY;
}

static void answer_late(struct run *run)
{
    run->http_way = FAULT_HTTP_SLOW;
}

static void answer_well(struct run *run)
{
    run->http_way = FAULT_KINDS;
}

static void rotate(struct run *run)
{
    if (run->flow->source == &feed_file) {
        file_source_rotate(run);
    } else {
        file_sink_rotate(run);
    }
}

/* gone: an end of the route is away, which a connection that is refused or ended shows at once, and
 * /readyz has to say so. (A silent connection is found out only when nobody answers on it.) */
static const struct {
    void (*begin)(struct run *run);
    void (*end)(struct run *run);
    bool gone;
} table[FAULT_KINDS] = {
    [FAULT_KILL] = {kill_natsway, start_natsway, false},
    [FAULT_FREEZE] = {freeze, thaw, false},
    [FAULT_NATS_KILL] = {kill_nats, start_nats, true},
    [FAULT_NATS_STOP] = {stop_nats, start_nats, true},
    [FAULT_NATS_CUT] = {cut_nats, NULL, false},
    [FAULT_NATS_CLOSE] = {close_nats, open_nats, true},
    [FAULT_NATS_STALL] = {stall_nats, open_nats, false},
    [FAULT_NATS_VANISH] = {vanish_nats, open_nats, false},
    [FAULT_OTHER_KILL] = {kill_other, start_other, true},
    [FAULT_OTHER_STOP] = {stop_other, start_other, true},
    [FAULT_OTHER_CUT] = {cut_other, NULL, false},
    [FAULT_OTHER_CLOSE] = {close_other, open_other, true},
    [FAULT_OTHER_STALL] = {stall_other, open_other, false},
    [FAULT_OTHER_VANISH] = {vanish_other, open_other, false},
    [FAULT_DISK] = {fill_disk, empty_disk, false},
    [FAULT_HTTP_ERROR] = {answer_500, answer_well, false},
    [FAULT_HTTP_BUSY] = {answer_429, answer_well, false},
    [FAULT_HTTP_SLOW] = {answer_late, answer_well, false},
    [FAULT_REBALANCE] = {join_second, leave_second, false},
    [FAULT_ROTATE] = {rotate, NULL, false},
    [FAULT_TRUNCATE] = {file_source_truncate, NULL, false},
};

/* ---- what all have in common ---- */

/* How long until /readyz says so; it is an untruth if that takes more than TRUTH_MS. */
static int64_t expect_ready(struct run *run, bool ready, const struct fault *fault)
{
    int64_t began_ms = nwt_now_ms();
    bool right = NWT_WAIT(TRUTH_MS, nwt_bridge_ready(run->bridge) == ready);
    int64_t took_ms = nwt_now_ms() - began_ms;
    if (!right) {
        run->figures.untrue++;
        fprintf(stderr, "chaos: %s: /readyz says %s for %d ms\n", fault_name(fault->kind),
                ready ? "no" : "200", (int)took_ms);
    }
    return took_ms;
}

/* The HTTP client of a served route is no end of it. */
static bool gone(const struct run *run, enum fault_kind kind)
{
    return table[kind].gone && (kind < FAULT_OTHER_KILL || run->flow->source != &feed_http);
}

/* The part of the portion that comes before the fault; then the instant is there. */
static void lead_up(struct run *run, const struct fault *fault, size_t index)
{
    size_t from = index * run->portion, part = run->portion * 2 / 3;
    int64_t until = (int64_t)(from + part * fault->at / 1000);
    run->burst = fault->burst;
    nwt_proxy_delay(run->nats_proxy, fault->way_ms);
    if (run->other_proxy != NULL) {
        nwt_proxy_delay(run->other_proxy, fault->way_ms);
    }
    run->allowed = from + part;
    if (!NWT_WAIT(MOVE_MS, run_arrived(run) >= until)) {
        nwt_fail("before fault %zu: %lld of %lld messages have arrived, %zu are fed", index,
                 (long long)run->arrived, (long long)until, (size_t)run->fed);
    }
    pause_ms(fault->delay_ms);
}

static void go_through(struct run *run, const struct fault *fault, size_t index)
{
    int64_t began_ms = nwt_now_ms();
    table[fault->kind].begin(run);
    run->allowed = (index + 1) * run->portion;
    if (gone(run, fault->kind)) {
        int64_t took_ms = expect_ready(run, false, fault);
        if (took_ms > run->figures.unready_worst_ms) {
            run->figures.unready_worst_ms = took_ms;
        }
    }
    bool moment = table[fault->kind].end == NULL;
    int left_ms = moment ? 0 : fault->lasts_ms - (int)(nwt_now_ms() - began_ms);
    if (fault->kill_within) {
        pause_ms(left_ms > 0 ? left_ms / 2 : 0);
        kill_natsway(run);
        start_natsway(run);
        left_ms /= 2;
    }
    pause_ms(left_ms > 0 ? left_ms : 0);
}

/* Wait for the first message that moves; how long after began_ms that was, -1 if there was none
 * left to move. */
static int64_t wait_for_movement(struct run *run, int64_t base, int64_t began_ms,
                                 const struct fault *fault)
{
    int64_t until_ms = began_ms + MOVE_MS * NWT_PATIENCE;
    while (run_arrived(run) <= base && base < (int64_t)run->allowed) {
        if (!nwt_process_running(&run->bridge->process)) {
            nwt_fail("%s: natsway has ended: exit code %d", fault_name(fault->kind),
                     nwt_process_wait(&run->bridge->process, 0));
        }
        if (nwt_now_ms() > until_ms) {
            NWT_WAIT(0, false); /* prints the log */
            nwt_fail("%s: nothing moves after %d ms; %lld have arrived, %zu are fed",
                     fault_name(fault->kind), (int)(nwt_now_ms() - began_ms),
                     (long long)run->arrived, (size_t)run->fed);
        }
        pause_ms(2);
    }
    return run->arrived > base ? nwt_now_ms() - began_ms : -1;
}

static int64_t resident_kib(pid_t pid)
{
    char path[40];
    snprintf(path, sizeof path, "/proc/%d/status", (int)pid);
    char *text = nwt_file_read(path, NULL), *at = text == NULL ? NULL : strstr(text, "VmRSS:");
    int64_t kib = at == NULL ? -1 : strtoll(at + strlen("VmRSS:"), NULL, 10);
    free(text);
    return kib;
}

static void look_around(struct run *run, const struct fault *fault, size_t index)
{
    struct figures *f = &run->figures;
    int64_t *memory = &f->memory_kib[index >= run->fault_count / 2];
    int64_t kib = resident_kib(run->bridge->process.pid);
    *memory = kib > *memory ? kib : *memory;
    expect_ready(run, true, fault);
    if (nwt_bridge_number(run->bridge, "r", "received") >= 0 &&
        !nwt_bridge_ledger_adds_up(run->bridge, "r")) {
        f->ledger_wrong++;
    }
}

static void note_recovery(struct run *run, const struct fault *fault, size_t index, int64_t took_ms)
{
    struct figures *f = &run->figures;
    if (took_ms > MOVE_SOON_MS) {
        fprintf(stderr, "chaos: fault %zu, %s: nothing moved for %d ms, until %lld\n", index,
                fault_name(fault->kind), (int)took_ms, (long long)time(NULL));
    }
    if (fault->kind == FAULT_KILL && took_ms >= 0) {
        f->recovery_ms[f->recovery_count++] = (int32_t)took_ms;
    } else if (took_ms > f->silence_ms[fault->kind]) {
        f->silence_ms[fault->kind] = (int32_t)took_ms;
    }
}

void fault_run(struct run *run, const struct fault *fault, size_t index)
{
    if (fault->kind == FAULT_DISK && run->disk == NULL) {
        return;
    }
    lead_up(run, fault, index);
    int64_t base = run_arrived(run), began_ms = nwt_now_ms();
    go_through(run, fault, index);
    if (table[fault->kind].end != NULL) {
        base = run_arrived(run);
        began_ms = nwt_now_ms();
        table[fault->kind].end(run);
    }
    int64_t took_ms = wait_for_movement(run, base, began_ms, fault);
    if (took_ms < 0) { /* nothing was left: only the route itself tells when it is back */
        (void)NWT_WAIT(MOVE_MS, nwt_bridge_ready(run->bridge));
    }
    note_recovery(run, fault, index, took_ms);
    run->figures.faults += fault->kind != FAULT_KILL;
    look_around(run, fault, index);
}
