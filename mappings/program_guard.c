/* SPDX-License-Identifier: Apache-2.0 */
#include "mappings/program_guard.h"

#define WORDS 8

/* In the order of definition: what stands first may be used by what follows. A name that begins
 * with _nw_ is libjq's own function, which the new one of its name calls. Arguments are evaluated
 * in libjq's order: the last one is the outermost loop. */
static const struct {
    const char *words[WORDS]; /* the functions; with operators, there are none */
    bool paths;               /* they follow paths */
    const char *text;
} guards[] = {
    /* Behind it gmtime() has no year: some 2147 million. */
    {.words = {"strftime", "strflocaltime", "todate", "todateiso8601"},
     .text = "def _nw_date: if type == \"number\" and (. > 67767976000000000 or "
             ". < -67767976000000000 or isnan) then error(\"a date beyond all years\") "
             "else . end;"
             "def _nw_date_format: if type == \"string\" then . "
             "else error(\"the format of a date is a text\") end;"
             "def _nw_strftime(f): strftime(f);"
             "def strftime(f): _nw_date | _nw_strftime(f | _nw_date_format);"
             "def _nw_strflocaltime(f): strflocaltime(f);"
             "def strflocaltime(f): _nw_date | _nw_strflocaltime(f | _nw_date_format);"
             "def todateiso8601: strftime(\"%Y-%m-%dT%H:%M:%SZ\");"
             "def todate: todateiso8601;"},
    {.words = {"indices", "index", "rindex"},
     .text = "def _nw_indices(i): indices(i);"
             "def indices($i): if type == \"string\" and $i == \"\" then null "
             "else _nw_indices($i) end;"
             "def index($i): indices($i) | .[0];"
             "def rindex($i): indices($i) | .[-1:][0];"},
    {.words = {"%"},
     .text = "def _nw_modulo(a; b): a % b;"
             "def _mod(a; b): b as $b | a as $a | if ([$a, $b] | map(type)) == "
             "[\"number\", \"number\"] and $b > -2 and $b <= -1 then 0 "
             "else _nw_modulo($a; $b) end;"},
    {.words = {"*"},
     .text = "def _nw_multiply(a; b): a * b;"
             "def _nw_repeated($t; $n): if ($t | type) == \"string\" and ($n | type) == \"number\" "
             "and ($n > 1000000 or _nw_multiply($t | utf8bytelength; $n) > 16777216) "
             "then error(\"a text larger than 16 MiB\") else . end;"
             "def _multiply(a; b): b as $b | a as $a | _nw_repeated($a; $b) | "
             "_nw_repeated($b; $a) | _nw_multiply($a; $b);"},
    {.words = {"=", "path", "paths", "leaf_paths", "del", "map_values", "tostream"},
     .paths = true,
     .text = "def _nw_indexes: if any(.[]; type == \"number\" and . > 1000000) "
             "then error(\"an array index above 1000000\") else . end;"
             "def _nw_paths(f): path(f) as $p | ($p | _nw_indexes) as $q | getpath($q);"
             "def _nw_assign(p; v): _assign(p; v);"
             "def _assign(p; v): _nw_assign(_nw_paths(p); v);"
             "def _nw_modify(p; f): _modify(p; f);"
             "def _modify(p; f): _nw_modify(_nw_paths(p); f);"},
    /* A value that has itself in it many times is small until it is written: counting its parts
     * takes as long, but can be stopped. */
    {.words = {"tojson", "tostring", "@"},
     .text = "def _nw_count: (if type == \"array\" or type == \"object\" then "
             "reduce .. as $each (0; . + 1) else null end) as $count | .;"
             "def _nw_tojson: tojson;"
             "def tojson: _nw_count | _nw_tojson;"
             "def _nw_tostring: tostring;"
             "def tostring: _nw_count | _nw_tostring;"
             "def _nw_format(f): format(f);"
             "def format(f): _nw_count | _nw_format(f);"},
    {.words = {"setpath", "fromstream"},
     .text = "def _nw_indexes: if type == \"array\" and "
             "any(.[]; type == \"number\" and . > 1000000) "
             "then error(\"an array index above 1000000\") else . end;"
             "def _nw_setpath(p; v): setpath(p; v);"
             "def setpath(p; v): _nw_setpath(p | _nw_indexes; v);"
             "def _nw_fromstream(i): fromstream(i);"
             "def fromstream(i): _nw_fromstream(i | if type == \"array\" then "
             "(.[0] | _nw_indexes) as $checked | . else . end);"},
    /* Behind an empty match libjq goes on with the next byte, which may be the middle of a letter.
     */
    {.words = {"match", "capture", "scan", "splits", "split", "sub", "gsub"},
     .text = "def _nw_empty: (. as $re | \"\" | test($re)) or "
             "test(\"\\\\\\\\[bBGK]|\\\\(\\\\?<?[=!]\");"
             "def _nw_all($re): if type == \"string\" and length != utf8bytelength and "
             "($re | type) == \"string\" and ($re | _nw_empty) then "
             "error(\"an expression that may match an empty text, in a text that is not ASCII\") "
             "else . end;"
             "def _nw_flags($re; $flags): if ($flags | type) == \"string\" and "
             "($flags | test(\"g\")) then _nw_all($re) else . end;"
             "def _nw_given($re): if ($re | type) == \"array\" then "
             "_nw_flags($re[0]; $re[1]) else . end;"
             "def _nw_match(a): match(a);"
             "def _nw_match(a; b): match(a; b);"
             "def match(a): a as $a | _nw_given($a) | _nw_match($a);"
             "def match(a; b): b as $b | a as $a | _nw_flags($a; $b) | _nw_match($a; $b);"
             "def _nw_capture(a): capture(a);"
             "def _nw_capture(a; b): capture(a; b);"
             "def capture(a): a as $a | _nw_given($a) | _nw_capture($a);"
             "def capture(a; b): b as $b | a as $a | _nw_flags($a; $b) | _nw_capture($a; $b);"
             "def _nw_scan(a): scan(a);"
             "def scan($a): _nw_all($a) | _nw_scan($a);"
             "def _nw_splits(a; b): splits(a; b);"
             "def splits($a; b): _nw_all($a) | _nw_splits($a; b);"
             "def splits($a): splits($a; null);"
             "def _nw_split(a): split(a);"
             "def split(a): _nw_split(a);"
             "def split($a; b): [splits($a; b)];"
             "def _nw_sub(a; b): sub(a; b);"
             "def _nw_sub(a; b; c): sub(a; b; c);"
             "def sub($a; b): _nw_sub($a; b);"
             "def sub($a; b; $c): _nw_flags($a; $c) | _nw_sub($a; b; $c);"
             "def _nw_gsub(a; b): gsub(a; b);"
             "def _nw_gsub(a; b; c): gsub(a; b; c);"
             "def gsub($a; b): _nw_all($a) | _nw_gsub($a; b);"
             "def gsub($a; b; $c): _nw_all($a) | _nw_gsub($a; b; $c);"},
};
#define GUARDS (sizeof guards / sizeof guards[0])

static const char slice[] = "def _nw_bound(f): f | if type == \"number\" and isnan then null "
                            "else . end;";

uint32_t nw_guard_of_word(struct nw_slice word)
{
    for (size_t i = 0; i < GUARDS; i++) {
        for (size_t k = 0; k < WORDS && guards[i].words[k] != NULL; k++) {
            if (nw_slice_equal(nw_slice_text(guards[i].words[k]), word)) {
                return UINT32_C(1) << i;
            }
        }
    }
    return 0;
}

/* `=` as in = and |=, not as in == <= >= !=. */
static bool is_assignment(const char *text, const char *at)
{
    return at[1] != '=' && (at == text || strchr("=!<>", at[-1]) == NULL);
}

uint32_t nw_guard_of_operator(const char *text, const char *at)
{
    return strchr("%*", *at) != NULL || (*at == '=' && is_assignment(text, at))
               ? nw_guard_of_word((struct nw_slice){at, 1})
               : 0;
}

bool nw_guard_has_paths(uint32_t wanted)
{
    for (size_t i = 0; i < GUARDS; i++) {
        if (guards[i].paths && (wanted & UINT32_C(1) << i) != 0) {
            return true;
        }
    }
    return false;
}

void nw_guard_define(uint32_t wanted, struct nw_buffer *out)
{
    for (size_t i = 0; i < GUARDS; i++) {
        if ((wanted & UINT32_C(1) << i) != 0) {
            nw_buffer_add_text(out, guards[i].text);
        }
    }
    if ((wanted & NW_GUARD_SLICE) != 0) {
        nw_buffer_add_text(out, slice);
    }
}
