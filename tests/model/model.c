/* The model's life, its memory of keys, and looking in from outside. */
#include "model_private.h"

struct model *model_new(const struct model_options *options)
{
    struct model *model = model_memory(sizeof *model);
    model->options = *options;
    return model;
}

static void release(struct model_list *list)
{
    for (uint32_t i = 0; i < list->count; i++)
        free(list->items[i]);
    free(list->items);
}

void model_free(struct model *model)
{
    for (uint32_t i = 0; i < model->zones.count; i++) {
        struct model_zone *zone = model->zones.items[i];
        free(zone->seats);
        free(zone->live.items);
        free(zone->blocks.items);
    }
    struct model_list *const lists[] = {&model->events,   &model->shows,  &model->zones,
                                        &model->bookings, &model->blocks, &model->orders,
                                        &model->kept};
    for (uint32_t i = 0; i < sizeof lists / sizeof lists[0]; i++)
        release(lists[i]);
    sim_table_release(&model->booking_ids);
    sim_table_release(&model->keys);
    free(model);
}

/* --- idempotency keys --- */

static size_t answer_size(const struct model_answer *answer)
{
    return offsetof(struct model_answer, order) + order_facts_bytes(&answer->order);
}

/* True: the key has an answer, which is given. */
static bool answer_from_key(struct model_step *step)
{
    const struct request_key *key = &step->command->key;
    uint32_t at = sim_table_find(&step->model->keys, key->hash);
    if (key->hash == 0 || at == SIM_TABLE_MISSING)
        return false;
    const struct model_kept *kept = step->model->kept.items[at];
    if (step->now_ms >= kept->until_ms)
        return false;
    if (kept->fingerprint != key->fingerprint) {
        step->answer->result = RESULT_IDEMPOTENCY_KEY_REUSED;
        return true;
    }
    memcpy(step->answer, &kept->answer, answer_size(&kept->answer));
    step->answer->replayed = true;
    return true;
}

static void keep_answer(struct model_step *step)
{
    struct model *model = step->model;
    const struct request_key *key = &step->command->key;
    if (key->hash == 0 || step->answer->result == RESULT_NOT_FOUND)
        return;
    size_t bytes = answer_size(step->answer);
    struct model_kept *kept = model_memory(offsetof(struct model_kept, answer) + bytes);
    kept->until_ms = step->now_ms + model->options.idempotency_ms;
    kept->fingerprint = key->fingerprint;
    kept->fleeting = step->answer->result != RESULT_OK || step->same;
    memcpy(&kept->answer, step->answer, bytes);
    sim_table_put(&model->keys, key->hash, model->kept.count);
    model_list_add(&model->kept, kept);
}

void model_forget_refusals(struct model *model)
{
    for (uint32_t i = 0; i < model->kept.count; i++) {
        struct model_kept *kept = model->kept.items[i];
        kept->until_ms = kept->fleeting ? 0 : kept->until_ms;
    }
}

/* --- deciding --- */

static enum result decide(struct model_step *step)
{
    switch (step->command->kind) {
    case COMMAND_RESERVE:
    case COMMAND_ORDER_CREATE:
        return model_reserve(step);
    case COMMAND_ORDER_CONFIRM:
    case COMMAND_ORDER_CANCEL:
        return model_end_order(step);
    case COMMAND_BLOCK_CREATE:
    case COMMAND_BLOCK_END:
    case COMMAND_CAPACITY:
    case COMMAND_ZONE_SALE:
        return model_organize(step);
    default:
        return model_change(step);
    }
}

enum result model_decide(struct model *model, const struct command *command, const struct uuid *ids,
                         uint64_t now_ms, struct model_answer *answer)
{
    struct model_step step = {model, command, ids, now_ms, answer, &answer->detail, false, NULL, 0};
    memset(answer, 0, offsetof(struct model_answer, order.items));
    model_lapse(model, now_ms);
    if (answer_from_key(&step))
        return answer->result;
    answer->result = decide(&step);
    if (answer->result == RESULT_OK && step.booking != NULL) {
        answer->booking = step.booking->facts;
        answer->booking.remaining = step.remaining;
        answer->seat_count = step.booking->seat_count;
        memcpy(answer->seats, step.booking->seats, sizeof answer->seats);
    }
    keep_answer(&step);
    return answer->result;
}

uint32_t model_zone_left(const struct model *model, const struct uuid *zone_id, uint32_t from,
                         uint32_t to)
{
    return model_left(model_list_find(&model->zones, zone_id), NULL, from, to);
}

const struct booking_facts *model_booking(struct model *model, const struct uuid *booking_id,
                                          uint64_t now_ms)
{
    model_lapse(model, now_ms);
    const struct model_booking *booking = model_find_booking(model, booking_id);
    return booking != NULL ? &booking->facts : NULL;
}
