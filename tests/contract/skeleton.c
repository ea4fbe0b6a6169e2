/* SPDX-License-Identifier: Apache-2.0 */
/* The skeleton: a ticker, which makes its messages by itself, and a memory, which nobody can look
 * into. No server. */
#include "contract.h"

const char *const nwc_connector = "skeleton";

static const struct nwc_adapter source = {
    .name = "skeleton",
    .source = "{skeleton: @, every: 0ms, count: 200}",
    .alone = true, /* it would make the same messages */
};

static const struct nwc_adapter sink = {
    .name = "skeleton",
    .sink = "{skeleton: memory}",
};

const struct nwc_adapter *const nwc_adapters[] = {&source, &sink, NULL};
