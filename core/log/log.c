/* SPDX-License-Identifier: Apache-2.0 */
#include "log/log.h"

#include <pthread.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stdio.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "base/clock.h"

/* A line that comes again within this time is counted instead. */
#define REPEAT_NS (10 * NW_SECOND_NS)
#define REPEAT_SLOTS 64

static const char *const words[] = {"error", "warning", "info", "debug"};
static const char *const colours[] = {"\033[31m", "\033[33m", "\033[32m", "\033[2m"};

static atomic_int lowest = NW_LOG_INFO;
static atomic_bool as_json;

/* Lines seen lately, by a hash of their text; guarded by lock. */
static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static struct repeat {
    uint64_t hash;
    int64_t said_ns;
    uint64_t held;
} repeats[REPEAT_SLOTS];

void nw_log_setup(enum nw_level level, bool json)
{
    atomic_store(&lowest, (int)level);
    atomic_store(&as_json, json);
}

bool nw_log_enabled(enum nw_level level)
{
    return (int)level <= atomic_load_explicit(&lowest, memory_order_relaxed);
}

/* A line being built; what does not fit is cut off. */
struct line {
    char text[2048];
    size_t len;
};

static void add(struct line *l, const char *text, size_t n)
{
    size_t room = sizeof l->text - 2 - l->len;

    n = n > room ? room : n;
    memcpy(l->text + l->len, text, n);
    l->len += n;
}

static void add_text(struct line *l, const char *text)
{
    add(l, text, strlen(text));
}

/* Controls never reach a terminal or break a line; quotes and backslashes are escaped. */
static void add_escaped(struct line *l, const char *text)
{
    for (const char *at = text; *at != '\0'; at++) {
        unsigned char c = (unsigned char)*at;
        char escaped[8];
        if (c < 0x20 || c == 0x7f) {
            (void)snprintf(escaped, sizeof escaped, "\\u%04x", c);
            add_text(l, escaped);
        } else {
            if (c == '"' || c == '\\') {
                add(l, "\\", 1);
            }
            add(l, at, 1);
        }
    }
}

static void add_quoted(struct line *l, const char *text)
{
    add(l, "\"", 1);
    add_escaped(l, text);
    add(l, "\"", 1);
}

static bool is_plain(const char *text)
{
    return *text != '\0' && text[strcspn(text, " \t\"\\=\n\r\x7f")] == '\0';
}

static void add_time(struct line *l, const char *format, bool utc)
{
    int64_t now = nw_clock_real_ns();
    time_t seconds = (time_t)(now / NW_SECOND_NS);
    char date[40], text[64];
    struct tm t;

    (void)(utc ? gmtime_r(&seconds, &t) : localtime_r(&seconds, &t));
    (void)strftime(date, sizeof date, format, &t);
    (void)snprintf(text, sizeof text, "%s.%03d%s", date,
                   (int)(now % NW_SECOND_NS / NW_MILLISECOND_NS), utc ? "Z" : "");
    add_text(l, text);
}

static void build_json(struct line *l, enum nw_level level, const struct nw_log_field *fields,
                       const char *message)
{
    add_text(l, "{\"time\":\"");
    add_time(l, "%Y-%m-%dT%H:%M:%S", true);
    add_text(l, "\",\"level\":\"");
    add_text(l, words[level]);
    add_text(l, "\",\"msg\":");
    add_quoted(l, message);
    for (; fields != NULL && fields->name != NULL; fields++) {
        if (fields->value != NULL) {
            add_text(l, ",");
            add_quoted(l, fields->name);
            add_text(l, ":");
            add_quoted(l, fields->value);
        }
    }
    add_text(l, "}");
}

static void build_pairs(struct line *l, enum nw_level level, const struct nw_log_field *fields,
                        const char *message)
{
    add_text(l, "time=");
    add_time(l, "%Y-%m-%dT%H:%M:%S", true);
    add_text(l, " level=");
    add_text(l, words[level]);
    for (; fields != NULL && fields->name != NULL; fields++) {
        if (fields->value != NULL) {
            add_text(l, " ");
            add_text(l, fields->name);
            add_text(l, "=");
            if (is_plain(fields->value)) {
                add_text(l, fields->value);
            } else {
                add_quoted(l, fields->value);
            }
        }
    }
    add_text(l, " msg=");
    add_quoted(l, message);
}

static void build_for_terminal(struct line *l, enum nw_level level,
                               const struct nw_log_field *fields, const char *message)
{
    add_text(l, colours[level]);
    add_time(l, "%H:%M:%S", false);
    add_text(l, "\033[0m ");
    for (; fields != NULL && fields->name != NULL; fields++) {
        if (fields->value != NULL) {
            add_escaped(l, fields->value);
            add_text(l, " ");
        }
    }
    add_escaped(l, message);
}

static uint64_t hash_line(const struct nw_log_field *fields, const char *message)
{
    uint64_t h = UINT64_C(14695981039346656037);

    for (; fields != NULL && fields->name != NULL; fields++) {
        /* The origin is another each time; it does not make another line. */
        if (fields->value != NULL && strcmp(fields->name, "origin") != 0) {
            for (const char *c = fields->value; *c != '\0'; c++) {
                h = (h ^ (unsigned char)*c) * UINT64_C(1099511628211);
            }
        }
    }
    for (const char *c = message; *c != '\0'; c++) {
        h = (h ^ (unsigned char)*c) * UINT64_C(1099511628211);
    }
    return h;
}

/* False if the line was said a moment ago. *held: how many times it was not said since. */
static bool may_say(uint64_t hash, uint64_t *held)
{
    struct repeat *r = &repeats[hash % REPEAT_SLOTS];
    int64_t now = nw_clock_monotonic_ns();
    bool say = true;

    *held = 0;
    (void)pthread_mutex_lock(&lock);
    if (r->hash == hash && now - r->said_ns < REPEAT_NS) {
        r->held++;
        say = false;
    } else {
        *held = r->hash == hash ? r->held : 0;
        *r = (struct repeat){hash, now, 0};
    }
    (void)pthread_mutex_unlock(&lock);
    return say;
}

void nw_log_write(enum nw_level level, const struct nw_log_field *fields, const char *format, ...)
{
    struct line l = {.len = 0};
    char message[1024];
    uint64_t held;
    va_list args;

    if (!nw_log_enabled(level)) {
        return;
    }
    va_start(args, format);
    (void)vsnprintf(message, sizeof message - 64, format, args);
    va_end(args);
    if (!may_say(hash_line(fields, message), &held)) {
        return;
    }
    if (held > 0) {
        size_t n = strlen(message);
        (void)snprintf(message + n, sizeof message - n, " (and %llu times before)",
                       (unsigned long long)held);
    }
    if (atomic_load(&as_json)) {
        build_json(&l, level, fields, message);
    } else if (isatty(STDERR_FILENO) != 0) {
        build_for_terminal(&l, level, fields, message);
    } else {
        build_pairs(&l, level, fields, message);
    }
    l.text[l.len++] = '\n';
    (void)!write(STDERR_FILENO, l.text, l.len);
}
