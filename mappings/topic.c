/* SPDX-License-Identifier: Apache-2.0 */
#include "mappings/topic.h"

#include "mappings/fill.h"

static bool is_control_or_blank(unsigned char c)
{
    return c <= ' ' || c == 0x7f;
}

/* ---- by NATS server's rules ---- */

static void level_by_rules(struct nw_text *out, struct nw_slice level)
{
    if (level.len == 0) {
        nw_text_add_char(out, '/');
        return;
    }
    if (level.len == 1 && (level.data[0] == '*' || level.data[0] == '>')) {
        nw_fill_add_hex(out, '%', (unsigned char)level.data[0]);
        return;
    }
    for (size_t i = 0; i < level.len; i++) {
        char c = level.data[i];
        if (c == '.') {
            nw_text_add(out, "//", 2);
        } else if (is_control_or_blank((unsigned char)c)) {
            nw_fill_add_hex(out, '%', (unsigned char)c);
        } else {
            nw_text_add_char(out, c);
        }
    }
}

/* A "/" before "/" was a dot, before "." or at the end an empty level; any other is not the
 * server's and is left out, as the server does. */
static void subject_by_rules(struct nw_text *out, struct nw_slice s)
{
    for (size_t i = 0; i < s.len; i++) {
        char c = s.data[i], next = i + 1 < s.len ? s.data[i + 1] : '\0';
        if (c == '/' && next == '/') {
            nw_text_add_char(out, '.');
            i++;
        } else if (c == '/' && next == '.') {
            nw_text_add_char(out, '/');
            i++;
        } else if (c == '.') {
            nw_text_add_char(out, '/');
        } else if (c == '+' || c == '#') {
            nw_fill_add_hex(out, '%', (unsigned char)c);
        } else if (c != '/') {
            nw_text_add_char(out, c);
        }
    }
}

/* ---- escaped ---- */

static int hex_digit(char c)
{
    if (c >= '0' && c <= '9') {
        return c - '0';
    }
    return c >= 'A' && c <= 'F' ? c - 'A' + 10 : -1;
}

/* The byte that two upper-case digits at at stand for, or -1. */
static int hex_byte(struct nw_slice s, size_t at)
{
    int high, low;

    if (at + 2 > s.len) {
        return -1;
    }
    high = hex_digit(s.data[at]);
    low = hex_digit(s.data[at + 1]);
    return high < 0 || low < 0 ? -1 : high << 4 | low;
}

/* What a token cannot have, anywhere or alone. Code 0 stands for no byte at all. Controls are not
 * among them: no broker takes such a topic. */
static bool only_in_levels(int byte, bool alone)
{
    return byte == '.' || byte == ' ' || (alone && (byte == '*' || byte == '>' || byte == 0));
}

static bool only_in_tokens(int byte, bool alone)
{
    (void)alone;
    return byte == '/' || byte == '+' || byte == '#';
}

/* An escape in s at the "%" at: "%", any number of "25", the code of a byte. Returns its length or
 * 0; alone: it is the whole of s. */
static size_t find_escape(struct nw_slice s, size_t at, size_t *repeats, int *byte)
{
    size_t end = at + 1;

    *repeats = 0;
    while ((*byte = hex_byte(s, end)) == '%') {
        end += 2;
        ++*repeats;
    }
    return *byte < 0 ? 0 : end + 2 - at;
}

typedef bool (*byte_set)(int byte, bool alone);

/* A whole name of one level is never empty, so it needs no sign for that: text that looks like one
 * is only text. */
static bool is_sign_of_nothing(int byte, bool only_level)
{
    return byte == 0 && only_level;
}

/* Convert one level or token: bytes of `ours`, which the other side cannot have, become escapes;
 * escapes of `theirs` become bytes. */
static void convert(struct nw_text *out, struct nw_slice s, bool only_level, byte_set ours,
                    byte_set theirs)
{
    size_t repeats, i = 0;
    int byte;

    if (s.len == 0) {
        nw_text_add(out, "%00", 3);
        return;
    }
    while (i < s.len) {
        size_t n = s.data[i] == '%' ? find_escape(s, i, &repeats, &byte) : 0;
        bool alone = n == s.len;
        n = n > 0 && is_sign_of_nothing(byte, only_level) ? 0 : n;
        if (n > 0 && ours(byte, alone)) { /* looks like ours: one "25" more */
            nw_text_add(out, "%25", 3);
            nw_text_add(out, s.data + i + 1, n - 1);
            i += n;
        } else if (n > 0 && theirs(byte, alone) && repeats > 0) { /* one less */
            nw_text_add_char(out, '%');
            nw_text_add(out, s.data + i + 3, n - 3);
            i += n;
        } else if (n > 0 && theirs(byte, alone)) {
            if (byte != 0) {
                nw_text_add_char(out, (char)byte);
            }
            i += n;
        } else if (ours((unsigned char)s.data[i], s.len == 1)) {
            nw_fill_add_hex(out, '%', (unsigned char)s.data[i++]);
        } else {
            nw_text_add_char(out, s.data[i++]);
        }
    }
}

/* ---- whole names ---- */

void nw_topic_to_subject(struct nw_text *out, struct nw_slice topic, bool part, bool escaped)
{
    bool only_level = !part && (topic.len == 0 || memchr(topic.data, '/', topic.len) == NULL);
    size_t start = 0;

    for (size_t i = 0; i <= topic.len; i++) {
        struct nw_slice level = {topic.data + start, i - start};
        if (i < topic.len && topic.data[i] != '/') {
            continue;
        }
        if (start > 0) {
            nw_text_add_char(out, '.');
        }
        if (escaped) {
            convert(out, level, only_level, only_in_levels, only_in_tokens);
        } else {
            level_by_rules(out, level);
        }
        start = i + 1;
    }
}

void nw_subject_to_topic(struct nw_text *out, struct nw_slice subject, bool part, bool escaped)
{
    bool only_level = !part && (subject.len == 0 || memchr(subject.data, '.', subject.len) == NULL);
    size_t start = 0;

    if (!escaped) {
        subject_by_rules(out, subject);
        return;
    }
    for (size_t i = 0; i <= subject.len; i++) {
        if (i < subject.len && subject.data[i] != '.') {
            continue;
        }
        if (start > 0) {
            nw_text_add_char(out, '/');
        }
        convert(out, (struct nw_slice){subject.data + start, i - start}, only_level, only_in_tokens,
                only_in_levels);
        start = i + 1;
    }
}
