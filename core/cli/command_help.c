/* SPDX-License-Identifier: Apache-2.0 */
#include <nats/nats.h>
#include <sqlite3.h>
#include <stdio.h>

#include "cli/cli.h"

enum nw_exit nw_command_help(const struct nw_arguments *arguments)
{
    const struct nw_command *c;

    if (arguments->operand_count > 0) {
        c = nw_command_find(arguments->operands[0]);
        if (c == NULL) {
            nw_command_unknown(arguments->operands[0]);
            return NW_EXIT_USAGE;
        }
        nw_command_usage(c, stdout);
        return NW_EXIT_DONE;
    }
    (void)puts("natsway joins Kafka, MQTT, HTTP and files to NATS.\n");
    for (c = nw_commands; c->name != NULL; c++) {
        (void)printf("  natsway %-10s %-14s %s\n", c->name, c->operands, c->summary);
    }
    (void)puts("\n`natsway help COMMAND` shows its options. Exit codes: 0 done, 1 the input was "
               "refused,\n2 wrong usage, 3 a needed system could not be reached, 4 internal.");
    return NW_EXIT_DONE;
}

enum nw_exit nw_command_version(const struct nw_arguments *arguments)
{
    (void)arguments;
    (void)printf("natsway %s\nconnector interface %d\nnats.c %s\nSQLite %s\n", NATSWAY_VERSION,
                 NW_ABI_VERSION, nats_GetVersion(), sqlite3_libversion());
    return NW_EXIT_DONE;
}
