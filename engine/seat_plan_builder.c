/* Building a plan seat by seat. Only what a single seat or row can be judged by is
 * checked as it comes; duplicates are looked for once, at the end. */
#include "seat_plan_draft.h"

#include <assert.h>
#include <string.h>

#include "memory.h"

struct seat_plan_builder *seat_plan_builder_new(void)
{
    uint32_t row_slots = seat_plan_index_slots(SEAT_PLAN_ROWS_MAX);
    uint32_t seat_slots = seat_plan_index_slots(SEAT_PLAN_SEATS_MAX);
    size_t rows = sizeof(struct seat_row) * SEAT_PLAN_ROWS_MAX;
    size_t seats = sizeof(struct seat) * SEAT_PLAN_SEATS_MAX;
    size_t index = sizeof(uint32_t) * (row_slots + seat_slots);
    size_t bytes = sizeof(struct seat_plan_builder) + rows + seats + index +
                   SEAT_PLAN_TEXT_BYTES_MAX + SEAT_PLAN_BYTES_MAX;
    struct seat_plan_builder *builder = memory_reserve(bytes);

    if (!builder)
        return NULL;
    builder->range_bytes = bytes;
    builder->rows = (struct seat_row *)(builder + 1);
    builder->seats = (struct seat *)(builder->rows + SEAT_PLAN_ROWS_MAX);
    builder->row_index = (uint32_t *)(builder->seats + SEAT_PLAN_SEATS_MAX);
    builder->seat_index = builder->row_index + row_slots;
    builder->texts = (char *)(builder->seat_index + seat_slots);
    builder->encoded = (uint8_t *)builder->texts + SEAT_PLAN_TEXT_BYTES_MAX;
    return builder;
}

void seat_plan_builder_free(struct seat_plan_builder *builder)
{
    if (builder)
        memory_release(builder, builder->range_bytes);
}

enum seat_plan_error seat_plan_builder_error(const struct seat_plan_builder *builder)
{
    return builder->error;
}

void seat_plan_fail(struct seat_plan_builder *builder, enum seat_plan_error error)
{
    if (builder->error == SEAT_PLAN_OK)
        builder->error = error;
}

/* --- labels --- */

/* Decodes one well-formed character (Unicode 3.9, table 3-7); 0: it is not. */
static uint32_t character_next(const unsigned char *at, size_t left, size_t *used)
{
    uint32_t lead = at[0];
    size_t more = lead < 0x80 ? 0 : lead < 0xC2 ? 9 : lead < 0xE0 ? 1 : lead < 0xF0 ? 2 : 3;
    uint32_t code = more == 0 ? lead : lead & (0x3FU >> more);

    if (lead > 0xF4 || more >= left)
        return 0;
    for (size_t i = 1; i <= more; i++) {
        if ((at[i] & 0xC0) != 0x80)
            return 0;
        code = code << 6 | (at[i] & 0x3FU);
    }
    if ((more == 2 && code < 0x800) || (more == 3 && (code < 0x10000 || code > 0x10FFFF)))
        return 0;
    *used = more + 1;
    return code;
}

/* Neither controls nor what shows as nothing or turns the line's direction: a label
 * is read from a ticket. */
static bool character_prints(uint32_t code)
{
    return code >= 0x20 && !(code >= 0x7F && code < 0xA0) && code != 0xAD &&
           !(code >= 0x200B && code <= 0x200F) && !(code >= 0x2028 && code <= 0x202E) &&
           !(code >= 0x2060 && code <= 0x206F) && !(code >= 0xD800 && code <= 0xF8FF) &&
           code != 0xFEFF && (code & 0xFFFE) != 0xFFFE;
}

static bool label_is_valid(const char *label, size_t length)
{
    const unsigned char *text = (const unsigned char *)label;

    if (length == 0 || length > SEAT_LABEL_BYTES_MAX)
        return false;
    for (size_t i = 0, used = 0; i < length; i += used)
        if (!character_prints(character_next(text + i, length - i, &used)))
            return false;
    return true;
}

/* The text's place: it is there if it is a valid label. */
static uint32_t text_add(struct seat_plan_builder *builder, const char *label, size_t length)
{
    uint32_t place = builder->text_bytes;

    assert(place + length + 1 <= SEAT_PLAN_TEXT_BYTES_MAX);
    memcpy(builder->texts + place, label, length);
    builder->texts[place + length] = '\0';
    builder->text_bytes += (uint32_t)length + 1;
    return place;
}

static bool text_is(const struct seat_plan_builder *builder, uint32_t place, const char *label,
                    size_t length)
{
    const char *text = builder->texts + place;
    return strncmp(text, label, length) == 0 && text[length] == '\0';
}

/* The seat of the same place in the row before mostly has the same label: rows
 * that are numbered alike share their texts. */
static uint32_t seat_text_add(struct seat_plan_builder *builder, const struct seat_row *row,
                              const char *label, size_t length)
{
    const struct seat_row *before = row - 1;

    if (row != builder->rows && before->count > row->count) {
        uint32_t place = builder->seats[before->first + row->count].label;
        if (text_is(builder, place, label, length))
            return place;
    }
    return text_add(builder, label, length);
}

/* --- rows and seats --- */

void seat_plan_add_row(struct seat_plan_builder *builder, const char *label, size_t length)
{
    uint32_t count = builder->row_count;

    if (builder->error != SEAT_PLAN_OK)
        return;
    if (count == SEAT_PLAN_ROWS_MAX)
        seat_plan_fail(builder, SEAT_PLAN_TOO_MANY_ROWS);
    else if (!label_is_valid(label, length) || memchr(label, '-', length))
        seat_plan_fail(builder, SEAT_PLAN_LABEL_INVALID);
    else if (count > 0 && builder->rows[count - 1].count == 0)
        seat_plan_fail(builder, SEAT_PLAN_EMPTY);
    if (builder->error != SEAT_PLAN_OK)
        return;
    builder->rows[count] =
        (struct seat_row){.first = builder->seat_count, .label = text_add(builder, label, length)};
    builder->row_count++;
}

static enum seat_plan_error seat_judge(const struct seat_plan_builder *builder, const char *label,
                                       size_t length, uint32_t rank)
{
    if (builder->row_count == 0)
        return SEAT_PLAN_EMPTY;
    if (builder->rows[builder->row_count - 1].count == SEAT_ROW_SEATS_MAX)
        return SEAT_PLAN_ROW_TOO_LONG;
    if (builder->seat_count == SEAT_PLAN_SEATS_MAX)
        return SEAT_PLAN_TOO_MANY_SEATS;
    if (rank > SEAT_RANK_MAX)
        return SEAT_PLAN_RANK_INVALID;
    return label_is_valid(label, length) ? SEAT_PLAN_OK : SEAT_PLAN_LABEL_INVALID;
}

void seat_plan_add_seat(struct seat_plan_builder *builder, const char *label, size_t length,
                        uint32_t rank, uint8_t flags, bool gap_before)
{
    assert((flags & ~SEAT_FLAGS_ALL) == 0);
    if (builder->error != SEAT_PLAN_OK)
        return;
    builder->error = seat_judge(builder, label, length, rank);
    if (builder->error != SEAT_PLAN_OK)
        return;
    struct seat_row *row = &builder->rows[builder->row_count - 1];
    builder->seats[builder->seat_count++] =
        (struct seat){.label = seat_text_add(builder, row, label, length),
                      .rank = rank,
                      .row = (uint16_t)(builder->row_count - 1),
                      .flags = flags,
                      .opens_block = row->count == 0 || gap_before};
    row->count++;
}

/* Its digits, from the end of text; returns how many. */
static size_t number_text(uint64_t number, char text[static SEAT_LABEL_BYTES_MAX])
{
    size_t length = 0;

    do {
        text[SEAT_LABEL_BYTES_MAX - ++length] = (char)('0' + number % 10);
        number /= 10;
    } while (number > 0);
    return length;
}

void seat_plan_add_run(struct seat_plan_builder *builder, uint32_t first, uint32_t step,
                       uint32_t count, uint32_t rank, int32_t rank_step, uint8_t flags,
                       bool gap_before)
{
    if (rank > SEAT_RANK_MAX)
        seat_plan_fail(builder, SEAT_PLAN_RANK_INVALID);
    for (uint32_t i = 0; i < count && builder->error == SEAT_PLAN_OK; i++) {
        char text[SEAT_LABEL_BYTES_MAX];
        size_t length = number_text(first + (uint64_t)step * i, text);
        int64_t each = (int64_t)rank + (int64_t)rank_step * i;
        each = each < 0 ? 0 : each > SEAT_RANK_MAX ? SEAT_RANK_MAX : each;
        seat_plan_add_seat(builder, text + SEAT_LABEL_BYTES_MAX - length, length, (uint32_t)each,
                           flags, gap_before && i == 0);
    }
}

/* --- the whole --- */

enum seat_plan_error seat_plan_check(struct seat_plan_builder *builder)
{
    if (builder->error != SEAT_PLAN_OK)
        return builder->error;
    if (builder->row_count == 0 || builder->rows[builder->row_count - 1].count == 0)
        seat_plan_fail(builder, SEAT_PLAN_EMPTY);
    else if (!seat_plan_index_build(builder))
        seat_plan_fail(builder, SEAT_PLAN_LABEL_DUPLICATE);
    return builder->error;
}
