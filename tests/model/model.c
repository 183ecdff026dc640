#include "model.h"
#include "model_private.h"

#include <stdlib.h>

static const size_t item_bytes[MODEL_VECTOR_COUNT] = {
    [MODEL_EVENTS] = sizeof(struct catalog_event),
    [MODEL_ZONES] = sizeof(struct model_zone),
    [MODEL_PLACES] = sizeof(struct model_place),
    [MODEL_CELLS] = sizeof(uint32_t),
    [MODEL_BOOKINGS] = sizeof(struct model_booking),
    [MODEL_BLOCKS] = sizeof(struct model_block),
    [MODEL_BLOCK_SEATS] = sizeof(uint32_t),
    [MODEL_ORDERS] = sizeof(struct model_order),
    [MODEL_KEPT] = sizeof(struct model_kept),
    [MODEL_KEPT_ORDERS] = sizeof(struct order_facts),
    [MODEL_VIEWS] = sizeof(struct model_view),
};

static void *must(void *memory)
{
    if (memory == NULL)
        abort();
    return memory;
}

/* --- containers --- */

void *model_vector_add(struct model_vector *vector, uint32_t count, size_t bytes)
{
    while (vector->room - vector->count < count) {
        vector->room = vector->room ? 2 * vector->room : 16;
        vector->items = must(realloc(vector->items, vector->room * bytes));
    }
    if (count == 0)
        return NULL;
    char *first = (char *)vector->items + vector->count * bytes;
    memset(first, 0, count * bytes);
    vector->count += count;
    return first;
}

static const struct uuid nil;

static uint32_t map_start(const struct model_map *map, const struct uuid *a, const struct uuid *b)
{
    uint64_t words[4];
    memcpy(words, a, sizeof *a);
    memcpy(words + 2, b, sizeof *b);
    uint64_t hash = 0;
    for (uint32_t i = 0; i < 4; i++) {
        hash = (hash ^ words[i]) * 0x9e3779b97f4a7c15u;
        hash ^= hash >> 29;
    }
    return (uint32_t)hash & (map->room - 1);
}

/* Where it is, or where it would be. */
static struct model_map_entry *map_find(const struct model_map *map, const struct uuid *a,
                                        const struct uuid *b)
{
    uint32_t at = map_start(map, a, b);
    while (map->entries[at].used &&
           !(uuid_equal(&map->entries[at].a, a) && uuid_equal(&map->entries[at].b, b)))
        at = (at + 1) & (map->room - 1);
    return &map->entries[at];
}

uint32_t model_map_get(const struct model_map *map, const struct uuid *a, const struct uuid *b)
{
    if (map->room == 0)
        return MODEL_NONE;
    const struct model_map_entry *entry = map_find(map, a, b ? b : &nil);
    return entry->used ? entry->value : MODEL_NONE;
}

static void map_grow(struct model_map *map)
{
    struct model_map old = *map;
    map->room = old.room ? 2 * old.room : 64;
    map->entries = must(calloc(map->room, sizeof *map->entries));
    for (uint32_t i = 0; i < old.room; i++)
        if (old.entries[i].used)
            *map_find(map, &old.entries[i].a, &old.entries[i].b) = old.entries[i];
    free(old.entries);
}

void model_map_set(struct model_map *map, const struct uuid *a, const struct uuid *b,
                   uint32_t value)
{
    if (2 * map->count >= map->room)
        map_grow(map);
    struct model_map_entry *entry = map_find(map, a, b ? b : &nil);
    map->count += !entry->used;
    *entry = (struct model_map_entry){.a = *a, .b = b ? *b : nil, .value = value, .used = true};
}

/* --- life --- */

struct model *model_new(const struct model_options *options)
{
    struct model *model = must(calloc(1, sizeof *model));
    model->options = *options;
    return model;
}

void model_free(struct model *model)
{
    if (model == NULL)
        return;
    for (uint32_t i = 0; i < MODEL_VECTOR_COUNT; i++)
        free(model->vectors[i].items);
    for (uint32_t i = 0; i < MODEL_MAP_COUNT; i++)
        free(model->maps[i].entries);
    free(model);
}

static void *copy_bytes(const void *from, size_t count, size_t bytes)
{
    if (from == NULL)
        return NULL;
    return memcpy(must(malloc(count * bytes)), from, count * bytes);
}

struct model *model_copy(const struct model *model)
{
    struct model *copy = must(malloc(sizeof *copy));
    *copy = *model;
    for (uint32_t i = 0; i < MODEL_VECTOR_COUNT; i++) {
        struct model_vector *vector = &copy->vectors[i];
        vector->room = vector->count;
        if (vector->count == 0)
            vector->items = NULL;
        vector->items = copy_bytes(vector->items, vector->count, item_bytes[i]);
    }
    for (uint32_t i = 0; i < MODEL_MAP_COUNT; i++)
        copy->maps[i].entries =
            copy_bytes(copy->maps[i].entries, copy->maps[i].room, sizeof *copy->maps[i].entries);
    return copy;
}

/* --- idempotency keys --- */

static struct uuid key_id(const struct request_key *key)
{
    struct uuid id = {{0}};
    memcpy(&id, &key->hash, sizeof key->hash);
    return id;
}

static bool has_key(const struct command *command)
{
    return command->key.hash != 0 && command->kind != COMMAND_BOOKING_GET;
}

/* True: the key has an answer, which is given. */
static bool answer_from_key(struct model_step *step)
{
    const struct request_key *key = &step->command->key;
    struct uuid id = key_id(key);
    uint32_t index = model_map_get(&step->model->maps[MODEL_KEYS], &id, NULL);
    if (!has_key(step->command) || index == MODEL_NONE)
        return false;
    const struct model_kept *kept = model_kept_at(step->model, index);
    if (!kept->live || step->now_ms >= kept->kept_ms + step->model->options.idempotency_ms)
        return false;
    if (kept->fingerprint != key->fingerprint) {
        step->answer->result = RESULT_IDEMPOTENCY_KEY_REUSED;
        return true;
    }
    memcpy(step->answer, kept->answer, sizeof kept->answer);
    if (kept->order != MODEL_NONE) {
        const struct order_facts *orders = step->model->vectors[MODEL_KEPT_ORDERS].items;
        step->answer->order = orders[kept->order];
    }
    step->answer->replayed = true;
    return true;
}

static bool may_remember(enum result result)
{
    return result != RESULT_NOT_FOUND && result != RESULT_FORBIDDEN &&
           result != RESULT_RATE_LIMITED;
}

static void keep_answer(struct model_step *step)
{
    struct model *model = step->model;
    if (!has_key(step->command) || !may_remember(step->answer->result))
        return;
    struct uuid id = key_id(&step->command->key);
    uint32_t index = model_map_get(&model->maps[MODEL_KEYS], &id, NULL);
    if (index == MODEL_NONE) {
        index = model->vectors[MODEL_KEPT].count;
        model_vector_add(&model->vectors[MODEL_KEPT], 1, sizeof(struct model_kept));
        model_map_set(&model->maps[MODEL_KEYS], &id, NULL, index);
    }
    struct model_kept *kept = model_kept_at(model, index);
    kept->kept_ms = step->now_ms;
    kept->fingerprint = step->command->key.fingerprint;
    kept->live = true;
    kept->fleeting = step->answer->result != RESULT_OK || step->same;
    kept->order = MODEL_NONE;
    memcpy(kept->answer, step->answer, sizeof kept->answer);
    if (step->answer->order.count == 0)
        return;
    kept->order = model->vectors[MODEL_KEPT_ORDERS].count;
    struct order_facts *order =
        model_vector_add(&model->vectors[MODEL_KEPT_ORDERS], 1, sizeof *order);
    *order = step->answer->order;
}

void model_forget_refusals(struct model *model)
{
    for (uint32_t i = 0; i < model->vectors[MODEL_KEPT].count; i++)
        if (model_kept_at(model, i)->fleeting)
            model_kept_at(model, i)->live = false;
}

/* --- deciding --- */

static enum result decide(struct model_step *step, const struct uuid *booking_ids)
{
    enum command_kind kind = step->command->kind;
    if (kind == COMMAND_RESERVE)
        return model_reserve(step);
    if (kind >= COMMAND_ORDER_CREATE && kind <= COMMAND_ORDER_CANCEL)
        return model_order_step(step, booking_ids);
    if (kind == COMMAND_BLOCK_CREATE || kind == COMMAND_BLOCK_END || kind == COMMAND_CAPACITY ||
        kind == COMMAND_ZONE_SALE)
        return model_organize(step);
    return model_change(step);
}

enum result model_decide_order(struct model *model, const struct command *command,
                               const struct uuid *order_id, const struct uuid *booking_ids,
                               uint64_t now_ms, struct model_answer *answer)
{
    struct model_step step = {model, command, order_id, now_ms, answer, false};
    memset(answer, 0, offsetof(struct model_answer, order.items));
    if (answer_from_key(&step))
        return answer->result;
    answer->result = decide(&step, booking_ids);
    keep_answer(&step);
    return answer->result;
}

enum result model_decide(struct model *model, const struct command *command,
                         const struct uuid *named, uint64_t now_ms, struct model_answer *answer)
{
    return model_decide_order(model, command, named, NULL, now_ms, answer);
}
