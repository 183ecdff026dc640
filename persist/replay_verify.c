#include "replay_verify.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "log_scan.h"
#include "replay_fold.h"
#include "replay_lock.h"
#include "replay_shards.h"
#include "verify_snapshots.h"
#include "verify_states.h"

struct verify {
    const struct data_dir *dir;
    bool live;
    struct replay_fold fold;
    struct verify_states states;
    struct snapshot_cut cut; /* what the fold began with; number 0: with nothing */
    uint32_t bad_snapshots;
    uint64_t records, blocks, bytes, segments, torn_bytes;
    /* --- of the record that could not be applied --- */
    enum shard_replay_result result;
    struct log_error error;
};

static int visit(void *context, uint32_t epoch, uint16_t shard, const struct record *record)
{
    struct verify *verify = context;
    verify->result = replay_fold_apply(&verify->fold, record);
    if (verify->result == SHARD_REPLAY_OK &&
        !verify_states_check(&verify->states, &verify->fold, shard, record))
        verify->result = SHARD_REPLAY_STATE_DIFFERS;
    if (verify->result == SHARD_REPLAY_OK)
        return 0;
    (void)fprintf(stderr, "boxreplay: epoch %" PRIu32 " shard %u sequence %" PRIu64 " (%s): %s\n",
                  epoch, (unsigned)shard, record->sequence, record_kind_name(record->kind),
                  shard_replay_result_name(verify->result));
    return verify->result == SHARD_REPLAY_STATE_DIFFERS ? LOG_VISIT_STATE_DIFFERS : -1;
}

static void readable_bytes(char *out, size_t out_bytes, uint64_t bytes)
{
    static const char units[][4] = {"B", "KiB", "MiB", "GiB", "TiB"};
    double size = (double)bytes;
    size_t unit = 0;
    while (size >= 1024.0 && unit + 1 < sizeof units / sizeof units[0]) {
        size /= 1024.0;
        unit++;
    }
    (void)snprintf(out, out_bytes, unit == 0 ? "%.0f %s" : "%.1f %s", size, units[unit]);
}

static void print_shard(const struct data_dir_epoch *epoch, uint16_t shard,
                        const struct log_scan_end *end)
{
    char size[32];
    readable_bytes(size, sizeof size, end->bytes);
    char last[24] = "-";
    if (end->records > 0)
        (void)snprintf(last, sizeof last, "%" PRIu64, end->next_sequence - 1);
    (void)printf("%5" PRIu32 " %5u %8" PRIu64 " %10" PRIu64 " %12" PRIu64 " %10s %14s  %s%s%s\n",
                 epoch->number, (unsigned)shard, end->segments, end->blocks, end->records, size,
                 last, end->label, end->torn_bytes > 0 ? " torn tail" : "",
                 end->clean_stop ? " clean stop" : "");
}

static int verify_shard(struct verify *verify, const struct data_dir_epoch *epoch, bool newest,
                        uint16_t shard)
{
    const struct log_scan_options options = {.dir = verify->dir,
                                             .epoch = *epoch,
                                             .shard = shard,
                                             .start = verify->cut.number != 0 &&
                                                              epoch->number == verify->cut.epoch
                                                          ? &verify->cut.positions[shard]
                                                          : NULL,
                                             .live = newest && verify->live,
                                             .sealed = !newest,
                                             .visit = visit,
                                             .context = verify};
    struct log_scan_end end;
    memset(&end, 0, sizeof end);
    const int code = log_scan(&options, &end, &verify->error);
    if (code != 0)
        return code;
    print_shard(epoch, shard, &end);
    verify->records += end.records;
    verify->blocks += end.blocks;
    verify->bytes += end.bytes;
    verify->segments += end.segments;
    verify->torn_bytes += end.torn_bytes;
    return 0;
}

static int verify_logs(struct verify *verify)
{
    struct data_dir_epoch *epochs = NULL;
    uint32_t count = 0;
    int code = data_dir_epochs(verify->dir, &epochs, &count, &verify->error);
    if (code == 0)
        (void)printf("%5s %5s %8s %10s %12s %10s %14s  %s\n", "epoch", "shard", "segments",
                     "blocks", "records", "size", "last sequence", "end");
    for (uint32_t i = 0; i < count && code == 0; i++) {
        if (epochs[i].number < verify->cut.epoch)
            continue;
        verify_states_epoch(&verify->states, epochs[i].shard_count);
        for (uint16_t shard = 0; shard < epochs[i].shard_count && code == 0; shard++)
            code = verify_shard(verify, &epochs[i], i + 1 == count, shard);
    }
    free(epochs);
    return code;
}

/* Recounts the folded state against its own counters. */
static int verify_state(struct verify *verify)
{
    struct inquiry inquiry;
    memset(&inquiry, 0, sizeof inquiry);
    inquiry.kind = INQUIRY_AUDIT;
    shard_inquire(verify->fold.shard, &inquiry);
    struct shard_totals totals;
    shard_totals(verify->fold.shard, &totals);
    char size[32];
    readable_bytes(size, sizeof size, verify->bytes);
    (void)printf(
        "\nrecords %" PRIu64 " in %" PRIu64 " blocks, %" PRIu64 " segments, %s\n"
        "zones %" PRIu64 ", bookings %" PRIu64 ": reserved %" PRIu64 ", confirmed %" PRIu64
        ", cancelled %" PRIu64 ", expired %" PRIu64 ", refunded %" PRIu64 "\nstate hash %016" PRIx64
        "\n",
        verify->records, verify->blocks, verify->segments, size, totals.zones, totals.bookings,
        totals.reserved, totals.confirmed, totals.cancelled, totals.expired,
        totals.bookings - totals.reserved - totals.confirmed - totals.cancelled - totals.expired,
        shard_state_hash(verify->fold.shard));
    if (verify->torn_bytes > 0)
        (void)printf("torn tail of %" PRIu64 " bytes: never acknowledged, the engine will cut it "
                     "when it starts\n",
                     verify->torn_bytes);
    const struct catalog *catalog = shard_catalog(verify->fold.shard);
    (void)printf("stations %" PRIu32 ", routes %" PRIu32
                 "; states told by the log and found so: %" PRIu64 "\n",
                 catalog_station_count(catalog), catalog_route_count(catalog),
                 verify->states.compared);
    if (verify->live)
        (void)printf("the engine is running: checked up to what was durable\n");
    if (inquiry.audit.violations == 0 && verify->bad_snapshots > 0)
        return log_error_set(&verify->error, LOG_EXIT_CORRUPT, "RO",
                             "the log is good, but %" PRIu32 " snapshots are not",
                             verify->bad_snapshots);
    if (inquiry.audit.violations == 0) {
        (void)printf("ok\n");
        return 0;
    }
    return log_error_set(&verify->error, LOG_EXIT_BUG, "RS",
                         "%" PRIu64 " invariants are broken, the first: %s",
                         inquiry.audit.violations, inquiry.audit.first_violation);
}

static int begin(struct verify *verify, const struct config *config)
{
    const struct verify_snapshots_options options = {.dir = verify->dir,
                                                     .shard = replay_shard_options(config)};
    const int code = verify_snapshots(&options, &verify->fold, &verify->cut, &verify->bad_snapshots,
                                      &verify->error);
    verify_states_init(&verify->states, &verify->fold, verify->cut.number != 0);
    return code;
}

int replay_verify(const struct replay_options *options)
{
    const char *path = options->config.storage.data_dir;
    struct verify verify = {.live = replay_engine_runs(path)};
    struct data_dir *dir = NULL;
    int code = data_dir_open_reader(&dir, path, &verify.error);
    verify.dir = dir;
    if (code == 0 && !replay_fold_init(&verify.fold, options->config.booking.max_per_order))
        code = log_error_set(&verify.error, LOG_EXIT_BUG, NULL, "out of memory");
    if (code == 0)
        (void)printf("cluster ");
    if (code == 0) {
        char cluster[UUID_TEXT_LENGTH + 1] = {0};
        (void)uuid_format(data_dir_cluster(dir), cluster);
        (void)printf("%s in %s\n", cluster, path);
        code = begin(&verify, &options->config);
    }
    if (code == 0) {
        code = verify_logs(&verify);
    }
    if (code == 0)
        code = verify_state(&verify);
    (void)fflush(stdout);
    if (code != 0) {
        const struct log_error *error = &verify.error;
        (void)fprintf(stderr, "boxreplay: %s%s%s%s\n", error->text,
                      error->label[0] != '\0' ? " [case " : "", error->label,
                      error->label[0] != '\0' ? "]" : "");
    }
    replay_fold_release(&verify.fold);
    data_dir_close(dir);
    return code;
}
