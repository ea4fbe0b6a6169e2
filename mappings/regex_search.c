/* SPDX-License-Identifier: Apache-2.0 */
#include "mappings/regex_search.h"

#include <dlfcn.h>
#include <math.h>
#include <pthread.h>
#include <string.h>

#include "mappings/deadline.h"

/* Letters that steps back may go over in a search of a whole text, and at one place of it, before
 * the clock is looked at: some 30 ms and 1 ms of those that take longest. */
#define LETTERS_WHOLE 20000000UL
#define LETTERS_PLACE 500000UL
#define STEPS_LEAST 100UL
/* Where there is no deadline: so many steps back in a search, which end it. */
#define STEPS_MOST 10000000UL
/* A look at the clock is 0.3 us. */
#define PLACES_FOR_A_LOOK 16
#define SEARCHES_FOR_A_LOOK 16

static struct nw_regex_library library;
static pthread_once_t once = PTHREAD_ONCE_INIT;

/* This thread's last expression of libjq, which makes one, searches with it, and frees it. */
static _Thread_local bool whole;

/* C has no conversion from objects to functions; POSIX has this one. */
#define FIND(member, name) *(void **)&library.member = dlsym(RTLD_NEXT, name)

static void find(void)
{
    FIND(make, "onig_new");
    FIND(search, "onig_search");
    FIND(search_with, "onig_search_with_param");
    FIND(match_with, "onig_match_with_param");
    FIND(new_limits, "onig_new_match_param");
    FIND(free_limits, "onig_free_match_param");
    FIND(limit_match, "onig_set_retry_limit_in_match_of_match_param");
    FIND(limit_search, "onig_set_retry_limit_in_search_of_match_param");
    FIND(release, "onig_free");
    FIND(explain, "onig_error_code_to_str");
    library.utf8 = dlsym(RTLD_NEXT, "OnigEncodingUTF8");
    library.syntax = dlsym(RTLD_NEXT, "OnigSyntaxPerl_NG");
}

const struct nw_regex_library *nw_regex_library(void)
{
    (void)pthread_once(&once, find);
    return &library;
}

static bool has_limits(void)
{
    return library.search_with != NULL && library.match_with != NULL &&
           library.new_limits != NULL && library.free_limits != NULL &&
           library.limit_match != NULL && library.limit_search != NULL;
}

bool nw_regex_is_whole(const OnigUChar *pattern, const OnigUChar *end, OnigOptionType options)
{
    return (options & ONIG_OPTION_FIND_LONGEST) != 0 ||
           memmem(pattern, (size_t)(end - pattern), "\\G", 2) != NULL;
}

/* ---- one search ---- */

struct search {
    OnigRegex regex;
    const OnigUChar *text, *end, *start;
    OnigRegion *region;
    OnigMatchParam *limits;
    struct nw_deadline *deadline;
    unsigned long steps; /* of the last try, and of the next */
};

static bool is_over(int code)
{
    return code == ONIGERR_RETRY_LIMIT_IN_MATCH_OVER || code == ONIGERR_RETRY_LIMIT_IN_SEARCH_OVER;
}

static unsigned long steps_for(const struct search *s, unsigned long letters)
{
    unsigned long steps = letters / ((unsigned long)(s->end - s->text) + 1);

    return steps < STEPS_LEAST ? STEPS_LEAST : steps;
}

/* at NULL: anywhere. */
static int try(struct search *s, const OnigUChar *at)
{
    (void)library.limit_match(s->limits, s->steps);
    (void)library.limit_search(s->limits, s->steps);
    return at == NULL ? library.search_with(s->regex, s->text, s->end, s->start, s->end, s->region,
                                            ONIG_OPTION_NONE, s->limits)
                      : library.match_with(s->regex, s->text, s->end, at, s->region,
                                           ONIG_OPTION_NONE, s->limits);
}

/* The last try had took_ns. Give the next one twice the steps, or what there is time for: twice the
 * steps may take four times as long. */
static bool allow_more(struct search *s, int64_t took_ns, int64_t left_ns)
{
    double more = left_ns <= 0 ? 0 : sqrt((double)left_ns / (double)(took_ns + 1));

    more = more > 2 ? 2 : more;
    s->steps = (unsigned long)((double)s->steps * more);
    return more > 1.1;
}

static int go_on(struct search *s, const OnigUChar *at)
{
    int64_t left = nw_deadline_left_ns(s->deadline), before;
    int code;

    do {
        before = left;
        code = try(s, at);
        if (!is_over(code)) {
            return code;
        }
        left = nw_deadline_left_ns(s->deadline);
    } while (allow_more(s, before - left, left));
    nw_deadline_give_up(s->deadline);
    return ONIGERR_RETRY_LIMIT_IN_SEARCH_OVER;
}

/* The text is UTF-8: the next letter. */
static const OnigUChar *next_place(const struct search *s, const OnigUChar *at)
{
    do {
        at++;
    } while (at < s->end && (*at & 0xC0) == 0x80);
    return at;
}

static int place_by_place(struct search *s)
{
    unsigned long steps = steps_for(s, LETTERS_PLACE);
    unsigned places = 0;

    for (const OnigUChar *at = s->start; at <= s->end; at = next_place(s, at)) {
        int code;

        if (places++ % PLACES_FOR_A_LOOK == 0 && nw_deadline_left_ns(s->deadline) <= 0) {
            nw_deadline_give_up(s->deadline);
            return ONIGERR_RETRY_LIMIT_IN_SEARCH_OVER;
        }
        s->steps = steps;
        code = try(s, at);
        if (is_over(code)) {
            code = go_on(s, at);
        }
        if (code != ONIG_MISMATCH) {
            return code < 0 ? code : (int)(at - s->text);
        }
    }
    return ONIG_MISMATCH;
}

static int search_by_clock(struct search *s, bool in_one)
{
    int code;

    if (nw_deadline_count(s->deadline) % SEARCHES_FOR_A_LOOK == 0 &&
        nw_deadline_left_ns(s->deadline) <= 0) {
        nw_deadline_give_up(s->deadline);
        return ONIGERR_RETRY_LIMIT_IN_SEARCH_OVER;
    }
    s->steps = steps_for(s, LETTERS_WHOLE);
    code = try(s, NULL);
    if (is_over(code)) {
        code = in_one ? go_on(s, NULL) : place_by_place(s);
    }
    return code;
}

static int search(struct search *s, bool in_one)
{
    int code;

    s->limits = library.new_limits();
    if (s->limits == NULL) {
        return ONIGERR_MEMORY;
    }
    s->deadline = nw_deadline_of_thread();
    if (s->deadline != NULL) {
        code = search_by_clock(s, in_one);
    } else {
        s->steps = STEPS_MOST;
        code = try(s, NULL);
    }
    library.free_limits(s->limits);
    return code;
}

int nw_regex_search(OnigRegex regex, const OnigUChar *text, const OnigUChar *end,
                    const OnigUChar *start, OnigRegion *region)
{
    struct search s = {
        regex, text, end, start, region, .limits = NULL, .deadline = nw_deadline_of_thread()};

    (void)nw_regex_library();
    return has_limits() ? search(&s, false)
                        : library.search(regex, text, end, start, end, region, ONIG_OPTION_NONE);
}

/* ---- in front of Oniguruma's own: libjq finds these ---- */

#define IN_FRONT __attribute__((visibility("default"), used))

IN_FRONT int onig_new(OnigRegex *out, const OnigUChar *pattern, const OnigUChar *end,
                      OnigOptionType options, OnigEncoding encoding, OnigSyntaxType *syntax,
                      OnigErrorInfo *error)
{
    whole = nw_regex_is_whole(pattern, end, options);
    return nw_regex_library()->make(out, pattern, end, options, encoding, syntax, error);
}

/* libjq searches from start to the end of the text, without options. */
IN_FRONT int onig_search(OnigRegex regex, const OnigUChar *text, const OnigUChar *end,
                         const OnigUChar *start, const OnigUChar *range, OnigRegion *region,
                         OnigOptionType options)
{
    struct search s = {
        regex, text, end, start, region, .limits = NULL, .deadline = nw_deadline_of_thread()};

    (void)nw_regex_library();
    return has_limits() && range == end && options == ONIG_OPTION_NONE
               ? search(&s, whole)
               : library.search(regex, text, end, start, range, region, options);
}
