/* SPDX-License-Identifier: Apache-2.0 */
/* A listening address, and the files of its TLS. No state; called on the main thread. */
#ifndef NATSWAY_HTTP_BIND_H
#define NATSWAY_HTTP_BIND_H

#include <natsway/connector.h>

/* Is text an address to listen on: "127.0.0.1:8080", "[::1]:8080", "localhost:8080", ":8080"? */
int http_bind_check(const char *text, struct nw_error *error);

/* A listening socket on it in *fd, which the caller closes, and the address it got as text ("…:0"
 * gets a free port). NW_EIO with the reason, for example that the address is in use. */
int http_bind(const char *text, int *fd, char *address, size_t address_size,
              struct nw_error *error);

/* The text of a file, which the caller frees. NW_EIO with path and reason. */
int http_read_file(const char *path, char **out, struct nw_error *error);

#endif
