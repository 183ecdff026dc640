#include "rest_seats.h"

#include <assert.h>
#include <xxhash.h>

#include "json_text.h"

/* --- from labels --- */

static bool is_among(const struct text *labels, uint32_t count, struct text label)
{
    for (uint32_t i = 0; i < count; i++)
        if (labels[i].length == label.length &&
            memcmp(labels[i].bytes, label.bytes, label.length) == 0)
            return true;
    return false;
}

uint32_t rest_seats_read(const struct form_list *list, struct text labels[RECORD_SEATS_MAX],
                         struct form_faults *faults)
{
    uint32_t count = 0;
    assert(list->count <= RECORD_SEATS_MAX);
    for (uint32_t i = list->first; i < list->end; i = list->nodes[i].next) {
        const struct json_node *node = &list->nodes[i];
        if (node->type != JSON_STRING || node->text_length == 0) {
            form_fault(faults, "seats", SEATS_EXPECTED);
            return 0;
        }
        struct text label = {node->text, node->text_length};
        if (is_among(labels, count, label)) {
            form_fault_value(faults, "seats", "each seat once", label);
            return 0;
        }
        labels[count++] = label;
    }
    return count;
}

/* Few, and mostly in order already. */
static void insert_ascending(uint32_t *seats, uint32_t count, uint32_t seat)
{
    for (; count > 0 && seats[count - 1] > seat; count--)
        seats[count] = seats[count - 1];
    seats[count] = seat;
}

bool rest_seats_find(const struct seat_plan *plan, const struct text *labels, uint32_t count,
                     uint32_t seats[RECORD_SEATS_MAX], struct form_faults *faults)
{
    uint32_t found = 0;
    for (uint32_t i = 0; i < count; i++) {
        uint32_t seat = seat_plan_find(plan, labels[i].bytes, labels[i].length);
        if (seat == SEAT_NONE)
            form_fault_value(faults, "seats", "labels of seats of this zone", labels[i]);
        else
            insert_ascending(seats, found++, seat);
    }
    return found == count;
}

uint64_t rest_seats_hash(const struct text *labels, uint32_t count)
{
    uint64_t sum = count;
    for (uint32_t i = 0; i < count; i++)
        sum += XXH3_64bits(labels[i].bytes, labels[i].length);
    return sum;
}

/* --- to labels --- */

/* Of what a label may contain JSON escapes these two. */
static bool has_escaped(const char *label, size_t length)
{
    for (size_t i = 0; i < length; i++)
        if (label[i] == '"' || label[i] == '\\')
            return true;
    return false;
}

char *rest_put_seat(char *at, const struct seat_plan *plan, uint32_t seat)
{
    char label[SEAT_FULL_LABEL_BYTES];
    size_t length = seat_plan_label(plan, seat, at + 1);
    if (has_escaped(at + 1, length)) {
        memcpy(label, at + 1, length);
        return json_put_text(at, (struct text){label, (uint32_t)length});
    }
    at[0] = at[length + 1] = '"';
    return at + length + 2;
}

char *rest_put_seats(char *at, const struct seat_plan *plan, const uint32_t *seats, uint32_t count)
{
    *at++ = '[';
    for (uint32_t i = 0; plan != NULL && i < count; i++) {
        if (i > 0)
            *at++ = ',';
        at = rest_put_seat(at, plan, seats[i]);
    }
    *at++ = ']';
    return at;
}

static const char *seat_state_name(uint32_t state)
{
    static const char *const names[] = {"free", "reserved", "sold", "blocked"};
    assert(state < sizeof names / sizeof names[0]);
    return names[state];
}

char *rest_put_refused_seats(char *at, const struct seat_plan *plan, const struct answer *answer)
{
    bool with_state = answer->result == RESULT_SEAT_UNAVAILABLE;
    *at++ = '[';
    for (uint32_t i = 0; i < answer->seat_count; i++) {
        if (i > 0)
            *at++ = ',';
        if (with_state)
            at = JSON_PUT(at, "{\"seat\":");
        at = rest_put_seat(at, plan, answer->seats[i] & REST_SEAT_INDEX_MASK);
        if (with_state) {
            at = JSON_PUT(at, ",\"state\":\"");
            at = stpcpy(at, seat_state_name(answer->seats[i] >> REST_SEAT_STATE_SHIFT));
            at = JSON_PUT(at, "\"}");
        }
    }
    *at++ = ']';
    return at;
}
