/* The simulator's model under random commands: what it keeps twice always agrees. */
#include "model_rig.h"

static uint32_t draw(uint64_t *seed, uint32_t below)
{
    *seed = *seed * 6364136223846793005u + 1442695040888963407u;
    return (uint32_t)(*seed >> 33) % below;
}

/* A booking, mostly one made lately; its owner is the caller. */
static void on_booking(struct rig *rig, enum command_kind kind, uint64_t *seed)
{
    const struct booking_facts *facts = NULL;
    while (facts == NULL) { /* a number may be a block's, or of nothing */
        uint32_t back = draw(seed, rig->made < 40 || draw(seed, 4) == 0 ? rig->made : 40);
        struct uuid id = rig_id('b', rig->made - back);
        facts = model_booking(rig->model, &id, rig->now_ms);
    }
    struct command *command = rig_command(rig, kind, 1);
    command->actor.id = facts->user_id;
    command->actor.role = kind == COMMAND_REFUND ? ROLE_ADMIN : ROLE_USER;
    command->booking.booking_id = facts->booking_id;
    command->booking.allow_split = true;
    if (kind == COMMAND_CONFIRM || kind == COMMAND_RELEASE)
        command->booking.quantity = draw(seed, 3);
    if (kind == COMMAND_TRANSFER)
        do
            command->booking.user_id = rig_id('u', draw(seed, 5));
        while (uuid_equal(&command->booking.user_id, &facts->user_id));
    uint32_t zone = facts->to_segment > 1 || facts->from_segment > 0 ? 2 : 1;
    command->booking.zone_id = rig_id('z', zone + 2 * draw(seed, 2));
}

static void reserve(struct rig *rig, uint64_t *seed)
{
    uint32_t zone = 1 + draw(seed, 4);
    struct command *command = rig_reserve(rig, draw(seed, 5), zone, 1 + draw(seed, 4));
    command->reserve.allow_split = draw(seed, 2);
    command->reserve.allotment_digest[0] = draw(seed, 5) == 0;
    if (zone % 2 == 0) {
        uint32_t from = draw(seed, 3);
        rig_way(command, from, from + 1 + draw(seed, 3 - from));
    }
    if (zone == 3 && draw(seed, 2))
        rig_seats(command, 2, (uint32_t[]){draw(seed, 6), 6 + draw(seed, 6)});
}

/* block: the active one of zone 3; 0: none. */
static void change_zone(struct rig *rig, uint64_t *seed, uint32_t *block)
{
    if (draw(seed, 2)) {
        struct command *command = rig_change_zone(rig, COMMAND_CAPACITY, 1 + draw(seed, 2));
        command->zone_change.total = 4 + draw(seed, 12);
        command->zone_change.drain = true;
        rig_run(rig);
    } else if (*block == 0) {
        uint32_t first = draw(seed, 10);
        *block = rig_block(rig, 3, (uint8_t)draw(seed, 2), 2, (uint32_t[]){first, first + 1}, 0);
    } else {
        rig_change_zone(rig, COMMAND_BLOCK_END, 3)->zone_change.block_id = rig_id('b', *block);
        assert_int_equal(rig_run(rig), RESULT_OK);
        *block = 0;
    }
}

/* Cells, counts, totals and limits agree after every one of many random commands, and
 * each kind of command is had at least now and then. */
static void test_storm(void **state)
{
    struct rig *rig = *state;
    rig_general(rig, 1, 12, 1, 500);
    rig_general(rig, 2, 12, 3, 500);
    rig_seated(rig, 3, "000 a00/11 1100", 1);
    rig_seated(rig, 4, "0000/11 11", 3);
    rig_reserved(rig, 1, 1, 1);
    static const enum command_kind kinds[] = {
        COMMAND_CONFIRM,  COMMAND_CANCEL,        COMMAND_EXTEND,   COMMAND_RELEASE,
        COMMAND_EXCHANGE, COMMAND_EXCHANGE_ZONE, COMMAND_TRANSFER, COMMAND_REFUND};
    uint32_t done[COMMAND_KIND_COUNT] = {0};
    uint64_t seed = 1;
    uint32_t block = 0;
    for (uint32_t i = 0; i < 20000; i++) {
        rig->now_ms += draw(&seed, RIG_TTL_MS / 10);
        if (draw(&seed, 8) == 0) {
            change_zone(rig, &seed, &block);
        } else {
            if (draw(&seed, 2))
                reserve(rig, &seed);
            else
                on_booking(rig, kinds[draw(&seed, sizeof kinds / sizeof kinds[0])], &seed);
            done[rig->command.kind] += rig_run(rig) == RESULT_OK;
        }
        model_check(rig->model);
    }
    assert_true(done[COMMAND_RESERVE] > 30);
    for (uint32_t i = 0; i < sizeof kinds / sizeof kinds[0]; i++)
        assert_true(done[kinds[i]] > 30);
}

int main(void)
{
    const struct CMUnitTest tests[] = {RIG_TEST(test_storm)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
