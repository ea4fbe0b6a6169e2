/* SPDX-License-Identifier: Apache-2.0 */
#include "kafka_since.h"

#include <natsway/connector.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

static const struct {
    const char *name;
    int64_t ms;
} units[] = {{"ms", 1}, {"s", 1000}, {"m", 60000}, {"h", 3600000}, {"d", 86400000}};

static bool parse_duration(const char *text, int64_t *ms)
{
    char *end;
    long long number = strtoll(text, &end, 10);

    if (*text < '0' || *text > '9' || number > 1000000000) {
        return false;
    }
    for (size_t i = 0; i < sizeof units / sizeof units[0]; i++) {
        if (strcmp(end, units[i].name) == 0) {
            *ms = number * units[i].ms;
            return true;
        }
    }
    return false;
}

/* ".25" to 250; what is behind the third digit is dropped. */
static const char *parse_fraction(const char *p, int64_t *ms)
{
    int64_t scale = 100;

    if (*p != '.') {
        return p;
    }
    for (p++; *p >= '0' && *p <= '9'; p++) {
        *ms += (*p - '0') * scale;
        scale /= 10;
    }
    return p;
}

/* "Z" or "+02:00": how far local time is ahead of UTC. */
static bool parse_zone(const char *p, int64_t *ahead_ms)
{
    struct tm offset = {0};
    const char *end;

    *ahead_ms = 0;
    if (strcmp(p, "Z") == 0) {
        return true;
    }
    if (*p != '+' && *p != '-') {
        return false;
    }
    end = strptime(p + 1, "%H:%M", &offset);
    *ahead_ms = (offset.tm_hour * 60 + offset.tm_min) * (*p == '-' ? -60000 : 60000);
    return end != NULL && *end == '\0';
}

static bool parse_time(const char *text, int64_t *out)
{
    struct tm t = {0};
    int64_t ms = 0, ahead_ms = 0;
    const char *p = strptime(text, "%Y-%m-%d", &t);

    if (p == NULL) {
        return false;
    }
    if (*p != '\0') {
        p = *p == 'T' || *p == ' ' ? strptime(p + 1, "%H:%M:%S", &t) : NULL;
        if (p == NULL || !parse_zone(parse_fraction(p, &ms), &ahead_ms)) {
            return false;
        }
    }
    *out = (int64_t)timegm(&t) * 1000 + ms - ahead_ms;
    return true;
}

int nw_kafka_since_parse(const char *text, int64_t now_ms, int64_t *out, struct nw_error *error)
{
    int64_t back_ms;

    if (text != NULL && parse_duration(text, &back_ms)) {
        *out = now_ms - back_ms;
        return 0;
    }
    if (text != NULL && parse_time(text, out)) {
        return 0;
    }
    return nw_error_set(error, NW_EINVAL,
                        "\"%s\" is neither a duration such as 2h nor a time such as "
                        "2026-01-31T12:00:00Z",
                        text == NULL ? "" : text);
}
