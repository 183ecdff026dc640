/* What a worker refuses while everything else goes on: too little room in the log, a
 * neighbour's mailbox that is full, more lists or changes of the catalog than it has
 * places for, callers without the right. */
#include "seated_rig.h"
#include "worker_case.h"

#include "../../engine/seat_map.h"
#include "../../engine/shard_state.h"

enum { SHARDS = 3, ZONES = 12, SEATED_ZONE = 20, LIMIT = 12, MAILBOX_SLOTS = 64, ORGANIZER = 1000 };
enum { GATHERS = 256, ROUNDS = 64 };

static void open_house(uint16_t shards)
{
    sim = malloc(sizeof *sim);
    sim_open(sim, shards, 0);
    rig_event(&sim->rig, 0, LIMIT);
    const struct catalog_event event = {.id = rig_event_id(0),
                                        .organizer_id = rig_user_id(ORGANIZER),
                                        .status = EVENT_PUBLISHED,
                                        .max_per_user = LIMIT,
                                        .slug = {"evening", 7},
                                        .title = {"Evening", 7}};
    rig_put_event(&sim->rig, &event);
    for (uint64_t zone = 0; zone < ZONES; zone++)
        rig_zone(&sim->rig, zone, 0, 400, 100);
    rig_seated_zone(&sim->rig, SEATED_ZONE, 1, 20, 100);
}

static int setup(void **state)
{
    (void)state;
    open_house(SHARDS);
    return 0;
}

static int setup_one(void **state)
{
    (void)state;
    open_house(1);
    return 0;
}

/* --- helpers --- */

static uint64_t zone_at(uint16_t shard)
{
    uint64_t zone = number_on(shard, rig_zone_id);
    assert_true(zone < ZONES);
    return zone;
}

static struct uuid hold(uint64_t user, uint64_t zone, uint32_t quantity)
{
    struct answer answer = sim_ask(sim, 0, rig_reserve(user, zone, quantity, 0));
    assert_int_equal(answer.result, RESULT_OK);
    return answer.booking.booking_id;
}

static struct command on_zone(enum command_kind kind, uint64_t zone)
{
    struct command command = rig_command(kind, ORGANIZER, 0, 0);
    command.actor.role = ROLE_ORGANIZER;
    command.zone_change.zone_id = rig_zone_id(zone);
    return command;
}

static struct command transfer(uint64_t user, const struct uuid *booking, uint64_t to)
{
    struct command command = rig_end(COMMAND_TRANSFER, user, booking, 0);
    command.booking.user_id = rig_user_id(to);
    return command;
}

static uint32_t tickets_of(uint64_t user)
{
    struct uuid user_id = rig_user_id(user), event_id = rig_event_id(0);
    struct shard *shard = sim->rig.shards[partition_shard_of(&sim->group.partitions, &user_id)];
    const struct quota_entry *entry =
        quota_find(&shard->quotas, &user_id, catalog_event_number(shard->catalog, &event_id));
    if (entry)
        assert_int_equal(entry->under_way, 0);
    return entry ? entry->tickets : 0;
}

static void expect(struct command command, enum result result)
{
    struct answer answer = sim_ask(sim, 0, command);
    if (answer.result != result)
        fail_msg("%s: %s instead of %s", command_kind_name(answer.kind), result_name(answer.result),
                 result_name(result));
}

/* --- the log --- */

static struct command create_event(void)
{
    struct command command = rig_command(COMMAND_EVENT_CREATE, ORGANIZER, 0, 0);
    static unsigned made;
    char slug[16];
    int length = snprintf(slug, sizeof slug, "new-%u", made++);
    const struct catalog_event draft = {.title = {"New", 3}, .slug = {slug, (uint32_t)length}};
    command.actor.role = ROLE_ORGANIZER;
    command.event = catalog_event_new(&draft);
    return command;
}

static struct command refund(const struct uuid *booking)
{
    struct command command = rig_end(COMMAND_REFUND, ORGANIZER, booking, 0);
    command.actor.role = ROLE_ORGANIZER;
    return command;
}

static struct command block_of(uint64_t zone, uint32_t quantity)
{
    struct command command = on_zone(COMMAND_BLOCK_CREATE, zone);
    command.zone_change.block = calloc(1, sizeof *command.zone_change.block);
    command.zone_change.block->zone_id = command.zone_change.zone_id;
    command.zone_change.block->quantity = quantity;
    return command;
}

/* Of a log with little room only what gives places back or keeps a promise is taken:
 * confirm, cancel, release, refund, and ending an order. */
static void test_what_low_storage_lets_through(void **state)
{
    (void)state;
    struct uuid first = hold(1, 0, 3), second = hold(1, 0, 1);
    struct command release = rig_end(COMMAND_RELEASE, 1, &first, 0);
    release.booking.quantity = 1;
    struct command order = rig_command(COMMAND_ORDER_CREATE, 2, 0, 0);
    order.order_draft = calloc(1, sizeof *order.order_draft);
    order.order_draft->count = 1;
    order.order_draft->items[0].reserve.zone_id = rig_zone_id(0);
    order.order_draft->items[0].reserve.quantity = 1;
    struct answer made = sim_ask(sim, 0, order);
    assert_int_equal(made.result, RESULT_OK);
    struct command confirm = rig_command(COMMAND_ORDER_CONFIRM, 2, 0, 0);
    confirm.order.order_id = made.order->order_id;

    sim->logs[0].state = JOURNAL_STORAGE_LOW;
    expect(rig_end(COMMAND_EXTEND, 1, &first, 0), RESULT_STORAGE_LOW);
    expect(rig_end(COMMAND_EXCHANGE, 1, &first, 0), RESULT_STORAGE_LOW);
    expect(transfer(1, &first, 3), RESULT_STORAGE_LOW);
    expect(block_of(0, 1), RESULT_STORAGE_LOW);
    expect(on_zone(COMMAND_ZONE_SALE, 0), RESULT_STORAGE_LOW);
    expect(create_event(), RESULT_STORAGE_LOW);
    expect(release, RESULT_OK);
    expect(rig_end(COMMAND_CONFIRM, 1, &first, 0), RESULT_OK);
    expect(refund(&first), RESULT_OK);
    expect(rig_end(COMMAND_CANCEL, 1, &second, 0), RESULT_OK);
    expect(confirm, RESULT_OK);
    assert_int_equal(tickets_of(1), 0);
    assert_int_equal(tickets_of(3), 0);
}

/* Once the log has failed nothing is decided any more; what is asked then may have been
 * done, and is said to be open. */
static void test_nothing_is_decided_on_a_failed_log(void **state)
{
    (void)state;
    struct uuid booking = hold(1, 0, 1);
    uint64_t appended = sim->logs[0].appended;
    sim->logs[0].state = JOURNAL_FAILED;
    expect(rig_reserve(2, 0, 1, 0), RESULT_INDETERMINATE);
    expect(rig_end(COMMAND_CONFIRM, 1, &booking, 0), RESULT_INDETERMINATE);
    expect(transfer(1, &booking, 2), RESULT_INDETERMINATE);
    expect(rig_end(COMMAND_BOOKING_GET, 1, &booking, 0), RESULT_OK);
    assert_int_equal(sim->logs[0].appended, appended);
}

/* A change of the catalog that finds no room in the log is refused, and its name is free. */
static void test_change_without_room(void **state)
{
    (void)state;
    sim->logs[0].room = 0;
    expect(create_event(), RESULT_OVERLOADED);
    sim->logs[0].room = 1000;
    expect(create_event(), RESULT_OK);
}

/* --- full mailboxes --- */

/* As many reads from one worker to another as fit between them. */
static void fill_mailbox(uint16_t from, uint16_t to)
{
    struct uuid unknown = uuid_v7(RIG_START_MS, 0, 1);
    for (uint16_t partition = 0;; partition++) {
        unknown = uuid_v7(RIG_START_MS, partition, 1);
        if (partition_shard_of_booking(&sim->group.partitions, &unknown) == to)
            break;
    }
    for (uint32_t i = 0; i < MAILBOX_SLOTS; i++)
        sim_send(sim, from, rig_end(COMMAND_BOOKING_GET, 1, &unknown, 0));
}

static void run_until_answered(uint32_t number, enum result result)
{
    for (int i = 0; i < 20 && !sim_answer_to(sim, number); i++)
        sim_turn(sim);
    assert_non_null(sim_answer_to(sim, number));
    assert_int_equal(sim_answer_to(sim, number)->result, result);
}

/* A transfer crosses two mailboxes; whichever is full, it is refused as overload, the
 * booking stays its owner's and the receiver counts nothing. */
static void test_transfer_meets_a_full_mailbox(void **state)
{
    uint64_t giver = number_on(0, rig_user_id), receiver = number_on(1, rig_user_id),
             zone = zone_at(0);
    (void)state;
    struct uuid booking = hold(giver, zone, 2);
    fill_mailbox(0, 1); /* to the receiver's home */
    run_until_answered(sim_send(sim, 0, transfer(giver, &booking, receiver)), RESULT_OVERLOADED);
    fill_mailbox(1, 0); /* and from there back to the booking's */
    run_until_answered(sim_send(sim, 0, transfer(giver, &booking, receiver)), RESULT_OVERLOADED);
    sim_turns(sim, 5);
    assert_int_equal(tickets_of(giver), 2);
    assert_int_equal(tickets_of(receiver), 0);
    run_until_answered(sim_send(sim, 0, transfer(giver, &booking, receiver)), RESULT_OK);
    sim_turns(sim, 5);
    assert_int_equal(tickets_of(receiver), 2);
}

/* A repeat whose booking is behind a full mailbox is refused for now; it is answered as
 * the first time when there is room. */
static void test_repeat_meets_a_full_mailbox(void **state)
{
    uint64_t user = number_on(0, rig_user_id), zone = zone_at(1);
    (void)state;
    struct answer first = sim_ask(sim, 0, rig_reserve(user, zone, 2, 5));
    assert_int_equal(first.result, RESULT_OK);
    fill_mailbox(0, 1);
    run_until_answered(sim_send(sim, 0, rig_reserve(user, zone, 2, 5)), RESULT_OVERLOADED);
    struct answer again = sim_ask(sim, 0, rig_reserve(user, zone, 2, 5));
    assert_int_equal(again.result, RESULT_OK);
    assert_true(again.replayed);
    assert_true(uuid_equal(&again.booking.booking_id, &first.booking.booking_id));
}

/* --- a receiver whose count is not decided --- */

/* The receiver's limit is full only of what is under way: the transfer waits for it, and
 * is refused as overload when that takes longer than a second. */
static void test_transfer_waits_for_the_receiver(void **state)
{
    uint64_t giver = number_on(0, rig_user_id), receiver = number_on(1, rig_user_id),
             zone = zone_at(0), slow = zone_at(2);
    (void)state;
    struct uuid booking = hold(giver, zone, 4);
    sim->logs[2].stuck = true;
    uint32_t under_way = sim_send(sim, 0, rig_reserve(receiver, slow, 10, 0));
    sim_turns(sim, 4);
    uint32_t waits = sim_send(sim, 0, transfer(giver, &booking, receiver));
    sim_turns(sim, 6);
    assert_null(sim_answer_to(sim, waits));
    sim_pass(sim, 1100);
    run_until_answered(waits, RESULT_OVERLOADED);
    assert_null(sim_answer_to(sim, under_way));
    waits = sim_send(sim, 0, transfer(giver, &booking, receiver));
    sim_turns(sim, 6);
    sim->logs[2].stuck = false;
    run_until_answered(waits, RESULT_MAX_PER_USER_EXCEEDED);
    assert_int_equal(sim_answer_to(sim, waits)->refusal.held, 0); /* not the giver's to know */
    assert_int_equal(sim_answer_to(sim, under_way)->result, RESULT_OK);
    assert_int_equal(tickets_of(receiver), 10);
    assert_int_equal(tickets_of(giver), 4);
}

/* --- places for lists and changes --- */

static struct command list_of(uint64_t user)
{
    struct command command = rig_command(COMMAND_BOOKING_LIST, user, 0, 0);
    command.list.page = 1;
    command.list.per_page = 10;
    return command;
}

/* More lists at once than a worker puts together: the next is refused, all others come. */
static void test_more_lists_than_places(void **state)
{
    uint32_t numbers[GATHERS + 1];
    (void)state;
    sim->logs[0].stuck = true;
    uint32_t reserve = sim_send(sim, 0, rig_reserve(1, 0, 1, 0));
    for (uint32_t i = 0; i <= GATHERS; i++)
        numbers[i] = sim_send(sim, 0, list_of(1));
    sim_turns(sim, 3);
    assert_null(sim_answer_to(sim, numbers[0]));
    sim->logs[0].stuck = false;
    sim_turns(sim, 3);
    assert_int_equal(sim_answer_to(sim, reserve)->result, RESULT_OK);
    for (uint32_t i = 0; i < GATHERS; i++) {
        assert_int_equal(sim_answer_to(sim, numbers[i])->result, RESULT_OK);
        assert_int_equal(sim_answer_to(sim, numbers[i])->list->count, 1);
    }
    assert_int_equal(sim_answer_to(sim, numbers[GATHERS])->result, RESULT_OVERLOADED);
}

/* A part of a list that is behind a full mailbox makes the whole a refusal, not a list
 * with a part missing. */
static void test_list_meets_a_full_mailbox(void **state)
{
    (void)state;
    hold(1, zone_at(1), 1);
    fill_mailbox(0, 1);
    run_until_answered(sim_send(sim, 0, list_of(1)), RESULT_OVERLOADED);
    assert_int_equal(sim_ask(sim, 0, list_of(1)).list->count, 1);
}

/* Turns of shard 0 alone: the others take nothing meanwhile. */
static void turn_first(int turns)
{
    for (int i = 0; i < turns; i++) {
        sim->logs[0].durable = sim->logs[0].submitted;
        worker_turn(sim->group.workers[0], 0);
    }
}

/* A worker that takes no new versions holds up the answers to changes; when there are as
 * many as shard 0 has places for, the next is refused, and none is lost. */
static void test_more_changes_than_places(void **state)
{
    uint32_t numbers[ROUNDS + 1];
    (void)state;
    for (uint32_t i = 0; i <= ROUNDS; i++) {
        struct command command = create_event();
        command.actor.id = rig_user_id(number_on(0, rig_user_id));
        numbers[i] = sim_send(sim, 0, command);
        turn_first(4);
    }
    for (uint32_t i = 0; i < ROUNDS; i++)
        assert_null(sim_answer_to(sim, numbers[i]));
    assert_int_equal(sim_answer_to(sim, numbers[ROUNDS])->result, RESULT_OVERLOADED);
    sim_turns(sim, 10);
    for (uint32_t i = 0; i < ROUNDS; i++)
        assert_int_equal(sim_answer_to(sim, numbers[i])->result, RESULT_OK);
    for (uint16_t i = 0; i < SHARDS; i++)
        assert_int_equal(catalog_event_count(shard_catalog(sim->rig.shards[i])), 1 + ROUNDS);
}

/* --- zones --- */

/* Blocks are the organizer's and the administrator's to see; for anybody else there is no
 * such zone, and neither is there one that nobody knows. */
static void test_who_sees_blocks(void **state)
{
    struct command command;
    (void)state;
    expect(block_of(0, 5), RESULT_OK);
    command = on_zone(COMMAND_BLOCK_LIST, 0);
    assert_int_equal(sim_ask(sim, 0, command).blocks->count, 1);
    command.actor.id = rig_user_id(7);
    expect(command, RESULT_NOT_FOUND);
    command.actor.role = ROLE_ADMIN;
    assert_int_equal(sim_ask(sim, 0, command).blocks->count, 1);
    command.actor = (struct actor){rig_user_id(ORGANIZER), ROLE_USER};
    expect(command, RESULT_NOT_FOUND);
    expect(on_zone(COMMAND_BLOCK_LIST, 77), RESULT_NOT_FOUND);
}

/* Only the event's organizer or an administrator changes a zone, wherever it lives. */
static void test_who_changes_zones(void **state)
{
    (void)state;
    for (uint64_t zone = 0; zone < 3; zone++) {
        struct command command = on_zone(COMMAND_ZONE_SALE, zone);
        command.actor.id = rig_user_id(7);
        expect(command, RESULT_NOT_FOUND);
        command.actor = (struct actor){rig_user_id(ORGANIZER), ROLE_USER};
        expect(command, RESULT_NOT_FOUND);
        expect(on_zone(COMMAND_ZONE_SALE, zone), RESULT_OK);
    }
    expect(on_zone(COMMAND_ZONE_SALE, 77), RESULT_NOT_FOUND);
}

/* Seats that a block cannot have are named with what they are, and with their zone. */
static void test_seats_a_block_cannot_have(void **state)
{
    static const uint32_t seats[] = {1, 5, 6};
    struct uuid zone_id = rig_zone_id(SEATED_ZONE);
    (void)state;
    struct command named = rig_reserve(1, SEATED_ZONE, 2, 0);
    named.seat_count = 2;
    named.seats[0] = 5;
    named.seats[1] = 6;
    expect(named, RESULT_OK);
    struct command command = block_of(SEATED_ZONE, 3);
    command.zone_change.block->seat_count = 3;
    command.zone_change.block->seats = seats;
    struct answer answer = sim_ask(sim, 0, command);
    assert_int_equal(answer.result, RESULT_SEAT_UNAVAILABLE);
    assert_int_equal(answer.seat_count, 2);
    assert_int_equal(answer.seats[0], 5 | SEAT_RESERVED << 24);
    assert_true(uuid_equal(&answer.refusal.zone_id, &zone_id));
}

/* An exchange of seats that are taken names them, and the booking's zone. */
static void test_seats_an_exchange_cannot_have(void **state)
{
    struct uuid zone_id = rig_zone_id(SEATED_ZONE);
    (void)state;
    hold(1, SEATED_ZONE, 2);
    struct uuid booking = hold(2, SEATED_ZONE, 2);
    struct command command = rig_end(COMMAND_EXCHANGE, 2, &booking, 0);
    command.seat_count = 2;
    command.seats[0] = 0;
    command.seats[1] = 1;
    struct answer answer = sim_ask(sim, 0, command);
    assert_int_equal(answer.result, RESULT_SEAT_UNAVAILABLE);
    assert_int_equal(answer.seat_count, 2);
    assert_true(uuid_equal(&answer.refusal.zone_id, &zone_id));
}

/* Another's booking is read as an unknown one, though its zone is known here. */
static void test_anothers_booking(void **state)
{
    (void)state;
    struct uuid booking = hold(1, 0, 1), unknown = uuid_v7(RIG_START_MS, 3, 3);
    struct answer answer = sim_ask(sim, 0, rig_end(COMMAND_BOOKING_GET, 2, &booking, 0));
    assert_int_equal(answer.result, RESULT_NOT_FOUND);
    assert_int_equal(answer.seat_count, 0);
    expect(rig_end(COMMAND_BOOKING_GET, 1, &unknown, 0), RESULT_NOT_FOUND);
    expect(rig_end(COMMAND_BOOKING_GET, 1, &booking, 0), RESULT_OK);
}

/* A seat map of a part of the way is made for who asks; one that is no way is refused. */
static void test_seat_map_of_a_part(void **state)
{
    struct command command = on_zone(COMMAND_SEAT_MAP, SEATED_ZONE);
    (void)state;
    hold(1, SEATED_ZONE, 2);
    command.zone_change.to_segment = 1;
    struct answer answer = sim_ask(sim, 0, command);
    assert_int_equal(answer.result, RESULT_OK);
    assert_int_equal(answer.seat_states->length, 5);
    assert_int_equal(answer.seat_states->to_segment, 1);
    command.zone_change.has_known = true;
    command.zone_change.known_changes = answer.seat_states->changes;
    assert_int_equal(sim_ask(sim, 0, command).seat_states->length, 0);
    command.zone_change.from_segment = 1;
    command.zone_change.to_segment = 1;
    assert_int_not_equal(sim_ask(sim, 0, command).result, RESULT_OK);
    command.zone_change.from_segment = 0;
    command.zone_change.to_segment = 2;
    assert_int_not_equal(sim_ask(sim, 0, command).result, RESULT_OK);
}

#define CASE_OF_ONE(test) cmocka_unit_test_setup_teardown(test, setup_one, teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        CASE_OF_ONE(test_what_low_storage_lets_through),
        CASE_OF_ONE(test_nothing_is_decided_on_a_failed_log),
        CASE_OF_ONE(test_change_without_room),
        CASE(test_transfer_meets_a_full_mailbox),
        CASE(test_repeat_meets_a_full_mailbox),
        CASE(test_transfer_waits_for_the_receiver),
        CASE_OF_ONE(test_more_lists_than_places),
        CASE(test_list_meets_a_full_mailbox),
        CASE(test_more_changes_than_places),
        CASE(test_who_sees_blocks),
        CASE(test_who_changes_zones),
        CASE(test_seats_a_block_cannot_have),
        CASE(test_seats_an_exchange_cannot_have),
        CASE(test_anothers_booking),
        CASE(test_seat_map_of_a_part),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
