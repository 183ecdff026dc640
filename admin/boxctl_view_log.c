/* The log as the operator asks for it: how far each shard is, what room is left,
 * how long flushes take. */
#include "boxctl_view.h"

#include "boxctl_cell.h"
#include "figure.h"

enum { BAR_WIDTH = 40, OCTAVES_MAX = 40 };

static void print_positions(FILE *out, yajl_val shards)
{
    char text[FIGURE_BYTES];
    struct table *table = table_new(">shard|state|>durable|>appended|>records|>blocks|>bytes|"
                                    ">per block|>segment|>used|>spare");
    if (table == NULL) {
        return;
    }
    for (size_t i = 0; i < answer_length(shards); i++) {
        yajl_val shard = answer_element(shards, i);
        uint64_t blocks = answer_count(shard, "log_blocks");
        uint64_t records = answer_count(shard, "log_records");
        cell_count(table, shard, "shard");
        table_cell(table, answer_text(shard, "log_state"));
        cell_count(table, shard, "log_durable");
        cell_count(table, shard, "log_appended");
        cell_count(table, shard, "log_records");
        cell_count(table, shard, "log_blocks");
        cell_bytes(table, shard, "log_bytes");
        table_cell(table, blocks == 0 ? "-" : figure_rate(text, (double)records / (double)blocks));
        cell_count(table, shard, "log_segment");
        table_cell(table, figure_percent(text, answer_count(shard, "log_segment_offset"),
                                         answer_count(shard, "log_segment_bytes")));
        cell_count(table, shard, "log_segments_spare");
    }
    table_print(table, out, 0);
    table_free(table);
}

static void print_flushes(FILE *out, yajl_val shards)
{
    char text[FIGURE_BYTES];
    struct table *table = table_new(">shard|>flushes|>mean|>p50|>p90|>p99|>p99.9|>longest");
    if (table == NULL) {
        return;
    }
    for (size_t i = 0; i < answer_length(shards); i++) {
        yajl_val shard = answer_element(shards, i);
        yajl_val flush = answer_member(shard, "flush");
        uint64_t count = answer_count(flush, "count");
        cell_count(table, shard, "shard");
        cell_count(table, flush, "count");
        table_cell(table,
                   count == 0 ? "-" : figure_ns(text, answer_count(flush, "sum_ns") / count));
        cell_ns(table, flush, "p50_ns");
        cell_ns(table, flush, "p90_ns");
        cell_ns(table, flush, "p99_ns");
        cell_ns(table, flush, "p999_ns");
        cell_ns(table, flush, "max_ns");
    }
    table_print(table, out, 0);
    table_free(table);
}

/* Which row of the drawing a duration belongs to: one for each power of two. */
static int octave(uint64_t ns)
{
    int row = 0;
    while (ns > 1000 && row < OCTAVES_MAX - 1) {
        ns /= 2;
        row++;
    }
    return row;
}

/* All shards' flushes in one drawing. */
static void print_histogram(FILE *out, yajl_val shards)
{
    char text[FIGURE_BYTES];
    char bar[BAR_WIDTH + 1];
    uint64_t rows[OCTAVES_MAX] = {0};
    uint64_t all = 0;
    uint64_t most = 0;
    for (size_t i = 0; i < answer_length(shards); i++) {
        yajl_val flush = answer_member(answer_element(shards, i), "flush");
        yajl_val buckets = answer_member(flush, "buckets");
        for (size_t j = 0; j < answer_length(buckets); j++) {
            yajl_val bucket = answer_element(buckets, j);
            if (answer_length(bucket) != 2) {
                continue;
            }
            uint64_t count = (uint64_t)YAJL_GET_INTEGER(answer_element(bucket, 1));
            uint64_t *row = &rows[octave((uint64_t)YAJL_GET_INTEGER(answer_element(bucket, 0)))];
            *row += count;
            all += count;
            most = *row > most ? *row : most;
        }
    }
    struct table *table = all == 0 ? NULL : table_new(">up to|>flushes|>share|");
    bool begun = false;
    uint64_t seen = 0;
    for (int row = 0; table != NULL && row < OCTAVES_MAX && seen < all; row++) {
        seen += rows[row];
        begun = begun || rows[row] != 0;
        if (!begun) {
            continue;
        }
        int length = most == 0 ? 0 : (int)(rows[row] * BAR_WIDTH / most);
        snprintf(bar, sizeof bar, "%.*s", length, "########################################");
        table_cell(table, figure_ns(text, UINT64_C(1000) << row));
        table_cell(table, figure_count(text, rows[row]));
        table_cell(table, figure_percent(text, rows[row], all));
        table_cell(table, bar);
    }
    if (table != NULL) {
        fputs("\nfrom write to durable, all shards\n", out);
        table_print(table, out, 0);
    }
    table_free(table);
}

void boxctl_view_log(FILE *out, yajl_val data, uint64_t now_ms)
{
    yajl_val shards = answer_member(data, "shards");
    print_positions(out, shards);
    fputs("\n", out);
    print_flushes(out, shards);
    print_histogram(out, shards);
    fputs("\n", out);
    boxctl_view_upkeep(out, data);
    boxctl_view_mirror(out, answer_member(data, "mirror"), now_ms);
}
