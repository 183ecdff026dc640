#include "bell.h"

#include <assert.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <sys/eventfd.h>
#include <unistd.h>

/* One cache line each: a bell is read by all threads and written once. */
struct bell {
    _Alignas(64) int event_fd;
    _Atomic int ring_fd;
};

struct bells {
    uint16_t count;
    struct bell bell[];
};

struct bells *bells_new(uint16_t count)
{
    assert(count > 0);
    struct bells *bells =
        aligned_alloc(_Alignof(struct bells), sizeof *bells + count * sizeof(struct bell));
    if (!bells)
        return NULL;
    bells->count = 0;
    for (uint16_t i = 0; i < count; i++) {
        int fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
        if (fd < 0) {
            bells_free(bells);
            return NULL;
        }
        bells->bell[i].event_fd = fd;
        atomic_init(&bells->bell[i].ring_fd, -1);
        bells->count++;
    }
    return bells;
}

void bells_free(struct bells *bells)
{
    if (!bells)
        return;
    for (uint16_t i = 0; i < bells->count; i++)
        close(bells->bell[i].event_fd);
    free(bells);
}

void bell_ring(struct bells *bells, uint16_t index)
{
    assert(index < bells->count);
    /* EAGAIN means the counter is full: the bell is ringing already. */
    ssize_t written = write(bells->bell[index].event_fd, &(uint64_t){1}, sizeof(uint64_t));
    (void)written;
}

int bell_descriptor(const struct bells *bells, uint16_t index)
{
    assert(index < bells->count);
    return bells->bell[index].event_fd;
}

void bell_quiet(struct bells *bells, uint16_t index)
{
    assert(index < bells->count);
    uint64_t rung;
    ssize_t got = read(bells->bell[index].event_fd, &rung, sizeof rung);
    (void)got; /* EAGAIN: it had not rung */
}

void bell_publish_ring(struct bells *bells, uint16_t index, int ring_fd)
{
    assert(index < bells->count);
    atomic_store_explicit(&bells->bell[index].ring_fd, ring_fd, memory_order_release);
}

int bell_ring_descriptor(const struct bells *bells, uint16_t index)
{
    assert(index < bells->count);
    return atomic_load_explicit(&bells->bell[index].ring_fd, memory_order_acquire);
}
