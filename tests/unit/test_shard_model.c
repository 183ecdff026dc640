#include "shard_rig.h"

/* Long random runs of a shard (or three) beside a second model that is only arrays and
 * linear scans: every answer is predicted, result and numbers, and every count recounted. */

enum {
    USERS = 60,
    EVENTS = 2,
    ZONES = 4,
    KEYS = 40,
    BOOKINGS_MAX = 200000,
    RUNS = 5,
    STEPS = 30000
};

struct model_booking {
    struct uuid id;
    uint64_t user, zone;
    uint32_t quantity;
    uint64_t deadline_ms;
    enum booking_status status;
};

/* The first final answer to a user's key. */
struct model_key {
    bool used;
    struct command command;
    struct answer answer;
    uint64_t accepted_ms;
};

struct model {
    uint32_t seats[ZONES];
    int64_t price[ZONES];
    uint64_t event[ZONES];
    uint32_t limit[EVENTS];
    struct model_booking *bookings;
    size_t booking_count, first_open; /* all before first_open have ended */
    struct model_key keys[USERS][KEYS];
};

static const struct model plan = {.seats = {150, 100, 12, 220},
                                  .price = {100, 200, 300, 400},
                                  .event = {0, 0, 1, 1},
                                  .limit = {6, 25}};

static uint32_t model_taken(const struct model *model, uint64_t zone)
{
    uint32_t taken = 0;
    for (size_t i = 0; i < model->booking_count; i++) {
        const struct model_booking *booking = &model->bookings[i];
        if (booking->zone == zone && booking->status <= BOOKING_CONFIRMED)
            taken += booking->quantity;
    }
    return taken;
}

static uint32_t model_held(const struct model *model, uint64_t user, uint64_t event)
{
    uint32_t held = 0;
    for (size_t i = 0; i < model->booking_count; i++) {
        const struct model_booking *booking = &model->bookings[i];
        if (booking->user == user && model->event[booking->zone] == event &&
            booking->status <= BOOKING_CONFIRMED)
            held += booking->quantity;
    }
    return held;
}

static enum result model_reserve(const struct model *model, uint64_t user, uint64_t zone,
                                 const struct command *command, struct refusal_detail *detail)
{
    uint32_t quantity = command->reserve.quantity;

    if (zone >= ZONES)
        return RESULT_NOT_FOUND;
    uint64_t event = model->event[zone];
    uint32_t held = model_held(model, user, event), taken = model_taken(model, zone);
    if (quantity == 0 || quantity > RIG_MAX_PER_ORDER)
        return RESULT_QUANTITY_INVALID;
    detail->held = held;
    detail->limit = model->limit[event];
    if (held + quantity > model->limit[event])
        return RESULT_MAX_PER_USER_EXCEEDED;
    detail->price_minor = model->price[zone];
    if (command->reserve.has_price && command->reserve.unit_price_minor != model->price[zone])
        return RESULT_PRICE_CHANGED;
    detail->available = model->seats[zone] - taken;
    if (quantity > detail->available)
        return RESULT_INSUFFICIENT_STOCK;
    return RESULT_OK;
}

static enum result model_end(const struct model_booking *booking, uint64_t user,
                             enum booking_status end)
{
    if (booking->user != user)
        return RESULT_NOT_FOUND;
    if (booking->status == end)
        return RESULT_OK;
    if (booking->status == BOOKING_EXPIRED)
        return RESULT_RESERVATION_EXPIRED;
    return booking->status == BOOKING_RESERVED ? RESULT_OK : RESULT_INVALID_STATE;
}

static bool is_final(enum result result)
{
    return result != RESULT_NOT_FOUND && result != RESULT_IDEMPOTENCY_KEY_REUSED;
}

static void assert_numbers(const struct answer *answer, const struct refusal_detail *expected)
{
    switch (answer->result) {
    case RESULT_MAX_PER_USER_EXCEEDED:
        assert_int_equal(answer->refusal.held, expected->held);
        assert_int_equal(answer->refusal.limit, expected->limit);
        break;
    case RESULT_PRICE_CHANGED:
        assert_int_equal(answer->refusal.price_minor, expected->price_minor);
        break;
    case RESULT_INSUFFICIENT_STOCK:
        assert_int_equal(answer->refusal.available, expected->available);
        break;
    default:
        break;
    }
}

/* A repeat is the first answer over again. True: this was a repeat (or a reuse). */
static bool check_repeat(const struct model_key *key, const struct command *command,
                         const struct answer *answer, uint64_t now_ms)
{
    if (!key || !key->used || now_ms >= key->accepted_ms / 1000 * 1000 + RIG_KEY_MS)
        return false;
    if (key->command.key.fingerprint != command->key.fingerprint) {
        assert_int_equal(answer->result, RESULT_IDEMPOTENCY_KEY_REUSED);
        return true;
    }
    assert_true(answer->replayed);
    assert_int_equal(answer->result, key->answer.result);
    if (answer->result == RESULT_OK) {
        assert_true(uuid_equal(&answer->booking.booking_id, &key->answer.booking.booking_id));
        assert_int_equal(answer->booking.status, key->answer.booking.status);
        assert_int_equal(answer->booking.remaining, key->answer.booking.remaining);
    } else {
        assert_numbers(answer, &key->answer.refusal);
    }
    return true;
}

static void remember(struct model_key *key, const struct command *command,
                     const struct answer *answer, uint64_t now_ms)
{
    if (key && is_final(answer->result))
        *key = (struct model_key){true, *command, *answer, now_ms};
}

static void step_reserve(struct rig *rig, struct model *model)
{
    uint64_t user = rig_random(rig) % USERS, zone = rig_random(rig) % (ZONES + 1);
    uint64_t draw = rig_random(rig), number = draw % 3 == 0 ? 1 + (draw >> 8) % (KEYS - 1) : 0;
    uint32_t quantity = draw >> 20 & 31 ? 1 + (uint32_t)(draw >> 32) % 4
                                        : (uint32_t)(draw >> 32) % (RIG_MAX_PER_ORDER + 3);
    struct command command = rig_reserve(user, zone, quantity, number);
    struct model_key *key = number ? &model->keys[user][number] : NULL;
    struct refusal_detail detail = {0};

    if ((draw >> 50) % 4 == 0) {
        command.reserve.has_price = true;
        command.reserve.unit_price_minor = (int64_t)(zone + 1) * 100 + ((draw >> 52) % 8 == 0);
    }
    enum result expected = model_reserve(model, user, zone, &command, &detail);
    struct answer answer = rig_ask(rig, command);
    if (check_repeat(key, &command, &answer, rig->now_ms))
        return;
    assert_int_equal(answer.result, expected);
    assert_false(answer.replayed);
    if (expected != RESULT_OK) {
        assert_numbers(&answer, &detail);
    } else {
        assert_true(model->booking_count < BOOKINGS_MAX);
        assert_int_equal(answer.booking.remaining, detail.available - quantity);
        assert_int_equal(answer.booking.unit_price_minor, model->price[zone]);
        model->bookings[model->booking_count++] = (struct model_booking){
            answer.booking.booking_id, user, zone, quantity, rig->now_ms + RIG_TTL_MS,
            BOOKING_RESERVED};
    }
    remember(key, &command, &answer, rig->now_ms);
}

static void step_end(struct rig *rig, struct model *model)
{
    if (model->booking_count == 0)
        return;
    uint64_t draw = rig_random(rig);
    size_t recent = model->booking_count < 100 ? model->booking_count : 100;
    struct model_booking *booking = &model->bookings[model->booking_count - 1 - draw % recent];
    bool confirm = (draw >> 20) % 48 == 0;
    enum booking_status end = confirm ? BOOKING_CONFIRMED : BOOKING_CANCELLED;
    uint64_t user = (draw >> 24) % 16 == 0 ? (draw >> 30) % USERS : booking->user;
    uint64_t number = (draw >> 40) % 3 == 0 ? 1 + (draw >> 44) % (KEYS - 1) : 0;
    struct command command =
        rig_end(confirm ? COMMAND_CONFIRM : COMMAND_CANCEL, user, &booking->id, number);
    struct model_key *key = number ? &model->keys[user][number] : NULL;

    enum result expected = model_end(booking, user, end);
    struct answer answer = rig_ask(rig, command);
    if (check_repeat(key, &command, &answer, rig->now_ms))
        return;
    assert_int_equal(answer.result, expected);
    if (expected == RESULT_OK) {
        booking->status = end;
        assert_int_equal(answer.booking.status, end);
    } else if (expected == RESULT_INVALID_STATE) {
        assert_int_equal(answer.refusal.status, booking->status);
    }
    remember(key, &command, &answer, rig->now_ms);
}

static void step_time(struct rig *rig, struct model *model)
{
    uint64_t draw = rig_random(rig);
    uint32_t due = 0;

    rig->now_ms += (draw >> 8) % 64 == 0 ? draw % (2 * RIG_TTL_MS) : draw % 20000;
    for (size_t i = model->first_open; i < model->booking_count; i++) {
        struct model_booking *booking = &model->bookings[i];
        if (booking->status == BOOKING_RESERVED && booking->deadline_ms <= rig->now_ms) {
            booking->status = BOOKING_EXPIRED;
            due++;
        }
    }
    assert_int_equal(rig_expire(rig), due);
    /* Ended and refunded bookings are scanned no more: keep the model's scans short. */
    while (model->first_open < model->booking_count &&
           model->bookings[model->first_open].status != BOOKING_RESERVED)
        model->first_open++;
}

/* Cancelled and expired bookings count for nothing: leave them out of later scans. */
static void compact(struct model *model)
{
    size_t kept = 0;
    for (size_t i = 0; i < model->booking_count; i++) {
        if (model->bookings[i].status <= BOOKING_CONFIRMED || i + 100 >= model->booking_count)
            model->bookings[kept++] = model->bookings[i];
    }
    model->booking_count = kept;
    model->first_open = 0;
}

static void recount(const struct rig *rig, const struct model *model)
{
    for (uint64_t zone = 0; zone < ZONES; zone++) {
        struct rig_counts counts = rig_counts(rig, zone);
        uint32_t sold = 0, reserved = 0;
        for (size_t i = 0; i < model->booking_count; i++) {
            const struct model_booking *booking = &model->bookings[i];
            if (booking->zone != zone)
                continue;
            sold += booking->status == BOOKING_CONFIRMED ? booking->quantity : 0;
            reserved += booking->status == BOOKING_RESERVED ? booking->quantity : 0;
        }
        assert_int_equal(counts.sold, sold);
        assert_int_equal(counts.reserved, reserved);
    }
    rig_audit(rig);
}

static void open_both(struct rig *rig, uint16_t shards)
{
    rig_open(rig, shards);
    for (uint64_t event = 0; event < EVENTS; event++)
        rig_event(rig, event, plan.limit[event]);
    for (uint64_t zone = 0; zone < ZONES; zone++)
        rig_zone(rig, zone, plan.event[zone], plan.seats[zone], plan.price[zone]);
}

static void run(uint16_t shards, uint64_t seed)
{
    static struct model model;
    struct rig rig, replayed;
    uint64_t confirmed = 0;

    open_both(&rig, shards);
    rig.seed = seed;
    model = plan;
    model.bookings = calloc(BOOKINGS_MAX, sizeof *model.bookings);
    for (int step = 0; step < STEPS; step++) {
        uint64_t draw = rig_random(&rig) % 100;
        if (draw < 50)
            step_reserve(&rig, &model);
        else if (draw < 90)
            step_end(&rig, &model);
        else
            step_time(&rig, &model);
        if (step % 1000 == 999) {
            recount(&rig, &model);
            compact(&model);
        }
    }
    for (size_t i = 0; i < model.booking_count; i++)
        confirmed += model.bookings[i].status == BOOKING_CONFIRMED;
    assert_true(confirmed > 10); /* the run went somewhere */
    assert_true(rig.log_count > STEPS / 8);

    /* I13: the log replayed into empty shards gives the same state. */
    open_both(&replayed, shards);
    rig_replay(&rig, &replayed);
    for (uint16_t i = 0; i < shards; i++)
        assert_int_equal(shard_state_hash(replayed.shards[i]), shard_state_hash(rig.shards[i]));
    recount(&replayed, &model);
    rig_close(&replayed);
    rig_close(&rig);
    free(model.bookings);
}

/* 150,000 steps on one shard are as the model predicts, and replay to the same state.
 * Each run begins with empty zones, for sold out is a dull state. */
static void test_one_shard(void **state)
{
    (void)state;
    for (uint64_t seed = 0; seed < RUNS; seed++)
        run(1, 2024 + seed);
}

/* The same where users, zones and bookings are spread over three shards. */
static void test_three_shards(void **state)
{
    (void)state;
    for (uint64_t seed = 0; seed < RUNS; seed++)
        run(3, 4711 + seed);
}

/* A log that three shards wrote replays into two, and into one: the zones' counts are the
 * same wherever they live. */
static void test_replay_into_other_counts(void **state)
{
    (void)state;
    struct rig rig;

    open_both(&rig, 3);
    for (int n = 0; n < 3000; n++) {
        uint64_t user = rig_random(&rig) % 200;
        struct answer answer = rig_ask(&rig, rig_reserve(user, rig_random(&rig) % ZONES, 1, 0));
        uint64_t next = rig_random(&rig) % 8;
        if (answer.result == RESULT_OK && next < 4)
            rig_ask(&rig, rig_end(next == 0 ? COMMAND_CONFIRM : COMMAND_CANCEL, user,
                                  &answer.booking.booking_id, 0));
        rig.now_ms += 4000;
        rig_expire(&rig);
    }
    for (uint16_t shards = 1; shards <= RIG_SHARDS_MAX; shards++) {
        struct rig other;
        open_both(&other, shards);
        rig_replay(&rig, &other);
        for (uint64_t zone = 0; zone < ZONES; zone++) {
            struct rig_counts before = rig_counts(&rig, zone), after = rig_counts(&other, zone);
            assert_memory_equal(&before, &after, sizeof before);
        }
        rig_audit(&other);
        rig_close(&other);
    }
    rig_close(&rig);
}

/* Replay believes nothing: a record that cannot follow is named as what it is, and the
 * state stays as it was. */
static void test_replay_refuses_what_cannot_be(void **state)
{
    (void)state;
    struct rig rig;
    open_both(&rig, 1);
    struct shard *shard = rig.shards[0];
    struct uuid held = rig_ask(&rig, rig_reserve(1, 2, 1, 0)).booking.booking_id;
    struct uuid sold = rig_ask(&rig, rig_reserve(1, 2, 1, 0)).booking.booking_id;
    rig_ask(&rig, rig_end(COMMAND_CONFIRM, 1, &sold, 0));
    uint64_t hash = shard_state_hash(shard);
    const struct record reserved = rig.log[0].record, confirmed = rig.log[2].record;
    struct record record = reserved;

    assert_int_equal(shard_replay(shard, &record), SHARD_REPLAY_DUPLICATE_BOOKING);
    record.reserved.booking_id = uuid_v7(record.stamp_ms, 1, 99);
    record.reserved.quantity = plan.seats[2] - 1; /* two are taken */
    assert_int_equal(shard_replay(shard, &record), SHARD_REPLAY_OVERSOLD);
    record.reserved.quantity = 0;
    assert_int_equal(shard_replay(shard, &record), SHARD_REPLAY_BAD_STATE);
    record.reserved.quantity = 1;
    record.reserved.to_segment = 2;
    assert_int_equal(shard_replay(shard, &record), SHARD_REPLAY_BAD_STATE);
    record = reserved;
    record.reserved.zone_id = rig_zone_id(99);
    assert_int_equal(shard_replay(shard, &record), SHARD_REPLAY_UNKNOWN_ZONE);

    record = confirmed;
    assert_int_equal(shard_replay(shard, &record), SHARD_REPLAY_BAD_STATE);
    record.settled.booking_id = uuid_v7(record.stamp_ms, 1, 99);
    assert_int_equal(shard_replay(shard, &record), SHARD_REPLAY_UNKNOWN_BOOKING);
    record.settled.booking_id = held;
    record.settled.quantity++;
    assert_int_equal(shard_replay(shard, &record), SHARD_REPLAY_BAD_STATE);
    record.settled.quantity--;
    record.settled.user_id = rig_user_id(2);
    assert_int_equal(shard_replay(shard, &record), SHARD_REPLAY_BAD_STATE);
    record.settled.user_id = rig_user_id(1);
    record.stamp_ms += RIG_TTL_MS;
    assert_int_equal(shard_replay(shard, &record), SHARD_REPLAY_BAD_STATE);
    record = (struct record){.kind = RECORD_EXPIRED, .stamp_ms = rig.now_ms + RIG_TTL_MS - 1};
    record.expired.zone_id = rig_zone_id(2);
    assert_int_equal(shard_replay(shard, &record), SHARD_REPLAY_BAD_STATE);
    record.expired.count = RECORD_EXPIRED_MAX + 1;
    assert_int_equal(shard_replay(shard, &record), SHARD_REPLAY_BAD_STATE);
    record.expired.count = 1;
    record.expired.items[0] = (struct record_expired_item){held, rig_user_id(1), 1};
    assert_int_equal(shard_replay(shard, &record), SHARD_REPLAY_BAD_STATE);
    assert_int_equal(shard_state_hash(shard), hash);
    record.stamp_ms++;
    assert_int_equal(shard_replay(shard, &record), SHARD_REPLAY_OK);
    assert_int_equal(rig_counts(&rig, 2).available, plan.seats[2] - 1);
    rig_close(&rig);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_one_shard),
        cmocka_unit_test(test_three_shards),
        cmocka_unit_test(test_replay_into_other_counts),
        cmocka_unit_test(test_replay_refuses_what_cannot_be),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
