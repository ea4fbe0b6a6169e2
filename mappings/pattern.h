/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What a source reads, as a pattern of levels: "orders.*.>" (NATS), "plant/+/#" (MQTT),
 * "POST /hooks/{repo}" (HTTP), "/in/ *.csv" (files), "orders" or "^regex" (Kafka). It says which
 * wildcards there are and what each of them matched in an address.
 *
 * Wildcards count from 1, from left to right: * > + # {name}, and * ? [ab] in file names. Levels
 * count from 0 here. Immutable once compiled.
 */
#ifndef NATSWAY_MAPPINGS_PATTERN_H
#define NATSWAY_MAPPINGS_PATTERN_H

#include "base/error.h"
#include "message/message.h"

struct nw_pattern;

/* text is copied; NULL counts as empty. 0 or NW_ENOMEM: a pattern that its source refuses is simply
 * never matched. */
int nw_pattern_compile(enum nw_address_kind kind, const char *text, struct nw_pattern **out);
void nw_pattern_free(struct nw_pattern *p);

size_t nw_pattern_wildcards(const struct nw_pattern *p);
/* Wildcard n takes all the levels that are left: a final > or #. n may be beyond the last. */
bool nw_pattern_is_rest(const struct nw_pattern *p, size_t n);
/* Name of the i-th {param}, from 0; the absent slice behind the last. */
struct nw_slice nw_pattern_param(const struct nw_pattern *p, size_t i);

/* What wildcard n matched in address; the absent slice if the address has no such place. */
struct nw_slice nw_pattern_wildcard(const struct nw_pattern *p, struct nw_slice address, size_t n);
bool nw_pattern_matches(const struct nw_pattern *p, struct nw_slice address);

/* The part of an HTTP address that is the path ("GET https://h/a?b" has /a); others as they are. */
struct nw_slice nw_address_path(enum nw_address_kind kind, struct nw_slice address);

/* Level by level: take the first one off rest, which becomes absent behind the last. An empty rest
 * is one empty level; the "/" at the head of a path is none. */
struct nw_slice nw_address_begin(enum nw_address_kind kind, struct nw_slice address);
bool nw_address_next(enum nw_address_kind kind, struct nw_slice *rest, struct nw_slice *level);
/* Level n, from 0; with rest: it and all behind it. Absent if there are not so many. */
struct nw_slice nw_address_level(enum nw_address_kind kind, struct nw_slice address, size_t n,
                                 bool rest);

#endif
