/* Every table has a bound, and full is an answer: what finds no place is refused with
 * nothing held against it, and what is there already goes on. The bounds are lowered to
 * what is in use, since real ones are millions. */
#include "worker_case.h"

#include "../../engine/shard_state.h"

enum { HUGE = CATALOG_ZONE_SEATS_MAX };

static int setup(void **state)
{
    (void)state;
    sim = malloc(sizeof *sim);
    sim_open(sim, 1, 0);
    rig_event(&sim->rig, 0, UINT32_MAX);
    for (uint64_t zone = 0; zone < 3; zone++)
        rig_zone(&sim->rig, zone, 0, HUGE, 100);
    return 0;
}

/* --- helpers --- */

static struct shard *shard(void)
{
    return sim->rig.shards[0];
}

/* No slot of the table is left; what it could hold before. */
static uint32_t fill(struct slab *slab)
{
    uint32_t capacity = slab->capacity;
    assert_int_equal(slab->live, slab->used); /* none given back */
    slab->capacity = slab->used;
    return capacity;
}

static enum result ask(struct command command)
{
    return sim_ask(sim, 0, command).result;
}

static uint32_t tickets_of(uint64_t user)
{
    struct uuid id = rig_user_id(user);
    const struct quota_entry *entry = quota_find(&shard()->quotas, &id, 0);
    if (entry)
        assert_int_equal(entry->under_way, 0);
    return entry ? entry->tickets : 0;
}

static struct command order_of(uint64_t user, uint64_t key)
{
    struct command command = rig_command(COMMAND_ORDER_CREATE, user, key, 7);
    command.order_draft = calloc(1, sizeof *command.order_draft);
    command.order_draft->count = 2;
    for (uint32_t i = 0; i < 2; i++) {
        command.order_draft->items[i].reserve.zone_id = rig_zone_id(i);
        command.order_draft->items[i].reserve.quantity = 1;
    }
    return command;
}

/* --- keys --- */

/* No place for a key: what comes with one is refused and counts for nothing, what comes
 * without goes on. */
static void test_keys_full(void **state)
{
    (void)state;
    assert_int_equal(ask(rig_reserve(1, 0, 1, 1)), RESULT_OK);
    uint32_t capacity = fill(&shard()->keys.entries);
    assert_int_equal(ask(rig_reserve(1, 0, 1, 2)), RESULT_OVERLOADED);
    assert_int_equal(ask(order_of(1, 3)), RESULT_OVERLOADED);
    assert_int_equal(tickets_of(1), 1);
    assert_int_equal(ask(rig_reserve(1, 0, 1, 0)), RESULT_OK);
    assert_int_equal(ask(order_of(1, 0)), RESULT_OK);
    assert_int_equal(ask(rig_reserve(1, 0, 1, 1)), RESULT_OK); /* a repeat needs none */
    assert_int_equal(tickets_of(1), 4);
    shard()->keys.entries.capacity = capacity;
    assert_int_equal(ask(rig_reserve(1, 0, 1, 2)), RESULT_OK);
}

/* Fills the few buckets an index begins with until one has no room and none can be had. */
static uint64_t insert_until_refused(struct idempotency_table *keys)
{
    for (uint64_t hash = 1;; hash++) {
        struct request_key key = {hash << 32 | 1, 1};
        if (!idempotency_begin(keys, &key))
            return hash - 1;
    }
}

/* Keys that all fall into one bucket can use up its index before the table: that is
 * refused as well, and no slot is lost. */
static void test_keys_of_one_bucket(void **state)
{
    struct idempotency_table *keys = &shard()->keys;
    (void)state;
    keys->by_hash.overflow_used = keys->by_hash.bucket_max;
    uint64_t taken = insert_until_refused(keys);
    assert_in_range(taken, 12, 16 * 12);
    assert_int_equal(keys->entries.live, taken);
    assert_int_equal(keys->by_hash.count, taken);
    keys->by_hash.overflow_used = 1;
    struct request_key key = {(taken + 1) << 32 | 1, 1};
    assert_non_null(idempotency_begin(keys, &key));
}

/* --- counts of tickets --- */

/* No place for another user's count: a new user is refused, one who is counted goes on. */
static void test_counts_full(void **state)
{
    (void)state;
    assert_int_equal(ask(rig_reserve(1, 0, 1, 0)), RESULT_OK);
    uint32_t capacity = fill(&shard()->quotas.entries);
    assert_int_equal(ask(rig_reserve(2, 0, 1, 0)), RESULT_OVERLOADED);
    assert_int_equal(ask(order_of(2, 0)), RESULT_OVERLOADED);
    assert_int_equal(ask(rig_reserve(1, 0, 1, 0)), RESULT_OK);
    shard()->quotas.entries.capacity = capacity;
    assert_int_equal(ask(rig_reserve(2, 0, 1, 0)), RESULT_OK);
}

/* The index of counts may be full before the table: a user is refused then, and no slot
 * is lost. */
static void test_counts_of_one_bucket(void **state)
{
    struct quota_table *quotas = &shard()->quotas;
    uint32_t bucket_max = quotas->by_key.bucket_max;
    uint64_t user = 0;
    (void)state;
    quotas->by_key.overflow_used = bucket_max;
    quotas->by_key.bucket_max = quotas->by_key.bucket_count; /* it does not split */
    for (;; user++) {
        struct uuid id = rig_user_id(user);
        if (!quota_open(quotas, &id, 0))
            break;
    }
    assert_in_range(user, 12, 16 * 12);
    assert_int_equal(quotas->entries.live, user);
    assert_int_equal(quotas->by_key.count, user);
    quotas->by_key.bucket_max = bucket_max;
}

static struct record reserved(uint64_t user, uint64_t zone, uint32_t quantity)
{
    struct record record;
    struct uuid zone_id = rig_zone_id(zone);
    memset(&record, 0, sizeof record);
    record.kind = RECORD_RESERVED;
    record.sequence = 1;
    record.stamp_ms = RIG_START_MS;
    record.actor = (struct actor){rig_user_id(user), ROLE_USER};
    record.reserved = (struct record_reserved){
        .booking_id = uuid_v7(RIG_START_MS, partition_of(&zone_id), user << 8 | zone),
        .user_id = rig_user_id(user),
        .zone_id = zone_id,
        .quantity = quantity,
        .to_segment = 1,
        .unit_price_minor = 100,
        .ttl_ms = RIG_TTL_MS};
    return record;
}

/* A user's count cannot run over, whatever the event's limit is: not by reserving, not by
 * an exchange, not by a transfer, and a log that says so is refused. */
static void test_a_count_does_not_run_over(void **state)
{
    struct record first = reserved(1, 0, HUGE);
    struct record second = reserved(1, 1, QUOTA_TICKETS_MAX - HUGE - 2);
    struct record third = reserved(1, 2, 3);
    (void)state;
    assert_int_equal(rig_restore(&sim->rig, &first), SHARD_REPLAY_OK);
    assert_int_equal(rig_restore(&sim->rig, &second), SHARD_REPLAY_OK);
    assert_int_equal(ask(rig_reserve(1, 2, 3, 0)), RESULT_OVERLOADED);
    assert_int_equal(ask(rig_reserve(1, 2, 1, 0)), RESULT_OK);
    struct command exchange = rig_end(COMMAND_EXCHANGE_ZONE, 1, &second.reserved.booking_id, 0);
    exchange.booking.zone_id = rig_zone_id(2);
    assert_int_equal(ask(exchange), RESULT_OVERLOADED);
    struct answer other = sim_ask(sim, 0, rig_reserve(2, 2, 2, 0));
    assert_int_equal(other.result, RESULT_OK);
    struct command transfer = rig_end(COMMAND_TRANSFER, 2, &other.booking.booking_id, 0);
    transfer.booking.user_id = rig_user_id(1);
    assert_int_equal(ask(transfer), RESULT_OVERLOADED);
    assert_int_equal(tickets_of(1), QUOTA_TICKETS_MAX - 1);
    assert_int_equal(tickets_of(2), 2);
    assert_int_equal(rig_restore(&sim->rig, &third), SHARD_REPLAY_BAD_STATE);
}

/* Of one user so many decisions may be under way at once; the next is refused, while others
 * go on. */
static void test_under_way_has_a_bound(void **state)
{
    struct uuid id = rig_user_id(1);
    (void)state;
    for (uint32_t i = 0; i < QUOTA_UNDER_WAY_MAX; i++)
        assert_true(shard_take_exchange(shard(), &id, 0, 1));
    assert_false(shard_take_exchange(shard(), &id, 0, 1));
    assert_int_equal(ask(rig_reserve(1, 0, 1, 0)), RESULT_OVERLOADED);
    assert_int_equal(ask(rig_reserve(2, 0, 1, 0)), RESULT_OK);
}

/* --- bookings, orders, blocks --- */

/* No place for another booking, or for another user's: a reserve is refused, a transfer to
 * somebody new too, and a log or a snapshot that goes on is out of memory. */
static void test_bookings_full(void **state)
{
    struct record record = reserved(5, 0, 1);
    (void)state;
    struct answer made = sim_ask(sim, 0, rig_reserve(1, 0, 1, 0));
    struct command transfer = rig_end(COMMAND_TRANSFER, 1, &made.booking.booking_id, 0);
    transfer.booking.user_id = rig_user_id(2);
    struct slab *const slabs[] = {&shard()->bookings.bookings, &shard()->bookings.users};
    for (size_t i = 0; i < 2; i++) {
        uint32_t capacity = fill(slabs[i]);
        assert_int_equal(ask(rig_reserve(2, 0, 1, 0)), RESULT_OVERLOADED);
        assert_int_equal(ask(transfer), RESULT_OVERLOADED);
        assert_int_equal(rig_restore(&sim->rig, &record), SHARD_REPLAY_OUT_OF_MEMORY);
        slabs[i]->capacity = capacity;
    }
    assert_int_equal(tickets_of(2), 0);
    assert_int_equal(ask(transfer), RESULT_OK);
    assert_int_equal(tickets_of(2), 1);
}

/* No place for the seats of another booking. */
static void test_seats_full(void **state)
{
    struct slab *chunks = &shard()->bookings.chunks;
    (void)state;
    uint32_t capacity = chunks->capacity;
    chunks->capacity = 0;
    assert_int_equal(ask(rig_reserve(2, 0, 1, 0)), RESULT_OVERLOADED);
    chunks->capacity = capacity;
    assert_int_equal(ask(rig_reserve(2, 0, 1, 0)), RESULT_OK);
}

/* No place for another order: what its items had taken meanwhile is given back. */
static void test_orders_full(void **state)
{
    (void)state;
    assert_int_equal(ask(order_of(1, 0)), RESULT_OK);
    uint32_t capacity = fill(&shard()->orders.orders);
    assert_int_equal(ask(order_of(2, 4)), RESULT_OVERLOADED);
    sim_turns(sim, 5);
    assert_int_equal(tickets_of(2), 0);
    assert_int_equal(rig_counts(&sim->rig, 0).reserved, 1);
    shard()->orders.orders.capacity = capacity;
    assert_int_equal(ask(order_of(2, 4)), RESULT_OK);
}

/* A log with one order more than there is a place for cannot be right. */
static void test_orders_full_at_start(void **state)
{
    struct record record = reserved(1, 0, 1);
    (void)state;
    record.reserved.order = (struct order_part){rig_id(6, 1), 0, 2};
    uint32_t capacity = fill(&shard()->orders.orders);
    assert_int_not_equal(rig_restore(&sim->rig, &record), SHARD_REPLAY_OK);
    shard()->orders.orders.capacity = capacity;
}

static struct command block_of(uint64_t zone)
{
    struct command command = rig_command(COMMAND_BLOCK_CREATE, 9, 0, 0);
    command.actor.role = ROLE_ADMIN;
    command.zone_change.zone_id = rig_zone_id(zone);
    command.zone_change.block = calloc(1, sizeof *command.zone_change.block);
    command.zone_change.block->zone_id = command.zone_change.zone_id;
    command.zone_change.block->quantity = 1;
    return command;
}

/* No place for another block. */
static void test_blocks_full(void **state)
{
    struct record record = {.kind = RECORD_BLOCK, .sequence = 2, .stamp_ms = RIG_START_MS};
    (void)state;
    assert_int_equal(ask(block_of(0)), RESULT_OK);
    uint32_t capacity = fill(&shard()->blocks.blocks);
    assert_int_equal(ask(block_of(0)), RESULT_OVERLOADED);
    record.block = (struct record_block){
        .block_id = rig_id(5, 1), .zone_id = rig_zone_id(0), .cause = CAUSE_CREATED, .quantity = 1};
    assert_int_equal(rig_restore(&sim->rig, &record), SHARD_REPLAY_OUT_OF_MEMORY);
    shard()->blocks.blocks.capacity = capacity;
    assert_int_equal(ask(block_of(0)), RESULT_OK);
}

/* --- rates --- */

/* While there is no place to watch another user, users who are not watched wait. */
static void test_rates_full(void **state)
{
    struct rate_limit_table rates;
    struct uuid first = rig_user_id(1), second = rig_user_id(2);
    (void)state;
    assert_true(rate_limit_table_init(&rates, 60, 3));
    assert_int_equal(rate_limit_take(&rates, &first, RIG_START_MS), 0);
    uint32_t capacity = fill(&rates.entries);
    assert_int_equal(rate_limit_take(&rates, &second, RIG_START_MS), RIG_START_MS + 1000);
    assert_int_equal(rate_limit_take(&rates, &first, RIG_START_MS), 0);
    rates.entries.capacity = capacity;
    assert_int_equal(rate_limit_take(&rates, &second, RIG_START_MS), 0);
    rate_limit_table_release(&rates);
}

/* --- slabs --- */

/* A slab gives each index once, none beyond its bound, and those given back again, zeroed. */
static void test_slab(void **state)
{
    struct slab slab;
    (void)state;
    assert_true(slab_init(&slab, 16, 2));
    uint32_t first = slab_take(&slab), second = slab_take(&slab);
    assert_int_not_equal(first, second);
    assert_int_equal(slab_take(&slab), SLAB_NONE);
    memset(slab_at(&slab, first), 0xAA, 16);
    slab_give(&slab, first);
    assert_int_equal(slab.live, 1);
    assert_int_equal(slab_take(&slab), first);
    static const char zeros[16];
    assert_memory_equal(slab_at(&slab, first), zeros, sizeof zeros);
    assert_int_equal(slab_take(&slab), SLAB_NONE);
    slab_release(&slab);
}

/* --- the catalog --- */

static struct command create(enum command_kind kind)
{
    struct command command = rig_command(kind, 9, 0, 0);
    command.actor.role = ROLE_ADMIN;
    return command;
}

/* A full catalog of stations and routes refuses the next, and holds on to what it has. */
static void test_places_full(void **state)
{
    struct record record;
    struct uuid way[2];
    char code[16] = "";
    (void)state;
    struct catalog_station station = {.code = {code, 0}};
    for (uint32_t n = 0; n < CATALOG_STATIONS_MAX; n++) {
        station.id = rig_id(9, n);
        station.code.length = (uint32_t)snprintf(code, sizeof code, "s%u", n);
        assert_true(shard_put_station(shard(), catalog_station_new(&station)));
    }
    struct command command = create(COMMAND_STATION_CREATE);
    command.station = &station;
    assert_int_equal(shard_decide_catalog(shard(), &command, RIG_START_MS, &record),
                     RESULT_CONFLICT);
    station.id = rig_id(9, CATALOG_STATIONS_MAX);
    station.code.length = (uint32_t)snprintf(code, sizeof code, "late");
    assert_int_equal(shard_decide_catalog(shard(), &command, RIG_START_MS, &record),
                     RESULT_INVALID_STATE);
    struct catalog_station *late = catalog_station_new(&station);
    assert_false(shard_put_station(shard(), late));
    catalog_station_release(late);

    way[0] = rig_id(9, 0);
    way[1] = rig_id(9, 1);
    struct catalog_route route = {.stop_count = 2, .stations = way};
    for (uint32_t n = 0; n < CATALOG_ROUTES_MAX; n++) {
        route.id = rig_id(8, n);
        assert_true(shard_put_route(shard(), catalog_route_new(&route)));
    }
    command = create(COMMAND_ROUTE_CREATE);
    route.id = rig_id(8, CATALOG_ROUTES_MAX);
    command.route = &route;
    assert_int_equal(shard_decide_catalog(shard(), &command, RIG_START_MS, &record),
                     RESULT_INVALID_STATE);
    struct catalog_route *one_more = catalog_route_new(&route);
    assert_false(shard_put_route(shard(), one_more));
    catalog_route_release(one_more);
    assert_int_equal(catalog_station_count(shard_catalog(shard())), CATALOG_STATIONS_MAX);
    assert_int_equal(catalog_route_count(shard_catalog(shard())), CATALOG_ROUTES_MAX);
}

static bool put_show(struct catalog_show *draft, uint64_t number)
{
    draft->id = rig_id(7, number);
    struct catalog_show *show = catalog_show_new(draft);
    bool placed = shard_put_show(shard(), show);
    if (!placed)
        catalog_show_release(show);
    return placed;
}

/* The same of shows and of events: decided and put, both say that it is full. */
static void test_shows_and_events_full(void **state)
{
    struct record record;
    struct catalog_show draft = {.event_id = rig_event_id(0), .segment_count = 1};
    char slug[16];
    uint64_t put = 0;
    (void)state;
    while (put_show(&draft, put))
        put++;
    assert_int_equal(put, CATALOG_SHOWS_MAX - 1); /* one is the rig's */
    struct command command = create(COMMAND_SHOW_CREATE);
    command.show = &draft;
    assert_int_equal(shard_decide_catalog(shard(), &command, RIG_START_MS, &record),
                     RESULT_INVALID_STATE);
    struct catalog_event event = {.slug = {slug, 0}};
    for (put = 0;; put++) {
        event.id = rig_id(10, put);
        event.slug.length = (uint32_t)snprintf(slug, sizeof slug, "n%llu", (unsigned long long)put);
        struct catalog_event *made = catalog_event_new(&event);
        if (!shard_put_event(shard(), made)) {
            catalog_event_release(made);
            break;
        }
    }
    assert_int_equal(put, CATALOG_EVENTS_MAX - 1);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        CASE(test_keys_full),
        CASE(test_keys_of_one_bucket),
        CASE(test_counts_full),
        CASE(test_counts_of_one_bucket),
        CASE(test_a_count_does_not_run_over),
        CASE(test_under_way_has_a_bound),
        CASE(test_bookings_full),
        CASE(test_seats_full),
        CASE(test_orders_full),
        CASE(test_orders_full_at_start),
        CASE(test_blocks_full),
        cmocka_unit_test(test_rates_full),
        cmocka_unit_test(test_slab),
        CASE(test_places_full),
        CASE(test_shows_and_events_full),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
