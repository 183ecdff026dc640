#include "mirror.h"

#include "../../persist/cursor.h"
#include "../../persist/record_codec.h"

static const char data_path[] = "/var/log";

void sim_mirror_init(struct sim_mirror *mirror, struct sim_run *run)
{
    struct sim_ledger_options options = sim_ledger_options_of(&run->plan, false);

    memset(mirror, 0, sizeof *mirror);
    mirror->run = run;
    mirror->tables = sim_ledger_new(&options);
}

void sim_mirror_release(struct sim_mirror *mirror)
{
    sim_mirror_close(mirror);
    sim_ledger_free(mirror->tables);
    free(mirror->rows);
    free(mirror->bytes);
}

static void close_readers(struct sim_mirror *mirror)
{
    for (uint16_t i = 0; i < SHARD_COUNT_MAX; i++) {
        log_reader_close(mirror->readers[i]);
        mirror->readers[i] = NULL;
        mirror->ended[i] = false;
    }
}

void sim_mirror_close(struct sim_mirror *mirror)
{
    close_readers(mirror);
    data_dir_close(mirror->dir);
    mirror->dir = NULL;
    mirror->row_count = mirror->byte_count = 0;
}

void sim_mirror_open(struct sim_mirror *mirror, struct sim_durable *durable)
{
    mirror->durable = durable;
    if (data_dir_open_reader_on(&mirror->dir, sim_disk_storage(durable->disk), data_path,
                                &mirror->error) != 0)
        mirror->dir = NULL; /* the disk has its faults; the next life is another try */
}

/* --- reading --- */

/* The shard count and first sequence of an epoch. False: there is none, or the disk
 * would not say. */
static bool epoch_of(struct sim_mirror *mirror, uint32_t number, struct data_dir_epoch *epoch)
{
    struct data_dir_epoch *epochs;
    uint32_t count;
    bool found = false;

    if (data_dir_epochs(mirror->dir, &epochs, &count, &mirror->error) != 0)
        return false;
    for (uint32_t i = 0; i < count; i++)
        if (epochs[i].number == number) {
            *epoch = epochs[i];
            found = true;
        }
    free(epochs);
    return found;
}

static bool next_epoch(struct sim_mirror *mirror)
{
    struct data_dir_epoch epoch;

    if (!epoch_of(mirror, mirror->epoch + 1, &epoch))
        return false;
    close_readers(mirror);
    mirror->epoch = epoch.number;
    mirror->shard_count = epoch.shard_count;
    for (uint16_t i = 0; i < epoch.shard_count; i++)
        mirror->positions[i] = epoch.first_sequence - 1;
    return true;
}

static bool open_reader(struct sim_mirror *mirror, uint16_t shard)
{
    struct log_reader_options options = {.dir = mirror->dir,
                                         .epoch = mirror->epoch,
                                         .shard = shard,
                                         .sequence = mirror->positions[shard] + 1};

    return mirror->readers[shard] ||
           log_reader_open(&mirror->readers[shard], &options, &mirror->error) == 0;
}

static void add_row(struct sim_mirror *mirror, uint16_t shard, const struct record *record)
{
    uint32_t most = record_encoded_bytes_max(record);

    while (mirror->byte_count + most > mirror->byte_room) {
        mirror->byte_room = mirror->byte_room ? 2 * mirror->byte_room : 1 << 16;
        mirror->bytes = realloc(mirror->bytes, mirror->byte_room);
        if (!mirror->bytes)
            abort();
    }
    mirror->rows =
        sim_grow(mirror->rows, mirror->row_count, &mirror->row_room, sizeof *mirror->rows);
    uint32_t length = record_encode(record, mirror->bytes + mirror->byte_count);
    mirror->rows[mirror->row_count++] =
        (struct sim_mirror_row){.offset = mirror->byte_count, .length = length, .shard = shard};
    mirror->byte_count += length;
}

/* Reads one shard's log as far as it goes; false: the step is full or the disk fails. */
static bool read_shard(struct sim_mirror *mirror, uint16_t shard, uint32_t most)
{
    struct record record;

    if (!open_reader(mirror, shard))
        return false;
    while (mirror->row_count < most) {
        enum log_reader_status status =
            log_reader_next(mirror->readers[shard], &record, &mirror->error);
        if (status == LOG_READER_EPOCH_END)
            mirror->ended[shard] = true;
        if (status == LOG_READER_ERROR && mirror->error.exit_code == LOG_EXIT_NO_DATA)
            sim_run_fail(mirror->run, "I20 log was given up that the mirror still needs");
        if (status == LOG_READER_ERROR && mirror->error.exit_code == LOG_EXIT_CORRUPT &&
            !sim_durable_decays(mirror->durable))
            sim_run_fail(mirror->run, "I19 the reader calls a log damaged that is not");
        if (status != LOG_READER_RECORD)
            return status != LOG_READER_ERROR;
        add_row(mirror, shard, &record);
    }
    return false;
}

/* The catalog first: what the others say rests on it. */
static bool read_all(struct sim_mirror *mirror, uint32_t most)
{
    bool ended = true;

    for (uint16_t i = 0; i < mirror->shard_count; i++) {
        if (!read_shard(mirror, i, most))
            return false;
        ended = ended && mirror->ended[i];
    }
    return ended;
}

/* --- committing --- */

static const char *enter(struct sim_mirror *mirror)
{
    static struct record_scratch scratch;
    static struct record record;
    const char *fault = NULL;

    for (uint32_t i = 0; i < mirror->row_count && !fault; i++) {
        const struct sim_mirror_row *row = &mirror->rows[i];
        if (record_decode_exact(&record, &scratch, mirror->bytes + row->offset, row->length) != 0)
            return "I19 a record that was read cannot be decoded";
        fault = sim_ledger_record(mirror->tables, row->shard, &record);
        if (fault) {
            snprintf(mirror->text, sizeof mirror->text, "I19 mirror, epoch %u shard %u: %.400s",
                     mirror->epoch, row->shard, fault);
            return mirror->text;
        }
        mirror->positions[row->shard]++;
    }
    return fault;
}

/* What is committed must be durable in the log, now and after every crash. */
static const char *check_positions(struct sim_mirror *mirror)
{
    for (uint16_t i = 0; i < mirror->shard_count; i++) {
        struct sim_history_log *log = sim_history_log(&mirror->durable->history, mirror->epoch, i);
        if (!log || mirror->positions[i] >= log->first + log->count)
            return "I19 the mirror has records that were never appended";
        if (mirror->epoch == mirror->durable->recovered.epoch &&
            mirror->positions[i] >
                mirror->durable->logs[i].journal.durable(mirror->durable->logs[i].journal.context))
            return "I19 the mirror has records that are not durable";
        if (mirror->positions[i] > log->acked)
            log->acked = mirror->positions[i];
    }
    return NULL;
}

/* Log up to here is not needed any more. */
static void publish(struct sim_mirror *mirror)
{
    struct cursor_position position = {.epoch = mirror->epoch,
                                       .shard_count = mirror->shard_count,
                                       .published_ms = mirror->run->now_ms};

    memcpy(position.sequences, mirror->positions, sizeof position.sequences);
    cursor_publish(mirror->dir, "mirror", &position, &mirror->error);
}

const char *sim_mirror_step(struct sim_mirror *mirror, uint32_t records, bool unknown, bool lost)
{
    const char *fault = NULL;

    if (!mirror->dir || (mirror->epoch == 0 && !next_epoch(mirror)))
        return NULL;
    bool ended = read_all(mirror, records);
    mirror->commits++;
    mirror->unknown += unknown;
    if (!unknown || !lost) {
        fault = enter(mirror);
        if (!fault)
            fault = check_positions(mirror);
    }
    if (!fault && mirror->commits % 4 == 0)
        publish(mirror);
    if (unknown) /* from what the position says, whatever was read */
        close_readers(mirror);
    mirror->row_count = mirror->byte_count = 0;
    if (!fault && ended && !unknown)
        next_epoch(mirror);
    return fault;
}

const char *sim_mirror_finish(struct sim_mirror *mirror)
{
    const char *fault = NULL;
    uint64_t before = 0;

    for (int still = 0; still < 3 && !fault;) {
        fault = sim_mirror_step(mirror, 10000, false, false);
        uint64_t now = mirror->epoch;
        for (uint16_t i = 0; i < mirror->shard_count; i++)
            now += mirror->positions[i];
        still = now == before ? still + 1 : 0;
        before = now;
    }
    if (fault)
        return fault;
    if (sim_ledger_hash(mirror->tables) == sim_ledger_hash(mirror->run->ledger))
        return NULL;
    snprintf(mirror->text, sizeof mirror->text,
             "I19 with all read (epoch %u of %u, shard 0 up to %llu of %llu; %.200s), the "
             "mirror's %u bookings are not the books' %u",
             mirror->epoch, mirror->durable->recovered.epoch,
             (unsigned long long)mirror->positions[0],
             (unsigned long long)mirror->durable->logs[0].journal.durable(
                 mirror->durable->logs[0].journal.context),
             mirror->error.text, sim_ledger_bookings(mirror->tables),
             sim_ledger_bookings(mirror->run->ledger));
    return mirror->text;
}
