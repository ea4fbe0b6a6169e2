/* SPDX-License-Identifier: Apache-2.0 */
/* Commands that act on the running bridge. */
#include <stdio.h>
#include <stdlib.h>

#include "cli/cli.h"
#include "ops/ask.h"
#include "ops/request.h"

#define STANDARD_URL "http://127.0.0.1:8223"

/* Not an option: what stands on the command line is seen by everybody. */
#define TOKEN_VARIABLE "NATSWAY_ADMIN_TOKEN"

enum nw_exit nw_cli_ask(const struct nw_arguments *arguments, enum nw_request_kind kind,
                        struct nw_slice body, struct nw_buffer *answer)
{
    struct nw_asking asking = {arguments->admin == NULL ? STANDARD_URL : arguments->admin,
                               getenv(TOKEN_VARIABLE)};
    struct nw_error error = {.text = ""};
    long status = 0;

    if (nw_ask(&asking, nw_request_paths[kind], body, &status, answer, &error) != 0) {
        (void)fprintf(stderr, "natsway: no answer from the running bridge: %s\n", error.text);
        return NW_EXIT_UNREACHABLE;
    }
    if (status / 100 != 2) {
        (void)fprintf(stderr, "%s", nw_buffer_text(answer));
        if (status == 401) {
            (void)fputs("natsway: the token is taken from the environment: " TOKEN_VARIABLE "\n",
                        stderr);
        }
        return status == 404 || status == 405 ? NW_EXIT_UNREACHABLE : NW_EXIT_REFUSED;
    }
    return NW_EXIT_DONE;
}

enum nw_exit nw_command_reload(const struct nw_arguments *arguments)
{
    struct nw_buffer answer = {0};
    enum nw_exit result = nw_cli_ask(arguments, NW_REQUEST_RELOAD, NW_LITERAL(""), &answer);

    if (result == NW_EXIT_DONE) {
        (void)printf("%s", nw_buffer_text(&answer));
    }
    nw_buffer_done(&answer);
    return result;
}
