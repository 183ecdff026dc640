/* An audit recounts a shard from its bookings and blocks: each count, map and hash that
 * is damaged by hand is found and named, and nothing else is. */
#include "inventory_rig.h"

#include "../../engine/hash.h"
#include "../../engine/seat_map_state.h"
#include "../../engine/shard_state.h"

static struct rig rig;
static struct uuid reserved, sold, seated, other;

/* Bookings of each kind in a general and a seated zone, a block drawn from, a drain. */
static int setup(void **state)
{
    static const uint32_t seats[] = {20, 21};
    (void)state;
    inventory_open(&rig, true);
    assert_int_equal(inventory_block(&rig, GENERAL, 0, 1, 5, NULL, 0), RESULT_OK);
    assert_int_equal(inventory_block(&rig, SEATED, 1, 0, 2, seats, 0), RESULT_OK);
    reserved = inventory_hold(&rig, 1, GENERAL, 2);
    sold = inventory_hold(&rig, 2, GENERAL, 3);
    assert_int_equal(inventory_ask(&rig, on_booking(COMMAND_CONFIRM, 2, &sold)), RESULT_OK);
    assert_int_equal(inventory_ask(&rig, with_key(inventory_reserve(3, GENERAL, 2), 1)), RESULT_OK);
    seated = inventory_hold_seats(&rig, 1, SEATED, 0, 2);
    other = inventory_hold_seats(&rig, 2, SEATED, 4, 2);
    assert_int_equal(inventory_ask(&rig, on_booking(COMMAND_CONFIRM, 2, &other)), RESULT_OK);
    shard_zone_hash(rig.shards[0]); /* brings the zones' part of the hash up to date */
    return 0;
}

static int teardown(void **state)
{
    (void)state;
    rig_close(&rig);
    return 0;
}

/* --- helpers --- */

static struct shard *shard(void)
{
    return rig.shards[0];
}

static struct zone *zone_of(uint64_t number)
{
    struct uuid id = rig_zone_id(number);
    return shard_zone_at(shard(), hash_index_find(&shard()->zone_by_id, hash_uuid(&id), &id));
}

static struct inquiry_audit audit(void)
{
    static struct inquiry inquiry;
    inquiry = (struct inquiry){.kind = INQUIRY_AUDIT};
    shard_inquire(shard(), &inquiry);
    return inquiry.audit;
}

static void assert_found(const char *what)
{
    struct inquiry_audit found = audit();
    assert_true(found.violations > 0);
    if (!strstr(found.first_violation, what))
        fail_msg("%s instead of %s", found.first_violation, what);
}

static void assert_clean(void)
{
    struct inquiry_audit found = audit();
    if (found.violations > 0)
        fail_msg("%s", found.first_violation);
}

/* Damages one number by one, looks, and puts it right. */
#define FIND_DAMAGE(number, what)                                                                  \
    do {                                                                                           \
        (number)++;                                                                                \
        assert_found(what);                                                                        \
        (number)--;                                                                                \
        assert_clean();                                                                            \
    } while (0)

/* --- tests --- */

/* What a zone and its segments count. */
static void test_counts(void **state)
{
    struct zone *zone = zone_of(GENERAL);
    (void)state;
    assert_clean();
    FIND_DAMAGE(zone->reserved, "zone counters differ");
    FIND_DAMAGE(zone->sold, "zone counters differ");
    FIND_DAMAGE(zone->segments[0].reserved, "segment counts differ");
    FIND_DAMAGE(zone->segments[0].sold, "segment counts differ");
    FIND_DAMAGE(zone->segments[0].blocked, "segment counts differ");
}

/* More than a zone has, and a drain that holds more than is used. */
static void test_totals(void **state)
{
    struct zone *zone = zone_of(GENERAL);
    uint32_t total = zone->total;
    (void)state;
    zone->total = zone->target = 1;
    assert_found("zone oversold");
    zone->total = zone->target = total;
    zone->target--;
    assert_found("a drain holds more than is used");
    zone->target++;
    assert_clean();
}

/* A seat map that shows another state than the bookings, or counts another number free. */
static void test_seat_map(void **state)
{
    static const uint32_t free_seat[] = {30}, taken[] = {0};
    struct seat_map *map = zone_of(SEATED)->map;
    (void)state;
    seat_map_reserve(map, free_seat, 1, 0, 1);
    assert_found("seat map differs");
    seat_map_return(map, free_seat, 1, 0, 1);
    assert_clean();
    seat_map_return(map, taken, 1, 0, 1);
    assert_found("seat map differs");
    seat_map_reserve(map, taken, 1, 0, 1);
    FIND_DAMAGE(map->free_count, "free seats differ");
}

/* What a block counts as drawn. */
static void test_drawn(void **state)
{
    struct block *block = block_at(&shard()->blocks, 0);
    (void)state;
    FIND_DAMAGE(block->drawn[0], "what is drawn from a block differs");
}

static void set_seats(const struct uuid *booking, uint32_t first, uint32_t count)
{
    uint32_t slot = booking_find(&shard()->bookings, booking);
    const struct booking *before = booking_at(&shard()->bookings, slot);
    struct record_changed changed = {
        .user_id = *booking_user_id(&shard()->bookings, before),
        .cause = CAUSE_EXCHANGED,
        .status = (enum booking_status)before->status,
        .unit_price_minor = before->unit_price_minor,
        .quantity = before->quantity,
        .ttl_ms = before->ttl_ms,
        .seat_count = count,
    };
    for (uint32_t i = 0; i < count; i++)
        changed.seats[i] = first + i;
    booking_change(&shard()->bookings, slot, &changed, RIG_START_MS);
}

/* Two bookings of one seat, and a seat that the plan does not have. */
static void test_seats_of_bookings(void **state)
{
    (void)state;
    set_seats(&seated, 4, 2); /* the other's */
    assert_found("seat sold twice");
    set_seats(&seated, PLACES, 2);
    assert_found("seat sold twice, by booking");
    set_seats(&seated, 0, 2);
    assert_clean();
}

/* A booking of a seated zone that has lost its seats. */
static void test_booking_without_seats(void **state)
{
    struct booking *booking =
        booking_at(&shard()->bookings, booking_find(&shard()->bookings, &seated));
    uint32_t extra = booking->extra;
    (void)state;
    booking->extra = 0;
    assert_found("booking with another number of seats than places");
    booking->extra = extra;
    assert_clean();
}

/* The hash that replaying must reproduce, in each of its parts. */
static void test_hashes(void **state)
{
    (void)state;
    FIND_DAMAGE(shard()->bookings.state_hash, "hash differs");
    FIND_DAMAGE(shard()->blocks.state_hash, "hash differs");
    FIND_DAMAGE(shard()->zones_hash, "hash differs");
    FIND_DAMAGE(zone_of(GENERAL)->state_hash, "hash differs");
}

/* The first of many is the one that is named; all are counted, the hash among them. */
static void test_all_are_counted(void **state)
{
    (void)state;
    zone_of(GENERAL)->reserved++;
    zone_of(SEATED)->sold++;
    zone_of(SEATED)->segments[0].blocked++;
    struct inquiry_audit found = audit();
    assert_int_equal(found.violations, 4);
    assert_non_null(strstr(found.first_violation, "zone counters differ"));
}

#define CASE(test) cmocka_unit_test_setup_teardown(test, setup, teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        CASE(test_counts),
        CASE(test_totals),
        CASE(test_seat_map),
        CASE(test_drawn),
        CASE(test_seats_of_bookings),
        CASE(test_booking_without_seats),
        CASE(test_hashes),
        CASE(test_all_are_counted),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
