/* SPDX-License-Identifier: Apache-2.0 */
#include "ops/access.h"

#include <arpa/inet.h>
#include <string.h>
#include <strings.h>

/* Compare without telling by the time taken where the first difference is. */
static bool same_secret(const char *a, const char *b)
{
    size_t len = strlen(a);
    unsigned char different = strlen(b) != len;

    for (size_t i = 0; i < len && strlen(b) == len; i++) {
        different |= (unsigned char)(a[i] ^ b[i]);
    }
    return different == 0;
}

static const char *header(struct MHD_Connection *connection, const char *name)
{
    return MHD_lookup_connection_value(connection, MHD_HEADER_KIND, name);
}

static bool has_token(const struct nw_access *access, struct MHD_Connection *connection)
{
    const char *given = header(connection, "Authorization");

    return given != NULL && strncmp(given, "Bearer ", 7) == 0 &&
           same_secret(access->token, given + 7);
}

/* "localhost", "127.0.0.1:8223", "[::1]". */
static bool is_loopback_host(const char *host)
{
    size_t len = host[0] == '[' ? strcspn(host, "]") + 1 : strcspn(host, ":");
    char name[64];
    struct in_addr v4;

    if (len >= sizeof name) {
        return false;
    }
    memcpy(name, host, len);
    name[len] = '\0';
    if (inet_pton(AF_INET, name, &v4) == 1) {
        return ntohl(v4.s_addr) >> 24 == 127;
    }
    return strcasecmp(name, "localhost") == 0 || strcmp(name, "[::1]") == 0;
}

static bool is_from_loopback(struct MHD_Connection *connection)
{
    const union MHD_ConnectionInfo *info =
        MHD_get_connection_info(connection, MHD_CONNECTION_INFO_CLIENT_ADDRESS);
    const struct sockaddr *from = info == NULL ? NULL : info->client_addr;

    if (from != NULL && from->sa_family == AF_INET) {
        return ntohl(((const struct sockaddr_in *)(const void *)from)->sin_addr.s_addr) >> 24 ==
               127;
    }
    return from != NULL && from->sa_family == AF_INET6 &&
           IN6_IS_ADDR_LOOPBACK(&((const struct sockaddr_in6 *)(const void *)from)->sin6_addr);
}

/* A page in somebody's browser can send a POST here, too, but not with a header of its own choice
 * unless we allow it, and not without saying where it is from. */
static unsigned refuse_change(struct MHD_Connection *connection, struct nw_buffer *why)
{
    const char *host = header(connection, "Host"), *ours = header(connection, "Natsway-Admin");

    if (is_from_loopback(connection) && host != NULL && is_loopback_host(host) &&
        header(connection, "Origin") == NULL && ours != NULL && strcmp(ours, "1") == 0) {
        return 0;
    }
    nw_buffer_add_text(why, "without a token (admin: {token: …}) this is for programs on the same "
                            "machine: by a loopback address, without Origin, with Natsway-Admin: "
                            "1\n");
    return MHD_HTTP_FORBIDDEN;
}

unsigned nw_access_refuse(const struct nw_access *access, struct MHD_Connection *connection,
                          bool changes, struct nw_buffer *why)
{
    const char *host = header(connection, "Host");

    if (access->token != NULL) {
        if (has_token(access, connection)) {
            return 0;
        }
        nw_buffer_add_text(why, "a token is needed: Authorization: Bearer TOKEN\n");
        return MHD_HTTP_UNAUTHORIZED;
    }
    if (changes) {
        return refuse_change(connection, why);
    }
    /* A page in somebody's browser can make any name mean 127.0.0.1, but it cannot change what the
     * browser sends as Host. */
    if (access->loopback && host != NULL && !is_loopback_host(host)) {
        nw_buffer_add_text(why, "ask by a loopback address, or set a token: admin: {token: …}\n");
        return MHD_HTTP_FORBIDDEN;
    }
    return 0;
}
