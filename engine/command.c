#include "command.h"

#include <stdlib.h>

static const char *const kind_names[] = {
    [COMMAND_RESERVE] = "reserve",
    [COMMAND_CONFIRM] = "confirm",
    [COMMAND_CANCEL] = "cancel",
    [COMMAND_BOOKING_GET] = "booking_get",
    [COMMAND_BOOKING_LIST] = "booking_list",
    [COMMAND_BOOKING_SUMMARY] = "booking_summary",
    [COMMAND_EVENT_CREATE] = "event_create",
    [COMMAND_EVENT_STATUS] = "event_status",
    [COMMAND_SHOW_CREATE] = "show_create",
    [COMMAND_ZONE_CREATE] = "zone_create",
    [COMMAND_EXTEND] = "extend",
    [COMMAND_RELEASE] = "release",
    [COMMAND_EXCHANGE] = "exchange",
    [COMMAND_TRANSFER] = "transfer",
    [COMMAND_REFUND] = "refund",
    [COMMAND_BLOCK_CREATE] = "block_create",
    [COMMAND_BLOCK_END] = "block_end",
    [COMMAND_BLOCK_LIST] = "block_list",
    [COMMAND_CAPACITY] = "capacity",
    [COMMAND_ZONE_SALE] = "zone_sale",
    [COMMAND_SEAT_MAP] = "seat_map",
    [COMMAND_EVENT_SALE] = "event_sale",
    [COMMAND_STATION_CREATE] = "station_create",
    [COMMAND_ROUTE_CREATE] = "route_create",
    [COMMAND_ORDER_CREATE] = "order_create",
    [COMMAND_ORDER_CONFIRM] = "order_confirm",
    [COMMAND_ORDER_CANCEL] = "order_cancel",
    [COMMAND_ORDER_GET] = "order_get",
    [COMMAND_EXCHANGE_ZONE] = "exchange_zone",
    [COMMAND_PIN] = "pin",
    [COMMAND_POST] = "post",
    [COMMAND_VOID] = "void",
};
_Static_assert(sizeof kind_names / sizeof kind_names[0] == COMMAND_KIND_COUNT, "one each");

const char *command_kind_name(enum command_kind kind)
{
    return (unsigned)kind < COMMAND_KIND_COUNT ? kind_names[kind] : "unknown";
}

void command_release(struct command *command)
{
    switch (command->kind) {
    case COMMAND_EVENT_CREATE:
        free(command->event);
        command->event = NULL;
        break;
    case COMMAND_SHOW_CREATE:
        free(command->show);
        command->show = NULL;
        break;
    case COMMAND_ZONE_CREATE:
        free(command->zone);
        command->zone = NULL;
        break;
    default:
        break;
    }
}

void answer_release(struct answer *answer)
{
    if (answer->result != RESULT_OK)
        return;
    switch (answer->kind) {
    case COMMAND_BOOKING_LIST:
        free(answer->list);
        break;
    case COMMAND_EVENT_CREATE:
    case COMMAND_EVENT_STATUS:
        catalog_event_release(answer->event);
        break;
    case COMMAND_SHOW_CREATE:
        catalog_show_release(answer->show);
        break;
    case COMMAND_ZONE_CREATE:
        catalog_zone_release(answer->zone);
        break;
    default:
        break;
    }
    answer->list = NULL;
}
