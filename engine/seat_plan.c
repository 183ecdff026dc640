/* A plan in use: one block of memory - rows, seats, the tables, the texts - that
 * nothing changes. seat_plan_index.c has how a label is found. */
#include "seat_plan.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "memory.h"
#include "seat_plan_draft.h"

const char *seat_plan_error_name(enum seat_plan_error error)
{
    switch (error) {
    case SEAT_PLAN_OK:
        return "OK";
    case SEAT_PLAN_OUT_OF_MEMORY:
        return "OUT_OF_MEMORY";
    case SEAT_PLAN_TOO_MANY_SEATS:
        return "TOO_MANY_SEATS";
    case SEAT_PLAN_TOO_MANY_ROWS:
        return "TOO_MANY_ROWS";
    case SEAT_PLAN_ROW_TOO_LONG:
        return "ROW_TOO_LONG";
    case SEAT_PLAN_LABEL_INVALID:
        return "LABEL_INVALID";
    case SEAT_PLAN_LABEL_DUPLICATE:
        return "LABEL_DUPLICATE";
    case SEAT_PLAN_EMPTY:
        return "EMPTY";
    case SEAT_PLAN_RANK_INVALID:
        return "RANK_INVALID";
    case SEAT_PLAN_TOO_LARGE:
        return "TOO_LARGE";
    case SEAT_PLAN_DAMAGED:
        return "DAMAGED";
    }
    return "UNKNOWN";
}

uint8_t *seat_plan_encode(struct seat_plan_builder *builder, size_t *length,
                          enum seat_plan_error *error)
{
    if (seat_plan_check(builder) == SEAT_PLAN_OK && !seat_plan_write(builder))
        seat_plan_fail(builder, SEAT_PLAN_TOO_LARGE);
    *error = builder->error;
    if (*error != SEAT_PLAN_OK)
        return NULL;
    uint8_t *bytes = malloc(builder->encoded_bytes);
    if (!bytes) {
        *error = SEAT_PLAN_OUT_OF_MEMORY;
        return NULL;
    }
    memcpy(bytes, builder->encoded, builder->encoded_bytes);
    *length = builder->encoded_bytes;
    return bytes;
}

/* --- decoding --- */

static uint32_t general_count(const struct seat *seats, uint32_t seat_count)
{
    uint32_t count = 0;

    for (uint32_t i = 0; i < seat_count; i++)
        count += (seats[i].flags & (SEAT_ACCESSIBLE | SEAT_COMPANION)) == 0;
    return count;
}

static struct seat_plan *plan_from(const struct seat_plan_builder *draft)
{
    uint32_t row_slots = seat_plan_index_slots(draft->row_count);
    uint32_t seat_slots = seat_plan_index_slots(draft->indexed_count);
    size_t row_bytes = draft->row_count * sizeof(struct seat_row);
    size_t seat_bytes = draft->seat_count * sizeof(struct seat);
    size_t row_index_bytes = row_slots * sizeof(uint32_t);
    size_t seat_index_bytes = seat_slots * sizeof(uint32_t);
    size_t bytes = sizeof(struct indexed_plan) + row_bytes + seat_bytes + row_index_bytes +
                   seat_index_bytes + draft->text_bytes;
    struct indexed_plan *indexed = memory_new(bytes);

    if (!indexed)
        return NULL;
    uint8_t *rows = (uint8_t *)(indexed + 1);
    uint8_t *seats = rows + row_bytes, *row_index = seats + seat_bytes;
    uint8_t *seat_index = row_index + row_index_bytes, *texts = seat_index + seat_index_bytes;
    indexed->plan = (struct seat_plan){
        .seat_count = draft->seat_count,
        .row_count = draft->row_count,
        .general_count = general_count(draft->seats, draft->seat_count),
        .rows = memcpy(rows, draft->rows, row_bytes),
        .seats = memcpy(seats, draft->seats, seat_bytes),
        .texts = memcpy(texts, draft->texts, draft->text_bytes),
    };
    indexed->row_index = memcpy(row_index, draft->row_index, row_index_bytes);
    indexed->seat_index = memcpy(seat_index, draft->seat_index, seat_index_bytes);
    indexed->row_slots = row_slots;
    indexed->seat_slots = seat_slots;
    indexed->bytes = bytes;
    return &indexed->plan;
}

static bool bytes_are_canonical(struct seat_plan_builder *draft, const uint8_t *bytes,
                                size_t length)
{
    return seat_plan_write(draft) && draft->encoded_bytes == length &&
           memcmp(draft->encoded, bytes, length) == 0;
}

struct seat_plan *seat_plan_decode(const uint8_t *bytes, size_t length, enum seat_plan_error *error)
{
    struct seat_plan_builder *draft = seat_plan_builder_new();
    struct seat_plan *plan = NULL;

    *error = SEAT_PLAN_OUT_OF_MEMORY;
    if (!draft)
        return NULL;
    if (!seat_plan_read(draft, bytes, length) || seat_plan_check(draft) != SEAT_PLAN_OK ||
        !bytes_are_canonical(draft, bytes, length))
        *error = SEAT_PLAN_DAMAGED;
    else
        plan = plan_from(draft);
    if (plan)
        *error = SEAT_PLAN_OK;
    seat_plan_builder_free(draft);
    return plan;
}

void seat_plan_free(struct seat_plan *plan)
{
    memory_free(plan);
}

/* --- labels --- */

/* Labels are a few bytes: less than what a call would cost. */
static char *text_put(char *at, const char *text)
{
    while (*text)
        *at++ = *text++;
    return at;
}

size_t seat_plan_label(const struct seat_plan *plan, uint32_t seat, char *out)
{
    assert(seat < plan->seat_count);
    char *at = text_put(out, plan->texts + plan->rows[plan->seats[seat].row].label);
    *at++ = '-';
    at = text_put(at, plan->texts + plan->seats[seat].label);
    *at = '\0';
    return (size_t)(at - out);
}

uint64_t seat_plan_memory_bytes(const struct seat_plan *plan)
{
    return ((const struct indexed_plan *)plan)->bytes;
}
