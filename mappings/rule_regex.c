/* SPDX-License-Identifier: Apache-2.0 */
#include "mappings/rule_regex.h"

#include <stdio.h>

#include "mappings/regex_search.h"

static bool is_there(void)
{
    const struct nw_regex_library *onig = nw_regex_library();

    return onig->make != NULL && onig->search != NULL && onig->release != NULL &&
           onig->explain != NULL && onig->utf8 != NULL && onig->syntax != NULL;
}

static int make(OnigRegex *out, struct nw_slice pattern, OnigOptionType options,
                OnigErrorInfo *info)
{
    const struct nw_regex_library *onig = nw_regex_library();
    const OnigUChar *text = (const OnigUChar *)pattern.data;

    return onig->make(out, text, text + pattern.len, ONIG_OPTION_CAPTURE_GROUP | options,
                      onig->utf8, onig->syntax, info);
}

static bool is_whole(struct nw_slice pattern)
{
    const OnigUChar *text = (const OnigUChar *)pattern.data;

    return nw_regex_is_whole(text, text + pattern.len, ONIG_OPTION_NONE);
}

struct nw_rule_regex *nw_rule_regex_compile(struct nw_slice pattern)
{
    OnigRegex regex = NULL;
    OnigErrorInfo info;

    return is_there() && !is_whole(pattern) &&
                   make(&regex, pattern, ONIG_OPTION_NONE, &info) == ONIG_NORMAL
               ? (struct nw_rule_regex *)regex
               : NULL;
}

static const struct {
    char flag;
    OnigOptionType option;
} flags_of_jq[] = {
    {'g', ONIG_OPTION_NONE},           {'i', ONIG_OPTION_IGNORECASE},
    {'x', ONIG_OPTION_EXTEND},         {'s', ONIG_OPTION_SINGLELINE},
    {'n', ONIG_OPTION_FIND_NOT_EMPTY}, {'p', ONIG_OPTION_MULTILINE | ONIG_OPTION_SINGLELINE},
    {'l', ONIG_OPTION_FIND_LONGEST},
};
#define FLAGS (sizeof flags_of_jq / sizeof flags_of_jq[0])

static bool read_flags(struct nw_slice flags, OnigOptionType *options)
{
    for (size_t i = 0; i < flags.len; i++) {
        size_t k = 0;

        while (k < FLAGS && flags_of_jq[k].flag != flags.data[i]) {
            k++;
        }
        if (k == FLAGS) {
            return false;
        }
        *options |= flags_of_jq[k].option;
    }
    return true;
}

bool nw_rule_regex_refused(struct nw_slice pattern, struct nw_slice flags,
                           char why[NW_RULE_REGEX_WHY])
{
    OnigOptionType options = ONIG_OPTION_NONE;
    OnigUChar text[ONIG_MAX_ERROR_MESSAGE_LEN + 1];
    OnigRegex regex = NULL;
    OnigErrorInfo info;
    int code;

    if (!is_there()) {
        return false;
    }
    if (!read_flags(flags, &options)) {
        (void)snprintf(why, NW_RULE_REGEX_WHY, "its flags are letters of g, i, x, s, n, p and l");
        return true;
    }
    code = make(&regex, pattern, options, &info);
    if (code == ONIG_NORMAL) {
        nw_regex_library()->release(regex);
        return false;
    }
    text[nw_regex_library()->explain(text, code, &info)] = '\0';
    (void)snprintf(why, NW_RULE_REGEX_WHY, "%s", (const char *)text);
    return true;
}

void nw_rule_regex_free(struct nw_rule_regex *regex)
{
    if (regex != NULL) {
        nw_regex_library()->release((OnigRegex)regex);
    }
}

int nw_rule_regex_search(struct nw_rule_regex *regex, struct nw_slice s)
{
    const OnigUChar *text = (const OnigUChar *)s.data, *end = text + s.len;
    int at = nw_regex_search((OnigRegex)regex, text, end, text, NULL);

    return at >= 0 ? 1 : at == ONIG_MISMATCH ? 0 : -1;
}
