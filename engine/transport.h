/* The engine's view of the network: a port that net/ implements (and a bench or
 * simulator may). All calls come from the worker's own thread. */
#ifndef ENGINE_TRANSPORT_H
#define ENGINE_TRANSPORT_H

#include "command.h"

struct transport {
    void *context;

    /* Handles what has completed since the last call without waiting: requests
     * become commands through worker_command()/worker_submit(), log completions
     * reach the journal. Returns how many completions were handled. */
    uint32_t (*reap)(void *context);

    /* Submits all prepared operations and waits for a completion or wait_ns
     * (0: submit only). The one system call of a turn. */
    void (*submit_and_wait)(void *context, uint64_t wait_ns);

    /* Takes over the answer and queues its bytes; drops it if the connection is
     * gone. Answers of a connection leave in the order of its requests. */
    void (*answer)(void *context, struct answer *answer);

    /* Wakes the peer worker out of submit_and_wait. */
    void (*ring_bell)(void *context, uint16_t worker);

    /* Stop accepting, finish what was begun, close idle connections. */
    void (*drain)(void *context);
    /* Requests begun and not yet answered on the wire; 0 ends a drain. */
    uint32_t (*unfinished)(void *context);
};

#endif
