/* SPDX-License-Identifier: Apache-2.0 */
#include "mappings/rule_regex.h"

#include <dlfcn.h>
#include <oniguruma.h>
#include <pthread.h>

static struct {
    int (*make)(OnigRegex *out, const OnigUChar *pattern, const OnigUChar *end,
                OnigOptionType options, OnigEncoding encoding, OnigSyntaxType *syntax,
                OnigErrorInfo *error);
    int (*search)(OnigRegex regex, const OnigUChar *text, const OnigUChar *end,
                  const OnigUChar *start, const OnigUChar *range, OnigRegion *region,
                  OnigOptionType options);
    void (*release)(OnigRegex regex);
    OnigEncoding utf8;
    OnigSyntaxType *syntax;
} onig;
static pthread_once_t once = PTHREAD_ONCE_INIT;

static void find(void)
{
    /* C has no conversion from objects to functions; POSIX has this one. */
    *(void **)&onig.make = dlsym(RTLD_DEFAULT, "onig_new");
    *(void **)&onig.search = dlsym(RTLD_DEFAULT, "onig_search");
    *(void **)&onig.release = dlsym(RTLD_DEFAULT, "onig_free");
    onig.utf8 = dlsym(RTLD_DEFAULT, "OnigEncodingUTF8");
    onig.syntax = dlsym(RTLD_DEFAULT, "OnigSyntaxPerl_NG");
}

struct nw_rule_regex *nw_rule_regex_compile(struct nw_slice pattern)
{
    const OnigUChar *text = (const OnigUChar *)pattern.data;
    OnigRegex regex = NULL;
    OnigErrorInfo info;

    (void)pthread_once(&once, find);
    if (onig.make == NULL || onig.search == NULL || onig.release == NULL || onig.utf8 == NULL ||
        onig.syntax == NULL ||
        onig.make(&regex, text, text + pattern.len, ONIG_OPTION_CAPTURE_GROUP, onig.utf8,
                  onig.syntax, &info) != ONIG_NORMAL) {
        return NULL;
    }
    return (struct nw_rule_regex *)regex;
}

void nw_rule_regex_free(struct nw_rule_regex *regex)
{
    if (regex != NULL) {
        onig.release((OnigRegex)regex);
    }
}

int nw_rule_regex_search(struct nw_rule_regex *regex, struct nw_slice s)
{
    const OnigUChar *text = (const OnigUChar *)s.data, *end = text + s.len;
    int at = onig.search((OnigRegex)regex, text, end, text, end, NULL, ONIG_OPTION_NONE);

    return at >= 0 ? 1 : at == ONIG_MISMATCH ? 0 : -1;
}
