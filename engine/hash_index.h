/* A hash index from keys to 32-bit slots of somebody else's table. It stores no
 * keys: 12 slots with one-byte tags fill a 64-byte bucket, and the owner tells
 * whether a slot holds the key that is sought.
 *
 * Algorithm: linear hashing (Litwin, 1980): one bucket is split for every few
 * insertions, so there is never a rehash of the whole. Pure; one thread. */
#ifndef ENGINE_HASH_INDEX_H
#define ENGINE_HASH_INDEX_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define HASH_INDEX_MISSING UINT32_MAX

/* Whether the owner's slot holds the key. */
typedef bool (*hash_index_match)(const void *table, uint32_t slot, const void *key);
/* The hash the slot was inserted with. */
typedef uint64_t (*hash_index_hash)(const void *table, uint32_t slot);

struct hash_bucket;

struct hash_index {
    struct hash_bucket *buckets;
    struct hash_bucket *overflow;
    const void *table;
    const char *entries; /* slot 0 of the table; NULL: not told */
    size_t entry_bytes;
    hash_index_match match;
    hash_index_hash hash_of;
    uint32_t bucket_count; /* in use; doubles by single splits */
    uint32_t bucket_max;
    uint32_t overflow_used; /* high-water mark; bucket 0 is never used */
    uint32_t overflow_free; /* head of freed buckets; 0: none */
    uint64_t count;
};

/* Room for `entries_max` slots. False: out of memory. */
bool hash_index_init(struct hash_index *index, uint64_t entries_max, const void *table,
                     hash_index_match match, hash_index_hash hash_of);
void hash_index_release(struct hash_index *index);

/* So many entries are about to come: an empty index takes its size for them at
 * once, instead of split by split. */
void hash_index_expect(struct hash_index *index, uint64_t entries);

/* The slot with the key, or HASH_INDEX_MISSING. */
uint32_t hash_index_find(const struct hash_index *index, uint64_t hash, const void *key);

/* The key must not be there. False: full. */
bool hash_index_insert(struct hash_index *index, uint64_t hash, uint32_t slot);

/* The slot must be there (asserted). */
void hash_index_remove(struct hash_index *index, uint64_t hash, uint32_t slot);

/* Tells where the owner's slots lie, so that they can be loaded ahead. */
void hash_index_entries(struct hash_index *index, const void *entries, size_t entry_bytes);

/* Loading ahead of a find, in two steps with other work between them: first the
 * bucket, then the slots in it that may hold the key. */
void hash_index_prefetch(const struct hash_index *index, uint64_t hash);
void hash_index_prefetch_entry(const struct hash_index *index, uint64_t hash);

/* Bytes of memory touched. */
uint64_t hash_index_bytes(const struct hash_index *index);

#endif
