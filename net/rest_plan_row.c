#include "rest_plan_row.h"

#include <assert.h>
#include <stdio.h>

enum { RANGE_DIGITS_MAX = 6, RANGE_LETTERS_MAX = 3 };

/* No place in a list: the member itself is at fault. */
#define OWN UINT32_MAX

#define LABEL_EXPECTED "a label of 1 to 16 bytes; a row's without '-'"
#define RANK_EXPECTED "an integer from 0 (best) to 1000000"
#define PLACE_EXPECTED "an integer from -100000 to 100000"
#define FLAG_EXPECTED "true or false"
#define ROW_LABEL_EXPECTED "either label, or rows as a range such as A..Z or 1..40"
#define SEATS_EXPECTED                                                                             \
    "a range such as 1..40, or a list of ranges, labels and objects, of 1 to 1000 seats in all"

bool plan_fault(struct plan_reader *reader, const char *member, uint32_t index, const char *part,
                const char *expected)
{
    if (reader->expected != NULL)
        return false;
    int length = snprintf(reader->path, PLAN_PATH_BYTES, "rows[%u]%s%s", reader->row,
                          *member == '\0' ? "" : ".", member);
    if (index != OWN)
        length += snprintf(reader->path + length, PLAN_PATH_BYTES - (size_t)length, "[%u]", index);
    if (*part != '\0')
        snprintf(reader->path + length, PLAN_PATH_BYTES - (size_t)length, ".%.20s", part);
    reader->expected = expected;
    return false;
}

/* --- labels and ranges --- */

/* A number of at most RANGE_DIGITS_MAX digits without a leading zero, or capital
 * letters counted as columns of a spreadsheet: A is 1, Z 26, AA 27. */
static bool read_bound(struct text text, bool *letters, uint32_t *number)
{
    *number = 0;
    *letters = text.length > 0 && text.bytes[0] >= 'A' && text.bytes[0] <= 'Z';
    if (text.length == 0 || text.length > (*letters ? RANGE_LETTERS_MAX : RANGE_DIGITS_MAX) ||
        text.bytes[0] == '0')
        return false;
    for (uint32_t i = 0; i < text.length; i++) {
        char c = text.bytes[i];
        if (*letters ? c < 'A' || c > 'Z' : c < '0' || c > '9')
            return false;
        *number =
            *letters ? *number * 26 + (uint32_t)(c - 'A' + 1) : *number * 10 + (uint32_t)(c - '0');
    }
    return true;
}

bool plan_range_read(struct text text, struct plan_range *range)
{
    const char *dots = text.length > 0 ? memmem(text.bytes, text.length, "..", 2) : NULL;
    bool letters;
    if (dots == NULL)
        return false;
    struct text first = {text.bytes, (uint32_t)(dots - text.bytes)};
    struct text last = {dots + 2, text.length - first.length - 2};
    return read_bound(first, &range->letters, &range->first) &&
           read_bound(last, &letters, &range->last) && letters == range->letters;
}

struct plan_label plan_label_of(uint32_t number, bool letters)
{
    struct plan_label label = {.length = 0};
    char digits[12];
    size_t at = sizeof digits;
    assert(number > 0);
    while (number > 0) {
        number -= letters;
        digits[--at] = letters ? (char)('A' + number % 26) : (char)('0' + number % 10);
        number /= letters ? 26 : 10;
    }
    label.length = (uint8_t)(sizeof digits - at);
    memcpy(label.bytes, digits + at, label.length);
    return label;
}

/* A string, or an integer as it is written. Which bytes a label may have is the
 * builder's to say. */
static bool read_label(const struct json_node *node, struct plan_label *label)
{
    int64_t number;
    bool is_number = json_integer(node, &number) && number >= 0;
    if ((node->type != JSON_STRING && !is_number) || node->text_length == 0 ||
        node->text_length > SEAT_LABEL_BYTES_MAX)
        return false;
    label->length = (uint8_t)node->text_length;
    memcpy(label->bytes, node->text, node->text_length);
    return true;
}

static bool label_equal(const struct plan_label *a, const struct plan_label *b)
{
    return a->length == b->length && memcmp(a->bytes, b->bytes, a->length) == 0;
}

/* --- values --- */

static bool read_integer(const struct json_node *node, int64_t min, int64_t max, int64_t *value)
{
    return json_integer(node, value) && *value >= min && *value <= max;
}

static bool read_rank(const struct json_node *node, bool *has, uint32_t *rank)
{
    int64_t value;
    *has = read_integer(node, 0, SEAT_RANK_MAX, &value);
    *rank = *has ? (uint32_t)value : 0;
    return *has;
}

static bool read_place(const struct json_node *node, bool *has, int32_t *place)
{
    int64_t value;
    *has = read_integer(node, -PLAN_PLACE_MAX, PLAN_PLACE_MAX, &value);
    *place = *has ? (int32_t)value : 0;
    return *has;
}

static bool read_flag(const struct json_node *node, uint8_t flag, uint8_t *flags)
{
    if (node->type == JSON_TRUE)
        *flags |= flag;
    return node->type == JSON_TRUE || node->type == JSON_FALSE;
}

static bool key_is(const struct json_node *node, const char *key)
{
    return json_key_is(node, key, strlen(key));
}

/* --- seats --- */

/* What a member of a seat should have been. NULL: it is as it should. */
static const char *read_seat_member(const struct json_node *node, struct plan_seat *seat)
{
    uint8_t gap = 0;
    if (node->type == JSON_NULL)
        return NULL;
    if (key_is(node, "label"))
        return read_label(node, &seat->label) ? NULL : LABEL_EXPECTED;
    if (key_is(node, "rank"))
        return read_rank(node, &seat->has_rank, &seat->rank) ? NULL : RANK_EXPECTED;
    if (key_is(node, "x"))
        return read_place(node, &seat->has_x, &seat->x) ? NULL : PLACE_EXPECTED;
    if (key_is(node, "y"))
        return read_place(node, &seat->has_y, &seat->y) ? NULL : PLACE_EXPECTED;
    if (key_is(node, "accessible"))
        return read_flag(node, SEAT_ACCESSIBLE, &seat->flags) ? NULL : FLAG_EXPECTED;
    if (key_is(node, "companion"))
        return read_flag(node, SEAT_COMPANION, &seat->flags) ? NULL : FLAG_EXPECTED;
    if (key_is(node, "restricted_view"))
        return read_flag(node, SEAT_RESTRICTED_VIEW, &seat->flags) ? NULL : FLAG_EXPECTED;
    if (!key_is(node, "gap_before"))
        return "no such field";
    bool is_flag = read_flag(node, 1, &gap);
    seat->gap_before = gap != 0;
    return is_flag ? NULL : FLAG_EXPECTED;
}

static bool read_seat(struct plan_reader *reader, uint32_t node, uint32_t place,
                      struct plan_seat *seat)
{
    const struct json_node *nodes = reader->nodes;
    for (uint32_t i = node + 1; i < nodes[node].next; i = nodes[i].next) {
        char name[24];
        const char *expected = read_seat_member(&nodes[i], seat);
        if (expected == NULL)
            continue;
        snprintf(name, sizeof name, "%.*s", (int)nodes[i].key_length, nodes[i].key);
        return plan_fault(reader, "seats", place, name, expected);
    }
    if (seat->label.length == 0)
        return plan_fault(reader, "seats", place, "label", LABEL_EXPECTED);
    return true;
}

static struct plan_seat *add_seat(struct plan_row *row)
{
    if (row->seat_count == SEAT_ROW_SEATS_MAX)
        return NULL;
    struct plan_seat *seat = &row->seats[row->seat_count++];
    *seat = (struct plan_seat){.flags = 0};
    return seat;
}

/* Upwards or downwards, by `step`. */
static bool add_range(struct plan_row *row, const struct plan_range *range, uint32_t step)
{
    bool up = range->first <= range->last;
    uint32_t way = up ? range->last - range->first : range->first - range->last;
    for (uint32_t done = 0; done <= way; done += step) {
        struct plan_seat *seat = add_seat(row);
        if (seat == NULL)
            return false;
        seat->label = plan_label_of(up ? range->first + done : range->first - done, range->letters);
    }
    return true;
}

/* One element of seats: "1..40", a label, or an object. */
static bool add_element(struct plan_reader *reader, struct plan_row *row, uint32_t node,
                        uint32_t place, uint32_t step)
{
    const struct json_node *element = &reader->nodes[node];
    struct plan_range range;
    if (element->type == JSON_STRING &&
        plan_range_read((struct text){element->text, element->text_length}, &range))
        return add_range(row, &range, step) ||
               plan_fault(reader, "seats", place, "", SEATS_EXPECTED);
    if (element->type == JSON_STRING && memmem(element->text, element->text_length, "..", 2))
        return plan_fault(reader, "seats", place, "", SEATS_EXPECTED); /* a range gone wrong */
    struct plan_seat *seat = add_seat(row);
    if (seat == NULL)
        return plan_fault(reader, "seats", place, "", SEATS_EXPECTED);
    if (element->type == JSON_OBJECT)
        return read_seat(reader, node, place, seat);
    return read_label(element, &seat->label) ||
           plan_fault(reader, "seats", place, "", "a label, a range, or an object with a label");
}

static bool read_seats(struct plan_reader *reader, struct plan_row *row, uint32_t node,
                       uint32_t step)
{
    const struct json_node *nodes = reader->nodes;
    uint32_t place = 0;
    if (nodes[node].type != JSON_ARRAY)
        return nodes[node].type == JSON_STRING
                   ? add_element(reader, row, node, OWN, step)
                   : plan_fault(reader, "seats", OWN, "", SEATS_EXPECTED);
    for (uint32_t i = node + 1; i < nodes[node].next; i = nodes[i].next)
        if (!add_element(reader, row, i, place++, step))
            return false;
    return row->seat_count > 0 || plan_fault(reader, "seats", OWN, "", SEATS_EXPECTED);
}

static bool seats_differ(struct plan_reader *reader, const struct plan_row *row)
{
    for (uint32_t i = 0; i < row->seat_count; i++)
        for (uint32_t j = 0; j < i; j++)
            if (label_equal(&row->seats[i].label, &row->seats[j].label))
                return plan_fault(reader, "seats", OWN, "", "each label once in a row");
    return true;
}

/* --- lists of labels beside the seats --- */

static struct plan_seat *find_seat(struct plan_row *row, const struct json_node *node)
{
    struct plan_label label = {.length = 0};
    if (!read_label(node, &label))
        return NULL;
    for (uint32_t i = 0; i < row->seat_count; i++)
        if (label_equal(&row->seats[i].label, &label))
            return &row->seats[i];
    return NULL;
}

/* Marks the seats a list names; of gaps_after those behind them. */
static bool mark_seats(struct plan_reader *reader, struct plan_row *row, uint32_t node,
                       const char *member, uint8_t flag)
{
    const struct json_node *nodes = reader->nodes;
    uint32_t place = 0;
    if (node == 0)
        return true;
    if (nodes[node].type != JSON_ARRAY)
        return plan_fault(reader, member, OWN, "", "a list of labels of seats of this row");
    for (uint32_t i = node + 1; i < nodes[node].next; i = nodes[i].next, place++) {
        struct plan_seat *seat = find_seat(row, &nodes[i]);
        if (seat == NULL)
            return plan_fault(reader, member, place, "", "the label of a seat of this row");
        if (flag != 0)
            seat->flags |= flag;
        else if (seat + 1 == row->seats + row->seat_count)
            return plan_fault(reader, member, place, "", "a seat that is not the row's last");
        else
            seat[1].gap_before = true;
    }
    return true;
}

/* --- the row --- */

struct row_members {
    uint32_t label, rows, seats, step, gaps_after, accessible, companion, restricted_view, rank, x,
        y;
};

static uint32_t *member_of(struct row_members *members, const struct json_node *node)
{
    const struct {
        const char *name;
        uint32_t *member;
    } table[] = {{"label", &members->label},
                 {"rows", &members->rows},
                 {"seats", &members->seats},
                 {"step", &members->step},
                 {"gaps_after", &members->gaps_after},
                 {"accessible", &members->accessible},
                 {"companion", &members->companion},
                 {"restricted_view", &members->restricted_view},
                 {"rank", &members->rank},
                 {"x", &members->x},
                 {"y", &members->y}};
    for (size_t i = 0; i < sizeof table / sizeof table[0]; i++)
        if (key_is(node, table[i].name))
            return table[i].member;
    return NULL;
}

/* Node 0 is the body itself, so 0 stands for "not sent". */
static bool find_members(struct plan_reader *reader, uint32_t row, struct row_members *members)
{
    const struct json_node *nodes = reader->nodes;
    *members = (struct row_members){.label = 0};
    if (nodes[row].type != JSON_OBJECT)
        return plan_fault(reader, "", OWN, "", "an object with a label and seats");
    for (uint32_t i = row + 1; i < nodes[row].next; i = nodes[i].next) {
        char name[24];
        uint32_t *member = member_of(members, &nodes[i]);
        snprintf(name, sizeof name, "%.*s", (int)nodes[i].key_length, nodes[i].key);
        if (member == NULL)
            return plan_fault(reader, name, OWN, "", "no such field");
        if (nodes[i].type != JSON_NULL)
            *member = i;
    }
    return true;
}

static bool read_row_labels(struct plan_reader *reader, const struct row_members *members,
                            struct plan_row *row)
{
    const struct json_node *nodes = reader->nodes;
    struct plan_range range;
    row->row_count = 1;
    if ((members->label == 0) == (members->rows == 0))
        return plan_fault(reader, "label", OWN, "", ROW_LABEL_EXPECTED);
    if (members->label != 0)
        return read_label(&nodes[members->label], &row->first_label) ||
               plan_fault(reader, "label", OWN, "", LABEL_EXPECTED);
    const struct json_node *rows = &nodes[members->rows];
    if (rows->type != JSON_STRING ||
        !plan_range_read((struct text){rows->text, rows->text_length}, &range) ||
        range.first > range.last || range.last - range.first >= SEAT_PLAN_ROWS_MAX)
        return plan_fault(reader, "rows", OWN, "", "a range such as A..Z or 1..40");
    row->first_label = plan_label_of(range.first, range.letters);
    row->letters = range.letters;
    row->row_count = range.last - range.first + 1;
    return true;
}

static bool read_row_values(struct plan_reader *reader, const struct row_members *members,
                            struct plan_row *row, uint32_t *step)
{
    const struct json_node *nodes = reader->nodes;
    int64_t value = 1;
    if (members->step != 0 && !read_integer(&nodes[members->step], 1, SEAT_ROW_SEATS_MAX, &value))
        return plan_fault(reader, "step", OWN, "", "an integer from 1 to 1000");
    *step = (uint32_t)value;
    if (members->rank != 0 && !read_rank(&nodes[members->rank], &row->has_rank, &row->rank))
        return plan_fault(reader, "rank", OWN, "", RANK_EXPECTED);
    if (members->x != 0 && !read_place(&nodes[members->x], &row->has_x, &row->x))
        return plan_fault(reader, "x", OWN, "", PLACE_EXPECTED);
    if (members->y != 0 && !read_place(&nodes[members->y], &row->has_y, &row->y))
        return plan_fault(reader, "y", OWN, "", PLACE_EXPECTED);
    return true;
}

bool plan_row_read(struct plan_reader *reader, uint32_t index, struct plan_row *row)
{
    struct row_members members;
    uint32_t step = 1;
    row->seat_count = 0;
    row->letters = row->has_rank = row->has_x = row->has_y = false;
    if (!find_members(reader, index, &members) || !read_row_labels(reader, &members, row) ||
        !read_row_values(reader, &members, row, &step))
        return false;
    if (members.seats == 0)
        return plan_fault(reader, "seats", OWN, "", SEATS_EXPECTED);
    return read_seats(reader, row, members.seats, step) && seats_differ(reader, row) &&
           mark_seats(reader, row, members.gaps_after, "gaps_after", 0) &&
           mark_seats(reader, row, members.accessible, "accessible", SEAT_ACCESSIBLE) &&
           mark_seats(reader, row, members.companion, "companion", SEAT_COMPANION) &&
           mark_seats(reader, row, members.restricted_view, "restricted_view",
                      SEAT_RESTRICTED_VIEW);
}
