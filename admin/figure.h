/* Numbers as an operator reads them: thousands separated, with units, relative
 * times. Each writes into FIGURE_BYTES of the caller's and returns them. Pure. */
#ifndef ADMIN_FIGURE_H
#define ADMIN_FIGURE_H

#include <stdint.h>

enum { FIGURE_BYTES = 48 };

const char *figure_count(char out[FIGURE_BYTES], uint64_t value);   /* 1,234,567 */
const char *figure_bytes(char out[FIGURE_BYTES], uint64_t bytes);   /* 12.3 MiB */
const char *figure_ns(char out[FIGURE_BYTES], uint64_t ns);         /* 1.24 ms */
const char *figure_rate(char out[FIGURE_BYTES], double per_second); /* 12,345 or 3.2 */
const char *figure_span(char out[FIGURE_BYTES], uint64_t seconds);  /* 2 h 13 min */
const char *figure_percent(char out[FIGURE_BYTES], uint64_t part, uint64_t whole); /* 12.3 % */
/* "12 s ago", "in 9 min 3 s"; both Unix milliseconds. */
const char *figure_when(char out[FIGURE_BYTES], uint64_t then_ms, uint64_t now_ms);

#endif
