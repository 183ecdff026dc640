#include <stdio.h>

#include "worker_case.h"

/* Three workers with mailboxes of 64 messages, and more at once than fits into them: what
 * finds no room is refused, everything is answered once, and nothing stays counted. */

enum { SHARDS = 3, EACH = 2500, USERS = 60, ZONES = 6 };

static const uint32_t max_per_user = 40;

static int setup(void **state)
{
    (void)state;
    sim = malloc(sizeof *sim);
    sim_open(sim, SHARDS, 0);
    rig_event(&sim->rig, 0, max_per_user);
    for (uint64_t zone = 0; zone < ZONES; zone++)
        rig_zone(&sim->rig, zone, 0, 200, 100);
    return 0;
}

static struct command draw_catalog(uint64_t draw)
{
    struct command command = rig_command(COMMAND_EVENT_CREATE, draw % USERS, 0, 0);
    char slug[24];
    int length = snprintf(slug, sizeof slug, "event-%d", (int)(draw >> 8 & 7));
    struct catalog_event draft = {.slug = {slug, (uint32_t)length}, .title = {"Evening", 7}};

    command.actor.role = ROLE_ORGANIZER;
    command.event = catalog_event_new(&draft);
    return command;
}

static struct command draw_list(uint64_t draw)
{
    enum command_kind kind = draw >> 8 & 1 ? COMMAND_BOOKING_LIST : COMMAND_BOOKING_SUMMARY;
    struct command command = rig_command(kind, draw % USERS, 0, 0);

    command.list.page = 1 + (uint32_t)(draw >> 9 & 3);
    command.list.per_page = 10;
    if (kind == COMMAND_BOOKING_SUMMARY)
        command.list.event_id = rig_event_id(0);
    return command;
}

static struct command draw_command(void)
{
    uint64_t draw = sim_random(sim), user = draw % USERS;
    const struct answer *before =
        sim->answer_count > 0 ? &sim->answers[(draw >> 32) % sim->answer_count] : NULL;

    if (draw >> 16 & 1 && before && before->kind == COMMAND_RESERVE &&
        before->result == RESULT_OK) {
        enum command_kind kind = draw >> 17 & 1 ? COMMAND_CANCEL : COMMAND_BOOKING_GET;
        struct command command = rig_end(kind, 0, &before->booking.booking_id, 0);
        command.actor.id = before->booking.user_id;
        return command;
    }
    switch (draw >> 18 & 15) {
    case 0:
    case 1:
    case 2:
        return draw_list(draw);
    case 3:
        return draw_catalog(draw);
    default:
        return rig_reserve(user, (draw >> 24) % ZONES, 1 + (uint32_t)(draw >> 28) % 3,
                           (draw >> 22) % 4 == 0 ? 1 + (draw >> 40) % 50 : 0);
    }
}

static void test_every_command_is_answered_once(void **state)
{
    (void)state;
    static uint8_t answered[SIM_ANSWERS_MAX];
    uint32_t full = 0, ok = 0, refused = 0;

    for (int wave = 0; wave < 4; wave++) {
        for (uint16_t i = 0; i < SHARDS; i++)
            sim->logs[i].stuck = wave % 2 == 0;
        for (uint32_t n = 0; n < EACH; n++)
            sim_send(sim, (uint16_t)(n % SHARDS), draw_command());
        sim_turns(sim, 3);
        for (uint16_t i = 0; i < SHARDS; i++)
            sim->logs[i].stuck = false;
        for (int turn = 0; turn < 300; turn++) {
            sim_pass(sim, 10);
            sim_turn(sim);
        }
    }
    assert_int_equal(sim->answer_count, sim->asked);
    for (uint32_t i = 0; i < sim->answer_count; i++) {
        assert_int_equal(answered[sim->answers[i].to.connection]++, 0);
        ok += sim->answers[i].result == RESULT_OK;
        refused += sim->answers[i].result == RESULT_OVERLOADED;
    }
    for (uint16_t i = 0; i < SHARDS; i++)
        full += (uint32_t)sim->group.metrics[i].mailbox_full > 0;
    printf("%u done, %u refused for want of room\n", ok, refused);
    assert_int_equal(full, SHARDS);
    assert_true(ok > 1000);
    assert_true(refused > 1000);
    rig_audit(&sim->rig);

    /* When all has lapsed nobody has a ticket, and everybody may have all again. */
    sim_pass(sim, RIG_TTL_MS);
    sim_turns(sim, 40);
    for (uint64_t user = 0; user < USERS; user++) {
        for (uint32_t had = 0; had < max_per_user; had += RIG_MAX_PER_ORDER) {
            struct command command = rig_reserve(user, user % ZONES, RIG_MAX_PER_ORDER, 0);
            enum result result = sim_ask(sim, 0, command).result;
            assert_true(result == RESULT_OK || result == RESULT_INSUFFICIENT_STOCK);
        }
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_every_command_is_answered_once, setup, teardown),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
