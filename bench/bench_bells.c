/* What a wake-up costs: two workers on two cores wake each other in turn, once by
 * MSG_RING on the ring's next enter and once by a write to an eventfd that the
 * sleeper's ring polls. See docs/decisions/0031-bells.md. */
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>

#include "stopwatch.h"
#include "../net/reactor.h"
#include "rig.h"

enum { WAKE_UPS = 40000, WAIT_NS = 1000000000 };

struct game {
    struct bells *bells;
    bool by_ring;
    _Alignas(64) _Atomic uint32_t moves; /* the parity says whose turn it is */
    _Alignas(64) _Atomic uint32_t ready;
    uint64_t cpu_ns[2];
};

struct player {
    struct game *game;
    uint16_t index;
};

static void wake_other(struct player *player, struct reactor *reactor)
{
    uint16_t other = !player->index;
    if (player->game->by_ring)
        reactor_ring_bell(reactor, other);
    else
        bell_ring(player->game->bells, other);
}

static void *play(void *context)
{
    struct player *player = context;
    struct game *game = player->game;
    char error[256];
    rig_pin(player->index);
    struct reactor *reactor = reactor_new(game->bells, player->index, error, sizeof error);
    if (!reactor) {
        fprintf(stderr, "%s\n", error);
        exit(78);
    }
    reactor_submit_and_wait(reactor, 0);
    reactor_reap(reactor);
    atomic_fetch_add(&game->ready, 1);
    while (atomic_load(&game->ready) < 2)
        ;
    uint64_t start_ns = stopwatch_ns(CLOCK_THREAD_CPUTIME_ID);
    for (uint32_t move; (move = atomic_load(&game->moves)) < WAKE_UPS;) {
        bool mine = (move & 1) == player->index;
        if (mine) {
            atomic_store(&game->moves, move + 1);
            wake_other(player, reactor);
        }
        reactor_submit_and_wait(reactor, move + 1 >= WAKE_UPS ? 0 : WAIT_NS);
        reactor_reap(reactor);
    }
    game->cpu_ns[player->index] = stopwatch_ns(CLOCK_THREAD_CPUTIME_ID) - start_ns;
    /* The other may still ring: its bell must find a ring until it has ended. */
    atomic_fetch_sub(&game->ready, 1);
    while (atomic_load(&game->ready) > 0)
        ;
    reactor_free(reactor);
    return NULL;
}

static void measure(bool by_ring)
{
    struct game game = {.bells = bells_new(3), .by_ring = by_ring};
    struct player players[2] = {{&game, 0}, {&game, 1}};
    pthread_t threads[2];
    uint64_t start_ns = stopwatch_ns(CLOCK_MONOTONIC);
    for (int i = 0; i < 2; i++)
        if (!game.bells || pthread_create(&threads[i], NULL, play, &players[i]) != 0) {
            perror("bench_bells");
            exit(1);
        }
    for (int i = 0; i < 2; i++)
        pthread_join(threads[i], NULL);
    double us = (double)(stopwatch_ns(CLOCK_MONOTONIC) - start_ns) / 1e3;
    double cpu_us = (double)(game.cpu_ns[0] + game.cpu_ns[1]) / 1e3;
    printf("%-8s  %6.2f us a wake-up, %6.2f us of CPU on both sides\n",
           by_ring ? "msg_ring" : "eventfd", us / WAKE_UPS, cpu_us / WAKE_UPS);
    bells_free(game.bells);
}

int main(void)
{
    for (int round = 0; round < 3; round++) {
        measure(true);
        measure(false);
    }
    return 0;
}
