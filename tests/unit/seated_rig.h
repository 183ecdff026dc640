/* Zones of numbered seats for shards without a catalog's commands. */
#ifndef TESTS_UNIT_SEATED_RIG_H
#define TESTS_UNIT_SEATED_RIG_H

#include "shard_rig.h"

#include "../../engine/seat_plan.h"

/* To all shards, as shard 0 would have broadcast it. */
static inline void rig_put_zone(struct rig *rig, const struct catalog_zone *draft)
{
    struct catalog_zone *zone = catalog_zone_new(draft);
    assert_non_null(zone);
    for (uint16_t i = 0; i < rig->partitions.shard_count; i++)
        assert_true(shard_put_zone(rig->shards[i], catalog_zone_share(zone)));
    catalog_zone_release(zone);
}

/* A zone of event 0: rows A, B, ... of so many seats, the best in front and on the left. */
static inline void rig_seated_zone(struct rig *rig, uint64_t number, uint32_t rows,
                                   uint32_t row_seats, int64_t price_minor)
{
    struct seat_plan_builder *builder = seat_plan_builder_new();
    enum seat_plan_error error;
    size_t length;
    for (uint32_t row = 0; row < rows; row++) {
        char label = (char)('A' + row);
        seat_plan_add_row(builder, &label, 1);
        seat_plan_add_run(builder, 1, 1, row_seats, row * 100, 1, 0, false);
    }
    uint8_t *bytes = seat_plan_encode(builder, &length, &error);
    assert_non_null(bytes);
    const struct catalog_zone draft = {.id = rig_zone_id(number),
                                       .kind = ZONE_SEATED,
                                       .show_id = rig_id(2, 0),
                                       .event_id = rig_event_id(0),
                                       .price_minor = price_minor,
                                       .currency = "THB",
                                       .total_seats = rows * row_seats,
                                       .segment_count = 1,
                                       .plan_bytes = bytes,
                                       .plan_length = (uint32_t)length,
                                       .name = {"Circle", 6}};
    rig_put_zone(rig, &draft);
    seat_plan_builder_free(builder);
    free(bytes);
}

#endif
