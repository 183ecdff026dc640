/* A model with one event, and commands in a line each. Ids are small numbers: users,
 * zones, and bookings as they were made. */
#ifndef TESTS_UNIT_MODEL_RIG_H
#define TESTS_UNIT_MODEL_RIG_H

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>

#include <cmocka.h>

#include "../model/model.h"

enum {
    RIG_TTL_MS = 600000,
    RIG_CEILING_MS = 1800000,
    RIG_ORDER_MAX = 10,
    RIG_DAY_MS = 86400000,
    RIG_NOW_MS = 1000000,
    RIG_ORGANIZER = 999
};

struct rig {
    struct model *model;
    uint64_t now_ms;
    uint32_t made; /* the last id given */
    struct command command;
    struct model_answer answer;
    struct order_draft draft;
    struct record event;
};

static inline struct uuid rig_id(char kind, uint32_t number)
{
    struct uuid id = {{(uint8_t)kind}};
    memcpy(id.bytes + 8, &number, sizeof number);
    return id;
}

static inline void rig_event(struct rig *rig)
{
    model_catalog(rig->model, &rig->event);
}

/* A show of its own for each zone, all of one event. */
static inline void rig_show(struct rig *rig, uint32_t zone, uint32_t segments)
{
    struct record record = {.kind = RECORD_SHOW};
    record.show.id = rig_id('s', zone);
    record.show.event_id = rig_id('e', 1);
    record.show.segment_count = segments;
    model_catalog(rig->model, &record);
}

static inline void rig_general(struct rig *rig, uint32_t zone, uint32_t total, uint32_t segments,
                               int64_t price_minor)
{
    rig_show(rig, zone, segments);
    struct record record = {.kind = RECORD_ZONE};
    record.zone.id = rig_id('z', zone);
    record.zone.show_id = rig_id('s', zone);
    record.zone.event_id = rig_id('e', 1);
    record.zone.kind = ZONE_GENERAL;
    record.zone.total_seats = total;
    record.zone.price_minor = price_minor;
    model_catalog(rig->model, &record);
}

/* A seated zone drawn as text: a digit is a seat of that rank, 'a' an accessible one,
 * 'c' a companion's, ' ' an aisle, '/' ends a row. */
static inline void rig_seated(struct rig *rig, uint32_t zone, const char *drawing,
                              uint32_t segments)
{
    struct seat_plan_builder *builder = seat_plan_builder_new();
    char label[2] = "A", number = 'a';
    bool gap = false;
    seat_plan_add_row(builder, label, 1);
    uint32_t seats = 0;
    for (const char *c = drawing; *c; c++) {
        if (*c == '/') {
            label[0]++;
            number = 'a';
            seat_plan_add_row(builder, label, 1);
        } else if (*c == ' ') {
            gap = true;
        } else {
            uint8_t flags = *c == 'a' ? SEAT_ACCESSIBLE : *c == 'c' ? SEAT_COMPANION : 0;
            seat_plan_add_seat(builder, &number, 1, flags ? 0 : (uint32_t)(*c - '0'), flags, gap);
            number++;
            seats++;
            gap = false;
        }
    }
    size_t length;
    enum seat_plan_error error;
    uint8_t *bytes = seat_plan_encode(builder, &length, &error);
    assert_non_null(bytes);
    rig_show(rig, zone, segments);
    struct record record = {.kind = RECORD_ZONE};
    record.zone.id = rig_id('z', zone);
    record.zone.show_id = rig_id('s', zone);
    record.zone.event_id = rig_id('e', 1);
    record.zone.kind = ZONE_SEATED;
    record.zone.total_seats = seats;
    record.zone.price_minor = 500;
    record.zone.plan_bytes = bytes;
    record.zone.plan_length = (uint32_t)length;
    model_catalog(rig->model, &record);
    free(bytes);
    seat_plan_builder_free(builder);
}

static inline int rig_setup(void **state)
{
    struct rig *rig = calloc(1, sizeof *rig);
    const struct model_options options = {RIG_TTL_MS, RIG_CEILING_MS, RIG_ORDER_MAX, RIG_DAY_MS};
    rig->model = model_new(&options);
    rig->now_ms = RIG_NOW_MS;
    rig->event.kind = RECORD_EVENT;
    rig->event.event.id = rig_id('e', 1);
    rig->event.event.organizer_id = rig_id('u', RIG_ORGANIZER);
    rig->event.event.status = EVENT_PUBLISHED;
    rig->event.event.max_per_user = 8;
    rig_event(rig);
    *state = rig;
    return 0;
}

static inline int rig_teardown(void **state)
{
    struct rig *rig = *state;
    model_check(rig->model);
    model_free(rig->model);
    free(rig);
    return 0;
}

/* Begins a command of a user, to be filled in and run. */
static inline struct command *rig_command(struct rig *rig, enum command_kind kind, uint32_t user)
{
    memset(&rig->command, 0, sizeof rig->command);
    rig->command.kind = kind;
    rig->command.actor.id = rig_id('u', user);
    rig->command.actor.role = user == RIG_ORGANIZER ? ROLE_ORGANIZER : ROLE_USER;
    return &rig->command;
}

static inline enum result rig_run(struct rig *rig)
{
    struct uuid id = rig_id('b', rig->made + 1);
    enum result result = model_decide(rig->model, &rig->command, &id, rig->now_ms, &rig->answer);
    rig->made += result == RESULT_OK && !rig->answer.replayed;
    return result;
}

static inline void rig_seats(struct command *command, uint32_t count, const uint32_t *seats)
{
    command->seat_count = count;
    memcpy(command->seats, seats, count * sizeof *seats);
}

/* Named seats of a command: RIG_SEATS(command, 1, 2, 3). */
#define RIG_SEATS(command, ...)                                                                    \
    rig_seats(command, sizeof((uint32_t[]){__VA_ARGS__}) / sizeof(uint32_t),                       \
              (uint32_t[]){__VA_ARGS__})

static inline struct command *rig_reserve(struct rig *rig, uint32_t user, uint32_t zone,
                                          uint32_t quantity)
{
    struct command *command = rig_command(rig, COMMAND_RESERVE, user);
    command->reserve.zone_id = rig_id('z', zone);
    command->reserve.quantity = quantity;
    return command;
}

/* The number of the booking that is made. */
static inline uint32_t rig_reserved(struct rig *rig, uint32_t user, uint32_t zone,
                                    uint32_t quantity)
{
    rig_reserve(rig, user, zone, quantity);
    assert_int_equal(rig_run(rig), RESULT_OK);
    return rig->made;
}

static inline struct command *rig_way(struct command *command, uint32_t from, uint32_t to)
{
    command->reserve.from_segment = (uint16_t)from;
    command->reserve.to_segment = (uint16_t)to;
    return command;
}

static inline struct command *rig_on(struct rig *rig, enum command_kind kind, uint32_t user,
                                     uint32_t booking)
{
    struct command *command = rig_command(rig, kind, user);
    command->booking.booking_id = rig_id('b', booking);
    return command;
}

/* A whole command on a booking. */
static inline enum result rig_do(struct rig *rig, enum command_kind kind, uint32_t user,
                                 uint32_t booking)
{
    rig_on(rig, kind, user, booking);
    return rig_run(rig);
}

static inline struct command *rig_change_zone(struct rig *rig, enum command_kind kind,
                                              uint32_t zone)
{
    struct command *command = rig_command(rig, kind, RIG_ORGANIZER);
    command->zone_change.zone_id = rig_id('z', zone);
    return command;
}

/* A block of a general zone, or of seats. Returns its number; 0: refused. key 0: a house hold. */
static inline uint32_t rig_block(struct rig *rig, uint32_t zone, uint8_t key, uint32_t quantity,
                                 const uint32_t *seats, uint64_t expires_ms)
{
    struct block_facts draft = {.kind = key ? BLOCK_ALLOTMENT : BLOCK_HOUSE_HOLD,
                                .quantity = quantity,
                                .expires_ms = expires_ms,
                                .key_digest = {key},
                                .seat_count = seats ? quantity : 0,
                                .seats = seats};
    rig_change_zone(rig, COMMAND_BLOCK_CREATE, zone)->zone_change.block = &draft;
    return rig_run(rig) == RESULT_OK ? rig->made : 0;
}

static inline uint32_t rig_tickets(const struct rig *rig, uint32_t user)
{
    struct uuid user_id = rig_id('u', user), event_id = rig_id('e', 1);
    return model_user_tickets(rig->model, &user_id, &event_id);
}

static inline uint32_t rig_left(const struct rig *rig, uint32_t zone, uint32_t from, uint32_t to)
{
    struct uuid id = rig_id('z', zone);
    return model_zone_left(rig->model, &id, from, to);
}

static inline struct booking_facts rig_booking(const struct rig *rig, uint32_t booking)
{
    struct uuid id = rig_id('b', booking);
    const struct booking_facts *facts = model_booking(rig->model, &id, rig->now_ms);
    assert_non_null(facts);
    return *facts;
}

/* The seats of the last answer are just these. */
static inline void rig_expect(const struct rig *rig, uint32_t count, const uint32_t *seats)
{
    assert_int_equal(rig->answer.seat_count, count);
    for (uint32_t i = 0; i < count; i++)
        assert_int_equal(rig->answer.seats[i], seats[i]);
}

#define RIG_EXPECT(rig, ...)                                                                       \
    rig_expect(rig, sizeof((uint32_t[]){__VA_ARGS__}) / sizeof(uint32_t), (uint32_t[]){__VA_ARGS__})

#define RIG_TEST(name) cmocka_unit_test_setup_teardown(name, rig_setup, rig_teardown)

#endif
