/* Records as JSON: whole, one object a record (dump), and the catalog objects in
 * them as API clients know them (outbox, audit). Pure. */
#ifndef PERSIST_REPLAY_RECORD_H
#define PERSIST_REPLAY_RECORD_H

#include "../engine/record.h"
#include "replay_json.h"

/* Stable lower-case names, as the API has them. */
const char *replay_role_name(enum role role);
const char *replay_event_status_name(enum event_status status);
const char *replay_zone_kind_name(enum zone_kind kind);
const char *replay_cause_name(enum change_cause cause);
const char *replay_block_kind_name(enum block_kind kind);

/* Every field of the record with its position, as one object without a line end. */
void replay_record_json(struct replay_json *json, uint32_t epoch, uint16_t shard,
                        const struct record *record);

/* The objects as `"key":value` members inside an object the caller opened. */
void replay_event_json(struct replay_json *json, const struct catalog_event *event);
void replay_show_json(struct replay_json *json, const struct catalog_show *show);
void replay_zone_json(struct replay_json *json, const struct catalog_zone *zone);

/* The same for stations, routes, changed bookings, blocks, zone changes and orders. */
void replay_inventory_json(struct replay_json *json, const struct record *record);
/* Nothing for a booking outside of orders, or without numbered seats. */
void replay_order_part_json(struct replay_json *json, const struct order_part *part);
void replay_seats_json(struct replay_json *json, const uint32_t *seats, uint32_t count);

#endif
