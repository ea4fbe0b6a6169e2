/* SPDX-License-Identifier: Apache-2.0 */
/*
 *     chaos [--flow F]... [--seed N] [--messages N] [--faults N] [--kills PERCENT]
 *           [--seconds N | --hours N] [--list]
 *
 * One run of each flow, or of those named; for so long, with seeds that follow, if a time is given.
 * A line for each run as it ends, and a table of all. Each run is a process of its own, so that one
 * that fails leaves the others alone. Exit code 1 if something was lost, wrong or untrue.
 */
#include "chaos.h"

#include "support/wait.h"
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#define MEMORY_FAULTS 30        /* of fewer, the first half has not shown yet what is usual */
#define MEMORY_MARGIN_KIB 16384 /* and a quarter */

struct options {
    const struct flow *chosen[32];
    size_t chosen_count, messages, faults;
    uint64_t seed;
    unsigned kills;
    int64_t lasts_ms; /* 0: each flow once */
};

struct total {
    size_t runs, failed, messages, kills, faults, missing, duplicates, disordered;
    int32_t *recovery_ms;
    size_t recovery_count;
    int64_t unready_worst_ms;
};

static struct run run; /* too large for a stack */

/* ---- options ---- */

static _Noreturn void usage(void)
{
    fputs("usage: chaos [--flow F]... [--seed N] [--messages N] [--faults N] [--kills PERCENT]\n"
          "             [--seconds N | --hours N] [--list]\nflows:",
          stderr);
    for (size_t i = 0; i < flow_count; i++) {
        fprintf(stderr, " %s", flows[i].name);
    }
    fputs("\n", stderr);
    exit(2);
}

static void choose(struct options *o, const char *name)
{
    for (size_t i = 0; i < flow_count; i++) {
        if (strcmp(flows[i].name, name) == 0 && o->chosen_count < 32) {
            o->chosen[o->chosen_count++] = &flows[i];
            return;
        }
    }
    fprintf(stderr, "chaos: there is no flow %s\n", name);
    usage();
}

static void take_option(struct options *o, const char *name, const char *value)
{
    char *end = NULL;
    double number = value == NULL ? 0 : strtod(value, &end);
    if (strcmp(name, "--flow") == 0 && value != NULL) {
        choose(o, value);
        return;
    }
    if (value == NULL || *end != '\0' || number < 0) {
        usage();
    }
    if (strcmp(name, "--seed") == 0) {
        o->seed = strtoull(value, NULL, 10);
    } else if (strcmp(name, "--messages") == 0) {
        o->messages = (size_t)number;
    } else if (strcmp(name, "--faults") == 0) {
        o->faults = (size_t)number;
    } else if (strcmp(name, "--kills") == 0) {
        o->kills = (unsigned)number;
    } else if (strcmp(name, "--seconds") == 0 || strcmp(name, "--hours") == 0) {
        o->lasts_ms = (int64_t)(number * (name[2] == 's' ? 1000 : 3600000));
    } else {
        usage();
    }
}

static void take_options(struct options *o, int argc, char **argv)
{
    *o = (struct options){.messages = 50000, .faults = 40, .seed = 1, .kills = 50};
    for (int i = 1; i < argc; i += 2) {
        if (strcmp(argv[i], "--list") == 0) {
            for (size_t f = 0; f < flow_count; f++) {
                puts(flows[f].name);
            }
            exit(0);
        }
        take_option(o, argv[i], i + 1 < argc ? argv[i + 1] : NULL);
    }
    for (size_t i = 0; o->chosen_count == 0 && i < flow_count; i++) {
        o->chosen[i] = &flows[i];
        o->chosen_count += i + 1 == flow_count ? flow_count : 0;
    }
    if (o->faults < 1 || o->faults > FAULTS_MOST || o->messages < 10 * (o->faults + 1)) {
        fprintf(stderr, "chaos: 1 to %d faults, and ten messages for each\n", FAULTS_MOST);
        exit(2);
    }
}

/* ---- one run ---- */

static void print_schedule(void)
{
    for (size_t i = 0; i < run.fault_count; i++) {
        const struct fault *f = &run.faults[i];
        printf("%s%s%s %d ms", i == 0 ? "  " : ", ", fault_name(f->kind),
               f->kill_within ? " and kill natsway" : "", f->lasts_ms);
    }
    printf("\n");
}

/* In a child, whose death takes all its servers along; it is told what it measured. */
static void run_apart(const struct options *o, const struct flow *flow, uint64_t seed)
{
    int ends[2];
    memset(&run, 0, sizeof run);
    run.flow = flow;
    run.messages = o->messages;
    run.fault_count = o->faults;
    schedule_make(seed, flow->faults, o->kills, run.faults, run.fault_count);
    printf("%s, seed %llu:\n", flow->name, (unsigned long long)seed);
    print_schedule();
    fflush(NULL);
    if (pipe(ends) != 0) {
        exit(4);
    }
    pid_t pid = fork();
    if (pid == 0) {
        close(ends[0]);
        run_all(&run);
        size_t size = sizeof run.figures;
        _exit(write(ends[1], &run.figures, size) == (ssize_t)size ? 0 : 99);
    }
    close(ends[1]);
    struct figures figures = {0};
    char *at = (char *)&figures;
    for (ssize_t n;
         (n = read(ends[0], at, sizeof figures - (size_t)(at - (char *)&figures))) > 0;) {
        at += n;
    }
    close(ends[0]);
    int status = 0;
    waitpid(pid, &status, 0);
    run.figures = figures;
}

static int compare(const void *a, const void *b)
{
    int32_t x = *(const int32_t *)a, y = *(const int32_t *)b;
    return (x > y) - (x < y);
}

static int median(int32_t *values, size_t count)
{
    qsort(values, count, sizeof *values, compare);
    return count == 0 ? 0 : values[count / 2];
}

static int worst(const int32_t *values, size_t count)
{
    return count == 0 ? 0 : values[count - 1];
}

static bool grew(const struct figures *f)
{
#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
    return false && f->finished; /* a sanitizer keeps what is freed */
#else
    int64_t allowed = f->memory_kib[0] + f->memory_kib[0] / 4 + MEMORY_MARGIN_KIB;
    return run.fault_count >= MEMORY_FAULTS && f->memory_kib[1] > allowed;
#endif
}

static bool good(const struct figures *f)
{
    return f->finished && f->missing == 0 && f->wrong == 0 && f->disordered == 0 &&
           (f->duplicates == 0 || !run.flow->once) && f->ledger_wrong == 0 && f->untrue == 0 &&
           f->exit_code == 0 && !grew(f);
}

static void print_run(const struct options *o, uint64_t seed)
{
    struct figures *f = &run.figures;
    if (!f->finished) {
        printf("  FAILED: it did not come to its end\n");
    } else {
        int middle = median(f->recovery_ms, f->recovery_count);
        printf(
            "  %zu messages, %zu kills, %zu other faults: %zu missing, %zu wrong, %zu again%s, %zu "
            "out of order; moving again after %d ms, at most %d; not ready said within %d ms; "
            "memory %d, then %d KiB; ledger wrong %zu, /readyz wrong %zu times; exit code %d\n",
            f->messages, f->kills, f->faults, f->missing, f->wrong, f->duplicates,
            run.flow->once ? " (none may)" : "", f->disordered, middle,
            worst(f->recovery_ms, f->recovery_count), (int)f->unready_worst_ms,
            (int)f->memory_kib[0], (int)f->memory_kib[1], f->ledger_wrong, f->untrue, f->exit_code);
        for (int kind = 0; kind < FAULT_KINDS; kind++) {
            if (f->silence_ms[kind] > 0) {
                printf("  moving again after %s: at most %d ms\n",
                       fault_name((enum fault_kind)kind), (int)f->silence_ms[kind]);
            }
        }
    }
    if (!good(f)) {
        printf(
            "  FAILED; again: chaos --flow %s --seed %llu --messages %zu --faults %zu --kills %u\n",
            run.flow->name, (unsigned long long)seed, o->messages, o->faults, o->kills);
    }
    fflush(stdout);
}

static void add_up(struct total *t)
{
    const struct figures *f = &run.figures;
    t->runs++;
    t->failed += !good(f);
    if (!f->finished) {
        return;
    }
    t->messages += f->messages;
    t->kills += f->kills;
    t->faults += f->faults;
    t->missing += f->missing + f->wrong;
    t->duplicates += f->duplicates;
    t->disordered += f->disordered;
    t->unready_worst_ms =
        f->unready_worst_ms > t->unready_worst_ms ? f->unready_worst_ms : t->unready_worst_ms;
    t->recovery_ms =
        realloc(t->recovery_ms, (t->recovery_count + f->recovery_count + 1) * sizeof(int32_t));
    if (t->recovery_ms == NULL) {
        exit(4);
    }
    memcpy(t->recovery_ms + t->recovery_count, f->recovery_ms, f->recovery_count * sizeof(int32_t));
    t->recovery_count += f->recovery_count;
}

static void print_table(const struct options *o, struct total *totals)
{
    printf(
        "| flow | runs | failed | messages | kills | other faults | missing | twice | out of order "
        "| moves again, median | worst | not ready said, worst |\n"
        "|---|---|---|---|---|---|---|---|---|---|---|---|\n");
    for (size_t i = 0; i < o->chosen_count; i++) {
        struct total *t = &totals[i];
        int middle = median(t->recovery_ms, t->recovery_count);
        printf("| %s | %zu | %zu | %zu | %zu | %zu | %zu | %zu | %zu | %d ms | %d ms | %d ms |\n",
               o->chosen[i]->name, t->runs, t->failed, t->messages, t->kills, t->faults, t->missing,
               t->duplicates, t->disordered, middle, worst(t->recovery_ms, t->recovery_count),
               (int)t->unready_worst_ms);
    }
}

int main(int argc, char **argv)
{
    static struct total totals[32];
    struct options o;
    size_t failed = 0;
    take_options(&o, argc, argv);
    int64_t until_ms = nwt_now_ms() + o.lasts_ms;
    bool again = true;
    for (uint64_t seed = o.seed; again; seed++) {
        for (size_t i = 0; i < o.chosen_count && again; i++) {
            run_apart(&o, o.chosen[i], seed);
            print_run(&o, seed);
            add_up(&totals[i]);
            failed += !good(&run.figures);
            again = o.lasts_ms == 0 || nwt_now_ms() < until_ms;
        }
        again = again && o.lasts_ms > 0;
    }
    print_table(&o, totals);
    return failed == 0 ? 0 : 1;
}
