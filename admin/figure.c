#include "figure.h"

#include <inttypes.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>

const char *figure_count(char out[FIGURE_BYTES], uint64_t value)
{
    char digits[24];
    int length = snprintf(digits, sizeof digits, "%" PRIu64, value);
    char *at = out;
    for (int i = 0; i < length; i++) {
        if (i > 0 && (length - i) % 3 == 0) {
            *at++ = ',';
        }
        *at++ = digits[i];
    }
    *at = '\0';
    return out;
}

const char *figure_bytes(char out[FIGURE_BYTES], uint64_t bytes)
{
    static const char *const units[] = {"B", "KiB", "MiB", "GiB", "TiB", "PiB", "EiB"};
    double value = (double)bytes;
    size_t unit = 0;
    /* 1023.95 would round up to 1024.0. */
    while (value >= 1023.95 && unit + 1 < sizeof units / sizeof units[0]) {
        value /= 1024;
        unit++;
    }
    snprintf(out, FIGURE_BYTES, unit == 0 ? "%.0f %s" : "%.1f %s", value, units[unit]);
    return out;
}

const char *figure_ns(char out[FIGURE_BYTES], uint64_t ns)
{
    static const char *const units[] = {"ns", "µs", "ms", "s"};
    double value = (double)ns;
    size_t unit = 0;
    while (value >= 999.5 && unit + 1 < sizeof units / sizeof units[0]) {
        value /= 1000;
        unit++;
    }
    /* Three digits that mean something. */
    int decimals = unit == 0 || value >= 99.95 ? 0 : value >= 9.995 ? 1 : 2;
    snprintf(out, FIGURE_BYTES, "%.*f %s", decimals, value, units[unit]);
    return out;
}

const char *figure_rate(char out[FIGURE_BYTES], double per_second)
{
    if (per_second > 0 && per_second < 9.95) {
        snprintf(out, FIGURE_BYTES, "%.1f", per_second);
        return out;
    }
    return figure_count(out, per_second <= 0 ? 0 : (uint64_t)(per_second + 0.5));
}

const char *figure_span(char out[FIGURE_BYTES], uint64_t seconds)
{
    uint64_t minutes = seconds / 60;
    uint64_t hours = minutes / 60;
    if (hours >= 48) {
        snprintf(out, FIGURE_BYTES, "%" PRIu64 " d %" PRIu64 " h", hours / 24, hours % 24);
    } else if (hours > 0) {
        snprintf(out, FIGURE_BYTES, "%" PRIu64 " h %" PRIu64 " min", hours, minutes % 60);
    } else if (minutes > 0) {
        snprintf(out, FIGURE_BYTES, "%" PRIu64 " min %" PRIu64 " s", minutes, seconds % 60);
    } else {
        snprintf(out, FIGURE_BYTES, "%" PRIu64 " s", seconds);
    }
    return out;
}

const char *figure_percent(char out[FIGURE_BYTES], uint64_t part, uint64_t whole)
{
    if (whole == 0) {
        strcpy(out, "-");
    } else {
        snprintf(out, FIGURE_BYTES, "%.1f %%", 100.0 * (double)part / (double)whole);
    }
    return out;
}

const char *figure_when(char out[FIGURE_BYTES], uint64_t then_ms, uint64_t now_ms)
{
    char span[FIGURE_BYTES];
    bool ahead = then_ms > now_ms;
    uint64_t seconds = (ahead ? then_ms - now_ms : now_ms - then_ms) / 1000;
    if (seconds == 0) {
        strcpy(out, "now");
        return out;
    }
    figure_span(span, seconds);
    snprintf(out, FIGURE_BYTES, ahead ? "in %.40s" : "%.40s ago", span);
    return out;
}
