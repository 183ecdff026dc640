#include <malloc.h>
#include <stdio.h>

#include "shard_rig.h"

/* Who may change what is on sale, and how a user's bookings are listed. */

static const struct actor organizer = {.role = ROLE_ORGANIZER, .id = {{1}}};
static const struct actor other_organizer = {.role = ROLE_ORGANIZER, .id = {{2}}};
static const struct actor admin = {.role = ROLE_ADMIN, .id = {{3}}};
static const struct actor user = {.role = ROLE_USER, .id = {{1}}};

static int setup(void **state)
{
    struct rig *rig = malloc(sizeof *rig);
    rig_open(rig, 1);
    *state = rig;
    return 0;
}

static int teardown(void **state)
{
    rig_close(*state);
    free(*state);
    return 0;
}

static enum result decide(struct rig *rig, struct command command, struct record *record)
{
    memset(record, 0, sizeof *record);
    return shard_decide_catalog(rig->shards[0], &command, rig->now_ms, record);
}

static struct command create_event(const struct actor *actor, struct catalog_event *draft)
{
    return (struct command){.kind = COMMAND_EVENT_CREATE, .actor = *actor, .event = draft};
}

static struct command change_status(const struct actor *actor, enum event_status status)
{
    return (struct command){.kind = COMMAND_EVENT_STATUS,
                            .actor = *actor,
                            .event_status = {rig_event_id(0), status, false}};
}

/* Event 0 as the organizer made it. */
static void given_event(struct rig *rig, enum event_status status)
{
    struct catalog_event draft = {.id = rig_event_id(0),
                                  .organizer_id = organizer.id,
                                  .status = status,
                                  .max_per_user = 4,
                                  .slug = {"evening", 7}};
    rig_put_event(rig, &draft);
}

/* Organizers and admins make events, users do not; the maker owns it. */
static void test_who_makes_events(void **state)
{
    struct rig *rig = *state;
    struct catalog_event draft = {.id = rig_event_id(0), .slug = {"evening", 7}};
    struct record record;

    assert_int_equal(decide(rig, create_event(&user, &draft), &record), RESULT_FORBIDDEN);
    assert_int_equal(record.kind, 0);
    assert_int_equal(decide(rig, create_event(&admin, &draft), &record), RESULT_OK);
    assert_int_equal(decide(rig, create_event(&organizer, &draft), &record), RESULT_OK);
    assert_int_equal(record.kind, RECORD_EVENT);
    assert_true(uuid_equal(&record.event.organizer_id, &organizer.id));
    assert_int_equal(record.event.created_ms, rig->now_ms);
    assert_int_equal(record.event.updated_ms, rig->now_ms);
}

/* The catalog has a bound, and full is an answer: what is decided finds room. */
static void test_a_full_catalog(void **state)
{
    struct rig *rig = *state;
    struct record record;
    char slug[24] = "";
    for (uint32_t n = 0; n < CATALOG_EVENTS_MAX; n++) {
        struct catalog_event draft = {.id = rig_event_id(n)};
        draft.slug = (struct text){slug, (uint32_t)snprintf(slug, sizeof slug, "evening-%u", n)};
        if (n == 0 || n + 1 == CATALOG_EVENTS_MAX)
            assert_int_equal(decide(rig, create_event(&organizer, &draft), &record), RESULT_OK);
        rig_put_event(rig, &draft);
    }
    struct catalog_event draft = {.id = rig_event_id(CATALOG_EVENTS_MAX), .slug = {"late", 4}};
    assert_int_equal(decide(rig, create_event(&organizer, &draft), &record), RESULT_INVALID_STATE);
    assert_int_equal(record.kind, 0);
}

/* A slug belongs to one event. */
static void test_slug_is_taken_once(void **state)
{
    struct rig *rig = *state;
    struct catalog_event draft = {.id = rig_event_id(1), .slug = {"evening", 7}};
    struct record record;
    given_event(rig, EVENT_DRAFT);
    assert_int_equal(decide(rig, create_event(&organizer, &draft), &record), RESULT_CONFLICT);
    draft.slug = (struct text){"evening-2", 9};
    assert_int_equal(decide(rig, create_event(&organizer, &draft), &record), RESULT_OK);
}

/* Only its organizer and admins change an event; to others it is unknown. */
static void test_who_publishes(void **state)
{
    struct rig *rig = *state;
    struct record record;
    given_event(rig, EVENT_DRAFT);
    assert_int_equal(decide(rig, change_status(&user, EVENT_PUBLISHED), &record), RESULT_FORBIDDEN);
    assert_int_equal(decide(rig, change_status(&other_organizer, EVENT_PUBLISHED), &record),
                     RESULT_NOT_FOUND);
    assert_int_equal(decide(rig, change_status(&admin, EVENT_PUBLISHED), &record), RESULT_OK);
    assert_int_equal(decide(rig, change_status(&organizer, EVENT_PUBLISHED), &record), RESULT_OK);
    assert_int_equal(record.event.status, EVENT_PUBLISHED);
    assert_int_equal(record.event.max_per_user, 4); /* the rest as it was */
    assert_memory_equal(record.event.slug.bytes, "evening", 7);
}

/* What is so already needs no record; cancelled is for ever. */
static void test_states_of_an_event(void **state)
{
    struct rig *rig = *state;
    struct record record;
    given_event(rig, EVENT_PUBLISHED);
    assert_int_equal(decide(rig, change_status(&organizer, EVENT_PUBLISHED), &record), RESULT_OK);
    assert_int_equal(record.kind, 0);
    assert_int_equal(decide(rig, change_status(&organizer, EVENT_DRAFT), &record), RESULT_OK);
    assert_int_equal(decide(rig, change_status(&organizer, EVENT_CANCELLED), &record), RESULT_OK);
    given_event(rig, EVENT_CANCELLED);
    assert_int_equal(decide(rig, change_status(&organizer, EVENT_PUBLISHED), &record),
                     RESULT_INVALID_STATE);
    assert_int_equal(decide(rig, change_status(&organizer, EVENT_CANCELLED), &record), RESULT_OK);
    assert_int_equal(record.kind, 0);
}

/* Shows and zones are for the event's organizer, for events that are not cancelled, and of
 * the kinds that can be sold. */
static void test_shows_and_zones(void **state)
{
    struct rig *rig = *state;
    struct record record;
    struct catalog_show show = {.id = rig_id(2, 0), .event_id = rig_event_id(0)};
    struct catalog_zone zone = {
        .id = rig_zone_id(0), .show_id = rig_id(2, 0), .total_seats = 10, .currency = "THB"};
    struct command make_show = {.kind = COMMAND_SHOW_CREATE, .actor = organizer, .show = &show};
    struct command make_zone = {.kind = COMMAND_ZONE_CREATE, .actor = organizer, .zone = &zone};

    assert_int_equal(decide(rig, make_show, &record), RESULT_NOT_FOUND);
    given_event(rig, EVENT_DRAFT);
    make_show.actor = other_organizer;
    assert_int_equal(decide(rig, make_show, &record), RESULT_NOT_FOUND);
    make_show.actor = organizer;
    assert_int_equal(decide(rig, make_show, &record), RESULT_OK);
    assert_int_equal(record.show.segment_count, 1);

    assert_int_equal(decide(rig, make_zone, &record), RESULT_NOT_FOUND);
    assert_true(shard_put_show(rig->shards[0], catalog_show_new(&show)));
    assert_int_equal(decide(rig, make_zone, &record), RESULT_OK);
    assert_true(uuid_equal(&record.zone.event_id, &show.event_id));
    make_zone.actor = other_organizer;
    assert_int_equal(decide(rig, make_zone, &record), RESULT_NOT_FOUND);
    make_zone.actor = organizer;
    zone.kind = ZONE_SEATED; /* without a plan */
    assert_int_equal(decide(rig, make_zone, &record), RESULT_INVALID_STATE);
    zone.kind = ZONE_GENERAL;
    zone.plan_bytes = (const uint8_t *)"plan";
    zone.plan_length = 4; /* with one, and general */
    assert_int_equal(decide(rig, make_zone, &record), RESULT_INVALID_STATE);
    zone.plan_length = 0;
    zone.total_seats = 0;
    assert_int_equal(decide(rig, make_zone, &record), RESULT_INVALID_STATE);
    zone.total_seats = 10;
    given_event(rig, EVENT_CANCELLED);
    assert_int_equal(decide(rig, make_zone, &record), RESULT_INVALID_STATE);
    assert_int_equal(decide(rig, make_show, &record), RESULT_INVALID_STATE);
}

/* --- stations, routes, trips --- */

static struct uuid station_id(uint64_t number)
{
    return rig_id(9, number);
}

static void given_station(struct rig *rig, uint64_t number, const char *code)
{
    struct catalog_station draft = {.id = station_id(number), .code = {code, 3}};
    assert_true(shard_put_station(rig->shards[0], catalog_station_new(&draft)));
}

/* A code belongs to one station; users make none. */
static void test_stations(void **state)
{
    struct rig *rig = *state;
    struct record record;
    struct catalog_station draft = {.id = station_id(7), .code = {"DHA", 3}};
    struct command command = {
        .kind = COMMAND_STATION_CREATE, .actor = organizer, .station = &draft};

    assert_int_equal(decide(rig, command, &record), RESULT_OK);
    assert_int_equal(record.kind, RECORD_STATION);
    assert_int_equal(record.station.created_ms, rig->now_ms);
    command.actor = user;
    assert_int_equal(decide(rig, command, &record), RESULT_FORBIDDEN);
    command.actor = admin;
    given_station(rig, 0, "DHA");
    assert_int_equal(decide(rig, command, &record), RESULT_CONFLICT);
    draft.code = (struct text){"CTG", 3};
    assert_int_equal(decide(rig, command, &record), RESULT_OK);
    draft.code.length = 0;
    assert_int_equal(decide(rig, command, &record), RESULT_INVALID_STATE);
}

/* A route has 2 to 65 known stations, each once. */
static void test_routes(void **state)
{
    struct rig *rig = *state;
    struct record record;
    struct uuid stations[3] = {station_id(0), station_id(1), station_id(2)};
    struct catalog_route draft = {.id = rig_id(8, 0), .stop_count = 2, .stations = stations};
    struct command command = {.kind = COMMAND_ROUTE_CREATE, .actor = organizer, .route = &draft};

    given_station(rig, 0, "AAA");
    assert_int_equal(decide(rig, command, &record), RESULT_NOT_FOUND);
    given_station(rig, 1, "BBB");
    assert_int_equal(decide(rig, command, &record), RESULT_OK);
    assert_int_equal(record.kind, RECORD_ROUTE);
    draft.stop_count = 1;
    assert_int_equal(decide(rig, command, &record), RESULT_INVALID_STATE);
    draft.stop_count = CATALOG_STOPS_MAX + 1;
    assert_int_equal(decide(rig, command, &record), RESULT_INVALID_STATE);
    draft.stop_count = 3;
    stations[2] = stations[0];
    assert_int_equal(decide(rig, command, &record), RESULT_INVALID_STATE);
}

/* A trip stops at known stations in the order of time, and follows the route it names. */
static void test_trips(void **state)
{
    struct rig *rig = *state;
    struct record record;
    struct catalog_stop stops[3] = {
        {station_id(0), 100, 100}, {station_id(1), 200, 210}, {station_id(2), 300, 300}};
    struct catalog_show draft = {
        .id = rig_id(2, 0), .event_id = rig_event_id(0), .stop_count = 3, .stops = stops};
    struct command command = {.kind = COMMAND_SHOW_CREATE, .actor = organizer, .show = &draft};

    given_event(rig, EVENT_DRAFT);
    given_station(rig, 0, "AAA");
    given_station(rig, 1, "BBB");
    assert_int_equal(decide(rig, command, &record), RESULT_NOT_FOUND);
    given_station(rig, 2, "CCC");
    assert_int_equal(decide(rig, command, &record), RESULT_OK);
    assert_int_equal(record.show.segment_count, 2);
    stops[1].departs_ms = 199; /* before it arrives */
    assert_int_equal(decide(rig, command, &record), RESULT_INVALID_STATE);
    stops[1].departs_ms = 301; /* after the next arrival */
    assert_int_equal(decide(rig, command, &record), RESULT_INVALID_STATE);
    stops[1].departs_ms = 300;
    assert_int_equal(decide(rig, command, &record), RESULT_OK);
    draft.stop_count = 1;
    assert_int_equal(decide(rig, command, &record), RESULT_INVALID_STATE);
    draft.stop_count = 3;
    draft.route_id = rig_id(8, 0);
    assert_int_equal(decide(rig, command, &record), RESULT_INVALID_STATE);
    struct uuid stations[3] = {station_id(0), station_id(1), station_id(2)};
    struct catalog_route route = {.id = draft.route_id, .stop_count = 3, .stations = stations};
    assert_true(shard_put_route(rig->shards[0], catalog_route_new(&route)));
    assert_int_equal(decide(rig, command, &record), RESULT_OK);
    struct catalog_stop swap = stops[0];
    stops[0].station_id = stops[1].station_id;
    stops[1].station_id = swap.station_id;
    assert_int_equal(decide(rig, command, &record), RESULT_INVALID_STATE);
}

/* A trip's zone has a price for each segment or for none; their sum is its price. */
static void test_segment_prices(void **state)
{
    struct rig *rig = *state;
    struct record record;
    struct catalog_stop stops[3] = {
        {station_id(0), 100, 100}, {station_id(1), 200, 210}, {station_id(2), 300, 300}};
    struct catalog_show show = {.id = rig_id(2, 0),
                                .event_id = rig_event_id(0),
                                .segment_count = 2,
                                .stop_count = 3,
                                .stops = stops};
    int64_t prices[3] = {100, 250, 0};
    struct catalog_zone zone = {.id = rig_zone_id(0),
                                .show_id = show.id,
                                .total_seats = 10,
                                .price_minor = 350,
                                .segment_price_count = 2,
                                .segment_prices = prices};
    struct command command = {.kind = COMMAND_ZONE_CREATE, .actor = organizer, .zone = &zone};

    given_event(rig, EVENT_DRAFT);
    assert_true(shard_put_show(rig->shards[0], catalog_show_new(&show)));
    assert_int_equal(decide(rig, command, &record), RESULT_OK);
    assert_int_equal(record.zone.segment_count, 2);
    zone.segment_price_count = 3;
    assert_int_equal(decide(rig, command, &record), RESULT_INVALID_STATE);
    zone.segment_price_count = 2;
    zone.price_minor = 349;
    assert_int_equal(decide(rig, command, &record), RESULT_INVALID_STATE);
    prices[0] = -1;
    zone.price_minor = 249;
    assert_int_equal(decide(rig, command, &record), RESULT_INVALID_STATE);
    prices[0] = zone.price_minor = INT64_MAX; /* the sum does not fit */
    assert_int_equal(decide(rig, command, &record), RESULT_INVALID_STATE);
    zone.segment_price_count = 0;
    zone.price_minor = 349;
    assert_int_equal(decide(rig, command, &record), RESULT_OK);
}

/* Closing an event's sale is a new version; what is so already is not. */
static void test_sale_by_hand(void **state)
{
    struct rig *rig = *state;
    struct record record;
    struct command command = {.kind = COMMAND_EVENT_SALE, .actor = organizer};
    command.event_status.event_id = rig_event_id(0);
    command.event_status.closed = true;

    assert_int_equal(decide(rig, command, &record), RESULT_NOT_FOUND);
    given_event(rig, EVENT_PUBLISHED);
    assert_int_equal(decide(rig, command, &record), RESULT_OK);
    assert_int_equal(record.kind, RECORD_EVENT);
    assert_true(record.event.sale_closed);
    assert_int_equal(record.event.status, EVENT_PUBLISHED);
    command.event_status.closed = false;
    assert_int_equal(decide(rig, command, &record), RESULT_OK);
    assert_int_equal(record.kind, 0);
    command.actor = other_organizer;
    assert_int_equal(decide(rig, command, &record), RESULT_NOT_FOUND);
    command.actor = organizer;
    command.event_status.closed = true;
    given_event(rig, EVENT_CANCELLED);
    assert_int_equal(decide(rig, command, &record), RESULT_INVALID_STATE);
}

/* --- lists --- */

enum { ALICE = 1, BOB = 2 };

static struct rig *given_bookings(void **state)
{
    struct rig *rig = *state;
    rig_event(rig, 0, 20);
    rig_event(rig, 1, 20);
    rig_zone(rig, 0, 0, 100, 100);
    rig_zone(rig, 1, 1, 100, 100);
    for (uint64_t n = 0; n < 9; n++) {
        struct uuid id =
            rig_ask(rig, rig_reserve(ALICE, n % 2, 1 + (uint32_t)n % 2, 0)).booking.booking_id;
        if (n % 3 == 1)
            rig_ask(rig, rig_end(COMMAND_CONFIRM, ALICE, &id, 0));
        if (n % 3 == 2)
            rig_ask(rig, rig_end(COMMAND_CANCEL, ALICE, &id, 0));
        rig->now_ms += 10;
    }
    rig_ask(rig, rig_reserve(BOB, 0, 1, 0));
    return rig;
}

static struct booking_list *list(struct rig *rig, uint64_t who, struct command_list query)
{
    struct uuid id = rig_user_id(who);
    struct booking_list *found = shard_list(rig->shards[0], &id, &query, rig->now_ms);
    assert_non_null(found);
    return found;
}

/* A user's list is theirs alone, newest first, whole in its total, cut to the pages asked for. */
static void test_list(void **state)
{
    struct rig *rig = given_bookings(state);
    struct booking_list *all = list(rig, ALICE, (struct command_list){.page = 1, .per_page = 20});
    struct booking_list *some = list(rig, ALICE, (struct command_list){.page = 2, .per_page = 2});
    struct booking_list *none = list(rig, 77, (struct command_list){.page = 1, .per_page = 20});
    struct uuid alice = rig_user_id(ALICE);

    assert_int_equal(all->total, 9);
    assert_int_equal(all->count, 9);
    for (uint32_t i = 0; i < all->count; i++) {
        assert_true(uuid_equal(&all->items[i].facts.user_id, &alice));
        assert_int_equal(all->items[i].facts.created_ms, RIG_START_MS + (8 - i) * 10);
    }
    assert_int_equal(some->total, 9);
    assert_int_equal(some->count, 4); /* pages 1 and 2: shards are merged before cutting */
    assert_int_equal(none->total, 0);
    free(all);
    free(some);
    free(none);
}

/* A page far away takes no memory for bookings that are not there. */
static void test_a_far_page(void **state)
{
    struct rig *rig = given_bookings(state);
    struct command_list query = {.page = 1000, .per_page = 100};
    struct booking_list *all = list(rig, ALICE, query), *none = list(rig, 77, query);

    assert_int_equal(all->count, 9);
    assert_true(malloc_usable_size(all) < 12 * sizeof all->items[0]);
    assert_true(malloc_usable_size(none) < 200);
    free(all);
    free(none);
}

/* Pending lists what can still be confirmed, also at its deadline's very millisecond. */
static void test_pending(void **state)
{
    struct rig *rig = given_bookings(state);
    struct command_list query = {.filter = BOOKING_FILTER_PENDING, .page = 1, .per_page = 20};
    struct booking_list *pending = list(rig, ALICE, query);

    assert_int_equal(pending->total, 3);
    for (uint32_t i = 0; i < pending->count; i++)
        assert_int_equal(pending->items[i].facts.status, BOOKING_RESERVED);
    free(pending);
    rig->now_ms = RIG_START_MS + RIG_TTL_MS; /* the first lapses; no record says so yet */
    pending = list(rig, ALICE, query);
    assert_int_equal(pending->total, 2);
    free(pending);
}

/* The summary adds up what a user holds and owns of one event. */
static void test_summary(void **state)
{
    struct rig *rig = given_bookings(state);
    struct uuid alice = rig_user_id(ALICE), event = rig_event_id(0), unknown = rig_event_id(9);
    struct booking_summary summary;

    shard_summary(rig->shards[0], &alice, &event, rig->now_ms, &summary);
    assert_int_equal(summary.limit, 20);
    assert_int_equal(summary.bookings, 5);  /* numbers 0, 2, 4, 6, 8 */
    assert_int_equal(summary.reserved, 2);  /* 0 and 6, one ticket each */
    assert_int_equal(summary.confirmed, 1); /* 4 */
    shard_summary(rig->shards[0], &alice, &unknown, rig->now_ms, &summary);
    assert_int_equal(summary.bookings + summary.reserved + summary.confirmed, 0);
}

#define CASE(test) cmocka_unit_test_setup_teardown(test, setup, teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        CASE(test_a_full_catalog),
        CASE(test_who_makes_events),
        CASE(test_slug_is_taken_once),
        CASE(test_who_publishes),
        CASE(test_states_of_an_event),
        CASE(test_shows_and_zones),
        CASE(test_stations),
        CASE(test_routes),
        CASE(test_trips),
        CASE(test_segment_prices),
        CASE(test_sale_by_hand),
        CASE(test_list),
        CASE(test_a_far_page),
        CASE(test_pending),
        CASE(test_summary),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
