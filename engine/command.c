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

void command_name_object(struct command *command, const struct uuid *id)
{
    if (command->kind == COMMAND_EVENT_CREATE)
        command->event->id = *id;
    else if (command->kind == COMMAND_SHOW_CREATE)
        command->show->id = *id;
    else if (command->kind == COMMAND_ZONE_CREATE)
        command->zone->id = *id;
    else if (command->kind == COMMAND_STATION_CREATE)
        command->station->id = *id;
    else if (command->kind == COMMAND_ROUTE_CREATE)
        command->route->id = *id;
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
    case COMMAND_STATION_CREATE:
        free(command->station);
        command->station = NULL;
        break;
    case COMMAND_ROUTE_CREATE:
        free(command->route);
        command->route = NULL;
        break;
    case COMMAND_ORDER_CREATE:
        free(command->order_draft);
        command->order_draft = NULL;
        break;
    case COMMAND_BLOCK_CREATE:
        free(command->zone_change.block);
        command->zone_change.block = NULL;
        break;
    default:
        break;
    }
}

static void release_blocks(struct block_list *blocks)
{
    for (uint32_t i = 0; blocks && i < blocks->count; i++)
        free(blocks->items[i]);
    free(blocks);
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
    case COMMAND_EVENT_SALE:
        catalog_event_release(answer->event);
        break;
    case COMMAND_SHOW_CREATE:
        catalog_show_release(answer->show);
        break;
    case COMMAND_ZONE_CREATE:
        catalog_zone_release(answer->zone);
        break;
    case COMMAND_STATION_CREATE:
        catalog_station_release(answer->station);
        break;
    case COMMAND_ROUTE_CREATE:
        catalog_route_release(answer->route);
        break;
    case COMMAND_BLOCK_CREATE:
    case COMMAND_BLOCK_END:
        free(answer->block);
        break;
    case COMMAND_BLOCK_LIST:
        release_blocks(answer->blocks);
        break;
    case COMMAND_SEAT_MAP:
        free(answer->seat_states);
        break;
    case COMMAND_ORDER_CREATE:
    case COMMAND_ORDER_CONFIRM:
    case COMMAND_ORDER_CANCEL:
    case COMMAND_ORDER_GET:
        free(answer->order);
        break;
    default:
        return; /* facts in the answer itself */
    }
    answer->list = NULL;
}
