/* Places of a zone that are kept out of general sale: a house hold or an
 * allotment. Of a general zone a number of places on every segment; of a seated
 * one named seats. What is drawn from an allotment is counted per segment.
 *
 * A block is kept after its end, without effect: bookings drawn from it, and
 * answers, go on naming it. Pure. */
#ifndef ENGINE_BLOCK_H
#define ENGINE_BLOCK_H

#include "deadline_heap.h"
#include "hash_index.h"
#include "record.h"
#include "slab.h"

enum { BLOCKS_MAX = 1 << 22, ZONE_BLOCKS_MAX = 1000 };

struct block {
    struct uuid id;
    struct uuid owner_id;
    uint64_t created_ms;
    uint64_t expires_ms; /* 0: never by itself */
    uint8_t key_digest[16];
    uint32_t zone; /* number in the shard's zones */
    uint32_t quantity;
    uint32_t deadline; /* position in the heap, while active with expires_ms */
    uint32_t seat_count;
    uint16_t segment_count;
    uint8_t kind; /* enum block_kind */
    bool active;
    uint32_t *drawn;       /* [segment_count]: reserved or sold out of it */
    const uint32_t *seats; /* ascending */
    uint64_t *only;        /* the seats as a bitmap over the zone's; NULL once it ended */
    struct text reason;
};

struct block_table {
    struct slab blocks;
    struct hash_index by_id;
    struct deadline_heap deadlines;
    uint64_t state_hash; /* of the active ones, added up */
};

/* False: out of memory. */
bool block_table_init(struct block_table *table);
void block_table_release(struct block_table *table);

static inline struct block *block_at(const struct block_table *table, uint32_t slot)
{
    return slab_at(&table->blocks, slot);
}

/* SLAB_NONE: unknown. */
uint32_t block_find(const struct block_table *table, const struct uuid *id);

/* Adds an active block of a zone with so many segments and seats (0: general);
 * copies what the record points to. The id must be new (asserted). SLAB_NONE: full
 * or out of memory. */
uint32_t block_add(struct block_table *table, const struct record_block *record, uint32_t zone,
                   uint16_t segment_count, uint32_t zone_seats, uint64_t stamp_ms);
void block_end(struct block_table *table, uint32_t slot);

/* Bytes of a bitmap over so many seats, with a word to spare for readers that look
 * one word ahead. */
static inline size_t block_bitmap_bytes(uint32_t zone_seats)
{
    return ((size_t)zone_seats / 64 + 2) * sizeof(uint64_t);
}

static inline bool block_has_seat(const struct block *block, uint32_t seat)
{
    return block->only && (block->only[seat / 64] >> seat % 64 & 1);
}

/* Drawn from it on the fullest of the segments [from, to). */
uint32_t block_drawn(const struct block *block, uint16_t from, uint16_t to);

/* What the state hash has of one; 0 once it ended. */
uint64_t block_state_hash(const struct block *block);

uint64_t block_table_bytes(const struct block_table *table);

#endif
