#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <cmocka.h>

#include "../../engine/hash_index.h"

/* The owner's table: a key and its hash in each slot; a key is there or it is not. */
struct owner {
    uint64_t hash;
    uint64_t key;
    bool present;
};

static bool owner_matches(const void *table, uint32_t slot, const void *key)
{
    const struct owner *owners = table;
    assert_true(owners[slot].present); /* a slot that was removed is never asked about */
    return owners[slot].key == *(const uint64_t *)key;
}

static uint64_t owner_hash(const void *table, uint32_t slot)
{
    const struct owner *owners = table;
    return owners[slot].hash;
}

/* A fixed pseudo-random sequence (splitmix64). */
static uint64_t next_random(uint64_t *seed)
{
    uint64_t z = *seed += 0x9E3779B97F4A7C15;
    z = (z ^ z >> 30) * 0xBF58476D1CE4E5B9;
    z = (z ^ z >> 27) * 0x94D049BB133111EB;
    return z ^ z >> 31;
}

static uint32_t find(const struct hash_index *index, const struct owner *owners, uint32_t slot)
{
    return hash_index_find(index, owners[slot].hash, &owners[slot].key);
}

/* Every key is found after each stage of growth, through thousands of splits. */
static void test_finds_all_while_growing(void **state)
{
    (void)state;
    enum { KEYS = 200000 };
    struct owner *owners = calloc(KEYS, sizeof *owners);
    struct hash_index index;
    uint64_t seed = 1;

    assert_true(hash_index_init(&index, KEYS, owners, owner_matches, owner_hash));
    uint32_t buckets_at_first = index.bucket_count;
    for (uint32_t slot = 0; slot < KEYS; slot++) {
        owners[slot] = (struct owner){next_random(&seed), slot, true};
        assert_true(hash_index_insert(&index, owners[slot].hash, slot));
        if (slot % 20011 == 0) {
            for (uint32_t earlier = 0; earlier <= slot; earlier++)
                assert_int_equal(find(&index, owners, earlier), earlier);
        }
    }
    assert_int_equal(index.count, KEYS);
    assert_true(index.bucket_count > buckets_at_first * 100);
    for (uint32_t slot = 0; slot < KEYS; slot++)
        assert_int_equal(find(&index, owners, slot), slot);
    uint64_t absent = KEYS + 1;
    for (uint32_t i = 0; i < KEYS; i++)
        assert_int_equal(hash_index_find(&index, next_random(&seed), &absent), HASH_INDEX_MISSING);
    hash_index_release(&index);
    free(owners);
}

/* A million random insertions, removals and finds agree with a naive table of presence. */
static void test_against_a_naive_table(void **state)
{
    (void)state;
    enum { SLOTS = 20000, STEPS = 1000000 };
    struct owner *owners = calloc(SLOTS, sizeof *owners);
    struct hash_index index;
    uint64_t seed = 2, present = 0;

    assert_true(hash_index_init(&index, SLOTS, owners, owner_matches, owner_hash));
    for (uint32_t slot = 0; slot < SLOTS; slot++)
        owners[slot].key = slot;
    for (int step = 0; step < STEPS; step++) {
        uint64_t draw = next_random(&seed);
        uint32_t slot = (uint32_t)(draw % SLOTS);
        struct owner *owner = &owners[slot];
        /* Grow for a while, then shrink for a while. */
        bool grow = (draw >> 32) % 8 < (step / 50000 % 2 ? 3U : 5U);

        if (owner->present) {
            assert_int_equal(find(&index, owners, slot), slot);
        } else if (owner->hash != 0) {
            assert_int_equal(find(&index, owners, slot), HASH_INDEX_MISSING);
        }
        if (!owner->present && grow) {
            /* Few distinct low bits, so that some buckets overflow. */
            owner->hash = next_random(&seed) & ~(uint64_t)0x30;
            owner->present = true;
            present++;
            assert_true(hash_index_insert(&index, owner->hash, slot));
        } else if (owner->present && !grow) {
            hash_index_remove(&index, owner->hash, slot);
            owner->present = false;
            present--;
        }
        assert_int_equal(index.count, present);
    }
    hash_index_release(&index);
    free(owners);
}

/* Keys that share one hash are told apart by the owner, each found and removed alone. */
static void test_equal_hashes(void **state)
{
    (void)state;
    enum { KEYS = 500 };
    struct owner owners[KEYS] = {0};
    struct hash_index index;

    assert_true(hash_index_init(&index, 10000, owners, owner_matches, owner_hash));
    for (uint32_t slot = 0; slot < KEYS; slot++) {
        owners[slot] = (struct owner){0xABCDEF0123456789, slot, true};
        assert_true(hash_index_insert(&index, owners[slot].hash, slot));
    }
    for (uint32_t slot = 0; slot < KEYS; slot++)
        assert_int_equal(find(&index, owners, slot), slot);
    for (uint32_t slot = 0; slot < KEYS; slot += 2) {
        hash_index_remove(&index, owners[slot].hash, slot);
        owners[slot].present = false;
    }
    for (uint32_t slot = 0; slot < KEYS; slot++) {
        uint32_t expected = slot % 2 == 0 ? HASH_INDEX_MISSING : slot;
        assert_int_equal(find(&index, owners, slot), expected);
    }
    hash_index_release(&index);
}

/* Hashes that differ only in bits the first buckets do not look at part as it grows. */
static void test_overflow_chains_are_taken_apart(void **state)
{
    (void)state;
    enum { KEYS = 4000 };
    struct owner *owners = calloc(KEYS, sizeof *owners);
    struct hash_index index;

    assert_true(hash_index_init(&index, KEYS, owners, owner_matches, owner_hash));
    for (uint32_t slot = 0; slot < KEYS; slot++) {
        /* All in bucket 5 of the first 16, until bit 4 and up decide. */
        owners[slot] = (struct owner){(uint64_t)slot << 4 | 5, slot, true};
        assert_true(hash_index_insert(&index, owners[slot].hash, slot));
    }
    for (uint32_t slot = 0; slot < KEYS; slot++)
        assert_int_equal(find(&index, owners, slot), slot);
    hash_index_release(&index);
    free(owners);
}

/* Full is an answer: an index that has no room for another says so and stays whole. */
static void test_full_is_refused(void **state)
{
    (void)state;
    enum { KEYS = 10000 };
    struct owner *owners = calloc(KEYS, sizeof *owners);
    struct hash_index index;
    uint32_t inserted = 0;

    assert_true(hash_index_init(&index, 100, owners, owner_matches, owner_hash));
    while (inserted < KEYS) {
        owners[inserted] = (struct owner){7, inserted, true};
        if (!hash_index_insert(&index, 7, inserted))
            break;
        inserted++;
    }
    assert_in_range(inserted, 100, KEYS - 1);
    assert_int_equal(index.count, inserted);
    for (uint32_t slot = 0; slot < inserted; slot++)
        assert_int_equal(find(&index, owners, slot), slot);
    hash_index_remove(&index, 7, 3);
    owners[3].present = false;
    assert_int_equal(find(&index, owners, 3), HASH_INDEX_MISSING);
    owners[3].present = true;
    assert_true(hash_index_insert(&index, 7, 3));
    hash_index_release(&index);
    free(owners);
}

/* Entries that come and go for ever, as many as there is room for, never fill it up. */
static void test_churn_uses_nothing_up(void **state)
{
    (void)state;
    enum { ROOM = 4096, ROUNDS = 2000000 };
    struct owner *owners = calloc(ROOM, sizeof *owners);
    struct hash_index index;
    uint64_t seed = 4;

    assert_true(hash_index_init(&index, ROOM, owners, owner_matches, owner_hash));
    for (uint32_t i = 0; i < ROUNDS; i++) {
        uint32_t slot = i % ROOM;
        if (i >= ROOM) {
            hash_index_remove(&index, owners[slot].hash, slot);
            owners[slot].present = false;
        }
        owners[slot] = (struct owner){next_random(&seed), i, true};
        assert_true(hash_index_insert(&index, owners[slot].hash, slot));
    }
    assert_int_equal(index.count, ROOM);
    for (uint32_t slot = 0; slot < ROOM; slot++)
        assert_int_equal(find(&index, owners, slot), slot);
    hash_index_release(&index);
    free(owners);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_finds_all_while_growing),
        cmocka_unit_test(test_against_a_naive_table),
        cmocka_unit_test(test_equal_hashes),
        cmocka_unit_test(test_overflow_chains_are_taken_apart),
        cmocka_unit_test(test_full_is_refused),
        cmocka_unit_test(test_churn_uses_nothing_up),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
