/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Moving where a durable consumer reads on (`natsway seek`). A server takes no other start of a
 * consumer that exists, so it is deleted and made again, with the rest of its configuration as it
 * was. That is safe where the stream keeps its messages by limits of its own. Where a message is
 * kept until it is acknowledged, what was read is gone, and without the consumer what waits might
 * go, too: this is refused.
 *
 * First a second consumer is made there, the mark: the server then keeps where the durable is to
 * go. Killed between deleting and making, the next start makes it there (js_consumer.c). A mark
 * that is left, because we were killed before or after that, means nothing while there is the
 * durable, and the server removes it a day later.
 *
 * When the connection is lost on the way, all begins again with the next.
 */
#ifndef NATSWAY_HUB_JS_SEEK_H
#define NATSWAY_HUB_JS_SEEK_H

#include "hub/js_consumer.h"

/* Loop thread: the stream is known; c->seek says where to. Ends with its done(). */
void nw_js_seek_begin(struct nw_js_consumer *c);

#endif
