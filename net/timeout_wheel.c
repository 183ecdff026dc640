#include "timeout_wheel.h"

#include <assert.h>

void timeout_wheel_init(struct timeout_wheel *wheel, uint64_t now_ns, void *context,
                        struct timeout *(*timeout_of)(void *context, uint32_t index))
{
    wheel->context = context;
    wheel->timeout_of = timeout_of;
    wheel->now = now_ns >> TIMEOUT_TICK_SHIFT;
    wheel->count = 0;
    for (uint32_t i = 0; i < TIMEOUT_SLOTS; i++)
        wheel->slots[i] = TIMEOUT_NONE;
}

static struct timeout *timeout_of(const struct timeout_wheel *wheel, uint32_t index)
{
    return wheel->timeout_of(wheel->context, index);
}

void timeout_wheel_put(struct timeout_wheel *wheel, uint32_t index, uint64_t deadline_ns)
{
    struct timeout *timeout = timeout_of(wheel, index);
    uint64_t tick = (deadline_ns >> TIMEOUT_TICK_SHIFT) + 1;
    if (tick <= wheel->now)
        tick = wheel->now + 1;
    if (tick >= wheel->now + TIMEOUT_SLOTS)
        tick = wheel->now + TIMEOUT_SLOTS - 1;
    if (timeout->tick != 0 && timeout->tick <= tick)
        return;
    timeout_wheel_remove(wheel, index);
    uint32_t *slot = &wheel->slots[tick % TIMEOUT_SLOTS];
    *timeout = (struct timeout){tick, *slot, TIMEOUT_NONE};
    if (*slot != TIMEOUT_NONE)
        timeout_of(wheel, *slot)->previous = index;
    *slot = index;
    wheel->count++;
}

void timeout_wheel_remove(struct timeout_wheel *wheel, uint32_t index)
{
    struct timeout *timeout = timeout_of(wheel, index);
    if (timeout->tick == 0)
        return;
    if (timeout->previous == TIMEOUT_NONE)
        wheel->slots[timeout->tick % TIMEOUT_SLOTS] = timeout->next;
    else
        timeout_of(wheel, timeout->previous)->next = timeout->next;
    if (timeout->next != TIMEOUT_NONE)
        timeout_of(wheel, timeout->next)->previous = timeout->previous;
    timeout->tick = 0;
    assert(wheel->count > 0);
    wheel->count--;
}

bool timeout_wheel_next(struct timeout_wheel *wheel, uint64_t now_ns, uint32_t *index)
{
    uint64_t now = now_ns >> TIMEOUT_TICK_SHIFT;
    if (wheel->count == 0 && wheel->now < now)
        wheel->now = now;
    while (wheel->now < now) {
        uint32_t first = wheel->slots[(wheel->now + 1) % TIMEOUT_SLOTS];
        if (first != TIMEOUT_NONE) {
            timeout_wheel_remove(wheel, first);
            *index = first;
            return true;
        }
        wheel->now++;
    }
    return false;
}

uint64_t timeout_wheel_wait(const struct timeout_wheel *wheel, uint64_t now_ns, uint64_t most)
{
    if (wheel->count == 0)
        return most;
    for (uint64_t tick = wheel->now + 1; tick < wheel->now + TIMEOUT_SLOTS; tick++) {
        uint64_t at_ns = tick << TIMEOUT_TICK_SHIFT;
        uint64_t wait = at_ns > now_ns ? at_ns - now_ns : 0;
        if (wait >= most)
            return most;
        if (wheel->slots[tick % TIMEOUT_SLOTS] != TIMEOUT_NONE)
            return wait;
    }
    return most;
}
