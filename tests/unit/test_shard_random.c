/* Random commands of every kind on zones of every kind: after each, a recount from
 * nothing agrees with every count, seat map and hash; and the log replays to the
 * same state, whatever was in it. */
#include "inventory_rig.h"

enum { USERS = 6, REMEMBERED = 64 };

struct world {
    struct rig rig;
    struct uuid bookings[REMEMBERED];
    uint64_t owners[REMEMBERED];
    uint64_t made;
    uint64_t blocks, orders;
    uint32_t accepted[COMMAND_KIND_COUNT];
    uint32_t results[RESULT_COUNT];
    struct block_facts draft;
    uint32_t seats[20000]; /* of all blocks: the log points to them */
    uint32_t seat_count;
};

static uint32_t pick(struct world *world, uint32_t below)
{
    return (uint32_t)(rig_random(&world->rig) % below);
}

static void some_seats(struct world *world, struct command *command, uint32_t count)
{
    uint32_t seat = pick(world, PLACES);

    command->seat_count = 0;
    while (command->seat_count < count && seat < PLACES) {
        command->seats[command->seat_count++] = seat;
        seat += pick(world, 4) == 0 ? 2 : 1;
    }
}

/* A part of an order of its own; of an exchange, the old booking or the new one. */
static struct order_part some_order(struct world *world, bool exchange, uint8_t item)
{
    return (struct order_part){
        .id = rig_id(6, world->orders++), .item = item, .count = exchange ? 0 : 2};
}

static struct command random_reserve(struct world *world)
{
    uint64_t zone = pick(world, INVENTORY_ZONES);
    struct command command = rig_reserve(pick(world, USERS), zone, 1 + pick(world, 5), 0);

    if (zone >= SEATED && pick(world, 2) == 0) {
        some_seats(world, &command, command.reserve.quantity);
        command.reserve.quantity = command.seat_count;
    }
    if ((zone == GENERAL_TRIP || zone == SEATED_TRIP) && pick(world, 4) != 0) {
        command.reserve.from_segment = (uint16_t)pick(world, TRIP_SEGMENTS);
        command.reserve.to_segment =
            (uint16_t)(command.reserve.from_segment + 1 +
                       pick(world, TRIP_SEGMENTS - command.reserve.from_segment));
    }
    command.reserve.allow_split = pick(world, 2) == 0;
    if (pick(world, 3) == 0)
        command.reserve.allotment_digest[0] = (uint8_t)(1 + pick(world, 2));
    if (pick(world, 4) == 0)
        command.reserve.order = some_order(world, pick(world, 2) == 0, 1);
    return command;
}

static struct command random_on_booking(struct world *world, enum command_kind kind)
{
    uint32_t which = pick(world, REMEMBERED);
    struct command command = on_booking(kind, world->owners[which], &world->bookings[which]);

    if (kind == COMMAND_REFUND) {
        command.actor = (struct actor){.id = rig_user_id(1000), .role = ROLE_ORGANIZER};
    } else if (kind == COMMAND_TRANSFER) {
        command.booking.user_id = rig_user_id(pick(world, USERS));
    } else if (kind == COMMAND_EXTEND) {
        command.booking.seconds = pick(world, 3000);
    } else if (kind == COMMAND_EXCHANGE) {
        command.booking.allow_split = pick(world, 2) == 0;
        if (pick(world, 2) == 0)
            some_seats(world, &command, 1 + pick(world, 3));
    } else if (kind == COMMAND_RELEASE || (kind == COMMAND_CONFIRM && pick(world, 2) == 0)) {
        command.booking.quantity = 1 + pick(world, 3);
    }
    if (kind == COMMAND_PIN || kind == COMMAND_POST || kind == COMMAND_VOID) {
        struct booking_facts facts = inventory_facts(&world->rig, &world->bookings[which]);
        /* Of an exchange the new booking is not pinned. */
        bool own = !uuid_is_nil(&facts.order.id) && pick(world, 4) != 0 &&
                   (kind != COMMAND_PIN || facts.order.count != 0);
        command.booking.order = own ? facts.order : some_order(world, true, 0);
        static const enum booking_status ends[] = {BOOKING_CONFIRMED, BOOKING_CANCELLED,
                                                   BOOKING_RESERVED};
        bool exchange = command.booking.order.count == 0 && command.booking.order.item == 1;
        command.booking.end = ends[exchange ? 2 * pick(world, 2) : pick(world, 2)];
        command.booking.ttl_ms = pick(world, 1000000);
    }
    return command;
}

static struct command random_on_zone(struct world *world, enum command_kind kind)
{
    struct command command = on_zone(kind, pick(world, INVENTORY_ZONES));

    command.zone_change.total = pick(world, 2 * PLACES);
    command.zone_change.drain = pick(world, 2) == 0;
    command.zone_change.closed = pick(world, 8) == 0;
    command.zone_change.block_id = rig_id(5, pick(world, (uint32_t)world->blocks + 1));
    if (kind != COMMAND_BLOCK_CREATE)
        return command;
    struct command seats;
    some_seats(world, &seats, 1 + pick(world, 6));
    struct uuid general = rig_zone_id(GENERAL), trip = rig_zone_id(GENERAL_TRIP);
    bool seated = !uuid_equal(&command.zone_change.zone_id, &general) &&
                  !uuid_equal(&command.zone_change.zone_id, &trip);
    uint32_t *kept = world->seats + world->seat_count;
    world->seat_count += seats.seat_count;
    assert_true(world->seat_count <= sizeof world->seats / sizeof world->seats[0]);
    memcpy(kept, seats.seats, seats.seat_count * sizeof seats.seats[0]);
    world->draft = (struct block_facts){
        .block_id = rig_id(5, world->blocks++),
        .kind = pick(world, 3) ? BLOCK_ALLOTMENT : BLOCK_HOUSE_HOLD,
        .quantity = 1 + pick(world, 8),
        .expires_ms = pick(world, 2) ? world->rig.now_ms + 1 + pick(world, 900000) : 0,
        .key_digest = {(uint8_t)(1 + pick(world, 2))},
        .seat_count = seated ? seats.seat_count : 0,
        .seats = seated ? kept : NULL};
    command.zone_change.block = &world->draft;
    return command;
}

static struct command random_command(struct world *world)
{
    static const enum command_kind on_bookings[] = {
        COMMAND_CONFIRM,  COMMAND_CANCEL, COMMAND_EXTEND, COMMAND_RELEASE, COMMAND_EXCHANGE,
        COMMAND_TRANSFER, COMMAND_REFUND, COMMAND_PIN,    COMMAND_POST,    COMMAND_VOID};
    static const enum command_kind on_zones[] = {COMMAND_BLOCK_CREATE, COMMAND_BLOCK_END,
                                                 COMMAND_CAPACITY, COMMAND_ZONE_SALE};
    uint32_t dice = pick(world, 100);

    if (dice < 45 || world->made < REMEMBERED)
        return random_reserve(world);
    if (dice < 90)
        return random_on_booking(world, on_bookings[pick(world, 10)]);
    return random_on_zone(world, on_zones[pick(world, 4)]);
}

static void step(struct world *world)
{
    struct command command = random_command(world);

    if (command.kind == COMMAND_RESERVE && command.reserve.quantity == 0)
        return;
    const struct decision *decision = inventory_do(&world->rig, &command);
    world->results[decision->result]++;
    if (decision->result == RESULT_OK && decision->record.kind != 0)
        world->accepted[command.kind]++;
    if (decision->result == RESULT_OK && command.kind == COMMAND_RESERVE) {
        uint32_t at = (uint32_t)(world->made++ % REMEMBERED);
        world->bookings[at] = command.reserve.booking_id;
        for (uint64_t user = 0; user < USERS; user++) {
            struct uuid id = rig_user_id(user);
            if (uuid_equal(&id, &command.actor.id))
                world->owners[at] = user;
        }
    }
    if (pick(world, 4) == 0)
        world->rig.now_ms += pick(world, 60000);
    inventory_expire(&world->rig);
}

static void run(uint64_t seed, uint32_t steps, struct world *world)
{
    memset(world, 0, sizeof *world);
    inventory_open(&world->rig, seed % 2 == 0);
    world->rig.seed = seed;
    for (uint32_t i = 0; i < steps; i++) {
        step(world);
        inventory_audit(&world->rig);
    }
    inventory_replay(&world->rig, seed % 2 == 0);
}

/* Whatever is asked in whatever order, every count is what a recount says. */
static void test_counts_agree_after_every_step(void **state)
{
    (void)state;
    static struct world world;
    uint32_t accepted[COMMAND_KIND_COUNT] = {0}, results[RESULT_COUNT] = {0};

    for (uint64_t seed = 1; seed <= 12; seed++) {
        run(seed, 1500, &world);
        for (int i = 0; i < COMMAND_KIND_COUNT; i++)
            accepted[i] += world.accepted[i];
        for (int i = 0; i < RESULT_COUNT; i++)
            results[i] += world.results[i];
        rig_close(&world.rig);
    }
    static const enum command_kind kinds[] = {
        COMMAND_RESERVE,  COMMAND_CONFIRM,   COMMAND_CANCEL,   COMMAND_EXTEND,
        COMMAND_RELEASE,  COMMAND_EXCHANGE,  COMMAND_TRANSFER, COMMAND_REFUND,
        COMMAND_PIN,      COMMAND_POST,      COMMAND_VOID,     COMMAND_BLOCK_CREATE,
        COMMAND_CAPACITY, COMMAND_BLOCK_END, COMMAND_ZONE_SALE};
    for (size_t i = 0; i < sizeof kinds / sizeof kinds[0]; i++)
        assert_in_range(accepted[kinds[i]], 5, UINT32_MAX);
    static const enum result refusals[] = {
        RESULT_SALE_CLOSED,         RESULT_INSUFFICIENT_STOCK, RESULT_INVALID_STATE,
        RESULT_RESERVATION_EXPIRED, RESULT_SEAT_UNAVAILABLE,   RESULT_SEATS_NOT_TOGETHER,
        RESULT_ORPHAN_SEAT,         RESULT_ALLOTMENT_UNKNOWN,  RESULT_HOLD_LIMIT_REACHED,
        RESULT_CAPACITY_BELOW_SOLD, RESULT_PART_OF_ORDER,      RESULT_KIND_UNSUPPORTED,
        RESULT_QUANTITY_INVALID};
    for (size_t i = 0; i < sizeof refusals / sizeof refusals[0]; i++)
        if (results[refusals[i]] == 0)
            fail_msg("never refused with %s", result_name(refusals[i]));
}

/* A log with a byte of a record changed is refused, or what it says is possible:
 * replaying never breaks an invariant. */
static void test_damaged_records_break_nothing(void **state)
{
    (void)state;
    static struct world world;
    static struct record damaged;
    uint32_t refused = 0, taken = 0;

    run(3, 800, &world);
    for (uint32_t round = 0; round < 400; round++) {
        struct rig again;
        size_t victim = pick(&world, (uint32_t)world.rig.log_count);
        inventory_open(&again, false);
        for (size_t n = 0; n <= victim; n++) {
            damaged = world.rig.log[n].record;
            if (n == victim) {
                uint8_t *bytes = (uint8_t *)&damaged.reserved;
                size_t end = damaged.kind == RECORD_BLOCK ? offsetof(struct record_block, reason)
                                                          : sizeof damaged.changed;
                bytes[pick(&world, (uint32_t)end)] ^= (uint8_t)(1 + pick(&world, 255));
            }
            enum shard_replay_result result = shard_replay(again.shards[0], &damaged);
            if (n < victim)
                assert_int_equal(result, SHARD_REPLAY_OK);
            else
                *(result == SHARD_REPLAY_OK ? &taken : &refused) += 1;
        }
        inventory_audit(&again);
        rig_close(&again);
    }
    /* Many bytes mean nothing to the kind they are in. */
    if (refused < 50 || taken < 50)
        fail_msg("%u refused, %u taken", refused, taken);
    rig_close(&world.rig);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_counts_agree_after_every_step),
        cmocka_unit_test(test_damaged_records_break_nothing),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
