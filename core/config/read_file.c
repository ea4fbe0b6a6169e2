/* SPDX-License-Identifier: Apache-2.0 */
#include "config/read_file.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <unistd.h>

#include "base/error.h"
#include "base/size.h"

#define STEP ((size_t)64 * 1024)

static int read_all(int fd, const char *path, size_t largest, struct nw_buffer *out,
                    struct nw_error *error)
{
    size_t start = out->len;

    for (;;) {
        ssize_t n;

        if (!nw_buffer_reserve(out, STEP)) {
            return nw_error_set(error, NW_ENOMEM, "no memory to read %s", path);
        }
        do {
            n = read(fd, out->data + out->len, STEP);
        } while (n < 0 && errno == EINTR);
        if (n < 0) {
            return nw_error_set(error, NW_EINVAL, "cannot read %s: %s", path, strerror(errno));
        }
        if (n == 0) {
            return 0;
        }
        out->len += (size_t)n;
        out->data[out->len] = '\0';
        if (out->len - start > largest) {
            char limit[NW_SIZE_TEXT];

            return nw_error_set(error, NW_EINVAL, "%s is larger than %s", path,
                                nw_size_format((int64_t)largest, limit));
        }
    }
}

int nw_read_file(const char *path, size_t largest, struct nw_buffer *out, struct nw_error *error)
{
    size_t start = out->len;
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    int rc;

    if (fd < 0) {
        return nw_error_set(error, NW_EINVAL, "cannot read %s: %s", path, strerror(errno));
    }
    rc = read_all(fd, path, largest, out, error);
    (void)close(fd);
    if (rc == 0 && out->len > start && memchr(out->data + start, '\0', out->len - start) != NULL) {
        rc = nw_error_set(error, NW_EINVAL, "%s is no text: it has a NUL byte", path);
    }
    return rc;
}
