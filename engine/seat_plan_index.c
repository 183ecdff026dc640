/* From a label to its seat. A row's label names its row through one small table. In
 * nearly all rows the seats' labels are a *series*, numbers that go up or down by one
 * step, and a number's place in it is arithmetic. The seats of the other rows have a
 * table by their full labels. Both tables: open addressing, linear probing, a row's or
 * seat's number + 1 in a power of two of slots, at most half full. */
#include <assert.h>
#include <string.h>

#include "hash.h"
#include "seat_plan_draft.h"

uint32_t seat_plan_index_slots(uint32_t entry_count)
{
    uint32_t slots = 4;

    while (slots < 2 * entry_count)
        slots *= 2;
    return slots;
}

bool seat_plan_number(const char *text, size_t length, int64_t *number)
{
    int64_t value = 0;
    size_t digits = 0;

    for (; digits < length && text[digits] >= '0' && text[digits] <= '9' && digits < 15; digits++)
        value = value * 10 + (text[digits] - '0');
    *number = value;
    return digits > 0 && digits == length && (text[0] != '0' || digits == 1);
}

/* The label has no end of text within; it is a few bytes. */
static bool text_is(const char *text, const char *label, size_t length)
{
    size_t at = 0;

    while (at < length && text[at] == label[at])
        at++;
    return at == length && text[at] == '\0';
}

/* --- making --- */

/* The row's slot; *same: a row before it has its label. */
static uint32_t row_slot(const struct seat_plan_builder *builder, uint32_t slots, uint32_t row,
                         bool *same)
{
    const char *label = builder->texts + builder->rows[row].label;
    uint32_t slot = (uint32_t)hash_bytes(label, strlen(label)) & (slots - 1);

    for (; builder->row_index[slot] != 0; slot = (slot + 1) & (slots - 1)) {
        uint32_t other = builder->row_index[slot] - 1;
        if (strcmp(label, builder->texts + builder->rows[other].label) == 0) {
            *same = true;
            break;
        }
    }
    return slot;
}

static bool rows_index(struct seat_plan_builder *builder)
{
    uint32_t slots = seat_plan_index_slots(builder->row_count);
    bool same = false;

    memset(builder->row_index, 0, slots * sizeof *builder->row_index);
    for (uint32_t i = 0; i < builder->row_count; i++) {
        uint32_t slot = row_slot(builder, slots, i, &same);
        if (same)
            return false;
        builder->row_index[slot] = i + 1;
    }
    return true;
}

static bool seat_number(const struct seat_plan_builder *builder, uint32_t seat, int64_t *number)
{
    const char *text = builder->texts + builder->seats[seat].label;
    return seat_plan_number(text, strlen(text), number);
}

/* Sets the row's step: 0, its labels are no series. */
static void row_judge(const struct seat_plan_builder *builder, struct seat_row *row)
{
    int64_t step = 1, number;

    row->step = 0;
    if (!seat_number(builder, row->first, &row->number))
        return;
    if (row->count > 1) {
        if (!seat_number(builder, row->first + 1, &number))
            return;
        step = number - row->number;
    }
    for (uint32_t i = 1; i < row->count; i++)
        if (!seat_number(builder, row->first + i, &number) || number != row->number + i * step)
            return;
    row->step = step;
}

/* Rows differ by now: only seats of one row can have the same label. */
static bool seats_same(const struct seat_plan_builder *builder, uint32_t a, uint32_t b)
{
    const struct seat *one = &builder->seats[a], *two = &builder->seats[b];
    return one->row == two->row &&
           (one->label == two->label ||
            strcmp(builder->texts + one->label, builder->texts + two->label) == 0);
}

static bool row_seats_index(struct seat_plan_builder *builder, uint32_t slots,
                            const struct seat_row *row)
{
    struct seat_plan view = {.rows = builder->rows,
                             .seats = builder->seats,
                             .texts = builder->texts,
                             .seat_count = builder->seat_count};
    char label[SEAT_FULL_LABEL_BYTES];

    for (uint32_t i = row->first; i < row->first + row->count; i++) {
        size_t length = seat_plan_label(&view, i, label);
        uint32_t slot = (uint32_t)hash_bytes(label, length) & (slots - 1);
        for (; builder->seat_index[slot] != 0; slot = (slot + 1) & (slots - 1))
            if (seats_same(builder, builder->seat_index[slot] - 1, i))
                return false;
        builder->seat_index[slot] = i + 1;
    }
    return true;
}

bool seat_plan_index_build(struct seat_plan_builder *builder)
{
    bool differ = rows_index(builder);

    builder->indexed_count = 0;
    for (uint32_t r = 0; r < builder->row_count && differ; r++) {
        row_judge(builder, &builder->rows[r]);
        builder->indexed_count += builder->rows[r].step == 0 ? builder->rows[r].count : 0;
    }
    uint32_t slots = seat_plan_index_slots(builder->indexed_count);
    memset(builder->seat_index, 0, slots * sizeof *builder->seat_index);
    for (uint32_t r = 0; r < builder->row_count && differ; r++)
        if (builder->rows[r].step == 0)
            differ = row_seats_index(builder, slots, &builder->rows[r]);
    return differ;
}

/* --- finding --- */

static const struct seat_row *find_row(const struct indexed_plan *indexed, const char *label,
                                       size_t length)
{
    const struct seat_plan *plan = &indexed->plan;
    uint32_t mask = indexed->row_slots - 1, slot = (uint32_t)hash_bytes(label, length) & mask;

    for (; indexed->row_index[slot] != 0; slot = (slot + 1) & mask) {
        const struct seat_row *row = &plan->rows[indexed->row_index[slot] - 1];
        if (text_is(plan->texts + row->label, label, length))
            return row;
    }
    return NULL;
}

static uint32_t find_in_series(const struct seat_row *row, const char *own, size_t length)
{
    int64_t number;

    if (!seat_plan_number(own, length, &number))
        return SEAT_NONE;
    int64_t place = number - row->number;
    if (row->step != 1) {
        if (place % row->step != 0)
            return SEAT_NONE;
        place /= row->step;
    }
    return place >= 0 && place < row->count ? row->first + (uint32_t)place : SEAT_NONE;
}

static uint32_t find_indexed(const struct indexed_plan *indexed, const struct seat_row *row,
                             const char *label, size_t length, size_t own)
{
    const struct seat_plan *plan = &indexed->plan;
    uint32_t mask = indexed->seat_slots - 1, slot = (uint32_t)hash_bytes(label, length) & mask;

    for (; indexed->seat_index[slot] != 0; slot = (slot + 1) & mask) {
        const struct seat *seat = &plan->seats[indexed->seat_index[slot] - 1];
        if (&plan->rows[seat->row] == row &&
            text_is(plan->texts + seat->label, label + own, length - own))
            return indexed->seat_index[slot] - 1;
    }
    return SEAT_NONE;
}

/* Where the row's label ends; `length`: it does not. */
static size_t row_length(const char *label, size_t length)
{
    size_t at = 0;

    while (at < length && label[at] != '-' && label[at] != '\0')
        at++;
    return at < length && label[at] == '-' ? at : length;
}

uint32_t seat_plan_find(const struct seat_plan *plan, const char *label, size_t length)
{
    const struct indexed_plan *indexed = (const struct indexed_plan *)plan;

    if (length >= SEAT_FULL_LABEL_BYTES)
        return SEAT_NONE;
    size_t dash = row_length(label, length);
    const struct seat_row *row = dash < length ? find_row(indexed, label, dash) : NULL;
    if (!row)
        return SEAT_NONE;
    if (row->step != 0)
        return find_in_series(row, label + dash + 1, length - dash - 1);
    return memchr(label, '\0', length) ? SEAT_NONE
                                       : find_indexed(indexed, row, label, length, dash + 1);
}
