/* Coarse deadlines for objects named by a 32-bit index. A hashed wheel (Varghese
 * and Lauck, 1987, scheme 6): one slot a tick of 2^26 ns (67 ms), 1,024 slots.
 *
 * Lazy by intent: an object stays where it was put although its deadline moves
 * away with every request; when its slot comes up the owner says what the deadline
 * is now and it is put there. So a request costs the wheel nothing. Deadlines
 * beyond the horizon (68 s) are visited on the way. */
#ifndef NET_TIMEOUT_WHEEL_H
#define NET_TIMEOUT_WHEEL_H

#include <stdbool.h>
#include <stdint.h>

enum { TIMEOUT_TICK_SHIFT = 26, TIMEOUT_SLOTS = 1024 };

#define TIMEOUT_NONE UINT32_MAX

/* Lives in the object. Zeroed: not in the wheel. */
struct timeout {
    uint64_t tick; /* where it is placed; 0: nowhere */
    uint32_t next, previous;
};

struct timeout_wheel {
    void *context;
    struct timeout *(*timeout_of)(void *context, uint32_t index);
    uint64_t now; /* ticks up to this one have been visited */
    uint32_t count;
    uint32_t slots[TIMEOUT_SLOTS];
};

void timeout_wheel_init(struct timeout_wheel *wheel, uint64_t now_ns, void *context,
                        struct timeout *(*timeout_of)(void *context, uint32_t index));

/* Makes sure that the object is visited at deadline_ns or soon after (within two
 * ticks); earlier visits are possible. */
void timeout_wheel_put(struct timeout_wheel *wheel, uint32_t index, uint64_t deadline_ns);
void timeout_wheel_remove(struct timeout_wheel *wheel, uint32_t index);

/* Takes one object whose slot has come up by now_ns out of the wheel; the owner
 * acts, or puts it back with its deadline of now. False: no more. */
bool timeout_wheel_next(struct timeout_wheel *wheel, uint64_t now_ns, uint32_t *index);

/* Nanoseconds until a slot may come up, at most `most`. */
uint64_t timeout_wheel_wait(const struct timeout_wheel *wheel, uint64_t now_ns, uint64_t most);

#endif
