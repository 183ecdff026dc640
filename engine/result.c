#include "result.h"

#include "command.h"

static const char *const result_names[RESULT_COUNT] = {
    [RESULT_OK] = "ok",
    [RESULT_IDEMPOTENCY_IN_PROGRESS] = "idempotency_in_progress",
    [RESULT_IDEMPOTENCY_KEY_REUSED] = "idempotency_key_reused",
    [RESULT_NOT_FOUND] = "not_found",
    [RESULT_SALE_NOT_OPEN] = "sale_not_open",
    [RESULT_SALE_CLOSED] = "sale_closed",
    [RESULT_QUANTITY_INVALID] = "quantity_invalid",
    [RESULT_MAX_PER_USER_EXCEEDED] = "max_per_user_exceeded",
    [RESULT_PRICE_CHANGED] = "price_changed",
    [RESULT_INSUFFICIENT_STOCK] = "insufficient_stock",
    [RESULT_RESERVATION_EXPIRED] = "reservation_expired",
    [RESULT_INVALID_STATE] = "invalid_state",
    [RESULT_SEAT_UNAVAILABLE] = "seat_unavailable",
    [RESULT_SEATS_NOT_TOGETHER] = "seats_not_together",
    [RESULT_ORPHAN_SEAT] = "orphan_seat",
    [RESULT_SEAT_NOT_IN_BOOKING] = "seat_not_in_booking",
    [RESULT_ALLOTMENT_UNKNOWN] = "allotment_unknown",
    [RESULT_HOLD_LIMIT_REACHED] = "hold_limit_reached",
    [RESULT_CAPACITY_BELOW_SOLD] = "capacity_below_sold",
    [RESULT_PART_OF_ORDER] = "part_of_order",
    [RESULT_FORBIDDEN] = "forbidden",
    [RESULT_CONFLICT] = "conflict",
    [RESULT_KIND_UNSUPPORTED] = "kind_unsupported",
    [RESULT_RATE_LIMITED] = "rate_limited",
    [RESULT_OVERLOADED] = "overloaded",
    [RESULT_STORAGE_LOW] = "storage_low",
    [RESULT_SHUTTING_DOWN] = "shutting_down",
    [RESULT_INDETERMINATE] = "indeterminate",
};

static const char *const status_names[] = {
    [BOOKING_RESERVED] = "reserved",   [BOOKING_CONFIRMED] = "confirmed",
    [BOOKING_CANCELLED] = "cancelled", [BOOKING_EXPIRED] = "expired",
    [BOOKING_REFUNDED] = "refunded",
};

const char *result_name(enum result result)
{
    return (unsigned)result < RESULT_COUNT ? result_names[result] : "unknown";
}

const char *booking_status_name(enum booking_status status)
{
    return (unsigned)status <= BOOKING_REFUNDED ? status_names[status] : "unknown";
}
