/* SPDX-License-Identifier: Apache-2.0 */
/* The library that a connector needs and the machine does not have. */
__attribute__((visibility("default"))) int not_installed(void);

int not_installed(void)
{
    return 1;
}
