#include "model_private.h"

#include <assert.h>

/* The item with this id, or a new one, zeroed. */
static void *put(struct model *model, enum model_vectors vector, enum model_maps map,
                 const struct uuid *id, size_t bytes, bool *fresh)
{
    uint32_t index = model_map_get(&model->maps[map], id, NULL);
    *fresh = index == MODEL_NONE;
    if (!*fresh)
        return (char *)model->vectors[vector].items + index * bytes;
    model_map_set(&model->maps[map], id, NULL, model->vectors[vector].count);
    return model_vector_add(&model->vectors[vector], 1, bytes);
}

static void put_event(struct model *model, const struct catalog_event *event)
{
    bool fresh;
    void *mine = put(model, MODEL_EVENTS, MODEL_EVENT_IDS, &event->id, sizeof *event, &fresh);
    memcpy(mine, event, sizeof *event);
}

static void put_show(struct model *model, const struct catalog_show *show)
{
    model_map_set(&model->maps[MODEL_SHOW_SEGMENTS], &show->id, NULL,
                  show->segment_count ? show->segment_count : 1);
}

static void put_plan(struct model *model, struct model_zone *zone, const struct seat_plan *plan)
{
    zone->place_count = plan->seat_count;
    zone->place_first = model->vectors[MODEL_PLACES].count;
    zone->cell_first = model->vectors[MODEL_CELLS].count;
    struct model_place *places =
        model_vector_add(&model->vectors[MODEL_PLACES], plan->seat_count, sizeof *places);
    for (uint32_t seat = 0; seat < plan->seat_count; seat++)
        places[seat] = (struct model_place){.rank = plan->seats[seat].rank,
                                            .row = plan->seats[seat].row,
                                            .flags = plan->seats[seat].flags,
                                            .opens_block = plan->seats[seat].opens_block};
    model_vector_add(&model->vectors[MODEL_CELLS], plan->seat_count * zone->segment_count,
                     sizeof(uint32_t));
    struct model_vector *views = &model->vectors[MODEL_VIEWS];
    if (views->count < plan->seat_count)
        model_vector_add(views, plan->seat_count - views->count, sizeof(struct model_view));
}

static void begin_zone(struct model *model, struct model_zone *mine,
                       const struct catalog_zone *zone)
{
    mine->id = zone->id;
    mine->show_id = zone->show_id;
    mine->kind = zone->kind;
    mine->event = model_map_get(&model->maps[MODEL_EVENT_IDS], &zone->event_id, NULL);
    assert(mine->event != MODEL_NONE);
    mine->segment_count = model_map_get(&model->maps[MODEL_SHOW_SEGMENTS], &zone->show_id, NULL);
    assert(mine->segment_count != MODEL_NONE);
    mine->total = mine->target = zone->total_seats;
    mine->quiet_until_ms = UINT64_MAX;
    mine->live_first = mine->block_first = MODEL_NONE;
    if (zone->kind != ZONE_SEATED)
        return;
    enum seat_plan_error error = SEAT_PLAN_OK;
    struct seat_plan *decoded =
        zone->plan ? NULL : seat_plan_decode(zone->plan_bytes, zone->plan_length, &error);
    assert(zone->plan != NULL || decoded != NULL);
    put_plan(model, mine, zone->plan ? zone->plan : decoded);
    assert(mine->place_count == mine->total);
    seat_plan_free(decoded);
}

static void put_zone(struct model *model, const struct catalog_zone *zone)
{
    bool fresh;
    struct model_zone *mine =
        put(model, MODEL_ZONES, MODEL_ZONE_IDS, &zone->id, sizeof *mine, &fresh);
    if (fresh)
        begin_zone(model, mine, zone);
    mine->price_minor = zone->price_minor;
    mine->segment_price_count = zone->segment_price_count;
    for (uint32_t i = 0; i < zone->segment_price_count; i++)
        mine->segment_prices[i] = zone->segment_prices[i];
}

void model_catalog(struct model *model, const struct record *record)
{
    switch (record->kind) {
    case RECORD_EVENT:
        put_event(model, &record->event);
        break;
    case RECORD_SHOW:
        put_show(model, &record->show);
        break;
    case RECORD_ZONE:
        put_zone(model, &record->zone);
        break;
    default: /* stations and routes decide nothing */
        break;
    }
}
