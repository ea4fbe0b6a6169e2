/* SPDX-License-Identifier: Apache-2.0 */
#include <natsway/connector.h>

int not_installed(void);

static const struct nw_connector connector = {NW_CONNECTOR_HEAD, .name = "lacks_library"};

NW_CONNECTOR(lacks_library)
{
    return not_installed() != 0 ? &connector : NULL;
}
