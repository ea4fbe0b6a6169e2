/* SPDX-License-Identifier: Apache-2.0 */
/* Ports are locked as bytes of one file: an OFD lock ends with the process, however it ends. */
#include "support/port.h"

#include "support/fail.h"
#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#define FIRST_PORT 12000
#define LAST_PORT 31999

/* Stays open for as long as the process lives. */
static int open_lock_file(void)
{
    static int file = -1;
    if (file < 0) {
        char path[200];
        const char *base = getenv("TMPDIR");
        snprintf(path, sizeof path, "%s/natsway-test-ports-%u", base == NULL ? "/tmp" : base,
                 (unsigned)getuid());
        file = open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0600);
        if (file < 0) {
            nwt_fail("cannot open %s: %s", path, strerror(errno));
        }
    }
    return file;
}

static bool lock_ports(int first, int count, short type)
{
    struct flock lock = {
        .l_type = type, .l_whence = SEEK_SET, .l_start = first, .l_len = count, .l_pid = 0};
    return fcntl(open_lock_file(), F_OFD_SETLK, &lock) == 0;
}

/* Without SO_REUSEADDR: a port with connections of a former test in TIME_WAIT is not taken. */
static bool is_free(int port)
{
    int s = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    struct sockaddr_in address = {.sin_family = AF_INET,
                                  .sin_port = htons((uint16_t)port),
                                  .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    bool bound = s >= 0 && bind(s, (struct sockaddr *)&address, sizeof address) == 0;
    if (s >= 0) {
        close(s);
    }
    return bound;
}

/* A range that this process already has is refused by the table, which OFD locks would not do. */
static bool take_row(int first, int count)
{
    static bool taken[LAST_PORT + 1];
    for (int port = first; port < first + count; port++) {
        if (taken[port] || !is_free(port)) {
            return false;
        }
    }
    if (!lock_ports(first, count, F_WRLCK)) {
        return false;
    }
    memset(taken + first, true, (size_t)count);
    return true;
}

int nwt_port_free_row(int count)
{
    static unsigned seed;
    if (seed == 0) {
        struct timespec now;
        clock_gettime(CLOCK_REALTIME, &now);
        seed = (unsigned)now.tv_nsec ^ ((unsigned)getpid() << 10) ^ 1u;
    }
    for (int try = 0; try < 1000; try++) {
        int first = FIRST_PORT + rand_r(&seed) % (LAST_PORT - FIRST_PORT - count);
        if (take_row(first, count)) {
            return first;
        }
    }
    nwt_fail("no free ports between %d and %d", FIRST_PORT, LAST_PORT);
}

int nwt_port_free(void)
{
    return nwt_port_free_row(1);
}
