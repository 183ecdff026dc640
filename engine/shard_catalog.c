/* Shard 0 decides on the catalog. Nothing here changes state: a decision is a record. */
#include <assert.h>

#include "shard.h"
#include "shard_state.h"

static bool may_change(const struct actor *actor, const struct catalog_event *event)
{
    return actor->role == ROLE_ADMIN ||
           (actor->role == ROLE_ORGANIZER && uuid_equal(&actor->id, &event->organizer_id));
}

static bool may_organize(const struct actor *actor)
{
    return actor->role == ROLE_ADMIN || actor->role == ROLE_ORGANIZER;
}

static enum result decide_event(const struct shard *shard, const struct command *command,
                                uint64_t now_ms, struct record *record)
{
    const struct catalog_event *draft = command->event;

    if (catalog_event_by_slug(shard->catalog, draft->slug.bytes, draft->slug.length))
        return RESULT_CONFLICT;
    if (catalog_event_count(shard->catalog) == CATALOG_EVENTS_MAX)
        return RESULT_INVALID_STATE;
    record->kind = RECORD_EVENT;
    record->event = *draft;
    record->event.organizer_id = command->actor.id;
    record->event.created_ms = record->event.updated_ms = now_ms;
    return RESULT_OK;
}

static enum result decide_event_status(const struct shard *shard, const struct command *command,
                                       uint64_t now_ms, struct record *record)
{
    const struct catalog_event *event =
        catalog_event(shard->catalog, &command->event_status.event_id);

    if (!event || !may_change(&command->actor, event))
        return RESULT_NOT_FOUND;
    if (event->status == command->event_status.status)
        return RESULT_OK;
    if (event->status == EVENT_CANCELLED)
        return RESULT_INVALID_STATE;
    record->kind = RECORD_EVENT;
    record->event = *event;
    record->event.status = command->event_status.status;
    record->event.updated_ms = now_ms;
    return RESULT_OK;
}

static enum result decide_show(const struct shard *shard, const struct command *command,
                               uint64_t now_ms, struct record *record)
{
    const struct catalog_event *event = catalog_event(shard->catalog, &command->show->event_id);

    if (!event || !may_change(&command->actor, event))
        return RESULT_NOT_FOUND;
    if (event->status == EVENT_CANCELLED ||
        catalog_show_count(shard->catalog) == CATALOG_SHOWS_MAX ||
        catalog_event_show(shard->catalog, &event->id, CATALOG_SHOWS_PER_EVENT_MAX - 1))
        return RESULT_INVALID_STATE;
    record->kind = RECORD_SHOW;
    record->show = *command->show;
    record->show.segment_count = 1;
    record->show.created_ms = record->show.updated_ms = now_ms;
    return RESULT_OK;
}

static enum result decide_zone(const struct shard *shard, const struct command *command,
                               uint64_t now_ms, struct record *record)
{
    const struct catalog_show *show = catalog_show(shard->catalog, &command->zone->show_id);
    const struct catalog_event *event =
        show ? catalog_event(shard->catalog, &show->event_id) : NULL;

    if (!event || !may_change(&command->actor, event))
        return RESULT_NOT_FOUND;
    if (command->zone->kind != ZONE_GENERAL)
        return RESULT_KIND_UNSUPPORTED;
    if (event->status == EVENT_CANCELLED ||
        catalog_zone_count(shard->catalog) == CATALOG_ZONES_MAX ||
        catalog_show_zone(shard->catalog, &show->id, CATALOG_ZONES_PER_SHOW_MAX - 1))
        return RESULT_INVALID_STATE;
    record->kind = RECORD_ZONE;
    record->zone = *command->zone;
    record->zone.event_id = event->id;
    record->zone.created_ms = record->zone.updated_ms = now_ms;
    return RESULT_OK;
}

enum result shard_decide_catalog(struct shard *shard, const struct command *command,
                                 uint64_t now_ms, struct record *record)
{
    assert(shard->options.index == 0);
    record->kind = 0;
    record->stamp_ms = now_ms;
    record->actor = command->actor;
    record->key = command->key;
    if (!may_organize(&command->actor))
        return RESULT_FORBIDDEN;
    switch (command->kind) {
    case COMMAND_EVENT_CREATE:
        return decide_event(shard, command, now_ms, record);
    case COMMAND_EVENT_STATUS:
        return decide_event_status(shard, command, now_ms, record);
    case COMMAND_SHOW_CREATE:
        return decide_show(shard, command, now_ms, record);
    case COMMAND_ZONE_CREATE:
        return decide_zone(shard, command, now_ms, record);
    default:
        assert(false && "a command on the catalog");
        return RESULT_NOT_FOUND;
    }
}
