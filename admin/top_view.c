#include "top_view.h"

#include <stdarg.h>
#include <string.h>

#include "figure.h"
#include "table.h"

#define PLAIN "\033[0m"
#define BOLD "\033[1m"
#define HEAD "\033[7m"
#define ALARM "\033[1;31m"

enum { LINE_BYTES = 512, WIDE_COLUMNS = 104 };

/* --- a screen: lines that fit --- */

struct screen {
    FILE *out;
    int columns, rows;
    int row; /* the next line's */
};

/* Prints one line, cut to the width. `style` is empty or one of the above. */
static void put_line(struct screen *screen, const char *style, const char *text)
{
    int width = 0;
    size_t length = 0;
    if (screen->row >= screen->rows) {
        return;
    }
    for (; text[length] != '\0'; length++) {
        bool starts = ((unsigned char)text[length] & 0xc0) != 0x80;
        if (starts && ++width > screen->columns) {
            break;
        }
    }
    fprintf(screen->out, "%s%s%.*s%s\033[K", screen->row == 0 ? "" : "\r\n", style, (int)length,
            text, *style == '\0' ? "" : PLAIN);
    screen->row++;
}

/* Appends `text` to a line, right-aligned in `width` columns after a blank. */
static void add_cell(char *line, int width, const char *text)
{
    size_t used = strlen(line);
    int blanks = width - table_width(text);
    snprintf(line + used, LINE_BYTES - used, " %*s%s", blanks > 0 ? blanks : 0, "", text);
}

static double per_second(uint64_t count, const struct top_sample *difference)
{
    double seconds = (double)difference->taken_ns / 1e9;
    return seconds > 0 ? (double)count / seconds : 0;
}

static const char *rate_text(char out[FIGURE_BYTES], uint64_t count,
                             const struct top_sample *difference)
{
    return figure_rate(out, per_second(count, difference));
}

static const char *quantile_text(char out[FIGURE_BYTES], const struct top_histogram *histogram,
                                 double quantile)
{
    uint64_t ns = top_histogram_quantile_ns(histogram, quantile);
    return ns == 0 ? "-" : figure_ns(out, ns);
}

static const char *batch_text(char out[FIGURE_BYTES], const struct top_shard *shard)
{
    return shard->log_blocks == 0
               ? "-"
               : figure_rate(out, (double)shard->log_records / (double)shard->log_blocks);
}

/* --- the parts of the screen --- */

static void put_title(struct screen *screen, const struct top_sample *difference,
                      const char *notice)
{
    char line[LINE_BYTES];
    char up[FIGURE_BYTES];
    snprintf(line, sizeof line, "boxoffice %s  %s  %s  up %s", difference->version,
             difference->listen, notice != NULL ? notice : difference->state,
             figure_span(up, difference->uptime_seconds));
    int blanks = screen->columns - table_width(line) - (int)strlen(difference->now);
    size_t used = strlen(line);
    if (blanks > 1) {
        snprintf(line + used, sizeof line - used, "%*s%s", blanks, "", difference->now);
    }
    bool alarm = notice != NULL || strcmp(difference->state, "serving") != 0;
    put_line(screen, alarm ? ALARM : BOLD, line);
}

static void put_sums(struct screen *screen, const struct top_sample *difference,
                     const struct top_shard *sum)
{
    char line[LINE_BYTES];
    char requests[FIGURE_BYTES];
    char accepted[FIGURE_BYTES];
    char refused[FIGURE_BYTES];
    char bookings[FIGURE_BYTES];
    snprintf(line, sizeof line, "requests %s/s   accepted %s/s   refused %s/s   bookings %s",
             rate_text(requests, sum->requests, difference),
             rate_text(accepted, top_accepted(sum), difference),
             rate_text(refused, top_refused(sum), difference),
             figure_count(bookings, sum->bookings));
    put_line(screen, "", line);
}

static void mirror_text(char line[LINE_BYTES], const struct top_sample *difference)
{
    char lag[FIGURE_BYTES];
    char span[FIGURE_BYTES];
    char rate[FIGURE_BYTES];
    if (!difference->has_mirror) {
        snprintf(line, LINE_BYTES, "mirror none");
        return;
    }
    snprintf(line, LINE_BYTES, "mirror %s   behind %s records, %s   %s rows/s",
             difference->mirror_state, figure_count(lag, difference->mirror_lag_records),
             figure_ns(span, (uint64_t)(difference->mirror_lag_seconds * 1e9)),
             figure_rate(rate, difference->mirror_rows_per_second));
}

static void put_log_and_mirror(struct screen *screen, const struct top_sample *difference,
                               const struct top_shard *sum)
{
    char line[2 * LINE_BYTES];
    char mirror[LINE_BYTES];
    char bytes[FIGURE_BYTES];
    mirror_text(mirror, difference);
    snprintf(line, sizeof line, "log %s/s   %s",
             figure_bytes(bytes, (uint64_t)per_second(sum->log_bytes, difference)), mirror);
    put_line(screen, "", line);
}

static void put_shard_head(struct screen *screen)
{
    char line[LINE_BYTES];
    snprintf(line, sizeof line, "%5s %8s %6s %8s %9s %7s %7s %9s %7s %5s", "shard", "req/s",
             "conns", "accept/s", "refuse/s", "p50", "p99", "rec/flush", "fl p99", "mbox");
    if (screen->columns >= WIDE_COLUMNS) {
        size_t used = strlen(line);
        snprintf(line + used, sizeof line - used, " %7s %8s %8s", "fl p50", "flush/s", "deferred");
    }
    put_line(screen, HEAD, line);
}

static void put_shard(struct screen *screen, const char *name, const struct top_shard *shard,
                      const struct top_sample *difference)
{
    char line[LINE_BYTES];
    char text[FIGURE_BYTES];
    snprintf(line, sizeof line, "%5s", name);
    add_cell(line, 8, rate_text(text, shard->requests, difference));
    add_cell(line, 6, figure_count(text, shard->connections));
    add_cell(line, 8, rate_text(text, top_accepted(shard), difference));
    add_cell(line, 9, rate_text(text, top_refused(shard), difference));
    add_cell(line, 7, quantile_text(text, &shard->latency, 0.5));
    add_cell(line, 7, quantile_text(text, &shard->latency, 0.99));
    add_cell(line, 9, batch_text(text, shard));
    add_cell(line, 7, quantile_text(text, &shard->flush, 0.99));
    add_cell(line, 5, figure_count(text, shard->mailbox_depth));
    if (screen->columns >= WIDE_COLUMNS) {
        add_cell(line, 7, quantile_text(text, &shard->flush, 0.5));
        add_cell(line, 8, rate_text(text, shard->log_blocks, difference));
        add_cell(line, 8, figure_count(text, shard->deferred));
    }
    put_line(screen, shard->stuck || !shard->ready ? ALARM : "", line);
}

/* As many shards as leave room for the decisions, then what is left out. */
static void put_shards(struct screen *screen, const struct top_sample *difference,
                       const struct top_shard *sum)
{
    char name[32];
    uint32_t room = screen->rows > 20 ? (uint32_t)screen->rows - 16 : 4;
    uint32_t shown = difference->shard_count <= room ? difference->shard_count : room;
    put_shard_head(screen);
    for (uint32_t i = 0; i < shown; i++) {
        snprintf(name, sizeof name, "%u", i);
        put_shard(screen, name, &difference->shards[i], difference);
    }
    if (shown < difference->shard_count) {
        char line[LINE_BYTES];
        snprintf(line, sizeof line, "  ... and %u more shards", difference->shard_count - shown);
        put_line(screen, "", line);
    }
    if (difference->shard_count > 1) {
        put_shard(screen, "all", sum, difference);
    }
}

static void put_decisions(struct screen *screen, const struct top_sample *difference,
                          const struct top_shard *sum)
{
    char line[LINE_BYTES];
    char text[FIGURE_BYTES];
    bool any = false;
    snprintf(line, sizeof line, "%-26s %10s %10s %10s %10s %8s", "decisions/s", "reserve",
             "confirm", "cancel", "read", "catalog");
    put_line(screen, HEAD, line);
    for (int result = 0; result < RESULT_COUNT; result++) {
        uint64_t all = 0;
        snprintf(line, sizeof line, "%-26s", result_name((enum result)result));
        for (int group = 0; group < TOP_GROUP_COUNT; group++) {
            uint64_t count = sum->decisions[group][result];
            all += count;
            add_cell(line, group == TOP_CATALOG ? 8 : 10,
                     count == 0 ? "." : rate_text(text, count, difference));
        }
        if (all != 0) {
            put_line(screen, "", line);
            any = true;
        }
    }
    if (!any) {
        put_line(screen, "", "none just now");
    }
}

void top_view_screen(FILE *out, const struct top_sample *difference, const char *notice,
                     int columns, int rows)
{
    struct top_shard sum;
    struct screen screen = {.out = out, .columns = columns, .rows = rows - 1};
    top_sample_sum(&sum, difference);
    put_title(&screen, difference, notice);
    put_sums(&screen, difference, &sum);
    put_log_and_mirror(&screen, difference, &sum);
    put_line(&screen, "", "");
    put_shards(&screen, difference, &sum);
    put_line(&screen, "", "");
    put_decisions(&screen, difference, &sum);
    while (screen.row < screen.rows) {
        put_line(&screen, "", "");
    }
    screen.rows = rows;
    put_line(&screen, "", "q quits");
}

void top_view_lines(FILE *out, const struct top_sample *difference)
{
    char line[LINE_BYTES];
    char text[9][FIGURE_BYTES];
    for (uint32_t i = 0; i < difference->shard_count; i++) {
        const struct top_shard *shard = &difference->shards[i];
        fprintf(out,
                "%s shard %u: %s requests/s, %s accepted/s, %s refused/s, p50 %s, p99 %s, "
                "%s records/flush, flush p99 %s, mailbox %s, %s connections%s\n",
                difference->now, i, rate_text(text[0], shard->requests, difference),
                rate_text(text[1], top_accepted(shard), difference),
                rate_text(text[2], top_refused(shard), difference),
                quantile_text(text[3], &shard->latency, 0.5),
                quantile_text(text[4], &shard->latency, 0.99), batch_text(text[5], shard),
                quantile_text(text[6], &shard->flush, 0.99),
                figure_count(text[7], shard->mailbox_depth),
                figure_count(text[8], shard->connections),
                shard->stuck    ? ", STUCK"
                : !shard->ready ? ", not ready"
                                : "");
    }
    mirror_text(line, difference);
    fprintf(out, "%s %s\n", difference->now, line);
}
