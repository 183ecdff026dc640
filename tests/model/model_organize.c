/* The catalog, and what organizers do with zones. */
#include "model_private.h"

#include <assert.h>

enum { BLOCKS_ACTIVE_MAX = 1000 };

/* --- catalog --- */

/* The item with this id, or a new one. */
static void *put(struct model_list *list, const struct uuid *id, size_t bytes)
{
    void *item = model_list_find(list, id);
    if (item == NULL)
        memcpy(item = model_list_new(list, bytes), id, sizeof *id);
    return item;
}

static void copy_plan(struct model_zone *zone, const struct catalog_zone *draft)
{
    enum seat_plan_error error;
    struct seat_plan *plan = seat_plan_decode(draft->plan_bytes, draft->plan_length, &error);
    assert(plan != NULL && plan->seat_count == zone->total);
    zone->seats = model_memory(plan->seat_count * sizeof *zone->seats);
    for (; zone->seat_count < plan->seat_count; zone->seat_count++)
        zone->seats[zone->seat_count].plan = plan->seats[zone->seat_count];
    seat_plan_free(plan);
}

static void put_zone(struct model *model, const struct catalog_zone *draft)
{
    struct model_zone *zone = put(&model->zones, &draft->id, sizeof *zone);
    zone->price_minor = draft->price_minor;
    zone->segment_price_count = draft->segment_price_count;
    for (uint32_t i = 0; i < draft->segment_price_count; i++)
        zone->segment_prices[i] = draft->segment_prices[i];
    if (zone->event != NULL)
        return; /* later versions change the price only */
    const struct model_show *show = model_list_find(&model->shows, &draft->show_id);
    zone->event = model_list_find(&model->events, &draft->event_id);
    assert(show != NULL && zone->event != NULL);
    zone->show_id = draft->show_id;
    zone->segment_count = show->segment_count;
    zone->kind = draft->kind;
    zone->total = zone->target = draft->total_seats;
    if (zone->kind == ZONE_SEATED)
        copy_plan(zone, draft);
}

void model_catalog(struct model *model, const struct record *record)
{
    if (record->kind == RECORD_EVENT) {
        struct model_event *event = put(&model->events, &record->event.id, sizeof *event);
        memcpy(&event->facts, &record->event, sizeof event->facts);
    } else if (record->kind == RECORD_SHOW) {
        struct model_show *show = put(&model->shows, &record->show.id, sizeof *show);
        show->segment_count = record->show.segment_count ? record->show.segment_count : 1;
    } else if (record->kind == RECORD_ZONE) {
        put_zone(model, &record->zone);
    }
}

/* --- blocks --- */

static enum result check_block(struct model_step *step, struct model_zone *zone)
{
    const struct block_facts *draft = step->command->zone_change.block;
    struct model_want want = {.zone = zone,
                              .quantity = draft->quantity,
                              .to = zone->segment_count,
                              .seat_count = draft->seat_count,
                              .seats = draft->seats};
    assert(draft->seat_count <= RECORD_BLOCK_SEATS_MAX);
    if ((zone->kind == ZONE_SEATED) != (draft->seat_count != 0))
        return RESULT_KIND_UNSUPPORTED;
    enum result result =
        zone->kind == ZONE_SEATED ? model_find_named(step, &want) : model_find(step, &want);
    if (result == RESULT_OK && zone->blocks.count >= BLOCKS_ACTIVE_MAX)
        return RESULT_INVALID_STATE;
    return result;
}

static enum result answer_block(struct model_step *step, const struct model_block *block)
{
    const struct model_zone *zone = block->zone;
    step->answer->block = block->facts;
    if (block->facts.active)
        step->answer->block.drawn = model_count(zone, block, 0, zone->segment_count).drawn;
    return RESULT_OK;
}

static enum result block_create(struct model_step *step, struct model_zone *zone)
{
    const struct block_facts *draft = step->command->zone_change.block;
    enum result result = check_block(step, zone);
    if (result != RESULT_OK)
        return result;
    struct model_block *block = model_list_new(&step->model->blocks, sizeof *block);
    block->zone = zone;
    block->facts = *draft;
    block->facts.block_id = step->ids[0];
    block->facts.zone_id = zone->id;
    block->facts.active = true;
    block->facts.quantity = draft->seat_count != 0 ? draft->seat_count : draft->quantity;
    block->facts.created_ms = step->now_ms;
    block->facts.reason = (struct text){0};
    block->facts.seats = NULL;
    model_list_add(&zone->blocks, block);
    for (uint32_t i = 0; i < draft->seat_count; i++)
        zone->seats[draft->seats[i]].block = block;
    return answer_block(step, block);
}

static enum result block_end(struct model_step *step, struct model_zone *zone)
{
    struct model_block *block =
        model_list_find(&step->model->blocks, &step->command->zone_change.block_id);
    if (block == NULL || block->zone != zone)
        return RESULT_NOT_FOUND;
    step->same = !block->facts.active;
    if (!step->same)
        model_end_block(block);
    return answer_block(step, block);
}

static enum result capacity(struct model_step *step, struct model_zone *zone)
{
    const struct command_zone *change = &step->command->zone_change;
    if (zone->kind != ZONE_GENERAL)
        return RESULT_KIND_UNSUPPORTED;
    step->detail->requested = change->total;
    step->detail->held = model_count(zone, NULL, 0, zone->segment_count).used;
    if (change->total < step->detail->held && !change->drain)
        return RESULT_CAPACITY_BELOW_SOLD;
    step->same = zone->target == change->total;
    zone->target = change->total;
    zone->total = step->detail->held > zone->target ? step->detail->held : zone->target;
    return RESULT_OK;
}

bool model_may_organize(const struct actor *actor, const struct model_event *event)
{
    bool organizes = uuid_equal(&actor->id, &event->facts.organizer_id);
    return actor->role == ROLE_ADMIN || (actor->role == ROLE_ORGANIZER && organizes);
}

enum result model_organize(struct model_step *step)
{
    const struct command *command = step->command;
    struct model_zone *zone = model_list_find(&step->model->zones, &command->zone_change.zone_id);
    if (zone == NULL || !model_may_organize(&command->actor, zone->event))
        return RESULT_NOT_FOUND;
    if (command->kind == COMMAND_BLOCK_CREATE)
        return block_create(step, zone);
    if (command->kind == COMMAND_BLOCK_END)
        return block_end(step, zone);
    enum result result = RESULT_OK;
    if (command->kind == COMMAND_CAPACITY) {
        result = capacity(step, zone);
    } else {
        step->same = zone->closed == command->zone_change.closed;
        zone->closed = command->zone_change.closed;
    }
    step->answer->zone = model_zone_facts(step->model, &zone->id);
    return result;
}
