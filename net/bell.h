/* Bells: how one thread wakes another that sleeps in its reactor.
 *
 * Threads are numbered as the mailboxes are: 0..count-2 are the workers, the
 * last is the control thread, which has no ring and waits on its descriptor.
 * Worker to worker a bell rides on the ring's next enter (MSG_RING); where one
 * side has no ring it is an eventfd. docs/decisions/0031-bells.md says why. */
#ifndef NET_BELL_H
#define NET_BELL_H

#include <stdint.h>

struct bells;

/* Before the threads start. NULL: no memory or no descriptors (errno). */
struct bells *bells_new(uint16_t count);
/* After the threads have ended. */
void bells_free(struct bells *bells);

/* Any thread: wakes thread `index` with a system call. Never blocks. */
void bell_ring(struct bells *bells, uint16_t index);

/* The eventfd of `index`, owned by the bells: the control thread polls its own
 * and calls bell_quiet after each wake-up; a reactor watches its worker's. */
int bell_descriptor(const struct bells *bells, uint16_t index);
void bell_quiet(struct bells *bells, uint16_t index);

/* A reactor's ring for MSG_RING; -1 while there is none. */
void bell_publish_ring(struct bells *bells, uint16_t index, int ring_fd);
int bell_ring_descriptor(const struct bells *bells, uint16_t index);

#endif
