/* A seat plan from arbitrary bytes: refused, or a plan within the limits whose every
 * seat is found by its label and which, built again seat by seat, has these bytes. */
#include <stdlib.h>
#include <string.h>

#include "../../engine/seat_plan.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void must(bool fact)
{
    if (!fact)
        abort();
}

static void row_copy(const struct seat_plan *plan, const struct seat_row *row,
                     struct seat_plan_builder *builder)
{
    const char *label = plan->texts + row->label;

    seat_plan_add_row(builder, label, strlen(label));
    for (uint32_t i = row->first; i < row->first + row->count; i++) {
        const struct seat *seat = &plan->seats[i];
        char full[SEAT_FULL_LABEL_BYTES];
        must(seat_plan_find(plan, full, seat_plan_label(plan, i, full)) == i);
        must(seat->rank <= SEAT_RANK_MAX);
        label = plan->texts + seat->label;
        seat_plan_add_seat(builder, label, strlen(label), seat->rank, seat->flags,
                           seat->opens_block);
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    enum seat_plan_error error;
    size_t length;
    struct seat_plan *plan = seat_plan_decode(data, size, &error);

    must((plan != NULL) == (error == SEAT_PLAN_OK));
    if (!plan)
        return 0;
    must(plan->seat_count <= SEAT_PLAN_SEATS_MAX && plan->general_count <= plan->seat_count);
    struct seat_plan_builder *builder = seat_plan_builder_new();
    must(builder != NULL);
    for (uint32_t r = 0; r < plan->row_count; r++)
        row_copy(plan, &plan->rows[r], builder);
    uint8_t *again = seat_plan_encode(builder, &length, &error);
    must(again && length == size && memcmp(again, data, size) == 0);
    free(again);
    seat_plan_builder_free(builder);
    seat_plan_free(plan);
    return 0;
}
