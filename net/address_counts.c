#include "address_counts.h"

#include <assert.h>
#include <netinet/in.h>
#include <stdlib.h>
#include <string.h>
#define XXH_INLINE_ALL
#include <xxhash.h>

#define NONE UINT32_MAX

struct address_entry {
    uint64_t key;
    uint32_t count; /* 0: free */
    uint32_t next;  /* in its bucket, or in the free list */
};

struct address_counts {
    uint64_t seed;
    uint32_t bucket_mask;
    uint32_t entries_max;
    uint32_t entries_used;
    uint32_t free_first;
    uint32_t *buckets;
    struct address_entry *entries;
};

struct address_counts *address_counts_new(uint32_t connections_max, uint64_t seed)
{
    struct address_counts *counts = calloc(1, sizeof *counts);
    uint32_t buckets = 64;
    while (buckets < connections_max)
        buckets *= 2;
    if (!counts)
        return NULL;
    counts->seed = seed;
    counts->bucket_mask = buckets - 1;
    counts->entries_max = connections_max;
    counts->free_first = NONE;
    counts->buckets = malloc(buckets * sizeof *counts->buckets);
    counts->entries = calloc(connections_max, sizeof *counts->entries);
    if (!counts->buckets || !counts->entries) {
        address_counts_free(counts);
        return NULL;
    }
    memset(counts->buckets, 0xff, buckets * sizeof *counts->buckets);
    return counts;
}

void address_counts_free(struct address_counts *counts)
{
    if (!counts)
        return;
    free(counts->buckets);
    free(counts->entries);
    free(counts);
}

/* IPv4 under ffff::/16, which is multicast and so never a peer. */
static uint64_t address_key(const struct sockaddr_storage *address)
{
    struct sockaddr_in v4;
    struct sockaddr_in6 v6;
    uint64_t key = 0;
    if (address->ss_family == AF_INET) {
        memcpy(&v4, address, sizeof v4);
        key = 0xffffULL << 48 | v4.sin_addr.s_addr;
    } else if (address->ss_family == AF_INET6) {
        memcpy(&v6, address, sizeof v6);
        memcpy(&key, &v6.sin6_addr, sizeof key);
    }
    return key;
}

static uint32_t *bucket_of(struct address_counts *counts, uint64_t key)
{
    uint64_t hash = XXH3_64bits_withSeed(&key, sizeof key, counts->seed);
    return &counts->buckets[(uint32_t)hash & counts->bucket_mask];
}

static uint32_t entry_take(struct address_counts *counts)
{
    if (counts->free_first == NONE) {
        assert(counts->entries_used < counts->entries_max);
        return counts->entries_used++;
    }
    uint32_t entry = counts->free_first;
    counts->free_first = counts->entries[entry].next;
    return entry;
}

bool address_counts_enter(struct address_counts *counts, const struct sockaddr_storage *address,
                          uint32_t limit, uint32_t *entry)
{
    uint64_t key = address_key(address);
    uint32_t *bucket = bucket_of(counts, key);
    for (uint32_t i = *bucket; i != NONE; i = counts->entries[i].next) {
        if (counts->entries[i].key != key)
            continue;
        if (counts->entries[i].count >= limit)
            return false;
        counts->entries[i].count++;
        *entry = i;
        return true;
    }
    *entry = entry_take(counts);
    counts->entries[*entry] = (struct address_entry){key, 1, *bucket};
    *bucket = *entry;
    return true;
}

void address_counts_leave(struct address_counts *counts, uint32_t entry)
{
    assert(entry < counts->entries_used && counts->entries[entry].count > 0);
    if (--counts->entries[entry].count > 0)
        return;
    uint32_t *link = bucket_of(counts, counts->entries[entry].key);
    while (*link != entry)
        link = &counts->entries[*link].next;
    *link = counts->entries[entry].next;
    counts->entries[entry].next = counts->free_first;
    counts->free_first = entry;
}
