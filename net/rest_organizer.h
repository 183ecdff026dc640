/* What the operations of organizers share: whose things a path names, and the
 * fingerprints of their requests. Worker's thread. */
#ifndef NET_REST_ORGANIZER_H
#define NET_REST_ORGANIZER_H

#include "rest_form.h"

#define LINE_EXPECTED "one line of 1 to 200 bytes without control or invisible characters"
#define TIME_EXPECTED "an RFC 3339 time such as 2026-02-28T19:30:00Z"

/* Fingerprints fold field after field: `hash` is the seed of the next. */
uint64_t rest_fold(uint64_t hash, const void *bytes, size_t length);
uint64_t rest_fold_text(uint64_t hash, struct text text);

/* Reads a body that holds nothing but, perhaps, a key. False: answered. */
bool rest_read_key_only(struct rest_call *call, uint64_t fields, struct request_key *key);

/* The event (or NULL) if the caller may change it; else 404 and NULL. */
const struct catalog_event *rest_managed_event(struct rest_call *call,
                                               const struct catalog_event *event);

#endif
