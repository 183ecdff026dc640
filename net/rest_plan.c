/* Places are counted in seats: a seat stands one to the right of its neighbour, two
 * behind a gap, a row one behind the row before it; a row without an x of its own is
 * centred on 0. Ranks come from these in integers, so that the same rows give the same
 * plan everywhere. */
#include "rest_plan.h"

#include <assert.h>
#include <stdlib.h>
#include <xxhash.h>

#include "rest_plan_row.h"

enum { RANK_PER_ROW = 1000, RANK_PER_SEAT = 100 };

struct focal_point {
    bool given;
    int64_t x, y; /* in half seats */
};

/* The greatest whole number whose square is not greater. Newton's method. */
static uint64_t root(uint64_t square)
{
    uint64_t guess = square, better = square / 2 + 1;
    while (better < guess) {
        guess = better;
        better = (guess + square / guess) / 2;
    }
    return guess;
}

static uint32_t rank_of(uint64_t rank)
{
    return rank > SEAT_RANK_MAX ? SEAT_RANK_MAX : (uint32_t)rank;
}

/* Explicit; or a hundred times the distance to the focal point; or rows from the
 * front, each from its middle. Places are in half seats. */
static uint32_t seat_rank(const struct plan_row *row, const struct plan_seat *seat,
                          const struct focal_point *focal, int64_t x, int64_t y, uint32_t row_index,
                          int64_t middle)
{
    if (seat->has_rank)
        return seat->rank;
    if (row->has_rank)
        return row->rank;
    if (!focal->given) {
        uint64_t aside = (uint64_t)(x > middle ? x - middle : middle - x) / 2;
        return rank_of((uint64_t)row_index * RANK_PER_ROW + aside);
    }
    int64_t dx = x - focal->x, dy = y - focal->y;
    uint64_t square = (uint64_t)(dx * dx + dy * dy);
    return rank_of(root(square * (RANK_PER_SEAT / 2) * (RANK_PER_SEAT / 2)));
}

/* The places a row takes, gaps among them, less one. */
static uint32_t row_width(const struct plan_row *row)
{
    uint32_t width = row->seat_count - 1;
    for (uint32_t i = 1; i < row->seat_count; i++)
        width += row->seats[i].gap_before;
    return width;
}

static void emit_row(struct seat_plan_builder *builder, const struct plan_row *row,
                     const struct plan_label *label, const struct focal_point *focal,
                     uint32_t row_index, uint32_t nth)
{
    int64_t width = row_width(row);
    int64_t x = row->has_x ? 2 * (int64_t)row->x : -width;
    int64_t y = 2 * (row->has_y ? (int64_t)row->y + nth : (int64_t)row_index);
    int64_t middle = x + width;
    seat_plan_add_row(builder, label->bytes, label->length);
    for (uint32_t i = 0; i < row->seat_count; i++) {
        const struct plan_seat *seat = &row->seats[i];
        if (i > 0)
            x += seat->gap_before ? 4 : 2;
        int64_t own_x = seat->has_x ? 2 * (int64_t)seat->x : x;
        int64_t own_y = seat->has_y ? 2 * (int64_t)seat->y : y;
        uint32_t rank = seat_rank(row, seat, focal, own_x, own_y, row_index, middle);
        seat_plan_add_seat(builder, seat->label.bytes, seat->label.length, rank, seat->flags,
                           seat->gap_before && i > 0);
    }
}

static uint32_t label_number(const struct plan_row *row)
{
    uint32_t number = 0;
    for (uint32_t i = 0; i < row->first_label.length; i++) {
        char c = row->first_label.bytes[i];
        number = row->letters ? number * 26 + (uint32_t)(c - 'A' + 1)
                              : number * 10 + (uint32_t)(c - '0');
    }
    return number;
}

static void emit_rows(struct seat_plan_builder *builder, const struct plan_row *row,
                      const struct focal_point *focal, uint32_t row_index)
{
    if (row->row_count == 1) {
        emit_row(builder, row, &row->first_label, focal, row_index, 0);
        return;
    }
    uint32_t number = label_number(row);
    for (uint32_t i = 0; i < row->row_count; i++) {
        struct plan_label label = plan_label_of(number + i, row->letters);
        emit_row(builder, row, &label, focal, row_index + i, i);
    }
}

static const char *expected_of(enum seat_plan_error error)
{
    switch (error) {
    case SEAT_PLAN_TOO_MANY_SEATS:
        return "at most 100000 seats in all";
    case SEAT_PLAN_TOO_MANY_ROWS:
        return "at most 10000 rows in all";
    case SEAT_PLAN_ROW_TOO_LONG:
        return "at most 1000 seats in a row";
    case SEAT_PLAN_LABEL_INVALID:
        return "labels of 1 to 16 bytes of printable UTF-8; a row's without '-'";
    case SEAT_PLAN_LABEL_DUPLICATE:
        return "each row's label once";
    case SEAT_PLAN_EMPTY:
        return "at least one row, and in each at least one seat";
    case SEAT_PLAN_RANK_INVALID:
        return "ranks from 0 to 1000000";
    default:
        return "a more regular plan: labels, flags and ranks of so many kinds take too much room";
    }
}

/* Reads the point; false: it is none. */
static bool read_focal(const struct json_node *nodes, const struct json_node *node,
                       struct focal_point *focal)
{
    *focal = (struct focal_point){.given = node != NULL};
    if (node == NULL)
        return true;
    uint32_t count = 0, index = (uint32_t)(node - nodes);
    /* Its members follow it: two numbers, no more nodes than that. */
    bool good = node->type == JSON_OBJECT && node->next == index + 3;
    for (const struct json_node *child = node + 1; good && count < 2; child++, count++) {
        int64_t value;
        bool is_x = json_key_is(child, "x", 1);
        good = (is_x || json_key_is(child, "y", 1)) && json_integer(child, &value) &&
               value >= -PLAN_PLACE_MAX && value <= PLAN_PLACE_MAX;
        if (good)
            *(is_x ? &focal->x : &focal->y) = 2 * value;
    }
    return good;
}

/* Rows as far as they are good; a fault stops. */
static void read_rows(struct plan_reader *reader, const struct form_list *rows,
                      const struct focal_point *focal, struct plan_row *row,
                      struct seat_plan_builder *builder, uint32_t *seat_count)
{
    uint32_t row_index = 0;
    uint64_t seats = 0;
    for (uint32_t i = rows->first; i < rows->end; i = rows->nodes[i].next, reader->row++) {
        if (!plan_row_read(reader, i, row))
            return;
        seats += (uint64_t)row->seat_count * row->row_count;
        enum seat_plan_error error = seats > SEAT_PLAN_SEATS_MAX ? SEAT_PLAN_TOO_MANY_SEATS
                                     : row_index + row->row_count > SEAT_PLAN_ROWS_MAX
                                         ? SEAT_PLAN_TOO_MANY_ROWS
                                         : SEAT_PLAN_OK;
        if (error == SEAT_PLAN_OK) {
            emit_rows(builder, row, focal, row_index);
            error = seat_plan_builder_error(builder);
        }
        if (error != SEAT_PLAN_OK && error != SEAT_PLAN_OUT_OF_MEMORY)
            plan_fault(reader, "", UINT32_MAX, "", expected_of(error));
        if (error != SEAT_PLAN_OK)
            return;
        row_index += row->row_count;
    }
    *seat_count = (uint32_t)seats;
}

static bool encode(struct seat_plan_builder *builder, struct rest_plan *plan,
                   struct form_faults *faults, bool *out_of_memory)
{
    enum seat_plan_error error = SEAT_PLAN_OK;
    plan->bytes = seat_plan_encode(builder, &plan->length, &error);
    *out_of_memory = plan->bytes == NULL && error == SEAT_PLAN_OUT_OF_MEMORY;
    if (plan->bytes != NULL)
        plan->hash = XXH3_64bits(plan->bytes, plan->length);
    else if (!*out_of_memory)
        form_fault(faults, "rows", expected_of(error));
    return plan->bytes != NULL;
}

bool rest_plan_read(const struct form_list *rows, const struct json_node *focal_node,
                    struct rest_plan *plan, struct form_faults *faults, bool *out_of_memory)
{
    struct plan_reader reader = {.nodes = rows->nodes, .path = plan->path};
    struct plan_row *row = malloc(sizeof *row);
    struct seat_plan_builder *builder = seat_plan_builder_new();
    struct focal_point focal;
    bool good = false;
    plan->bytes = NULL;
    *out_of_memory = row == NULL || builder == NULL;
    if (!read_focal(rows->nodes, focal_node, &focal)) {
        form_fault(faults, "focal_point", FOCAL_EXPECTED);
    } else if (!*out_of_memory) {
        read_rows(&reader, rows, &focal, row, builder, &plan->seat_count);
        if (reader.expected != NULL)
            form_fault(faults, plan->path, reader.expected);
        else
            good = encode(builder, plan, faults, out_of_memory);
    }
    seat_plan_builder_free(builder);
    free(row);
    return good;
}
