#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "../../engine/partition.h"

/* For every shard count, each partition has one owner and the dealing is even. */
static void test_every_partition_has_one_owner(void **state)
{
    (void)state;
    for (uint16_t shards = 1; shards <= SHARD_COUNT_MAX; shards++) {
        struct partition_map map;
        uint32_t owned[SHARD_COUNT_MAX] = {0};

        partition_map_init(&map, shards);
        assert_int_equal(map.shard_count, shards);
        for (uint16_t partition = 0; partition < PARTITION_COUNT; partition++) {
            uint16_t shard = partition_shard(&map, partition);
            assert_in_range(shard, 0, shards - 1);
            owned[shard]++;
        }
        for (uint16_t shard = 0; shard < shards; shard++)
            assert_in_range(owned[shard], PARTITION_COUNT / shards, PARTITION_COUNT / shards + 1);
    }
}

/* Partitions are in the ids that logs hold: these never change. */
static void test_partitions_are_for_ever(void **state)
{
    (void)state;
    static const struct {
        const char *text;
        uint16_t partition;
    } known[] = {
        {"00000000-0000-0000-0000-000000000000", 2408},
        {"017f22e2-79b0-7cc3-98c4-dc0c0c07398f", 3831},
        {"ffffffff-ffff-ffff-ffff-ffffffffffff", 787},
    };
    for (size_t i = 0; i < sizeof known / sizeof known[0]; i++) {
        struct uuid id;
        assert_true(uuid_parse(&id, known[i].text, UUID_TEXT_LENGTH));
        assert_int_equal(partition_of(&id), known[i].partition);
    }
}

/* A booking's id leads to its zone's shard, for every shard count. */
static void test_booking_routes_itself(void **state)
{
    (void)state;
    for (uint64_t n = 0; n < 200; n++) {
        struct uuid zone_id = uuid_v7(1700000000000 + n, (uint16_t)(n * 37 % 4096), n << 40);
        struct uuid booking_id = uuid_v7(1700000001000, partition_of(&zone_id), n);
        for (uint16_t shards = 1; shards <= SHARD_COUNT_MAX; shards += 7) {
            struct partition_map map;
            partition_map_init(&map, shards);
            assert_int_equal(partition_shard_of_booking(&map, &booking_id),
                             partition_shard_of(&map, &zone_id));
        }
    }
}

/* Ids made one after another spread over all partitions (no shard starves). */
static void test_consecutive_ids_spread(void **state)
{
    (void)state;
    struct partition_map map;
    uint32_t owned[8] = {0};

    partition_map_init(&map, 8);
    for (uint64_t n = 0; n < 80000; n++) {
        struct uuid id = uuid_v7(1700000000000, 0, n);
        owned[partition_shard_of(&map, &id)]++;
    }
    for (int shard = 0; shard < 8; shard++)
        assert_in_range(owned[shard], 9500, 10500);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_every_partition_has_one_owner),
        cmocka_unit_test(test_partitions_are_for_ever),
        cmocka_unit_test(test_booking_routes_itself),
        cmocka_unit_test(test_consecutive_ids_spread),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
