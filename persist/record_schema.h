/* Fields of each record's array, shared by encoder and decoder; on disk, so never
 * changed for a kind that exists. Private to the codec and its tests. */
#ifndef PERSIST_RECORD_SCHEMA_H
#define PERSIST_RECORD_SCHEMA_H

enum {
    RECORD_HEAD_FIELDS = 6, /* kind, stamp_ms, role, actor, key hash, key fingerprint */
    RECORD_RESERVED_FIELDS = 9,
    RECORD_SETTLED_FIELDS = 5,
    RECORD_EXPIRED_FIELDS = 2,
    RECORD_EXPIRED_ITEM_FIELDS = 3,
    RECORD_EVENT_FIELDS = 15,
    RECORD_SHOW_FIELDS = 7,
    RECORD_ZONE_FIELDS = 10,
    RECORD_CURRENCY_BYTES = 3
};

#endif
