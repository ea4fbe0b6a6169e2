/* SPDX-License-Identifier: Apache-2.0 */
#include "config/lookup_file.h"

#include <errno.h>
#include <string.h>
#include <sys/stat.h>

#include "base/clock.h"
#include "config/read_file.h"

#define LARGEST ((size_t)256 * 1024 * 1024)

bool nw_lookup_file_stamp(const struct nw_lookup_spec *spec, struct nw_file_stamp *out,
                          struct nw_error *error)
{
    struct stat s;

    if (stat(spec->path, &s) != 0) {
        (void)nw_error_set(error, NW_EINVAL, "%s", strerror(errno));
        return false;
    }
    *out = (struct nw_file_stamp){(uint64_t)s.st_dev, (uint64_t)s.st_ino, (int64_t)s.st_size,
                                  (int64_t)s.st_mtim.tv_sec * NW_SECOND_NS + s.st_mtim.tv_nsec};
    return true;
}

/* The stamp is taken before: what is written while it is read makes it a newer one. */
int nw_lookup_file_read(struct nw_lookup_spec *spec, struct nw_error *error)
{
    struct nw_values *table = NULL;
    struct nw_buffer bytes = {0};
    int rc;

    if (!nw_lookup_file_stamp(spec, &spec->seen, error)) {
        return NW_EINVAL;
    }
    rc = nw_read_file(spec->path, LARGEST, &bytes, error);
    rc = rc != 0 ? rc : nw_lookup_parse(&spec->layout, nw_buffer_slice(&bytes), &table, error);
    nw_buffer_done(&bytes);
    if (rc == 0) {
        nw_lookup_replace(spec->lookup, table);
    }
    return rc;
}
