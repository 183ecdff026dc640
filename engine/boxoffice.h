/* The program: what main.c, which alone knows the order in which its parts start
 * and stop, shares with the files that start them. These files know every folder;
 * nobody else includes this header. */
#ifndef ENGINE_BOXOFFICE_H
#define ENGINE_BOXOFFICE_H

#include <pthread.h>

#include "../net/listener.h"
#include "../persist/log_upkeep.h"
#include "../persist/recovery.h"
#include "../persist/segment_keeper.h"
#include "../persist/snapshot_load.h"
#include "../persist/storage.h"
#include "config.h"
#include "worker.h"

enum {
    EXIT_UNAVAILABLE = 69,
    EXIT_BUG = 70,
    EXIT_RESOURCES = 71,
    EXIT_CONFIGURATION = 78,
    ERROR_BYTES = 1024
};

struct boxoffice;

/* What one worker's thread makes and frees. */
struct worker_thread {
    pthread_t thread;
    bool started;
    struct boxoffice *boxoffice;
    struct worker *worker;
    int listener;
    int exit_code;
    struct reactor *reactor;
    struct log_storage *storage;
    struct log_writer *writer;
    struct rest *rest;
    struct server *server;
};

struct boxoffice {
    struct config config;
    bool init;
    struct data_dir *dir;
    struct recovery_result recovery;
    struct snapshot_cut cut; /* the snapshot it began with */
    struct segment_keeper *keeper;
    struct log_upkeep upkeep;
    const char *config_path; /* argv's; NULL: none */
    enum log_storage_method method;
    struct bells *bells;
    struct control *control;
    struct worker_group group;
    struct shard *shards[SHARD_COUNT_MAX];
    struct worker_thread threads[SHARD_COUNT_MAX];
    char bound[LISTENER_ADDRESS_BYTES]; /* where clients find it */
    _Atomic int threads_ready;
    _Atomic int threads_ended;
};

/* Those that return an int: 0, or the exit code, and it has been said why. */

int boxoffice_fail_config(const char *error); /* EXIT_CONFIGURATION */

/* --- boxoffice_log.c: the data directory, and what the logs in it say --- */

int boxoffice_fail_log(const struct log_error *error);
/* And the keys of tokens, which it may hold. */
int boxoffice_open_data_dir(struct boxoffice *boxoffice);
/* Makes the shards, as the newest snapshot and the logs after it have them. */
int boxoffice_recover(struct boxoffice *boxoffice);
int boxoffice_start_keeper(struct boxoffice *boxoffice);

/* --- boxoffice_worker.c: workers and their threads --- */

/* The shards go over to their workers; the listeners are open from then on. */
int boxoffice_make_workers(struct boxoffice *boxoffice);
/* Each thread counts in threads_ready, or stops the group, and in threads_ended. */
int boxoffice_start_threads(struct boxoffice *boxoffice);

#endif
