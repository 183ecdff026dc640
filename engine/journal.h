/* The engine's view of a shard's log: a port that persist/ implements (and a
 * simulator may). All calls come from the shard's own thread and none blocks. */
#ifndef ENGINE_JOURNAL_H
#define ENGINE_JOURNAL_H

#include "record.h"

enum journal_state {
    JOURNAL_OK,
    JOURNAL_STORAGE_LOW, /* no next segment: take only what ends reservations */
    JOURNAL_FULL,        /* not even that: refuse every write */
    JOURNAL_FAILED       /* a write or sync failed: nothing more becomes durable, ever */
};

struct journal {
    void *context;

    /* Encodes the record into the batch that is filling and returns its
     * sequence. 0: the batch has no room until a flush ends; nothing changed. */
    uint64_t (*append)(void *context, const struct record *record);

    /* Starts a flush of the batch unless one is in flight or it is empty. */
    void (*flush)(void *context);

    /* Everything up to this sequence survives a power cut. Never goes back. */
    uint64_t (*durable)(void *context);

    /* The sequence of the newest appended record; equals durable() when idle. */
    uint64_t (*appended)(void *context);

    enum journal_state (*state)(void *context);
};

#endif
