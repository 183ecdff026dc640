#include "shard_rig.h"

/* Idempotency keys as a shard keeps them: one key, one effect, one answer (I8). */

enum { ALICE = 1, BOB = 2 };

static int setup(void **state)
{
    struct rig *rig = malloc(sizeof *rig);
    rig_open(rig, 2);
    rig_event(rig, 0, 8);
    rig_zone(rig, 0, 0, 10, 150000);
    *state = rig;
    return 0;
}

static int teardown(void **state)
{
    rig_close(*state);
    free(*state);
    return 0;
}

static void assert_same_booking(const struct answer *a, const struct answer *b)
{
    assert_int_equal(a->result, b->result);
    assert_true(uuid_equal(&a->booking.booking_id, &b->booking.booking_id));
    assert_int_equal(a->booking.status, b->booking.status);
    assert_int_equal(a->booking.quantity, b->booking.quantity);
    assert_int_equal(a->booking.expires_ms, b->booking.expires_ms);
    assert_int_equal(a->booking.remaining, b->booking.remaining);
    assert_int_equal(a->booking.changed_ms, b->booking.changed_ms);
}

/* A repeat is answered as the first was, also when the world has moved on since. */
static void test_repeat_says_the_same(void **state)
{
    struct rig *rig = *state;
    struct answer first = rig_ask(rig, rig_reserve(ALICE, 0, 2, 11));
    assert_int_equal(first.result, RESULT_OK);
    assert_false(first.replayed);

    struct answer again = rig_ask(rig, rig_reserve(ALICE, 0, 2, 11));
    assert_true(again.replayed);
    assert_same_booking(&again, &first);

    rig_ask(rig, rig_reserve(BOB, 0, 5, 0));
    rig_ask(rig, rig_end(COMMAND_CONFIRM, ALICE, &first.booking.booking_id, 12));
    rig->now_ms += 2 * RIG_TTL_MS;
    rig_expire(rig);
    again = rig_ask(rig, rig_reserve(ALICE, 0, 2, 11));
    assert_true(again.replayed);
    assert_same_booking(&again, &first);
    assert_int_equal(rig->log_count, 4);
}

/* Confirm and cancel repeat as reserve does, with no second effect. */
static void test_ends_repeat(void **state)
{
    struct rig *rig = *state;
    const enum command_kind kinds[] = {COMMAND_CONFIRM, COMMAND_CANCEL};
    for (uint64_t i = 0; i < 2; i++) {
        struct uuid booking_id = rig_ask(rig, rig_reserve(ALICE, 0, 1, 0)).booking.booking_id;
        struct answer first = rig_ask(rig, rig_end(kinds[i], ALICE, &booking_id, 20 + i));
        size_t logged = rig->log_count;
        rig->now_ms += 1000;
        struct answer again = rig_ask(rig, rig_end(kinds[i], ALICE, &booking_id, 20 + i));
        assert_false(first.replayed);
        assert_true(again.replayed);
        assert_same_booking(&again, &first);
        assert_int_equal(rig->log_count, logged);
    }
}

/* One key for another request is refused and has no effect. */
static void test_key_reused(void **state)
{
    struct rig *rig = *state;
    struct uuid booking_id = rig_ask(rig, rig_reserve(ALICE, 0, 2, 11)).booking.booking_id;

    assert_int_equal(rig_ask(rig, rig_reserve(ALICE, 0, 3, 11)).result,
                     RESULT_IDEMPOTENCY_KEY_REUSED);
    assert_int_equal(rig_ask(rig, rig_end(COMMAND_CONFIRM, ALICE, &booking_id, 11)).result,
                     RESULT_IDEMPOTENCY_KEY_REUSED);
    assert_int_equal(rig->log_count, 1);
}

/* Fingerprints are short enough to be made equal on purpose: an answer is still only
 * repeated to the operation it was made by. */
static void test_equal_fingerprints(void **state)
{
    struct rig *rig = *state;
    rig_ask(rig, rig_reserve(ALICE, 0, 2, 11));
    struct answer answer;
    for (enum command_kind kind = COMMAND_EVENT_CREATE; kind < COMMAND_KIND_COUNT; kind++) {
        struct command command = rig_command(kind, ALICE, 11, 2);
        assert_int_equal(rig_admit(rig, &command, &answer), SHARD_ANSWERED);
        assert_int_equal(answer.result, RESULT_IDEMPOTENCY_KEY_REUSED);
    }
    struct command create = rig_command(COMMAND_EVENT_CREATE, ALICE, 12, 2);
    assert_int_equal(rig_admit(rig, &create, &answer), SHARD_ADMIT);
    answer.settlement.key = create.key;
    answer.settlement.stamp_ms = rig->now_ms;
    struct uuid event_id = rig_event_id(0);
    answer.event = catalog_event_share(catalog_event(shard_catalog(rig->shards[0]), &event_id));
    rig_settle(rig, &create, &answer);
    answer_release(&answer);
    struct command reserve = rig_reserve(ALICE, 0, 2, 12);
    assert_int_equal(rig_admit(rig, &reserve, &answer), SHARD_ANSWERED);
    assert_int_equal(answer.result, RESULT_IDEMPOTENCY_KEY_REUSED);
    struct command show = rig_command(COMMAND_SHOW_CREATE, ALICE, 12, 2);
    assert_int_equal(rig_admit(rig, &show, &answer), SHARD_ANSWERED);
    assert_int_equal(answer.result, RESULT_IDEMPOTENCY_KEY_REUSED);
}

/* Keys are each caller's own: two users may use the same. */
static void test_keys_are_scoped(void **state)
{
    struct rig *rig = *state;
    struct answer alice = rig_ask(rig, rig_reserve(ALICE, 0, 1, 11));
    struct answer bob = rig_ask(rig, rig_reserve(BOB, 0, 1, 11));
    assert_int_equal(bob.result, RESULT_OK);
    assert_false(bob.replayed);
    assert_false(uuid_equal(&alice.booking.booking_id, &bob.booking.booking_id));
}

/* While the first request is undecided, a second hears so; after that, the answer. */
static void test_in_progress(void **state)
{
    struct rig *rig = *state;
    struct command first = rig_reserve(ALICE, 0, 1, 11), second = first, other = first;
    struct answer answer, refused;

    assert_int_equal(rig_admit(rig, &first, &answer), SHARD_ADMIT);
    assert_int_equal(rig_admit(rig, &second, &refused), SHARD_ANSWERED);
    assert_int_equal(refused.result, RESULT_IDEMPOTENCY_IN_PROGRESS);
    other.key.fingerprint++;
    assert_int_equal(rig_admit(rig, &other, &refused), SHARD_ANSWERED);
    assert_int_equal(refused.result, RESULT_IDEMPOTENCY_KEY_REUSED);
    rig_decide(rig, &first, &answer);
    assert_int_equal(rig_admit(rig, &second, &refused), SHARD_ANSWERED);
    rig_settle(rig, &first, &answer);
    refused = rig_ask(rig, rig_reserve(ALICE, 0, 1, 11));
    assert_true(refused.replayed);
    assert_same_booking(&refused, &answer);
    assert_int_equal(rig->log_count, 1);
}

/* A refusal by a rule is repeated as it was given, numbers and all, though by now the
 * answer would be another. */
static void test_refusals_repeat(void **state)
{
    struct rig *rig = *state;
    struct uuid all = rig_ask(rig, rig_reserve(BOB, 0, 8, 0)).booking.booking_id;
    struct answer first = rig_ask(rig, rig_reserve(ALICE, 0, 3, 11));
    assert_int_equal(first.result, RESULT_INSUFFICIENT_STOCK);
    rig_ask(rig, rig_end(COMMAND_CANCEL, BOB, &all, 0));

    struct answer again = rig_ask(rig, rig_reserve(ALICE, 0, 3, 11));
    assert_true(again.replayed);
    assert_int_equal(again.result, RESULT_INSUFFICIENT_STOCK);
    assert_int_equal(again.refusal.requested, 3);
    assert_int_equal(again.refusal.available, 2);
    assert_int_equal(rig_ask(rig, rig_reserve(ALICE, 0, 3, 12)).result, RESULT_OK);
    assert_int_equal(rig_ask(rig, rig_reserve(ALICE, 0, 2, 11)).result,
                     RESULT_IDEMPOTENCY_KEY_REUSED);
}

/* What the home shard refuses by a rule is remembered too; an unknown zone is not. */
static void test_refusals_of_home_repeat(void **state)
{
    struct rig *rig = *state;
    struct answer first = rig_ask(rig, rig_reserve(ALICE, 0, 9, 11));
    assert_int_equal(first.result, RESULT_MAX_PER_USER_EXCEEDED);
    assert_false(first.replayed);
    struct answer again = rig_ask(rig, rig_reserve(ALICE, 0, 9, 11));
    assert_true(again.replayed);
    assert_int_equal(again.result, RESULT_MAX_PER_USER_EXCEEDED);
    assert_int_equal(again.refusal.limit, 8);

    assert_int_equal(rig_ask(rig, rig_reserve(ALICE, 5, 1, 12)).result, RESULT_NOT_FOUND);
    rig_zone(rig, 5, 0, 4, 1);
    assert_int_equal(rig_ask(rig, rig_reserve(ALICE, 5, 1, 12)).result, RESULT_OK);
}

/* A request that got lost between the shards leaves its key as if it had never come. */
static void test_lost_request_frees_its_key(void **state)
{
    struct rig *rig = *state;
    struct command command = rig_reserve(ALICE, 0, 8, 11);
    struct answer answer;

    assert_int_equal(rig_admit(rig, &command, &answer), SHARD_ADMIT);
    answer.result = RESULT_OVERLOADED;
    rig_fill_settlement(rig, &command, &answer);
    rig_settle(rig, &command, &answer);
    answer = rig_ask(rig, rig_reserve(ALICE, 0, 8, 11)); /* its tickets are back as well */
    assert_int_equal(answer.result, RESULT_OK);
    assert_false(answer.replayed);
}

/* A key is kept for its time to the second it was accepted in, and then means a new request. */
static void test_keys_end(void **state)
{
    struct rig *rig = *state;
    struct answer first = rig_ask(rig, rig_reserve(ALICE, 0, 1, 11));
    rig->now_ms += RIG_KEY_MS - 1000;
    rig_expire(rig);
    assert_true(rig_ask(rig, rig_reserve(ALICE, 0, 1, 11)).replayed);
    rig->now_ms += 1000;
    for (int i = 0; i < 3; i++) {
        shard_forget(rig->shards[0], rig->now_ms);
        shard_forget(rig->shards[1], rig->now_ms);
    }
    struct answer second = rig_ask(rig, rig_reserve(ALICE, 0, 1, 11));
    assert_int_equal(second.result, RESULT_OK);
    assert_false(second.replayed);
    assert_false(uuid_equal(&first.booking.booking_id, &second.booking.booking_id));
}

/* A limit that only an undecided reserve has reached is waited for, then told: refused if
 * that was accepted, admitted if it was refused. */
static void test_limit_waits_for_what_is_under_way(void **state)
{
    struct rig *rig = *state;
    for (int accepted = 0; accepted < 2; accepted++) {
        uint64_t user = 50 + (uint64_t)accepted;
        struct command first = rig_reserve(user, 0, 8, 0), second = rig_reserve(user, 0, 1, 0);
        struct answer answer, waiting;

        assert_int_equal(rig_admit(rig, &first, &answer), SHARD_ADMIT);
        assert_int_equal(rig_admit(rig, &second, &waiting), SHARD_WAIT);
        if (!accepted) /* somebody is quicker */
            rig_ask(rig, rig_reserve(BOB, 0, 3, 0));
        rig_decide(rig, &first, &answer);
        assert_int_equal(answer.result, accepted ? RESULT_OK : RESULT_INSUFFICIENT_STOCK);
        rig_settle(rig, &first, &answer);
        waiting = rig_ask(rig, second);
        assert_int_equal(waiting.result, accepted ? RESULT_MAX_PER_USER_EXCEEDED : RESULT_OK);
        rig->now_ms += RIG_TTL_MS;
        rig_expire(rig);
    }
}

/* A refusal that its own shard can foresee counts nothing, but is remembered. */
static void test_foreseen_refusal_counts_nothing(void **state)
{
    struct rig *rig = *state;
    struct answer answer, again;
    struct shard_totals before, after;
    struct command command = rig_reserve(77, 0, 8, 5);
    for (uint64_t user = 78; rig_home(rig, &command) != rig->shards[rig_zone_shard(rig, &command)];)
        command = rig_reserve(user++, 0, 8, 5);
    const struct shard *home = rig_home(rig, &command);

    rig_ask(rig, rig_reserve(BOB, 0, 3, 0));
    shard_totals(home, &before);
    assert_int_equal(rig_admit(rig, &command, &answer), SHARD_ANSWERED);
    assert_int_equal(answer.result, RESULT_INSUFFICIENT_STOCK);
    assert_int_equal(answer.refusal.requested, 8);
    shard_totals(home, &after);
    assert_int_equal(after.quota_entries, before.quota_entries);
    assert_int_equal(after.idempotency_keys, before.idempotency_keys);
    assert_int_equal(rig_admit(rig, &command, &again), SHARD_ANSWERED);
    assert_true(again.replayed);
    assert_int_equal(again.result, RESULT_INSUFFICIENT_STOCK);
}

/* Replayed keys answer as they did before: same booking, same numbers. */
static void test_keys_survive_a_replay(void **state)
{
    struct rig *rig = *state;
    struct rig after;
    struct answer first[6];

    for (uint64_t n = 0; n < 3; n++)
        first[n] = rig_ask(rig, rig_reserve(10 + n, 0, 1 + (uint32_t)n, 30 + n));
    for (uint64_t n = 0; n < 3; n++) {
        const enum command_kind kind = n == 1 ? COMMAND_CANCEL : COMMAND_CONFIRM;
        first[3 + n] = rig_ask(rig, rig_end(kind, 10 + n, &first[n].booking.booking_id, 40 + n));
    }
    rig_open(&after, 2);
    rig_event(&after, 0, 8);
    rig_zone(&after, 0, 0, 10, 150000);
    rig_replay(rig, &after);
    for (uint64_t n = 0; n < 3; n++) {
        struct answer again = rig_ask(&after, rig_reserve(10 + n, 0, 1 + (uint32_t)n, 30 + n));
        assert_true(again.replayed);
        assert_same_booking(&again, &first[n]);
        const enum command_kind kind = n == 1 ? COMMAND_CANCEL : COMMAND_CONFIRM;
        again = rig_ask(&after, rig_end(kind, 10 + n, &first[n].booking.booking_id, 40 + n));
        assert_true(again.replayed);
        assert_same_booking(&again, &first[3 + n]);
        assert_int_equal(rig_ask(&after, rig_reserve(10 + n, 0, 9, 30 + n)).result,
                         RESULT_IDEMPOTENCY_KEY_REUSED);
    }
    rig_close(&after);
}

/* The hash of a key depends on caller and key, is never 0, and never changes: it is in
 * the log. */
static void test_hash_of_a_key(void **state)
{
    (void)state;
    struct uuid alice = rig_user_id(ALICE), bob = rig_user_id(BOB);
    assert_int_equal(request_key_hash(&alice, "k", 1), request_key_hash(&alice, "k", 1));
    assert_int_not_equal(request_key_hash(&alice, "k", 1), request_key_hash(&bob, "k", 1));
    assert_int_not_equal(request_key_hash(&alice, "k", 1), request_key_hash(&alice, "l", 1));
    assert_int_not_equal(request_key_hash(&alice, "k", 1), request_key_hash(&alice, "kk", 2));
    struct uuid known;
    assert_true(uuid_parse(&known, "017f22e2-79b0-7cc3-98c4-dc0c0c07398f", UUID_TEXT_LENGTH));
    assert_int_equal(request_key_hash(&known, "order-1", 7), 0x6012B96279819B68);
}

#define CASE(test) cmocka_unit_test_setup_teardown(test, setup, teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        CASE(test_repeat_says_the_same),
        CASE(test_ends_repeat),
        CASE(test_key_reused),
        CASE(test_equal_fingerprints),
        CASE(test_keys_are_scoped),
        CASE(test_in_progress),
        CASE(test_refusals_repeat),
        CASE(test_refusals_of_home_repeat),
        CASE(test_lost_request_frees_its_key),
        CASE(test_keys_end),
        CASE(test_limit_waits_for_what_is_under_way),
        CASE(test_foreseen_refusal_counts_nothing),
        CASE(test_keys_survive_a_replay),
        cmocka_unit_test(test_hash_of_a_key),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
