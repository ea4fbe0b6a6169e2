/* SPDX-License-Identifier: Apache-2.0 */
#include <stdio.h>
#include <string.h>

#include "base/timestamp.h"
#include "cli/cli.h"
#include "cli/seek.h"

/* Says what is wrong. */
static bool read_options(const struct nw_arguments *a, struct nw_seek_request *out)
{
    struct nw_error error = {.text = ""};

    *out = (struct nw_seek_request){.route = a->operands[0], .to = NW_SEEK_SEQUENCE};
    if ((a->to == NULL) == (a->to_sequence == NULL)) {
        (void)fputs("natsway seek: --to TIME, --to beginning, --to end or --to-sequence N?\n",
                    stderr);
        return false;
    }
    if (a->to_sequence != NULL) {
        if (!nw_seek_read_number(a->to_sequence, &out->value)) {
            (void)fprintf(stderr, "natsway seek: --to-sequence wants a number, found \"%s\"\n",
                          a->to_sequence);
            return false;
        }
        return true;
    }
    if (strcmp(a->to, "beginning") == 0 || strcmp(a->to, "end") == 0) {
        out->to = strcmp(a->to, "end") == 0 ? NW_SEEK_END : NW_SEEK_BEGINNING;
        return true;
    }
    out->to = NW_SEEK_TIME;
    if (nw_timestamp_parse(nw_slice_text(a->to), &out->value, &error) != 0 || out->value < 0) {
        (void)fprintf(stderr,
                      "natsway seek: --to wants a time like 2026-01-31T12:00:00Z, beginning or "
                      "end, found \"%s\"\n",
                      a->to);
        return false;
    }
    return true;
}

enum nw_exit nw_command_seek(const struct nw_arguments *arguments)
{
    struct nw_seek_request request;
    struct nw_buffer question = {0}, answer = {0};
    enum nw_exit result;

    if (!read_options(arguments, &request)) {
        return NW_EXIT_USAGE;
    }
    nw_seek_write(&request, &question);
    result = nw_cli_ask(arguments, NW_REQUEST_SEEK, nw_buffer_slice(&question), &answer);
    if (result == NW_EXIT_DONE) {
        (void)printf("%s", nw_buffer_text(&answer));
    }
    nw_buffer_done(&question);
    nw_buffer_done(&answer);
    return result;
}
