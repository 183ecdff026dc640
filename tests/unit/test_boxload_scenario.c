#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "../../bench/boxload_scenario.h"

static const char zone_id[] = "017f22e2-79b0-7cc3-98c4-dc0c0c07398f";
static const char zone_id_other[] = "017f22e2-79b0-7cc3-98c4-dc0c0c073990";

/* A scenario of two zones and two users, and one client. */
struct world {
    struct options options;
    struct token tokens[2];
    struct token_list list;
    struct scenario scenario;
    struct client client;
};

static void world_init(struct world *world, enum scenario_kind kind, uint64_t capacity)
{
    struct scenario_zone *zones = calloc(2, sizeof *zones);
    assert_non_null(zones);
    memset(world, 0, sizeof *world);
    memcpy(zones[0].id, zone_id, 36);
    memcpy(zones[1].id, zone_id_other, 36);
    zones[0].capacity = zones[1].capacity = capacity;
    world->options = (struct options){.scenario = kind,
                                      .per_user = 1000,
                                      .connections = 1,
                                      .quantity = 1,
                                      .zones = 2,
                                      .host = "127.0.0.1:1"};
    world->tokens[0] = (struct token){zone_id, "aaa.bbb.ccc", 11};
    world->tokens[1] = (struct token){zone_id_other, "ddd.eee.fff", 11};
    world->list = (struct token_list){2, world->tokens, NULL};
    assert_true(scenario_init(&world->scenario, &world->options, &world->list, zones, 2));
    assert_true(client_init(&world->client, &world->scenario, 0));
}

static void world_release(struct world *world)
{
    client_release(&world->client);
    scenario_release(&world->scenario);
}

static enum verdict answered(struct world *world, int status, const char *body)
{
    char bytes[512];
    struct response response;
    int length = snprintf(bytes, sizeof bytes, "HTTP/1.1 %d X\r\nContent-Length: %zu\r\n\r\n%s",
                          status, strlen(body), body);
    struct response_layout *layout =
        scenario_layout(&world->scenario, &world->client, bytes, (size_t)length);
    assert_int_equal(response_scan(&response, layout, bytes, (size_t)length), RESPONSE_WHOLE);
    return scenario_check(&world->scenario, &world->client, &response, layout);
}

static enum verdict reserved(struct world *world, unsigned number)
{
    char body[256];
    snprintf(
        body, sizeof body,
        "{\"data\":{\"booking_id\":\"017f22e2-79b0-7cc3-98c4-%012x\",\"status\":\"reserved\"}}",
        number);
    return answered(world, 201, body);
}

static uint32_t violations(struct world *world)
{
    char text[4096];
    return scenario_finish(&world->scenario, 0, text, sizeof text);
}

/* Two requests differ in key and zone only, and each is whole. */
static void test_requests_are_patched_in_place(void **state)
{
    (void)state;
    struct world world;
    char first[CLIENT_REQUEST_BYTES];
    world_init(&world, SCENARIO_RESERVE, 10);
    scenario_next(&world.scenario, &world.client);
    memcpy(first, world.client.request, world.client.length);
    first[world.client.length] = '\0';
    assert_non_null(strstr(first, "POST /api/v1/bookings/reserve HTTP/1.1\r\n"));
    assert_non_null(strstr(first, "Authorization: Bearer aaa.bbb.ccc\r\n"));
    assert_non_null(strstr(first, "Content-Length: 63\r\n\r\n{\"zone_id\":\""));
    assert_int_equal(strlen(strstr(first, "{\"zone_id\"")), 63);
    assert_non_null(strstr(first, zone_id));
    uint32_t length = world.client.length;
    reserved(&world, 1);
    scenario_next(&world.scenario, &world.client);
    assert_int_equal(world.client.length, length);
    world.client.request[length] = '\0';
    assert_non_null(strstr(world.client.request, zone_id_other));
    assert_memory_not_equal(world.client.request + world.client.key_at, first + world.client.key_at,
                            CLIENT_KEY_LENGTH);
    world_release(&world);
}

/* Accepting more than a zone holds is an oversell. */
static void test_oversell_is_found(void **state)
{
    (void)state;
    struct world world;
    world_init(&world, SCENARIO_RESERVE, 1);
    for (unsigned i = 0; i < 2; i++) {
        scenario_next(&world.scenario, &world.client);
        assert_int_equal(reserved(&world, i), VERDICT_ACCEPTED);
    }
    assert_int_equal(violations(&world), 0); /* one each */
    scenario_next(&world.scenario, &world.client);
    assert_int_equal(reserved(&world, 2), VERDICT_ACCEPTED);
    assert_int_equal(violations(&world), 1);
    world_release(&world);
}

/* A booking id given twice is found. */
static void test_duplicate_id_is_found(void **state)
{
    (void)state;
    struct world world;
    world_init(&world, SCENARIO_RESERVE, 100);
    for (unsigned i = 0; i < 3; i++) {
        scenario_next(&world.scenario, &world.client);
        reserved(&world, i == 2 ? 0 : i);
    }
    assert_int_equal(violations(&world), 1);
    world_release(&world);
}

/* A sold-out zone must refuse, and only for want of stock. */
static void test_sold_out_refuses(void **state)
{
    (void)state;
    struct world world;
    world_init(&world, SCENARIO_SOLD_OUT, 100);
    scenario_next(&world.scenario, &world.client);
    assert_int_equal(answered(&world, 409, "{\"code\":\"INSUFFICIENT_STOCK\"}"), VERDICT_REFUSED);
    scenario_next(&world.scenario, &world.client);
    assert_int_equal(answered(&world, 409, "{\"code\":\"SALE_CLOSED\"}"), VERDICT_WRONG);
    scenario_next(&world.scenario, &world.client);
    assert_int_equal(reserved(&world, 1), VERDICT_WRONG);
    assert_int_equal(world.scenario.wrong, 2);
    world_release(&world);
}

/* A race must end with every seat taken, once. */
static void test_race_takes_every_seat(void **state)
{
    (void)state;
    struct world world;
    world_init(&world, SCENARIO_LAST_SEAT, 1);
    scenario_next(&world.scenario, &world.client);
    assert_int_equal(reserved(&world, 1), VERDICT_ACCEPTED);
    assert_int_equal(violations(&world), 1); /* the second zone's seat is still there */
    scenario_next(&world.scenario, &world.client);
    assert_int_equal(reserved(&world, 2), VERDICT_ACCEPTED);
    assert_int_equal(violations(&world), 0);
    world_release(&world);
}

/* In a mixed run a held booking is asked for by its id until it is settled. */
static void test_mixed_settles_what_it_holds(void **state)
{
    (void)state;
    struct world world;
    uint32_t seen[OPERATION_COUNT] = {0};
    world_init(&world, SCENARIO_MIXED, 1000);
    for (unsigned i = 0; i < 300; i++) {
        scenario_next(&world.scenario, &world.client);
        seen[world.client.operation]++;
        world.client.request[world.client.length] = '\0';
        switch (world.client.operation) {
        case OPERATION_RESERVE:
            assert_int_equal(reserved(&world, i), VERDICT_ACCEPTED);
            break;
        case OPERATION_CONFIRM:
            assert_non_null(strstr(world.client.request, "/confirm HTTP/1.1\r\n"));
            assert_int_equal(answered(&world, 200, "{\"status\":\"confirmed\"}"), VERDICT_ACCEPTED);
            break;
        case OPERATION_CANCEL:
            assert_non_null(strstr(world.client.request, "/cancel HTTP/1.1\r\n"));
            assert_int_equal(answered(&world, 200, "{\"status\":\"cancelled\"}"), VERDICT_ACCEPTED);
            break;
        default:
            assert_memory_equal(world.client.request, "GET /api/v1/bookings/", 21);
            assert_int_equal(answered(&world, 200, "{\"status\":\"reserved\"}"), VERDICT_ACCEPTED);
            break;
        }
    }
    for (int i = OPERATION_RESERVE; i <= OPERATION_READ; i++)
        assert_true(seen[i] > 10);
    assert_int_equal(world.scenario.wrong, 0);
    world_release(&world);
}

/* 429 and 503 are wrong unless they are expected. */
static void test_refused_for_load(void **state)
{
    (void)state;
    struct world world;
    world_init(&world, SCENARIO_RESERVE, 100);
    scenario_next(&world.scenario, &world.client);
    assert_int_equal(answered(&world, 503, "{}"), VERDICT_WRONG);
    world.options.allow_refused = true;
    scenario_next(&world.scenario, &world.client);
    assert_int_equal(answered(&world, 429, "{}"), VERDICT_OVERLOADED);
    world_release(&world);
}

/* Where the seats of the request just built are: its zone (0 or 1), row and first seat. */
static uint32_t seats_wanted(const struct world *world)
{
    const struct client *client = &world->client;
    unsigned row, seat, next_row, next;
    const char *seats =
        memmem(client->request, client->length, "\"seats\":[", sizeof "\"seats\":[" - 1);
    assert_non_null(seats);
    /* NOLINTNEXTLINE(cert-err34-c): two digits each, of our own making */
    assert_int_equal(
        sscanf(seats, "\"seats\":[\"%u-%u\",\"%u-%u\"]", &row, &seat, &next_row, &next), 4);
    assert_int_equal(next_row, row);
    assert_int_equal(next, seat + 1);
    assert_memory_equal(client->request + client->zone_at, client->zone ? zone_id_other : zone_id,
                        36);
    return client->zone * 200 + (row - 1) * 100 + seat - 1;
}

/* Apart, requests of all connections want each pair of both halls once, then again. */
static void test_seats_apart(void **state)
{
    (void)state;
    struct world world;
    uint8_t wanted[400] = {0};
    world_init(&world, SCENARIO_SEATS, 200);
    world.options.capacity = 200;
    world.options.quantity = 2;
    world.options.connections = 4;
    world.options.apart = true;
    for (uint32_t index = 0; index < 4; index++) {
        client_release(&world.client);
        assert_true(client_init(&world.client, &world.scenario, index));
        for (int i = 0; i < 50; i++) {
            scenario_next(&world.scenario, &world.client);
            wanted[seats_wanted(&world)]++;
        }
    }
    for (int seat = 0; seat < 400; seat += 2)
        assert_int_equal(wanted[seat], 1);
    uint32_t last = seats_wanted(&world);
    for (int i = 0; i < 50; i++)
        scenario_next(&world.scenario, &world.client);
    assert_int_equal(seats_wanted(&world), last);
    world_release(&world);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_requests_are_patched_in_place),
        cmocka_unit_test(test_oversell_is_found),
        cmocka_unit_test(test_duplicate_id_is_found),
        cmocka_unit_test(test_sold_out_refuses),
        cmocka_unit_test(test_race_takes_every_seat),
        cmocka_unit_test(test_mixed_settles_what_it_holds),
        cmocka_unit_test(test_refused_for_load),
        cmocka_unit_test(test_seats_apart),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
