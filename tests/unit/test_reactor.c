#include <errno.h>
#include <netinet/in.h>
#include <poll.h>
#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#include <cmocka.h>

#include "../../net/address_counts.h"
#include "../../net/listener.h"
#include "../../net/reactor.h"

#define SECOND_NS 1000000000ULL

static uint64_t now_ns(void)
{
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (uint64_t)now.tv_sec * SECOND_NS + (uint64_t)now.tv_nsec;
}

static struct reactor *reactor_make(struct bells *bells, uint16_t worker)
{
    char error[256] = "";
    struct reactor *reactor = reactor_new(bells, worker, error, sizeof error);
    if (!reactor)
        fail_msg("%s", error);
    return reactor;
}

struct seen {
    uint32_t count;
    uint64_t last;
    int32_t result;
};

static void on_seen(void *context, uint64_t user_data, int32_t result, uint32_t flags)
{
    struct seen *seen = context;
    (void)flags;
    seen->count++;
    seen->last = user_data;
    seen->result = result;
}

static void nop(struct reactor *reactor, uint64_t user_data)
{
    struct io_uring_sqe *sqe = reactor_sqe(reactor);
    io_uring_prep_nop(sqe);
    sqe->user_data = user_data;
}

/* The top byte chooses the handler, the rest arrives untouched. */
static void test_dispatch_by_tag(void **state)
{
    (void)state;
    struct bells *bells = bells_new(2);
    struct reactor *reactor = reactor_make(bells, 0);
    struct seen network = {0}, log = {0};
    reactor_on(reactor, REACTOR_TAG_NETWORK_FIRST, REACTOR_TAG_NETWORK_LAST, on_seen, &network);
    reactor_on(reactor, REACTOR_TAG_LOG_FIRST, REACTOR_TAG_LOG_LAST, on_seen, &log);
    nop(reactor, reactor_data(0x2f, 0x00abcdef01234567));
    nop(reactor, reactor_data(0x40, 5));
    nop(reactor, reactor_data(0x4f, 6));
    nop(reactor, 0);
    reactor_submit_and_wait(reactor, SECOND_NS);
    assert_int_equal(reactor_reap(reactor), 4);
    assert_int_equal(network.count, 1);
    assert_int_equal(network.last, reactor_data(0x2f, 0x00abcdef01234567));
    assert_int_equal(log.count, 2);
    assert_int_equal(log.last, reactor_data(0x4f, 6));
    reactor_free(reactor);
    bells_free(bells);
}

/* More entries than the queue holds: all are submitted, none is lost. */
static void test_queue_overflow(void **state)
{
    (void)state;
    struct bells *bells = bells_new(2);
    struct reactor *reactor = reactor_make(bells, 0);
    struct seen seen = {0};
    uint32_t total = 100000, reaped = 0;
    reactor_on(reactor, 1, 1, on_seen, &seen);
    for (uint32_t i = 0; i < total; i++)
        nop(reactor, reactor_data(1, i));
    for (int turn = 0; turn < 100 && reaped < total; turn++) {
        reactor_submit_and_wait(reactor, 0);
        reaped += reactor_reap(reactor);
    }
    assert_int_equal(seen.count, total);
    assert_int_equal(seen.last, reactor_data(1, total - 1));
    reactor_free(reactor);
    bells_free(bells);
}

/* A scan shows what waits, and says when the kernel holds something back (ME5). */
static void test_scan(void **state)
{
    (void)state;
    struct bells *bells = bells_new(2);
    struct reactor *reactor = reactor_make(bells, 0);
    struct seen scanned = {0}, seen = {0};
    reactor_on(reactor, 1, 2, on_seen, &seen);
    nop(reactor, reactor_data(1, 1));
    nop(reactor, reactor_data(2, 2));
    reactor_submit_and_wait(reactor, 0);
    assert_true(reactor_scan(reactor, 2, on_seen, &scanned));
    assert_int_equal(scanned.count, 1);
    assert_int_equal(reactor_reap(reactor), 2);
    for (uint32_t i = 0; i < 40000; i++) /* more than the completion queue holds */
        nop(reactor, reactor_data(1, i));
    reactor_submit_and_wait(reactor, 0);
    assert_false(reactor_scan(reactor, 2, on_seen, &scanned));
    for (int turn = 0; turn < 10 && seen.count < 40002; turn++) {
        reactor_reap(reactor);
        reactor_submit_and_wait(reactor, 0);
    }
    assert_int_equal(seen.count, 40002);
    assert_true(reactor_scan(reactor, 2, on_seen, &scanned));
    reactor_free(reactor);
    bells_free(bells);
}

/* The wait ends when its time is up. */
static void test_wait_is_bounded(void **state)
{
    (void)state;
    struct bells *bells = bells_new(2);
    struct reactor *reactor = reactor_make(bells, 0);
    uint64_t start = now_ns();
    reactor_submit_and_wait(reactor, 30000000);
    uint64_t took = now_ns() - start;
    assert_in_range(took, 29000000, SECOND_NS);
    start = now_ns();
    reactor_submit_and_wait(reactor, 0);
    assert_true(now_ns() - start < 20000000);
    reactor_free(reactor);
    bells_free(bells);
}

struct sleeper {
    struct bells *bells;
    _Atomic bool ready;
    uint64_t slept_ns;
};

static void *sleep_until_bell(void *context)
{
    struct sleeper *sleeper = context;
    struct reactor *reactor = reactor_make(sleeper->bells, 1);
    reactor_submit_and_wait(reactor, 0);
    reactor_reap(reactor);
    atomic_store(&sleeper->ready, true);
    uint64_t start = now_ns();
    reactor_submit_and_wait(reactor, 5 * SECOND_NS);
    sleeper->slept_ns = now_ns() - start;
    reactor_reap(reactor);
    reactor_free(reactor);
    return NULL;
}

/* Wakes the sleeping worker 1 from outside (reactor NULL) or from a peer's ring. */
static uint64_t wake(struct bells *bells, struct reactor *reactor)
{
    struct sleeper sleeper = {.bells = bells};
    pthread_t thread;
    assert_int_equal(pthread_create(&thread, NULL, sleep_until_bell, &sleeper), 0);
    while (!atomic_load(&sleeper.ready))
        usleep(1000);
    usleep(20000);
    if (reactor) {
        reactor_ring_bell(reactor, 1);
        reactor_submit_and_wait(reactor, 0);
    } else {
        bell_ring(bells, 1);
    }
    pthread_join(thread, NULL);
    return sleeper.slept_ns;
}

/* A bell ends the sleep of a worker, whoever rings it; and of the control thread. */
static void test_bells(void **state)
{
    (void)state;
    struct bells *bells = bells_new(3);
    struct reactor *reactor = reactor_make(bells, 0);
    assert_in_range(wake(bells, NULL), 1, 2 * SECOND_NS);
    assert_in_range(wake(bells, reactor), 1, 2 * SECOND_NS);
    struct pollfd control = {.fd = bell_descriptor(bells, 2), .events = POLLIN};
    assert_int_equal(poll(&control, 1, 0), 0);
    reactor_ring_bell(reactor, 2);
    assert_int_equal(poll(&control, 1, 1000), 1);
    bell_quiet(bells, 2);
    assert_int_equal(poll(&control, 1, 0), 0);
    reactor_free(reactor);
    bells_free(bells);
}

/* A bell that rings before the sleep ends it too. */
static void test_bell_before_sleep(void **state)
{
    (void)state;
    struct bells *bells = bells_new(2);
    struct reactor *reactor = reactor_make(bells, 0);
    for (int i = 0; i < 3; i++) {
        reactor_submit_and_wait(reactor, 0);
        reactor_reap(reactor);
        bell_ring(bells, 0);
        uint64_t start = now_ns();
        reactor_submit_and_wait(reactor, 5 * SECOND_NS);
        assert_true(now_ns() - start < SECOND_NS);
        reactor_reap(reactor);
    }
    reactor_free(reactor);
    bells_free(bells);
}

/* Workers share a port; a second server does not. */
static void test_listeners(void **state)
{
    (void)state;
    char bound[LISTENER_ADDRESS_BYTES], other[LISTENER_ADDRESS_BYTES], error[256];
    int descriptors[3], more[1];
    assert_int_equal(listener_open("127.0.0.1:0", 3, descriptors, bound, error, sizeof error), 0);
    assert_null(strstr(bound, ":0"));
    assert_int_equal(listener_open(bound, 1, more, other, error, sizeof error), -EADDRINUSE);
    assert_non_null(strstr(error, "another process listens"));
    for (int i = 0; i < 3; i++)
        close(descriptors[i]);
    assert_int_equal(listener_open(bound, 1, more, other, error, sizeof error), 0);
    assert_string_equal(bound, other);
    close(more[0]);
    const char *const bad[] = {
        "",        "127.0.0.1", "127.0.0.1:",   "127.0.0.1:65536", "localhost:80",
        "[::1:80", "::1:80",    "127.0.0.1:8o", "127.0.0.1:-1"};
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++)
        assert_int_equal(listener_open(bad[i], 1, more, other, error, sizeof error), -EINVAL);
}

static struct sockaddr_storage peer(const char *prefix, uint32_t host)
{
    struct sockaddr_storage storage = {0};
    if (prefix) {
        struct sockaddr_in6 v6 = {.sin6_family = AF_INET6};
        memcpy(&v6.sin6_addr, prefix, 8);
        memcpy((char *)&v6.sin6_addr + 8, &host, sizeof host);
        memcpy(&storage, &v6, sizeof v6);
    } else {
        struct sockaddr_in v4 = {.sin_family = AF_INET, .sin_addr.s_addr = host};
        memcpy(&storage, &v4, sizeof v4);
    }
    return storage;
}

/* Each address has its own count, a /64 is one address, and places come back. */
static void test_address_counts(void **state)
{
    (void)state;
    enum { COUNT = 500 };
    uint32_t entries[COUNT], entry;
    struct address_counts *counts = address_counts_new(COUNT, 99);
    assert_non_null(counts);
    for (int round = 0; round < 3; round++) {
        for (uint32_t i = 0; i < COUNT - 4; i++) {
            struct sockaddr_storage address = peer(NULL, i / 2 + 1);
            assert_true(address_counts_enter(counts, &address, 2, &entries[i]));
        }
        struct sockaddr_storage full = peer(NULL, 1);
        assert_false(address_counts_enter(counts, &full, 2, &entry));
        for (uint32_t i = 0; i < 3; i++) {
            struct sockaddr_storage v6 = peer("\x20\x01\x0d\xb8\0\0\0\1", i);
            assert_int_equal(address_counts_enter(counts, &v6, 2, &entries[COUNT - 4 + i]), i < 2);
        }
        struct sockaddr_storage next = peer("\x20\x01\x0d\xb8\0\0\0\2", 0);
        assert_true(address_counts_enter(counts, &next, 2, &entries[COUNT - 2]));
        for (uint32_t i = 0; i < COUNT - 1; i++)
            address_counts_leave(counts, entries[i]);
    }
    address_counts_free(counts);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_dispatch_by_tag),
        cmocka_unit_test(test_queue_overflow),
        cmocka_unit_test(test_scan),
        cmocka_unit_test(test_wait_is_bounded),
        cmocka_unit_test(test_bells),
        cmocka_unit_test(test_bell_before_sleep),
        cmocka_unit_test(test_listeners),
        cmocka_unit_test(test_address_counts),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
