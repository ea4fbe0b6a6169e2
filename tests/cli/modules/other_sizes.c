/* SPDX-License-Identifier: Apache-2.0 */
#include <natsway/connector.h>

static const struct nw_connector connector = {NW_ABI_VERSION, sizeof(struct nw_connector) + 8,
                                              .name = "other_sizes"};

NW_CONNECTOR(other_sizes)
{
    return &connector;
}
