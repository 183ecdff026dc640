/* Recovery on arbitrary bytes behind a good segment header. The first byte says
 * how much is repaired before the scan, so that mutations get past the hashes:
 * bit 0 hashes, bit 1 chain and nonce, bit 2 sequences. The scan must end with
 * an exit code of its own, and say the same when asked again. */
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "../../engine/logger.h"
#include "../../persist/data_dir.h"
#include "../../persist/log_format.h"
#include "../../persist/log_scan.h"
#include "../../persist/recovery.h"
#include "../../persist/segment.h"

enum { AREA_BYTES = 32768 };

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

struct target {
    char path[64];
    struct data_dir *dir;
    int fd;
    uint64_t nonce;
    _Alignas(4096) uint8_t area[AREA_BYTES];
};

static struct target *target_new(void)
{
    struct target *target = aligned_alloc(4096, sizeof *target);
    struct recovery_options recovery = {.shard_count = 1,
                                        .segment_bytes = LOG_SEGMENT_HEADER_BYTES + AREA_BYTES};
    struct recovery_result result;
    struct log_segment_header header;
    struct log_error error;
    char shard_path[LOG_PATH_BYTES], segment[LOG_PATH_BYTES];
    logger_init(LOGGER_ERROR);
    snprintf(target->path, sizeof target->path, "%s/boxoffice-fuzz-XXXXXX",
             access("/dev/shm", W_OK) == 0 ? "/dev/shm" : "/tmp");
    if (!mkdtemp(target->path))
        abort();
    struct data_dir_options options = {.path = target->path, .init = true, .allow_buffered = true};
    if (data_dir_open(&target->dir, &options, &error) != 0 ||
        recovery_run(target->dir, &recovery, NULL, NULL, &result, &error) != 0)
        abort();
    segment_path(data_dir_shard_path(target->dir, 1, 0, shard_path), 1, segment);
    target->fd = open(segment, O_RDWR | O_CLOEXEC);
    if (target->fd < 0 || pread(target->fd, &header, sizeof header, 0) != sizeof header)
        abort();
    target->nonce = header.nonce;
    return target;
}

/* Makes the bytes look written by us, as far as the flags say. */
static void repair(struct target *target, uint8_t flags)
{
    uint64_t previous_hash = 0, next_sequence = 1;
    for (size_t at = 0; at + LOG_ALIGNMENT <= AREA_BYTES;) {
        struct log_block_header *header = (struct log_block_header *)(void *)(target->area + at);
        uint64_t room = AREA_BYTES - at - LOG_BLOCK_HEADER_BYTES;
        if (log_bytes_zero(header, LOG_ALIGNMENT))
            return;
        header->magic = LOG_BLOCK_MAGIC;
        header->shard = 0;
        header->bytes = (uint32_t)(header->bytes % 8192);
        if (header->bytes > room)
            header->bytes = (uint32_t)room;
        header->count = header->count % 64 + 1;
        if (flags & 2) {
            header->nonce = target->nonce;
            header->previous_hash = previous_hash;
        }
        if (flags & 4 || header->first_sequence == 0)
            header->first_sequence = next_sequence;
        log_block_seal(header);
        previous_hash = header->header_hash;
        next_sequence = header->first_sequence + header->count;
        at += log_block_size(header);
    }
}

static int count_records(void *context, uint32_t epoch, uint16_t shard, const struct record *record)
{
    (void)epoch, (void)shard, (void)record;
    ++*(uint64_t *)context;
    return 0;
}

static int scan(const struct target *target, struct log_scan_end *end, uint64_t *records)
{
    struct log_error error;
    struct log_scan_options options = {
        .dir = target->dir, .epoch = {1, 1, 1, 0}, .visit = count_records, .context = records};
    *records = 0;
    return log_scan(&options, end, &error);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static struct target *target;
    if (!target)
        target = target_new();
    if (size < 1)
        return 0;
    size_t take = size - 1 < AREA_BYTES ? size - 1 : AREA_BYTES;
    memset(target->area, 0, sizeof target->area);
    memcpy(target->area, data + 1, take);
    if (data[0] & 1)
        repair(target, data[0]);
    if (pwrite(target->fd, target->area, AREA_BYTES, LOG_SEGMENT_HEADER_BYTES) != AREA_BYTES)
        abort();
    struct log_scan_end end, again;
    uint64_t records, records_again;
    int code = scan(target, &end, &records);
    if (code != 0 && code != LOG_EXIT_CORRUPT && code != LOG_EXIT_BUG)
        abort();
    if (scan(target, &again, &records_again) != code || records != records_again ||
        /* NOLINTNEXTLINE(*-memory-comparison,cert-*): the scan clears it, padding and all. */
        memcmp(&end, &again, sizeof end) != 0)
        abort();
    return 0;
}
