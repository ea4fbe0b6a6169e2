/* SPDX-License-Identifier: Apache-2.0 */
/* Moving where followed files are read on (`natsway seek`). */
#ifndef NATSWAY_FILE_SEEK_H
#define NATSWAY_FILE_SEEK_H

#include "file_source.h"

#define FILE_SEEK_TEXT 400

/* Loop thread, after a scan: set every file that is followed to where the configuration's `seek`
 * says. A sequence is a line, counted from 1; a time chooses files: those that were changed since
 * are read from their beginning, the others are passed over. true: they are set, and the records
 * are to be written; text says from where to where. false: why not. */
bool file_seek(struct file_source *s, char text[FILE_SEEK_TEXT]);

#endif
