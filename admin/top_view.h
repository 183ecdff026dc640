/* A difference of two samples as text: a screen of given size, or lines. Pure. */
#ifndef ADMIN_TOP_VIEW_H
#define ADMIN_TOP_VIEW_H

#include <stdio.h>

#include "top_sample.h"

/* Writes `rows` lines of at most `columns` characters, parted by "\r\n", each
 * cleared to its end, with the terminal's bold, reverse and red. `notice`
 * replaces the state while the engine does not answer; NULL: none. */
void top_view_screen(FILE *out, const struct top_sample *difference, const char *notice,
                     int columns, int rows);

/* One line for each shard and one for the mirror. */
void top_view_lines(FILE *out, const struct top_sample *difference);

#endif
