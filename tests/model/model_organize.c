#include "model_private.h"

#include <assert.h>

bool model_may_organize(const struct actor *actor, const struct catalog_event *event)
{
    return actor->role == ROLE_ADMIN ||
           (actor->role == ROLE_ORGANIZER && uuid_equal(&actor->id, &event->organizer_id));
}

static enum result answer_block(struct model_step *step, uint32_t index)
{
    model_block_facts(step->model, index, &step->answer->block);
    return RESULT_OK;
}

static enum result answer_zone(struct model_step *step, const struct model_zone *zone)
{
    model_zone_facts(step->model, &zone->id, &step->answer->zone);
    return RESULT_OK;
}

/* --- blocks --- */

static enum result check_block_seats(struct model_step *step, const struct model_zone *zone,
                                     const struct block_facts *draft)
{
    struct model_answer *answer = step->answer;
    for (uint32_t i = 0; i < draft->seat_count; i++) {
        assert(draft->seats[i] < zone->place_count);
        uint32_t state =
            model_seat_state(step->model, &zone->id, draft->seats[i], 0, zone->segment_count);
        if (state != MODEL_SEAT_FREE && answer->seat_count < RECORD_SEATS_MAX)
            answer->seats[answer->seat_count++] = draft->seats[i] | state << 24;
    }
    if (answer->seat_count == 0)
        return RESULT_OK;
    answer->detail.zone_id = zone->id;
    return RESULT_SEAT_UNAVAILABLE;
}

static enum result check_block(struct model_step *step, const struct model_zone *zone,
                               const struct block_facts *draft)
{
    if ((zone->kind == ZONE_SEATED) != (draft->seat_count != 0))
        return RESULT_KIND_UNSUPPORTED;
    assert(draft->seat_count <= RECORD_BLOCK_SEATS_MAX);
    if (zone->kind == ZONE_SEATED) {
        enum result result = check_block_seats(step, zone, draft);
        if (result != RESULT_OK)
            return result;
    } else {
        uint32_t left = model_left(step->model, zone, 0, zone->segment_count);
        if (left < draft->quantity) {
            step->answer->detail.requested = draft->quantity;
            step->answer->detail.available = left;
            return RESULT_INSUFFICIENT_STOCK;
        }
    }
    if (model_block_count(step->model, &zone->id) >= MODEL_BLOCKS_ACTIVE_MAX)
        return RESULT_INVALID_STATE;
    return RESULT_OK;
}

static enum result block_create(struct model_step *step, uint32_t zone_index)
{
    struct model *model = step->model;
    struct model_zone *zone = model_zone_at(model, zone_index);
    const struct block_facts *draft = step->command->zone_change.block;
    enum result result = check_block(step, zone, draft);
    if (result != RESULT_OK)
        return result;
    uint32_t index = model->vectors[MODEL_BLOCKS].count;
    struct model_block *block = model_vector_add(&model->vectors[MODEL_BLOCKS], 1, sizeof *block);
    block->facts = *draft;
    block->facts.block_id = *step->named;
    block->facts.zone_id = zone->id;
    block->facts.active = true;
    block->facts.quantity = draft->seat_count != 0 ? draft->seat_count : draft->quantity;
    block->facts.drawn = 0;
    block->facts.created_ms = step->now_ms;
    block->facts.reason = (struct text){0};
    block->facts.seats = NULL;
    block->zone = zone_index;
    block->next = zone->block_first;
    zone->block_first = index;
    block->seat_first = model->vectors[MODEL_BLOCK_SEATS].count;
    uint32_t *seats =
        model_vector_add(&model->vectors[MODEL_BLOCK_SEATS], draft->seat_count, sizeof *seats);
    for (uint32_t i = 0; i < draft->seat_count; i++) {
        seats[i] = draft->seats[i];
        model_place_at(model, zone, seats[i])->block = index + 1;
    }
    if (draft->expires_ms != 0 && draft->expires_ms < zone->quiet_until_ms)
        zone->quiet_until_ms = draft->expires_ms;
    model_map_set(&model->maps[MODEL_BLOCK_IDS], step->named, NULL, index);
    return answer_block(step, index);
}

static enum result block_end(struct model_step *step, uint32_t zone_index)
{
    uint32_t index = model_map_get(&step->model->maps[MODEL_BLOCK_IDS],
                                   &step->command->zone_change.block_id, NULL);
    if (index == MODEL_NONE || model_block_at(step->model, index)->zone != zone_index)
        return RESULT_NOT_FOUND;
    step->same = !model_block_at(step->model, index)->facts.active;
    if (!step->same)
        model_block_end(step->model, index);
    return answer_block(step, index);
}

/* --- zones --- */

static enum result capacity(struct model_step *step, struct model_zone *zone)
{
    const struct command *command = step->command;
    if (zone->kind != ZONE_GENERAL)
        return RESULT_KIND_UNSUPPORTED;
    uint32_t used = model_used(step->model, zone);
    if (command->zone_change.total < used && !command->zone_change.drain) {
        step->answer->detail.requested = command->zone_change.total;
        step->answer->detail.held = used;
        return RESULT_CAPACITY_BELOW_SOLD;
    }
    step->same = zone->target == command->zone_change.total;
    zone->target = command->zone_change.total;
    zone->total = used > zone->target ? used : zone->target;
    return answer_zone(step, zone);
}

enum result model_organize(struct model_step *step)
{
    const struct command *command = step->command;
    uint32_t index = model_zone_index(step->model, &command->zone_change.zone_id);
    if (index == MODEL_NONE)
        return RESULT_NOT_FOUND;
    struct model_zone *zone = model_zone_at(step->model, index);
    if (!model_may_organize(&command->actor, model_event_at(step->model, zone->event)))
        return RESULT_NOT_FOUND;
    model_lapse(step->model, index, step->now_ms);
    switch (command->kind) {
    case COMMAND_BLOCK_CREATE:
        return block_create(step, index);
    case COMMAND_BLOCK_END:
        return block_end(step, index);
    case COMMAND_CAPACITY:
        return capacity(step, zone);
    default:
        assert(command->kind == COMMAND_ZONE_SALE);
        step->same = zone->closed == command->zone_change.closed;
        zone->closed = command->zone_change.closed;
        return answer_zone(step, zone);
    }
}
