/* SPDX-License-Identifier: Apache-2.0 */
#include "http_bind.h"

#include <errno.h>
#include <netdb.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#define MAX_FILE (1024 * 1024)

/* Only numbers: looking a name up may wait for the network. */
static int resolve(const char *text, struct addrinfo **out, struct nw_error *error)
{
    const char *colon = strrchr(text, ':');
    size_t host_len = colon == NULL ? 0 : (size_t)(colon - text);
    char host[64] = "";
    struct addrinfo hints = {.ai_flags = AI_NUMERICHOST | AI_NUMERICSERV | AI_PASSIVE,
                             .ai_socktype = SOCK_STREAM};
    char *end = NULL;
    long port = colon == NULL ? -1 : strtol(colon + 1, &end, 10);

    if (host_len > 2 && text[0] == '[' && text[host_len - 1] == ']') {
        snprintf(host, sizeof host, "%.*s", (int)(host_len - 2), text + 1);
    } else if (host_len == strlen("localhost") && strncmp(text, "localhost", host_len) == 0) {
        strcpy(host, "127.0.0.1");
    } else if (host_len < sizeof host && memchr(text, ':', host_len) == NULL) {
        snprintf(host, sizeof host, "%.*s", (int)host_len, text);
    } else {
        port = -1;
    }
    if (port < 0 || port > 65535 || end == colon + 1 || *end != '\0' ||
        getaddrinfo(host[0] == '\0' ? NULL : host, colon + 1, &hints, out) != 0) {
        return nw_error_set(error, NW_EINVAL,
                            "expected an address and port like 127.0.0.1:8080, [::1]:8080 or "
                            ":8080, found \"%s\"",
                            text);
    }
    return 0;
}

int http_bind_check(const char *text, struct nw_error *error)
{
    struct addrinfo *addresses;
    int rc = resolve(text, &addresses, error);

    if (rc == 0) {
        freeaddrinfo(addresses);
    }
    return rc;
}

static int listen_on(const struct addrinfo *address)
{
    int on = 1;
    int fd = socket(address->ai_family, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);

    if (fd >= 0 &&
        (setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof on) != 0 ||
         bind(fd, address->ai_addr, address->ai_addrlen) != 0 || listen(fd, SOMAXCONN) != 0)) {
        int reason = errno;
        close(fd);
        errno = reason;
        return -1;
    }
    return fd;
}

static void describe(int fd, char *text, size_t size)
{
    struct sockaddr_storage address;
    socklen_t len = sizeof address;
    char host[64], port[8];

    if (getsockname(fd, (struct sockaddr *)&address, &len) != 0 ||
        getnameinfo((struct sockaddr *)&address, len, host, sizeof host, port, sizeof port,
                    NI_NUMERICHOST | NI_NUMERICSERV) != 0) {
        text[0] = '\0';
        return;
    }
    snprintf(text, size, strchr(host, ':') == NULL ? "listens on %s:%s" : "listens on [%s]:%s",
             host, port);
}

int http_bind(const char *text, int *fd, char *address, size_t address_size, struct nw_error *error)
{
    struct addrinfo *addresses;
    int rc = resolve(text, &addresses, error);

    if (rc != 0) {
        return rc;
    }
    int listening = listen_on(addresses);
    if (listening < 0) {
        rc = nw_error_set(error, NW_EIO, "cannot listen on %s: %s", text, strerror(errno));
    } else {
        *fd = listening;
        describe(listening, address, address_size);
    }
    freeaddrinfo(addresses);
    return rc;
}

int http_read_file(const char *path, char **out, struct nw_error *error)
{
    FILE *file = fopen(path, "re");
    char *text = file == NULL ? NULL : malloc(MAX_FILE + 1);
    size_t len = text == NULL ? 0 : fread(text, 1, MAX_FILE + 1, file);
    int rc = 0;

    if (file == NULL || ferror(file)) {
        rc = nw_error_set(error, NW_EIO, "cannot read %s: %s", path, strerror(errno));
    } else if (text == NULL) {
        rc = nw_error_set(error, NW_ENOMEM, "out of memory");
    } else if (len > MAX_FILE) {
        rc = nw_error_set(error, NW_EINVAL, "%s is too large for a certificate or key", path);
    }
    if (file != NULL) {
        fclose(file);
    }
    if (rc != 0) {
        free(text);
        return rc;
    }
    text[len] = '\0';
    *out = text;
    return 0;
}
