/* SPDX-License-Identifier: Apache-2.0 */
#include <natsway/connector.h>

static const struct nw_connector connector = {NW_CONNECTOR_HEAD, .name = "someone"};

NW_CONNECTOR(other_name)
{
    return &connector;
}
