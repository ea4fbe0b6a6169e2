/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Areas: files of one fixed size, mapped into memory, for state that is written with every message
 * and must outlive the process: what is written is the kernel's at once. Like the spool's journal
 * they are not synced: a killed process loses nothing, a power cut may take the last moments.
 *
 * The files are folder/NAME.1, folder/NAME.2, … One that is given back is kept for the next that is
 * taken, so that at a steady pace no file is made or removed. No locks: its owner guards it.
 */
#ifndef NATSWAY_STORE_AREAS_H
#define NATSWAY_STORE_AREAS_H

#include <natsway/connector.h>

struct nw_areas;

/* Map all files of that name that are in the folder, which is made if it is not there. NW_EIO: the
 * folder cannot be used; NW_ENOMEM. */
int nw_areas_open(const char *folder, const char *name, size_t size, struct nw_areas **out,
                  struct nw_error *error);
/* Unmap; the files stay, but for those that nobody uses. NULL is allowed. */
void nw_areas_close(struct nw_areas *a);

/* Those that were found and are neither given back nor rejected. */
size_t nw_areas_count(const struct nw_areas *a);
void *nw_areas_at(const struct nw_areas *a, size_t index);

/* One of zeros; NULL: there is no room for it. */
void *nw_areas_take(struct nw_areas *a);
void nw_areas_give(struct nw_areas *a, void *area);
/* It is damaged: the file is kept under another name, which is copied into to. The area is gone. */
void nw_areas_reject(struct nw_areas *a, void *area, char *to, size_t size);

/* Remove the files of the folder that are of none of the names, where is_over(content) says so. */
void nw_areas_sweep(const char *folder, size_t size, const char *const *names, size_t count,
                    bool (*is_over)(const void *area, void *context), void *context);

#endif
