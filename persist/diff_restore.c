/* What a diff begins with when the log before a snapshot was given up. */
#include "diff_state.h"

#include "../engine/shard_export.h"

static bool add_bookings(struct diff_state *state, const struct shard *shard)
{
    struct shard_booking_state booking;
    struct booking_facts facts;
    uint32_t seat_count;
    for (uint32_t i = 0; i < shard_export_booking_count(shard); i++) {
        if (!shard_export_booking(shard, i, &booking) ||
            !shard_booking(shard, &booking.id, 0, &facts, NULL, &seat_count))
            continue;
        const struct diff_booking known = {.id = booking.id,
                                           .updated_ms =
                                               facts.created_ms + booking.changed_after_ms,
                                           .block_id = booking.block_id,
                                           .order_id = booking.order.id,
                                           .order_item = booking.order.item,
                                           .from_segment = booking.from_segment,
                                           .to_segment = booking.to_segment,
                                           .from_snapshot = true,
                                           .updated_unknown = facts.status == BOOKING_RESERVED ||
                                                              facts.status == BOOKING_CONFIRMED};
        if (!diff_state_add_booking(state, &known, booking.seats, booking.seat_count))
            return false;
    }
    return true;
}

static bool add_blocks(struct diff_state *state, const struct shard *shard)
{
    struct shard_block_state block;
    for (uint32_t i = 0; i < shard_export_block_count(shard); i++) {
        if (!shard_export_block(shard, i, &block))
            continue;
        const struct diff_block known = {.id = block.record.block_id, .end_unknown = !block.active};
        if (!diff_state_add_block(state, &known))
            return false;
    }
    return true;
}

int diff_state_restore(struct diff_state *state, const struct data_dir *dir,
                       snapshot_accept *accept, void *context, struct snapshot_cut *cut,
                       struct log_error *error)
{
    int code = replay_fold_restore(&state->fold, dir, accept, context, cut, error);
    if (code != 0 || cut->number == 0)
        return code;
    return add_bookings(state, state->fold.shard) && add_blocks(state, state->fold.shard)
               ? 0
               : log_error_set(error, LOG_EXIT_BUG, NULL, "out of memory");
}
