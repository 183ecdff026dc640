#include "command.h"

#include <stdlib.h>

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
