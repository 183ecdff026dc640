#include "record.h"

const char *record_kind_name(enum record_kind kind)
{
    switch (kind) {
    case RECORD_EVENT:
        return "event";
    case RECORD_SHOW:
        return "show";
    case RECORD_ZONE:
        return "zone";
    case RECORD_RESERVED:
        return "reserved";
    case RECORD_CONFIRMED:
        return "confirmed";
    case RECORD_CANCELLED:
        return "cancelled";
    case RECORD_EXPIRED:
        return "expired";
    case RECORD_STATION:
        return "station";
    case RECORD_ROUTE:
        return "route";
    case RECORD_CHANGED:
        return "changed";
    case RECORD_BLOCK:
        return "block";
    case RECORD_ZONE_CHANGED:
        return "zone_changed";
    case RECORD_ORDER:
        return "order";
    case RECORD_STATE:
        return "state";
    case RECORD_CLEAN_STOP:
        return "clean_stop";
    }
    return NULL;
}

const struct uuid *record_zone_id(const struct record *record)
{
    switch (record->kind) {
    case RECORD_RESERVED:
        return &record->reserved.zone_id;
    case RECORD_EXPIRED:
        return &record->expired.zone_id;
    case RECORD_CONFIRMED:
    case RECORD_CANCELLED:
        return &record->settled.zone_id;
    case RECORD_CHANGED:
        return &record->changed.zone_id;
    case RECORD_BLOCK:
        return &record->block.zone_id;
    case RECORD_ZONE_CHANGED:
        return &record->zone_changed.zone_id;
    case RECORD_EVENT:
    case RECORD_SHOW:
    case RECORD_ZONE:
    case RECORD_STATION:
    case RECORD_ROUTE:
    case RECORD_ORDER:
    case RECORD_STATE:
    case RECORD_CLEAN_STOP:
        break;
    }
    return NULL;
}

uint32_t record_changed_returns(const struct record_changed *changed, const struct uuid **user_id)
{
    bool is_live = changed->status == BOOKING_RESERVED || changed->status == BOOKING_CONFIRMED;

    *user_id = &changed->user_id;
    if (changed->cause == CAUSE_TRANSFERRED) {
        *user_id = &changed->previous_user_id;
        return changed->quantity;
    }
    return is_live ? changed->previous_quantity - changed->quantity : changed->previous_quantity;
}
