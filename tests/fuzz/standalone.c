/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Runs a fuzzer without libFuzzer, as a test: standalone SECONDS CORPUS. First every file of the
 * corpus, then what comes of them by chance, always the same for the same seed; an input that ends
 * the process stands in the file it names first.
 */
#include <dirent.h>
#include <fcntl.h>
#include <signal.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "fuzz.h"

#define LARGEST 4096
#define SEEDS_MOST 512
#define INPUTS_MOST 200000

struct input {
    size_t len;
    uint8_t bytes[LARGEST];
};

static struct input seeds[SEEDS_MOST], current;
static size_t seed_count;
static uint64_t state = 0x9E3779B97F4A7C15;

/* xorshift64* */
static size_t below(size_t most)
{
    state ^= state >> 12;
    state ^= state << 25;
    state ^= state >> 27;
    return (size_t)((state * 0x2545F4914F6CDD1D) >> 33) % most;
}

/* ---- what is run ---- */

static char found[300];

/* A signal's handler: only what may be called there. */
static void on_end(int number)
{
    int fd = open(found, O_WRONLY | O_CREAT | O_TRUNC, 0600);

    if (fd >= 0 && write(fd, current.bytes, current.len) == (ssize_t)current.len) {
        (void)!write(STDERR_FILENO, found, strlen(found));
        (void)!write(STDERR_FILENO, "\n", 1);
    }
    (void)signal(number, SIG_DFL);
    (void)raise(number);
}

static void read_seed(const char *folder, const char *name)
{
    struct input *seed = &seeds[seed_count];
    char path[600];
    FILE *file;

    (void)snprintf(path, sizeof path, "%s/%s", folder, name);
    file = fopen(path, "rb");
    if (file != NULL) {
        seed->len = fread(seed->bytes, 1, LARGEST, file);
        seed_count++;
        (void)fclose(file);
    }
}

static int by_name(const struct dirent **a, const struct dirent **b)
{
    return strcmp((*a)->d_name, (*b)->d_name);
}

static void read_seeds(const char *folder)
{
    struct dirent **entries = NULL;
    int n = scandir(folder, &entries, NULL, by_name);

    for (int i = 0; i < n; i++) {
        if (entries[i]->d_name[0] != '.' && seed_count < SEEDS_MOST) {
            read_seed(folder, entries[i]->d_name);
        }
        free(entries[i]);
    }
    free(entries);
}

/* ---- chance ---- */

static void erase(size_t at, size_t n)
{
    n = n < current.len - at ? n : current.len - at;
    memmove(current.bytes + at, current.bytes + at + n, current.len - at - n);
    current.len -= n;
}

static void insert(size_t at, const uint8_t *bytes, size_t n)
{
    n = n < LARGEST - current.len ? n : LARGEST - current.len;
    memmove(current.bytes + at + n, current.bytes + at, current.len - at);
    memcpy(current.bytes + at, bytes, n);
    current.len += n;
}

static void change(void)
{
    static const char *const words[] = {
        "\"",      "\\",      "{",        "}",    "[",    "]",     "(",  ")",
        ",",       ":",       ".",        "*",    ">",    "/",     "..", "$",
        "{{",      "}}",      "|",        "\n",   "\r\n", "1e999", "-0", "9007199254740993",
        "\\u0000", "\\ud800", "\xC3\xA9", "\xFF", "%2e",  "null",  "&",  "<<"};
    size_t at = below(current.len + 1);
    const struct input *other = &seeds[below(seed_count)];
    const char *word = words[below(sizeof words / sizeof words[0])];
    uint8_t byte = (uint8_t)below(256);

    switch (below(5)) {
    case 0:
        if (at < current.len) {
            current.bytes[at] ^= (uint8_t)(1u << below(8));
        }
        break;
    case 1:
        erase(at, 1 + below(8));
        break;
    case 2:
        insert(at, (const uint8_t *)word, strlen(word));
        break;
    case 3:
        insert(at, &byte, 1);
        break;
    default:
        if (other->len > 0) {
            size_t from = below(other->len);
            insert(at, other->bytes + from, 1 + below(other->len - from));
        }
        break;
    }
}

static void run(void)
{
    (void)LLVMFuzzerTestOneInput(current.bytes, current.len);
}

int main(int argc, char **argv)
{
    static const int ends[] = {SIGABRT, SIGSEGV, SIGFPE, SIGALRM};
    const char *slash = strrchr(argv[0], '/');
    time_t until = time(NULL) + (argc == 3 ? atoi(argv[1]) : 0);
    size_t inputs = 0;

    if (argc != 3) {
        fputs("standalone SECONDS CORPUS\n", stderr);
        return 2;
    }
    (void)snprintf(found, sizeof found, "%.200s-%ld.input", slash == NULL ? argv[0] : slash + 1,
                   (long)getpid());
    for (size_t i = 0; i < sizeof ends / sizeof ends[0]; i++) {
        (void)signal(ends[i], on_end);
    }
    read_seeds(argv[2]);
    if (seed_count == 0) {
        fprintf(stderr, "there is nothing in %s\n", argv[2]);
        return 1;
    }
    for (size_t i = 0; i < seed_count; i++, inputs++) {
        current = seeds[i];
        run();
    }
    while (time(NULL) < until && inputs < INPUTS_MOST) {
        current = seeds[below(seed_count)];
        for (size_t n = 1 + below(6); n > 0; n--) {
            change();
        }
        (void)alarm(60); /* a hang is found, too */
        run();
        inputs++;
    }
    (void)alarm(0);
    printf("%zu inputs\n", inputs);
    return 0;
}
