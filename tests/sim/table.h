/* A map from 64-bit keys to numbers, for the simulator's own books: open
 * addressing, linear probing, grows, never forgets single keys. Keys are hashes of
 * ids, and two ids are taken for one when their hashes are equal. */
#ifndef TESTS_SIM_TABLE_H
#define TESTS_SIM_TABLE_H

#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "../../engine/uuid.h"

#define SIM_TABLE_MISSING UINT32_MAX
enum { SIM_TABLE_FIRST = 256 };

struct sim_table {
    uint64_t *keys; /* 0: empty */
    uint32_t *values;
    uint32_t room, used; /* room: a power of two */
};

static inline uint64_t sim_mix(uint64_t x)
{
    x = (x ^ (x >> 33)) * 0xff51afd7ed558ccdu;
    x = (x ^ (x >> 33)) * 0xc4ceb9fe1a85ec53u;
    return x ^ (x >> 33);
}

static inline uint64_t sim_uuid_hash(const struct uuid *id)
{
    uint64_t halves[2];
    memcpy(halves, id->bytes, sizeof halves);
    return sim_mix(halves[0] ^ sim_mix(halves[1] + 0x9e3779b97f4a7c15u));
}

static inline void sim_table_release(struct sim_table *table)
{
    free(table->keys);
    free(table->values);
    *table = (struct sim_table){0};
}

static inline uint32_t sim_table_slot(const struct sim_table *table, uint64_t key)
{
    uint32_t at = (uint32_t)key & (table->room - 1);
    while (table->keys[at] != 0 && table->keys[at] != key)
        at = (at + 1) & (table->room - 1);
    return at;
}

static inline uint32_t sim_table_find(const struct sim_table *table, uint64_t key)
{
    if (table->room == 0)
        return SIM_TABLE_MISSING;
    uint32_t at = sim_table_slot(table, key ? key : 1);
    return table->keys[at] ? table->values[at] : SIM_TABLE_MISSING;
}

void sim_table_grow(struct sim_table *table);

static inline void sim_table_put(struct sim_table *table, uint64_t key, uint32_t value)
{
    if (4 * (uint64_t)(table->used + 1) > 3 * (uint64_t)table->room)
        sim_table_grow(table);
    uint32_t at = sim_table_slot(table, key ? key : 1);
    table->used += table->keys[at] == 0;
    table->keys[at] = key ? key : 1;
    table->values[at] = value;
}

/* An array that doubles: room for one more of `bytes` at `count`. */
void *sim_grow(void *array, uint32_t count, uint32_t *room, size_t bytes);

#endif
