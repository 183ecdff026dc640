/* Entries of a snapshot as msgpack arrays; docs/wal-format.md has the schema. A
 * catalog object is a record as in the log. Pure; any thread. */
#ifndef PERSIST_SNAPSHOT_ENTRY_H
#define PERSIST_SNAPSHOT_ENTRY_H

#include <assert.h>

#include "../engine/answer_memory.h"
#include "../engine/shard_export.h"
#include "record_codec.h"

/* On disk: never renumber. Records have their own kinds, below 64. */
enum snapshot_entry_kind {
    SNAPSHOT_RECORD = 0, /* not in the bytes: any record */
    SNAPSHOT_ZONE = 64,
    SNAPSHOT_BOOKING = 65,
    SNAPSHOT_KEY = 66, /* behind that of a catalog object comes its record */
    SNAPSHOT_BLOCK = 67,
    SNAPSHOT_ORDER = 68,
    SNAPSHOT_ZONE_END = 69 /* behind all that is of the section's zones: their changes */
};

/* No entry but a record is longer. */
enum { SNAPSHOT_ENTRY_BYTES_MAX = 1024 + ANSWER_MEMORY_BYTES_MAX };
static_assert(ANSWER_MEMORY_BYTES_MAX > 5 * RECORD_BLOCK_SEATS_MAX, "a block fits");
static_assert(ANSWER_MEMORY_BYTES_MAX > 2 * sizeof(struct order_facts), "an order fits");

struct snapshot_entry {
    enum snapshot_entry_kind kind;
    union {
        struct record record;
        struct shard_zone_state zone;
        struct shard_block_state block; /* its pointers: the bytes', and the scratch's */
        struct {
            uint32_t zone; /* as in bookings */
            uint32_t changes;
        } zone_end;
        struct shard_booking_state booking; /* zone: index of the section's SNAPSHOT_ZONE */
        struct {
            struct order order; /* created and ended: the two behind it, or NULL */
            struct order_facts created, ended;
        } order;
        struct shard_key_state key; /* object unset; answer: the one below */
    };
    _Alignas(8) uint8_t answer[ANSWER_MEMORY_BYTES_MAX]; /* a key's */
};

/* Into `out` with SNAPSHOT_ENTRY_BYTES_MAX of room; the bytes written. */
uint32_t snapshot_encode_zone(const struct shard_zone_state *zone, uint8_t *out);
uint32_t snapshot_encode_zone_end(uint32_t index, uint32_t changes, uint8_t *out);
/* The reason is no longer than a text of the catalog. */
uint32_t snapshot_encode_block(const struct shard_block_state *block, uint8_t *out);
uint32_t snapshot_encode_booking(const struct shard_booking_state *booking, uint8_t *out);
uint32_t snapshot_encode_order(const struct order *order, uint8_t *out);
uint32_t snapshot_encode_key(const struct shard_key_state *key, uint8_t *out);

/* Decodes one entry from the front of `bytes`: its length, or a negative
 * record_decode_error. As record_decode. */
int32_t snapshot_decode(struct snapshot_entry *entry, struct record_scratch *scratch,
                        const uint8_t *bytes, size_t length);

#endif
