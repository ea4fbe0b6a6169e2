/* SPDX-License-Identifier: Apache-2.0 */
#include "support/process.h"

#include "support/fail.h"
#include "support/wait.h"
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

static int open_output(const char *path)
{
    return open(path == NULL ? "/dev/null" : path, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0600);
}

/* Between fork and exec only calls that are safe there; the test may have threads. */
static _Noreturn void become_child(char *const *arguments, int in, int out, int error, pid_t parent)
{
    prctl(PR_SET_PDEATHSIG, SIGKILL);
    if (getppid() != parent) {
        _exit(127);
    }
    sigset_t none;
    sigemptyset(&none);
    sigprocmask(SIG_SETMASK, &none, NULL);
    signal(SIGPIPE, SIG_DFL);
    dup2(in, STDIN_FILENO);
    dup2(out, STDOUT_FILENO);
    dup2(error, STDERR_FILENO);
    execvp(arguments[0], arguments);
    _exit(127);
}

void nwt_process_start(struct nwt_process *process, char *const *arguments, const char *in_path,
                       const char *out_path, const char *error_path)
{
    int in = open(in_path == NULL ? "/dev/null" : in_path, O_RDONLY | O_CLOEXEC | O_NOCTTY);
    int out = open_output(out_path), error = open_output(error_path);
    pid_t parent = getpid();
    pid_t pid = in < 0 || out < 0 || error < 0 ? -1 : fork();
    if (pid == 0) {
        become_child(arguments, in, out, error, parent);
    }
    if (pid < 0) {
        nwt_fail("cannot start %s: %s", arguments[0], strerror(errno));
    }
    close(in);
    close(out);
    close(error);
    *process = (struct nwt_process){pid, 0};
}

bool nwt_process_running(struct nwt_process *process)
{
    if (process->pid != 0 && waitpid(process->pid, &process->status, WNOHANG) == process->pid) {
        process->pid = 0;
    }
    return process->pid != 0;
}

void nwt_process_signal(struct nwt_process *process, int number)
{
    if (!nwt_process_running(process)) {
        return;
    }
    kill(process->pid, number);
    if (number == SIGSTOP) { /* its threads stop one after the other: wait for the last */
        siginfo_t info;
        waitid(P_PID, (id_t)process->pid, &info, WSTOPPED | WEXITED | WNOWAIT);
    }
}

int nwt_process_wait(struct nwt_process *process, int64_t timeout_ms)
{
    if (!NWT_WAIT(timeout_ms, !nwt_process_running(process))) {
        return -1;
    }
    return WIFEXITED(process->status) ? WEXITSTATUS(process->status)
                                      : 128 + WTERMSIG(process->status);
}

bool nwt_process_crashed(struct nwt_process *process)
{
    return !nwt_process_running(process) && WIFSIGNALED(process->status) &&
           WTERMSIG(process->status) != SIGKILL && WTERMSIG(process->status) != SIGTERM;
}

int nwt_process_stop(struct nwt_process *process, int64_t timeout_ms)
{
    nwt_process_signal(process, SIGTERM);
    int code = nwt_process_wait(process, timeout_ms);
    if (code < 0) {
        nwt_process_kill(process);
        code = nwt_process_wait(process, 0);
    }
    return code;
}

void nwt_process_kill(struct nwt_process *process)
{
    if (nwt_process_running(process)) {
        kill(process->pid, SIGKILL);
        waitpid(process->pid, &process->status, 0);
        process->pid = 0;
    }
}

int64_t nwt_process_cpu_us(const struct nwt_process *process)
{
    char path[64], text[1024];
    snprintf(path, sizeof path, "/proc/%d/stat", (int)process->pid);
    FILE *file = fopen(path, "re");
    if (file == NULL) {
        return 0;
    }
    size_t len = fread(text, 1, sizeof text - 1, file);
    fclose(file);
    text[len] = '\0';
    /* Behind the name, which may hold blanks: state is field 3, utime and stime 14 and 15. */
    const char *rest = strrchr(text, ')');
    unsigned long user = 0, kernel = 0;
    if (rest == NULL || sscanf(rest + 1, " %*c %*s %*s %*s %*s %*s %*s %*s %*s %*s %*s %lu %lu",
                               &user, &kernel) != 2) {
        return 0;
    }
    return (int64_t)(user + kernel) * (1000000 / sysconf(_SC_CLK_TCK));
}

static int64_t sleeps_of(pid_t process, const char *thread)
{
    char path[400], line[200];
    int64_t count = 0;
    snprintf(path, sizeof path, "/proc/%d/task/%s/status", (int)process, thread);
    FILE *file = fopen(path, "re");
    while (file != NULL && fgets(line, sizeof line, file) != NULL) {
        if (sscanf(line, "voluntary_ctxt_switches: %" SCNd64, &count) == 1) {
            break;
        }
    }
    if (file != NULL) {
        fclose(file);
    }
    return count;
}

int64_t nwt_process_sleeps(const struct nwt_process *process)
{
    char path[64];
    int64_t sum = 0;
    snprintf(path, sizeof path, "/proc/%d/task", (int)process->pid);
    DIR *threads = opendir(path);
    struct dirent *entry;
    while (threads != NULL && (entry = readdir(threads)) != NULL) {
        if (entry->d_name[0] != '.') {
            sum += sleeps_of(process->pid, entry->d_name);
        }
    }
    if (threads != NULL) {
        closedir(threads);
    }
    return sum;
}
