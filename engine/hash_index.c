/* Buckets 0..bucket_count-1 stand in one reserved range. With m the power of two
 * at or above bucket_count, a hash belongs to bucket hash % m if that bucket
 * exists already, else to hash % (m / 2), whose split will make it. A bucket that
 * fills up chains to overflow buckets, which splitting it takes apart again. */
#include "hash_index.h"

#include <assert.h>
#ifdef __SSE2__
#include <emmintrin.h>
#endif

#include "memory.h"

enum {
    SLOTS = 12,
    SPLIT_LOAD = 8, /* mean entries a bucket: those not split yet hold up to twice as many */
    FIRST_BUCKETS = 16
};

struct hash_bucket {
    uint8_t tags[SLOTS]; /* 0: empty */
    uint32_t slots[SLOTS];
    uint32_t next; /* overflow bucket; 0: none */
};

_Static_assert(sizeof(struct hash_bucket) == 64, "a bucket is one cache line");

static uint8_t tag_of(uint64_t hash)
{
    return (uint8_t)(hash >> 56 | 1);
}

static uint32_t power_of_two_at_least(uint32_t n)
{
    return n <= 1 ? 1 : 1U << (32 - __builtin_clz(n - 1));
}

static uint32_t bucket_of(const struct hash_index *index, uint64_t hash)
{
    uint32_t m = power_of_two_at_least(index->bucket_count);
    uint32_t bucket = (uint32_t)hash & (m - 1);
    return bucket < index->bucket_count ? bucket : bucket & (m / 2 - 1);
}

bool hash_index_init(struct hash_index *index, uint64_t entries_max, const void *table,
                     hash_index_match match, hash_index_hash hash_of)
{
    uint64_t bucket_max = entries_max / SPLIT_LOAD + FIRST_BUCKETS;

    assert(bucket_max <= UINT32_MAX / 2);
    *index = (struct hash_index){.table = table,
                                 .match = match,
                                 .hash_of = hash_of,
                                 .bucket_count = FIRST_BUCKETS,
                                 .bucket_max = (uint32_t)bucket_max,
                                 .overflow_used = 1};
    index->buckets = memory_reserve_scattered(bucket_max * sizeof *index->buckets);
    index->overflow = memory_reserve(bucket_max * sizeof *index->overflow);
    if (index->buckets && index->overflow)
        return true;
    hash_index_release(index);
    return false;
}

void hash_index_expect(struct hash_index *index, uint64_t entries)
{
    uint64_t buckets = entries / SPLIT_LOAD + 1;

    if (index->count > 0 || buckets <= index->bucket_count)
        return;
    /* Buckets that were never touched are empty. */
    index->bucket_count = buckets < index->bucket_max ? (uint32_t)buckets : index->bucket_max;
}

void hash_index_release(struct hash_index *index)
{
    memory_release(index->buckets, index->bucket_max * sizeof *index->buckets);
    memory_release(index->overflow, index->bucket_max * sizeof *index->overflow);
    index->buckets = index->overflow = NULL;
}

void hash_index_entries(struct hash_index *index, const void *entries, size_t entry_bytes)
{
    index->entries = entries;
    index->entry_bytes = entry_bytes;
}

/* One bit for each place of the bucket that has the tag. */
static uint32_t places_with(const struct hash_bucket *bucket, uint8_t tag)
{
#ifdef __SSE2__
    /* 16 bytes: the 12 tags, and 4 bytes of slots that the mask drops. */
    __m128i tags = _mm_loadu_si128((const __m128i *)(const void *)bucket);
    __m128i same = _mm_cmpeq_epi8(tags, _mm_set1_epi8((char)tag));
    return (uint32_t)_mm_movemask_epi8(same) & ((1U << SLOTS) - 1);
#else
    uint32_t places = 0;
    for (int i = 0; i < SLOTS; i++)
        places |= (uint32_t)(bucket->tags[i] == tag) << i;
    return places;
#endif
}

static uint32_t find_in_bucket(const struct hash_index *index, const struct hash_bucket *bucket,
                               uint8_t tag, const void *key)
{
    for (uint32_t places = places_with(bucket, tag); places != 0; places &= places - 1) {
        uint32_t slot = bucket->slots[__builtin_ctz(places)];
        if (index->match(index->table, slot, key))
            return slot;
    }
    return HASH_INDEX_MISSING;
}

/* Always inline: gcc takes a function that only loads ahead for one without any
 * effect, and drops its calls. */
__attribute__((always_inline)) static inline void
prefetch_slots(const struct hash_index *index, const struct hash_bucket *bucket, uint32_t places)
{
    if (!index->entries)
        return;
    for (; places != 0; places &= places - 1) {
        const char *entry =
            index->entries + bucket->slots[__builtin_ctz(places)] * index->entry_bytes;
        __builtin_prefetch(entry);
        __builtin_prefetch(entry + index->entry_bytes - 1); /* it may lie across two lines */
    }
}

uint32_t hash_index_find(const struct hash_index *index, uint64_t hash, const void *key)
{
    const struct hash_bucket *bucket = &index->buckets[bucket_of(index, hash)];
    uint8_t tag = tag_of(hash);

    for (;;) {
        uint32_t slot = find_in_bucket(index, bucket, tag, key);
        if (slot != HASH_INDEX_MISSING || bucket->next == 0)
            return slot;
        bucket = &index->overflow[bucket->next];
    }
}

static uint32_t overflow_take(struct hash_index *index)
{
    uint32_t taken = index->overflow_free;

    if (taken != 0) {
        index->overflow_free = index->overflow[taken].next;
        index->overflow[taken] = (struct hash_bucket){0};
        return taken;
    }
    return index->overflow_used < index->bucket_max ? index->overflow_used++ : 0;
}

static void overflow_give(struct hash_index *index, uint32_t given)
{
    index->overflow[given].next = index->overflow_free;
    index->overflow_free = given;
}

static bool place(struct hash_index *index, uint32_t home, uint8_t tag, uint32_t slot)
{
    struct hash_bucket *bucket = &index->buckets[home];

    for (;;) {
        uint32_t empty = places_with(bucket, 0);
        if (empty != 0) {
            bucket->tags[__builtin_ctz(empty)] = tag;
            bucket->slots[__builtin_ctz(empty)] = slot;
            return true;
        }
        if (bucket->next == 0) {
            uint32_t added = overflow_take(index);
            if (added == 0)
                return false;
            bucket->next = added;
        }
        bucket = &index->overflow[bucket->next];
    }
}

/* The bucket that the next split takes apart. */
static uint32_t split_source(const struct hash_index *index)
{
    return index->bucket_count - power_of_two_at_least(index->bucket_count + 1) / 2;
}

__attribute__((always_inline)) static inline void prefetch_all(const struct hash_index *index,
                                                               const struct hash_bucket *bucket)
{
    prefetch_slots(index, bucket, ~places_with(bucket, 0) & ((1U << SLOTS) - 1));
}

/* Deals the entries of one bucket over itself and the new last bucket. */
static void split(struct hash_index *index)
{
    uint32_t source = split_source(index);
    struct hash_bucket moving = index->buckets[source];
    uint32_t next;

    index->buckets[source] = (struct hash_bucket){0};
    index->bucket_count++;
    do {
        next = moving.next;
        for (int i = 0; i < SLOTS; i++) {
            if (moving.tags[i] == 0)
                continue;
            uint64_t hash = index->hash_of(index->table, moving.slots[i]);
            bool placed = place(index, bucket_of(index, hash), moving.tags[i], moving.slots[i]);
            assert(placed); /* the chain's own buckets are free by now */
        }
        if (next != 0) {
            moving = index->overflow[next];
            overflow_give(index, next);
        }
    } while (next != 0);
    /* The next split comes some insertions from now: time to load what it reads. */
    prefetch_all(index, &index->buckets[split_source(index)]);
}

bool hash_index_insert(struct hash_index *index, uint64_t hash, uint32_t slot)
{
    if (index->count >= (uint64_t)index->bucket_count * SPLIT_LOAD &&
        index->bucket_count < index->bucket_max)
        split(index);
    if (!place(index, bucket_of(index, hash), tag_of(hash), slot))
        return false;
    index->count++;
    return true;
}

static int entry_in(const struct hash_bucket *bucket, uint8_t tag, uint32_t slot)
{
    for (int i = 0; i < SLOTS; i++) {
        if (bucket->tags[i] == tag && bucket->slots[i] == slot)
            return i;
    }
    return -1;
}

static int any_entry(const struct hash_bucket *bucket)
{
    for (int i = 0; i < SLOTS; i++) {
        if (bucket->tags[i] != 0)
            return i;
    }
    return -1;
}

/* An entry from the end of the chain fills the gap, so that overflow buckets are
 * given back and entries that come and go for ever do not use them up. */
void hash_index_remove(struct hash_index *index, uint64_t hash, uint32_t slot)
{
    struct hash_bucket *last = &index->buckets[bucket_of(index, hash)];
    struct hash_bucket *before_last = NULL, *found = NULL;
    int gap = -1;

    for (;;) {
        if (gap < 0 && (gap = entry_in(last, tag_of(hash), slot)) >= 0)
            found = last;
        if (last->next == 0)
            break;
        before_last = last;
        last = &index->overflow[last->next];
    }
    assert(found);
    int filler = found == last ? gap : any_entry(last);
    assert(filler >= 0); /* overflow buckets are never empty */
    found->tags[gap] = last->tags[filler];
    found->slots[gap] = last->slots[filler];
    last->tags[filler] = 0;
    if (before_last && any_entry(last) < 0) {
        uint32_t emptied = before_last->next;
        before_last->next = 0;
        overflow_give(index, emptied);
    }
    index->count--;
}

void hash_index_prefetch(const struct hash_index *index, uint64_t hash)
{
    __builtin_prefetch(&index->buckets[bucket_of(index, hash)]);
}

void hash_index_prefetch_entry(const struct hash_index *index, uint64_t hash)
{
    const struct hash_bucket *bucket = &index->buckets[bucket_of(index, hash)];
    prefetch_slots(index, bucket, places_with(bucket, tag_of(hash)));
}

uint64_t hash_index_bytes(const struct hash_index *index)
{
    return ((uint64_t)index->bucket_count + index->overflow_used) * sizeof(struct hash_bucket);
}
