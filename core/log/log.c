/* SPDX-License-Identifier: Apache-2.0 */
/* The one log of the process: decides whether a line is written and writes it. What it looks like
 * is in line.c, what counts as a repeat in repeat.c. */
#include "log/log.h"

#include <pthread.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "base/clock.h"
#include "log/line.h"
#include "log/repeat.h"

static struct {
    atomic_int level;
    atomic_int style;
    pthread_mutex_t lock; /* guards repeat */
    struct nw_repeat repeat;
} the_log = {.level = NW_LOG_INFO, .lock = PTHREAD_MUTEX_INITIALIZER};

static enum nw_line_style style_of_stderr(void)
{
    const char *term = getenv("TERM"), *plain = getenv("NO_COLOR");

    if (isatty(STDERR_FILENO) == 0) {
        return NW_LINE_PAIRS;
    }
    if ((plain != NULL && *plain != '\0') || term == NULL || strcmp(term, "dumb") == 0) {
        return NW_LINE_TERMINAL;
    }
    return NW_LINE_COLOUR;
}

void nw_log_setup(enum nw_level level, bool json)
{
    atomic_store(&the_log.level, (int)level);
    atomic_store(&the_log.style, (int)(json ? NW_LINE_JSON : style_of_stderr()));
}

bool nw_log_enabled(enum nw_level level)
{
    return (int)level <= atomic_load_explicit(&the_log.level, memory_order_relaxed);
}

/* One write for a line, so that lines of several threads and processes do not mix. */
static void put(const struct nw_line *line)
{
    struct nw_buffer out = {0};

    nw_line_write(&out, line, (enum nw_line_style)atomic_load(&the_log.style));
    if (!out.failed && write(STDERR_FILENO, out.data, out.len) < 0) {
        /* Nowhere is left to say it. */
    }
    nw_buffer_done(&out);
}

/* Say what was left out. With the lock. */
static void tell_left(int64_t now_ns, bool all)
{
    struct nw_repeat_kind *kind;

    while ((kind = nw_repeat_left(&the_log.repeat, now_ns, all)) != NULL) {
        struct nw_log_field fields[] = {{kind->name, kind->value}, {NULL, NULL}};
        put(&(struct nw_line){
            .time_ns = nw_clock_real_ns(),
            .level = kind->level,
            .text = kind->text,
            .fields = kind->name[0] == '\0' ? NULL : fields,
            .repeated = kind->skipped,
        });
        kind->skipped = 0;
    }
}

void nw_log_write(enum nw_level level, const struct nw_log_field *fields, const char *format, ...)
{
    struct nw_line line = {.level = level, .fields = fields};
    int64_t now_ns;
    char text[1024];
    va_list args;
    bool pass;

    if (!nw_log_enabled(level)) {
        return;
    }
    va_start(args, format);
    (void)vsnprintf(text, sizeof text, format, args);
    va_end(args);
    line.text = text;
    line.time_ns = nw_clock_real_ns();
    now_ns = nw_clock_monotonic_ns();
    (void)pthread_mutex_lock(&the_log.lock);
    pass = nw_repeat_pass(&the_log.repeat, level, fields, text, now_ns, &line.repeated);
    tell_left(now_ns, false);
    if (pass) {
        put(&line);
    }
    (void)pthread_mutex_unlock(&the_log.lock);
}

void nw_log_flush(void)
{
    (void)pthread_mutex_lock(&the_log.lock);
    tell_left(nw_clock_monotonic_ns(), true);
    (void)pthread_mutex_unlock(&the_log.lock);
}
