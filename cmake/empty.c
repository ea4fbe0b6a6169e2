/* SPDX-License-Identifier: Apache-2.0 */
/* Stands in for the sources of a folder that has none. */
extern int nw_empty_translation_unit;
