/* SPDX-License-Identifier: Apache-2.0 */
#include <natsway/connector.h>

NW_API int no_entry_at_all(void);

int no_entry_at_all(void)
{
    return 0;
}
