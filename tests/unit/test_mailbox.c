#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <errno.h>
#include <poll.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <time.h>
#include <unistd.h>
#include <cmocka.h>

#include "../../engine/mailbox.h"

static struct message numbered(uint64_t number)
{
    struct message message;
    memset(&message, 0, sizeof message);
    message.kind = MESSAGE_COMMAND_ZONE;
    message.command.received_ns = number;
    return message;
}

static bool push(struct mailbox_grid *grid, uint16_t from, uint16_t to, uint64_t number)
{
    struct message message = numbered(number);
    return mailbox_push(grid, from, to, &message);
}

/* Messages arrive in the order they were pushed, but not before they are published. */
static void test_order_and_publishing(void **state)
{
    (void)state;
    struct mailbox_grid *grid = mailbox_grid_new(2, 8);

    assert_null(mailbox_peek(grid, 1, 0));
    for (uint64_t n = 0; n < 5; n++)
        assert_true(push(grid, 0, 1, n));
    assert_null(mailbox_peek(grid, 1, 0));
    mailbox_publish(grid, 0, 1);
    assert_int_equal(mailbox_depth(grid, 1), 5);
    for (uint64_t n = 0; n < 5; n++) {
        struct message *message = mailbox_peek(grid, 1, 0);
        assert_non_null(message);
        assert_int_equal(message->command.received_ns, n);
        assert_ptr_equal(mailbox_peek(grid, 1, 0), message); /* until consumed */
        mailbox_consume(grid, 1, 0);
    }
    assert_null(mailbox_peek(grid, 1, 0));
    assert_int_equal(mailbox_depth(grid, 1), 0);
    mailbox_grid_free(grid);
}

/* It holds exactly its slots; full is an answer, and a consumed slot is free again. */
static void test_full_is_refused(void **state)
{
    (void)state;
    enum { SLOTS = 8 };
    struct mailbox_grid *grid = mailbox_grid_new(2, SLOTS);

    for (uint64_t round = 0; round < 100; round++) {
        for (uint64_t n = 0; n < SLOTS; n++)
            assert_true(push(grid, 0, 1, n));
        assert_false(push(grid, 0, 1, 99));
        mailbox_publish(grid, 0, 1);
        assert_false(push(grid, 0, 1, 99));
        assert_int_equal(mailbox_peek(grid, 1, 0)->command.received_ns, 0);
        mailbox_consume(grid, 1, 0);
        assert_true(push(grid, 0, 1, SLOTS));
        assert_false(push(grid, 0, 1, 99));
        mailbox_publish(grid, 0, 1);
        for (uint64_t n = 1; n <= SLOTS; n++) {
            assert_int_equal(mailbox_peek(grid, 1, 0)->command.received_ns, n);
            mailbox_consume(grid, 1, 0);
        }
        assert_null(mailbox_peek(grid, 1, 0));
    }
    mailbox_grid_free(grid);
}

/* Every ordered pair of threads has a mailbox of its own, also each thread with itself. */
static void test_pairs_are_apart(void **state)
{
    (void)state;
    enum { THREADS = 4 };
    struct mailbox_grid *grid = mailbox_grid_new(THREADS, 4);

    for (uint16_t from = 0; from < THREADS; from++) {
        for (uint16_t to = 0; to < THREADS; to++) {
            assert_true(push(grid, from, to, from * 10U + to));
            mailbox_publish(grid, from, to);
        }
    }
    for (uint16_t to = 0; to < THREADS; to++) {
        assert_int_equal(mailbox_depth(grid, to), THREADS);
        for (uint16_t from = 0; from < THREADS; from++) {
            assert_int_equal(mailbox_peek(grid, to, from)->command.received_ns, from * 10U + to);
            mailbox_consume(grid, to, from);
            assert_null(mailbox_peek(grid, to, from));
        }
    }
    mailbox_grid_free(grid);
}

/* A thread may not fall asleep over a message; one that sleeps is rung for exactly once. */
static void test_sleep_and_bell(void **state)
{
    (void)state;
    struct mailbox_grid *grid = mailbox_grid_new(3, 4);

    assert_false(mailbox_publish(grid, 0, 1)); /* nothing to show, nobody asleep */
    assert_true(push(grid, 0, 1, 1));
    assert_false(mailbox_publish(grid, 0, 1)); /* awake: no bell */
    assert_false(mailbox_sleep(grid, 1));
    assert_int_equal(mailbox_peek(grid, 1, 0)->command.received_ns, 1);
    mailbox_consume(grid, 1, 0);

    assert_true(mailbox_sleep(grid, 1));
    assert_true(push(grid, 0, 1, 2));
    assert_true(push(grid, 2, 1, 3));
    assert_true(mailbox_publish(grid, 0, 1));
    assert_false(mailbox_publish(grid, 2, 1)); /* the bell rings already */
    mailbox_awake(grid, 1);
    assert_int_equal(mailbox_peek(grid, 1, 0)->command.received_ns, 2);
    assert_int_equal(mailbox_peek(grid, 1, 2)->command.received_ns, 3);
    mailbox_grid_free(grid);
}

enum { PARTIES = 3, MESSAGES = 100000 };

struct meeting {
    struct mailbox_grid *grid;
    int bells[PARTIES];
};

struct party {
    struct meeting *meeting;
    uint16_t index;
    uint64_t wrong;
    uint64_t overslept;
};

static void ring(int bell)
{
    uint64_t one = 1;
    ssize_t written = write(bell, &one, sizeof one);
    if (written != sizeof one)
        abort();
}

/* Sleeps until the bell rings. Five seconds of silence are a lost wake-up. */
static bool sleep_until_rung(int bell)
{
    struct pollfd wait = {.fd = bell, .events = POLLIN};
    uint64_t rings;

    if (poll(&wait, 1, 5000) != 1)
        return false;
    return read(bell, &rings, sizeof rings) == sizeof rings;
}

static uint64_t take_all(struct party *party, uint64_t expected[PARTIES])
{
    struct mailbox_grid *grid = party->meeting->grid;
    uint64_t taken = 0;

    for (uint16_t from = 0; from < PARTIES; from++) {
        for (struct message *message; (message = mailbox_peek(grid, party->index, from)); taken++) {
            party->wrong += message->command.received_ns != expected[from]++;
            party->wrong += message->command.key.hash != ~message->command.received_ns;
            mailbox_consume(grid, party->index, from);
        }
    }
    return taken;
}

/* Sends MESSAGES to each of the others while taking theirs, sleeping when idle. */
static void *attend(void *argument)
{
    struct party *party = argument;
    struct mailbox_grid *grid = party->meeting->grid;
    uint64_t sent[PARTIES] = {0}, expected[PARTIES] = {0}, open = 2 * (PARTIES - 1) * MESSAGES;

    while (open > 0) {
        uint64_t progress = 0;
        for (uint16_t to = 0; to < PARTIES; to++) {
            for (int burst = 0; to != party->index && burst < 7 && sent[to] < MESSAGES; burst++) {
                struct message message = numbered(sent[to]);
                message.command.key.hash = ~sent[to];
                if (!mailbox_push(grid, party->index, to, &message))
                    break;
                sent[to]++;
                progress++;
            }
            if (mailbox_publish(grid, party->index, to))
                ring(party->meeting->bells[to]);
        }
        progress += take_all(party, expected);
        open -= progress;
        bool all_sent = true;
        for (uint16_t to = 0; to < PARTIES; to++)
            all_sent = all_sent && (to == party->index || sent[to] == MESSAGES);
        if (progress == 0 && all_sent && open > 0) {
            if (mailbox_sleep(grid, party->index) &&
                !sleep_until_rung(party->meeting->bells[party->index])) {
                party->overslept++;
                break;
            }
            mailbox_awake(grid, party->index);
        }
    }
    return NULL;
}

/* Three threads, 600,000 messages, every pair at once: each arrives once, whole and in
 * order, and no wake-up is lost. Run under ThreadSanitizer as well. */
static void test_three_threads_at_once(void **state)
{
    (void)state;
    struct meeting meeting = {.grid = mailbox_grid_new(PARTIES, 64)};
    struct party parties[PARTIES];
    pthread_t threads[PARTIES];

    for (uint16_t i = 0; i < PARTIES; i++)
        meeting.bells[i] = eventfd(0, EFD_CLOEXEC);
    for (uint16_t i = 0; i < PARTIES; i++) {
        parties[i] = (struct party){.meeting = &meeting, .index = i};
        assert_int_equal(pthread_create(&threads[i], NULL, attend, &parties[i]), 0);
    }
    for (uint16_t i = 0; i < PARTIES; i++) {
        pthread_join(threads[i], NULL);
        assert_int_equal(parties[i].wrong, 0);
        assert_int_equal(parties[i].overslept, 0);
    }
    for (uint16_t i = 0; i < PARTIES; i++)
        close(meeting.bells[i]);
    mailbox_grid_free(meeting.grid);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_order_and_publishing),  cmocka_unit_test(test_full_is_refused),
        cmocka_unit_test(test_pairs_are_apart),       cmocka_unit_test(test_sleep_and_bell),
        cmocka_unit_test(test_three_threads_at_once),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
