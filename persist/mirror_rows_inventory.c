/* Rows of stations, routes, stops, seats, blocks, orders and changed bookings. */
#include "mirror_history.h"

void mirror_row_stop(struct replay_buffer *out, const struct record *record, uint32_t stop)
{
    const struct catalog_show *show = &record->show;
    copy_row(out, 6);
    copy_uuid(out, &show->id);
    copy_smallint(out, (uint16_t)stop);
    copy_uuid(out, &show->stops[stop].station_id);
    copy_time_or_null(out, show->stops[stop].arrives_ms);
    copy_time_or_null(out, show->stops[stop].departs_ms);
    copy_bigint(out, (int64_t)record->sequence);
}

void mirror_row_station(struct replay_buffer *out, const struct record *record)
{
    const struct catalog_station *station = &record->station;
    copy_row(out, 6);
    copy_uuid(out, &station->id);
    copy_text(out, station->code.bytes, station->code.length);
    copy_text(out, station->name.bytes, station->name.length);
    copy_text_or_null(out, &station->city);
    copy_time(out, station->created_ms);
    copy_bigint(out, (int64_t)record->sequence);
}

void mirror_row_route(struct replay_buffer *out, const struct record *record)
{
    const struct catalog_route *route = &record->route;
    copy_row(out, 5);
    copy_uuid(out, &route->id);
    copy_text(out, route->name.bytes, route->name.length);
    copy_time(out, route->created_ms);
    copy_uuids(out, route->stations, route->stop_count);
    copy_bigint(out, (int64_t)record->sequence);
}

void mirror_row_seat(struct replay_buffer *out, const struct uuid *zone_id,
                     const struct seat_plan *plan, uint32_t seat)
{
    char label[SEAT_FULL_LABEL_BYTES];
    const size_t length = seat_plan_label(plan, seat, label);
    const struct seat *facts = &plan->seats[seat];
    copy_row(out, 7);
    copy_uuid(out, zone_id);
    copy_integer(out, (int32_t)seat);
    copy_smallint(out, facts->row);
    copy_text(out, label, length);
    copy_smallint(out, facts->flags);
    copy_integer(out, (int32_t)facts->rank);
    copy_bool(out, facts->opens_block);
}

void mirror_row_block(struct replay_buffer *out, const struct record *record)
{
    const struct record_block *block = &record->block;
    const bool ended = block->cause != CAUSE_CREATED;
    copy_row(out, 11);
    copy_uuid(out, &block->block_id);
    copy_uuid(out, &block->zone_id);
    copy_string(out, replay_block_kind_name(block->kind));
    copy_integer(out, (int32_t)block->quantity);
    copy_uuid_or_null(out, &block->owner_id);
    copy_text_or_null(out, &block->reason);
    copy_integers(out, block->seats, block->seat_count);
    copy_time_or_null(out, block->expires_ms);
    copy_time(out, record->stamp_ms);
    copy_time_or_null(out, ended ? record->stamp_ms : 0);
    if (ended)
        copy_string(out, replay_cause_name(block->cause));
    else
        copy_null(out);
}

void mirror_row_order(struct replay_buffer *out, const struct record *record)
{
    const struct record_order *order = &record->order;
    copy_row(out, 8);
    copy_uuid(out, &order->order_id);
    copy_uuid(out, &order->user_id);
    copy_string(out, order->kind == ORDER_EXCHANGE ? "exchange" : "confirm");
    copy_string(out, order->decision == ORDER_POSTED ? "posted" : "voided");
    copy_uuid_or_null(out, &order->payment_id);
    copy_uuids(out, order->bookings, order->count);
    copy_time(out, record->stamp_ms);
    copy_bigint(out, (int64_t)record->sequence);
}

void mirror_row_booking_change(struct replay_buffer *out, const struct mirror_origin *origin,
                               const struct record *record, const char *currency)
{
    const struct record_changed *changed = &record->changed;
    copy_row(out, 16);
    copy_uuid(out, &changed->booking_id);
    copy_string(out, replay_cause_name(changed->cause));
    copy_time(out, origin->stamp_ms);
    copy_uuid_or_null(out, &origin->actor.id);
    copy_string(out, replay_role_name(origin->actor.role));
    copy_string(out, booking_status_name(changed->status));
    copy_uuid(out, &changed->user_id);
    copy_uuid(out, &changed->previous_user_id);
    copy_integer(out, (int32_t)changed->quantity);
    copy_integer(out, (int32_t)changed->previous_quantity);
    copy_amount(out, changed->unit_price_minor, currency);
    copy_string(out, currency);
    copy_integers(out, changed->seats, changed->seat_count);
    copy_integer(out, (int32_t)origin->epoch);
    copy_smallint(out, origin->shard);
    copy_bigint(out, (int64_t)origin->sequence);
}

/* --- histories --- */

struct subject {
    const char *object, *action;
    const struct uuid *id;
};

static struct subject changed_subject(const struct record_changed *changed)
{
    static const char *const actions[CAUSE_COUNT] = {
        [CAUSE_REQUEST] = "booking.changed",     [CAUSE_EXTENDED] = "booking.extended",
        [CAUSE_RELEASED] = "booking.released",   [CAUSE_CONFIRMED_PART] = "booking.confirmed_part",
        [CAUSE_EXCHANGED] = "booking.exchanged", [CAUSE_TRANSFERRED] = "booking.transferred",
        [CAUSE_REFUNDED] = "booking.refunded",   [CAUSE_POSTED] = "booking.posted",
        [CAUSE_VOIDED] = "booking.voided"};
    /* Pins are the engine's own business. */
    return (struct subject){"booking", actions[changed->cause], &changed->booking_id};
}

static struct subject subject_of(const struct record *record)
{
    static const char *const zone_actions[CAUSE_COUNT] = {[CAUSE_CAPACITY] = "zone.capacity",
                                                          [CAUSE_DRAIN] = "zone.drained",
                                                          [CAUSE_CLOSED] = "zone.closed",
                                                          [CAUSE_REOPENED] = "zone.reopened"};
    switch ((int)record->kind) {
    case RECORD_STATION:
        return (struct subject){"station", "station.created", &record->station.id};
    case RECORD_ROUTE:
        return (struct subject){"route", "route.created", &record->route.id};
    case RECORD_CHANGED:
        return changed_subject(&record->changed);
    case RECORD_BLOCK:
        return (struct subject){
            "block", record->block.cause == CAUSE_CREATED ? "block.created" : "block.ended",
            &record->block.block_id};
    case RECORD_ZONE_CHANGED:
        return (struct subject){"inventory", zone_actions[record->zone_changed.cause],
                                &record->zone_changed.zone_id};
    default:
        return (struct subject){
            "order", record->order.decision == ORDER_POSTED ? "order.posted" : "order.voided",
            &record->order.order_id};
    }
}

static void facts_field(struct replay_buffer *out, const struct record *record)
{
    const size_t mark = copy_jsonb_begin(out);
    struct replay_json json = json_for_postgres(out);
    replay_json_open(&json, '{');
    replay_inventory_json(&json, record);
    replay_json_close(&json, '}');
    copy_field_end(out, mark);
}

bool mirror_row_inventory_history(struct replay_buffer *outbox, struct replay_buffer *audit,
                                  const struct mirror_origin *origin, const struct record *record)
{
    const struct subject subject = subject_of(record);
    if (subject.action == NULL)
        return false;
    outbox_begin(outbox, origin, 1, subject.object, subject.id, subject.action);
    facts_field(outbox, record);
    audit_begin(audit, origin, 1, subject.action, subject.object, subject.id);
    copy_null(audit);
    facts_field(audit, record);
    return true;
}
