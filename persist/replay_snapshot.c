#include "replay_snapshot.h"

#include <inttypes.h>
#include <stdio.h>
#include <time.h>

#include "paced_storage.h"
#include "replay_shards.h"
#include "snapshot_process.h"
#include "snapshot_take.h"

static uint64_t wall_ms(void)
{
    struct timespec time;
    clock_gettime(CLOCK_REALTIME, &time);
    return (uint64_t)time.tv_sec * 1000U + (uint64_t)time.tv_nsec / 1000000U;
}

int replay_snapshot(const struct replay_options *options)
{
    struct log_error error = {0};
    struct paced_storage paced;
    struct snapshot_taken taken;
    struct data_dir *dir = NULL;
    snapshot_idle();
    paced_storage_init(&paced, storage_system(true), options->config.snapshot.read_mb_per_second,
                       options->config.snapshot.write_mb_per_second);
    int code =
        data_dir_open_reader_on(&dir, &paced.storage, options->config.storage.data_dir, &error);
    if (code == 0) {
        const struct snapshot_take_options take = {
            .dir = dir, .shard = replay_shard_options(&options->config), .now_ms = wall_ms()};
        code = snapshot_take(&take, &taken, &error);
    }
    data_dir_close(dir);
    if (code != 0)
        return replay_complain(&error);
    if (taken.number == 0)
        (void)printf("nothing to do: the newest snapshot has all that is durable\n");
    else
        (void)printf("snapshot %" PRIu64 ": %" PRIu64 " bookings, %" PRIu64 " keys, %" PRIu64
                     " records replayed, state %016" PRIx64 "\n",
                     taken.number, taken.bookings, taken.keys, taken.records, taken.state_hash);
    return 0;
}
