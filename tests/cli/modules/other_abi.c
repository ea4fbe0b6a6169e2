/* SPDX-License-Identifier: Apache-2.0 */
#include <natsway/connector.h>

static const struct nw_connector connector = {NW_ABI_VERSION + 1, .name = "other_abi"};

NW_CONNECTOR(other_abi)
{
    return &connector;
}
