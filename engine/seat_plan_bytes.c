/* Plan bytes: docs/wal-format.md has the layout. Each row is three series that are
 * run-encoded apart - labels, marks (flags and gaps), ranks - since a change in one
 * rarely comes with a change in another. Ranks are coded by their second
 * difference (as audio is): a level or slanted row is one run of zeros, the curve
 * around a focal point a byte a seat.
 *
 * The writer always takes the longest run, so equal plans have equal bytes; the
 * reader's caller writes what was read again and compares. */
#include "seat_plan_draft.h"

#include <string.h>

enum { FORMAT_VERSION = 1, VARINT_BYTES_MAX = 10 };
static const uint64_t NUMBER_MAX = 999999999999999; /* of a label that counts as a number */

/* --- writing --- */

struct writer {
    uint8_t *bytes;
    uint32_t length;
    bool full;
};

static void put_bytes(struct writer *writer, const void *bytes, size_t length)
{
    if (writer->full || length > SEAT_PLAN_BYTES_MAX - writer->length) {
        writer->full = true;
        return;
    }
    memcpy(writer->bytes + writer->length, bytes, length);
    writer->length += (uint32_t)length;
}

/* Seven bits a byte, the lowest first, the top bit set on all but the last. */
static void put_varint(struct writer *writer, uint64_t value)
{
    uint8_t bytes[VARINT_BYTES_MAX];
    size_t length = 0;

    for (; value > 0x7F; value >>= 7)
        bytes[length++] = (uint8_t)(value | 0x80);
    bytes[length++] = (uint8_t)value;
    put_bytes(writer, bytes, length);
}

/* 0, -1, 1, -2, ... as 0, 1, 2, 3, ... */
static uint64_t zigzag(int64_t value)
{
    return (uint64_t)value << 1 ^ (value < 0 ? UINT64_MAX : 0);
}

static void put_text(struct writer *writer, const char *text)
{
    size_t length = strlen(text);
    put_varint(writer, length);
    put_bytes(writer, text, length);
}

static bool seat_number(const struct seat_plan_builder *draft, uint32_t seat, int64_t *number)
{
    const char *text = draft->texts + draft->seats[seat].label;
    return seat_plan_number(text, strlen(text), number);
}

/* A run of numbers; returns the seat behind it. */
static uint32_t put_numbers(struct writer *writer, const struct seat_plan_builder *draft,
                            uint32_t seat, uint32_t end, int64_t first)
{
    int64_t next, last = first, step = 0;
    uint32_t count = 1;

    for (; seat + count < end && seat_number(draft, seat + count, &next); count++) {
        if (count > 1 && next - last != step)
            break;
        step = next - last;
        last = next;
    }
    put_varint(writer, (uint64_t)count << 1);
    put_varint(writer, (uint64_t)first);
    if (count > 1)
        put_varint(writer, zigzag(step));
    return seat + count;
}

/* A run of texts that are no numbers. */
static uint32_t put_texts(struct writer *writer, const struct seat_plan_builder *draft,
                          uint32_t seat, uint32_t end)
{
    uint32_t count = 1;
    int64_t number;

    while (seat + count < end && !seat_number(draft, seat + count, &number))
        count++;
    put_varint(writer, (uint64_t)count << 1 | 1);
    for (uint32_t i = 0; i < count; i++)
        put_text(writer, draft->texts + draft->seats[seat + i].label);
    return seat + count;
}

static void put_labels(struct writer *writer, const struct seat_plan_builder *draft,
                       const struct seat_row *row)
{
    uint32_t end = row->first + row->count;
    int64_t number;

    for (uint32_t seat = row->first; seat < end;)
        seat = seat_number(draft, seat, &number) ? put_numbers(writer, draft, seat, end, number)
                                                 : put_texts(writer, draft, seat, end);
}

static void put_marks(struct writer *writer, const struct seat_plan_builder *draft,
                      const struct seat_row *row)
{
    const struct seat *seats = draft->seats;
    uint32_t end = row->first + row->count, count;

    for (uint32_t seat = row->first; seat < end; seat += count) {
        bool gap = seats[seat].opens_block && seat != row->first;
        for (count = 1; seat + count < end && !seats[seat + count].opens_block; count++)
            if (seats[seat + count].flags != seats[seat].flags)
                break;
        put_varint(writer, (uint64_t)count << 4 | (gap ? 8U : 0U) | seats[seat].flags);
    }
}

/* How far a rank is from where the two before it point. `before` is the rank of the
 * row before, at its first seat; a row's first seat is measured from there. */
static int64_t rank_turn(const struct seat *seats, uint32_t i, int64_t before)
{
    if (i == 0)
        return (int64_t)seats[0].rank - before;
    int64_t step = i == 1 ? 0 : (int64_t)seats[i - 1].rank - (int64_t)seats[i - 2].rank;
    return (int64_t)seats[i].rank - (int64_t)seats[i - 1].rank - step;
}

static void put_ranks(struct writer *writer, const struct seat_plan_builder *draft,
                      const struct seat_row *row, int64_t before)
{
    const struct seat *seats = draft->seats + row->first;
    uint32_t straight = 0;

    for (uint32_t i = 0; i < row->count; i++) {
        int64_t turn = rank_turn(seats, i, before);
        if (turn == 0) {
            straight++;
            continue;
        }
        if (straight > 0)
            put_varint(writer, (uint64_t)straight << 1);
        straight = 0;
        put_varint(writer, zigzag(turn) << 1 | 1);
    }
    if (straight > 0)
        put_varint(writer, (uint64_t)straight << 1);
}

bool seat_plan_write(struct seat_plan_builder *draft)
{
    struct writer writer = {.bytes = draft->encoded};
    int64_t before = 0;

    put_varint(&writer, FORMAT_VERSION);
    put_varint(&writer, draft->row_count);
    for (uint32_t i = 0; i < draft->row_count && !writer.full; i++) {
        const struct seat_row *row = &draft->rows[i];
        put_text(&writer, draft->texts + row->label);
        put_varint(&writer, row->count);
        put_labels(&writer, draft, row);
        put_marks(&writer, draft, row);
        put_ranks(&writer, draft, row, before);
        before = draft->seats[row->first].rank;
    }
    draft->encoded_bytes = writer.length;
    return !writer.full;
}

/* --- reading --- */

/* After the first thing that cannot be, `damaged` stays and all reads give 0. */
struct reader {
    const uint8_t *at, *end;
    bool damaged;
};

static uint64_t get_varint(struct reader *reader)
{
    uint64_t value = 0;

    for (unsigned shift = 0; shift < 64 && reader->at < reader->end && !reader->damaged;
         shift += 7) {
        uint8_t byte = *reader->at++;
        value |= (uint64_t)(byte & 0x7F) << shift;
        if (byte < 0x80)
            return value;
    }
    reader->damaged = true;
    return 0;
}

/* At most `most`, else damaged. */
static uint64_t get_count(struct reader *reader, uint64_t most)
{
    uint64_t value = get_varint(reader);
    if (value > most)
        reader->damaged = true;
    return reader->damaged ? 0 : value;
}

static int64_t unzigzag(uint64_t value)
{
    return (int64_t)(value >> 1 ^ (0 - (value & 1)));
}

static const char *get_text(struct reader *reader, size_t *length)
{
    *length = (size_t)get_count(reader, SEAT_LABEL_BYTES_MAX);
    if (*length > (size_t)(reader->end - reader->at)) {
        reader->damaged = true;
        *length = 0;
    }
    const char *text = (const char *)reader->at;
    reader->at += *length;
    return text;
}

static void get_numbers(struct reader *reader, struct seat_plan_builder *draft, uint32_t count)
{
    int64_t number = (int64_t)get_count(reader, NUMBER_MAX);
    int64_t step = count > 1 ? unzigzag(get_count(reader, 2 * NUMBER_MAX)) : 0;

    for (uint32_t i = 0; i < count && !reader->damaged; i++, number += step) {
        char text[SEAT_LABEL_BYTES_MAX];
        size_t from = sizeof text;
        if (number < 0 || number > (int64_t)NUMBER_MAX) {
            reader->damaged = true;
            return;
        }
        int64_t rest = number;
        do
            text[--from] = (char)('0' + rest % 10);
        while ((rest /= 10) > 0);
        seat_plan_add_seat(draft, text + from, sizeof text - from, 0, 0, false);
    }
}

static void get_texts(struct reader *reader, struct seat_plan_builder *draft, uint32_t count)
{
    for (uint32_t i = 0; i < count && !reader->damaged; i++) {
        size_t length;
        const char *text = get_text(reader, &length);
        seat_plan_add_seat(draft, text, length, 0, 0, false);
    }
}

/* The row's seats come to be here, without marks and ranks. */
static void get_labels(struct reader *reader, struct seat_plan_builder *draft, uint32_t left)
{
    while (left > 0 && !reader->damaged && draft->error == SEAT_PLAN_OK) {
        uint64_t head = get_count(reader, (uint64_t)left << 1 | 1);
        uint32_t count = (uint32_t)(head >> 1);
        if (count == 0)
            reader->damaged = true;
        else if (head & 1)
            get_texts(reader, draft, count);
        else
            get_numbers(reader, draft, count);
        left -= count;
    }
}

static void get_marks(struct reader *reader, struct seat *seats, uint32_t seat_count)
{
    for (uint32_t i = 0; i < seat_count && !reader->damaged;) {
        uint64_t head = get_count(reader, (uint64_t)(seat_count - i) << 4 | 15);
        uint32_t count = (uint32_t)(head >> 4);
        if (count == 0)
            reader->damaged = true;
        if (head & 8)
            seats[i].opens_block = true;
        for (uint32_t end = i + count; i < end; i++)
            seats[i].flags = (uint8_t)(head & SEAT_FLAGS_ALL);
    }
}

static void get_ranks(struct reader *reader, struct seat *seats, uint32_t seat_count,
                      int64_t before)
{
    int64_t rank = before, step = 0;
    uint64_t straight = 0;

    for (uint32_t i = 0; i < seat_count && !reader->damaged; i++) {
        int64_t turn = 0;
        if (straight == 0) {
            uint64_t head = get_count(reader, (uint64_t)SEAT_RANK_MAX << 4);
            if (head & 1)
                turn = unzigzag(head >> 1);
            else
                straight = head >> 1;
            if (head == 0 || straight > seat_count - i)
                reader->damaged = true;
        }
        straight -= straight > 0;
        int64_t last = rank;
        rank += step + turn;
        step = i == 0 ? 0 : rank - last;
        if (rank < 0 || rank > SEAT_RANK_MAX)
            reader->damaged = true;
        seats[i].rank = reader->damaged ? 0 : (uint32_t)rank;
    }
}

bool seat_plan_read(struct seat_plan_builder *draft, const uint8_t *bytes, size_t length)
{
    struct reader reader = {.at = bytes, .end = bytes + length};
    int64_t before = 0;

    if (length > SEAT_PLAN_BYTES_MAX || get_varint(&reader) != FORMAT_VERSION)
        return false;
    uint64_t rows = get_count(&reader, SEAT_PLAN_ROWS_MAX);
    for (uint64_t i = 0; i < rows && !reader.damaged && draft->error == SEAT_PLAN_OK; i++) {
        size_t label_length;
        const char *label = get_text(&reader, &label_length);
        seat_plan_add_row(draft, label, label_length);
        struct seat *seats = draft->seats + draft->seat_count;
        uint32_t count = (uint32_t)get_count(&reader, SEAT_ROW_SEATS_MAX);
        get_labels(&reader, draft, count);
        if (reader.damaged || draft->error != SEAT_PLAN_OK)
            return false;
        get_marks(&reader, seats, count);
        get_ranks(&reader, seats, count, before);
        before = count > 0 ? seats[0].rank : 0;
    }
    return !reader.damaged && draft->error == SEAT_PLAN_OK && reader.at == reader.end;
}
