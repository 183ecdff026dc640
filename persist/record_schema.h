/* Fields of each record's array behind the head, shared by encoder and decoder; on
 * disk. Evolution: fields are only ever appended. A kind that grew has two counts:
 * the short form is written while all that was appended has its default, and is
 * read as that. Private to the codec and its tests. */
#ifndef PERSIST_RECORD_SCHEMA_H
#define PERSIST_RECORD_SCHEMA_H

enum {
    RECORD_HEAD_FIELDS = 6, /* kind, stamp_ms, role, actor, key hash, key fingerprint */

    RECORD_RESERVED_FIELDS = 9,
    RECORD_RESERVED_LONG_FIELDS = 12, /* block id, order part, seats */
    RECORD_SETTLED_FIELDS = 5,
    RECORD_SETTLED_LONG_FIELDS = 6, /* cause */
    RECORD_EXPIRED_FIELDS = 2,
    RECORD_EXPIRED_ITEM_FIELDS = 3,
    RECORD_CHANGED_FIELDS = 15,
    RECORD_BLOCK_FIELDS = 10,
    RECORD_ZONE_CHANGED_FIELDS = 5,
    RECORD_ORDER_FIELDS = 8,
    RECORD_ORDER_PART_FIELDS = 3,
    RECORD_STATE_FIELDS = 1,

    RECORD_EVENT_FIELDS = 15,
    RECORD_EVENT_LONG_FIELDS = 17, /* sale closed, allow orphans */
    RECORD_SHOW_FIELDS = 7,
    RECORD_SHOW_LONG_FIELDS = 9, /* stops, route id */
    RECORD_SHOW_STOP_FIELDS = 3,
    RECORD_ZONE_FIELDS = 10,
    RECORD_ZONE_LONG_FIELDS = 12, /* segment prices, plan bytes */
    RECORD_STATION_FIELDS = 5,
    RECORD_ROUTE_FIELDS = 4,
    RECORD_CURRENCY_BYTES = 3,
    RECORD_KEY_DIGEST_BYTES = 16
};

#endif
